import { BackendError, type FolderName, type ObjectInfo } from "../backend.ts";
import { replyError } from "./_errors.ts";
import { infoOf, listFolder } from "./_list.ts";
import { type Entry, parseTime } from "./_listing.ts";
import { checkRoot, saysAbsent } from "./_look.ts";
import { inFolder, isTemporaryName } from "./_names.ts";
import type { ServerFacts, Session } from "./_session.ts";

/** A temporary file untouched for this long has no living writer, milliseconds. */
const LEFT_OVER_MS = 24 * 60 * 60 * 1000;

/** What {@linkcode walk} works with. */
export interface WalkOptions {
  readonly recursive: boolean;
  /** How many folders are listed at a time. */
  readonly parallel: number;
  readonly facts: ServerFacts;
  /** Calls `body` with a session. */
  readonly use: <T>(body: (session: Session) => Promise<T>) => Promise<T>;
}

/** As {@linkcode Backend.list}. Removes temporary files that dead clients left. */
export async function* walk(
  folder: FolderName,
  options: WalkOptions,
): AsyncGenerator<ObjectInfo> {
  let pending: FolderName[] = [folder];
  while (pending.length > 0) {
    const here = pending.splice(0, options.parallel);
    const found = await Promise.allSettled(here.map(async (one) => ({
      folder: one,
      entries: await options.use((session) => entriesOf(session, one)),
    })));
    const below: FolderName[] = [];
    for (const result of found) {
      if (result.status === "rejected") throw result.reason;
      const { folder, entries } = result.value;
      for (const entry of entries) {
        if (entry.kind === "folder") below.push(inFolder(folder, entry.name));
        else if (!isTemporaryName(entry.name)) yield infoOf(folder, entry);
        else await options.use((session) => removeLeftOver(session, { folder, entry }));
      }
    }
    // Depth first, so that what waits stays short.
    if (options.recursive) pending = [...below, ...pending];
  }
}

async function entriesOf(session: Session, folder: FolderName): Promise<readonly Entry[]> {
  const listed = await listFolder(session, folder);
  if (listed.kind === "listed") return listed.entries;
  const { reply } = listed;
  if (!saysAbsent(reply) && reply.code !== 501) throw replyError(reply);
  await checkRoot(session);
  if (folder !== "") return [];
  throw new BackendError("denied", replyError(reply).message);
}

async function removeLeftOver(
  session: Session,
  { folder, entry }: { readonly folder: FolderName; readonly entry: Entry },
): Promise<void> {
  const { aheadMs } = session.facts;
  if (aheadMs === undefined) return;
  const path = session.path(inFolder(folder, entry.name));
  const writtenMs = entry.modifiedMs ??
    parseTime((await session.exchange(`MDTM ${path}`)).lines.join(""));
  if (writtenMs === undefined || Date.now() + aheadMs - writtenMs < LEFT_OVER_MS) return;
  await session.exchange(`DELE ${path}`);
}
