import { BackendError, type FolderName, type ObjectInfo } from "../backend.ts";
import { replyError } from "./_errors.ts";
import { infoOf, listFolder } from "./_list.ts";
import { type Entry, parseTime } from "./_listing.ts";
import { checkRoot, isFolder } from "./_look.ts";
import { inFolder, isTemporaryName } from "./_names.ts";
import { proveListing } from "./_probe.ts";
import { saysAbsent } from "./_reply.ts";
import type { Listed, ServerFacts, Session } from "./_session.ts";

/** A temporary file untouched for this long has no living writer, milliseconds. */
const LEFT_OVER_MS = 24 * 60 * 60 * 1000;
/** How often a folder is listed that is there, but not for the listing: it may come and go, as guards of locks do. */
const MAX_TRIES = 3;

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
  for (let tries = 1;; tries++) {
    const listed = await listProven(session, folder);
    if (listed.kind === "listed") return listed.entries;
    const { reply } = listed;
    if (!saysAbsent(reply) && reply.code !== 501) throw replyError(reply);
    await checkRoot(session);
    const isThere = folder === "" || await isFolder(session, folder);
    if (!isThere || reply.code === session.facts.emptyCode) return [];
    if (tries === MAX_TRIES) throw new BackendError("denied", replyError(reply).message);
  }
}

/** A listing in a way that is known to show hidden names, as far as that can be known. */
async function listProven(session: Session, folder: FolderName): Promise<Listed> {
  const listed = await listFolder(session, folder);
  const { listing, provenListing } = session.facts;
  if (provenListing === undefined || provenListing === listing) return listed;
  await proveListing(session);
  return await listFolder(session, folder);
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
