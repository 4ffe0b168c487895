import { BackendError, type FolderName, type ObjectName, whyNotObjectName } from "../backend.ts";
import { listLines } from "./_download.ts";
import { replyError } from "./_errors.ts";
import type { Entry } from "./_listing.ts";
import { inFolder } from "./_names.ts";
import { isDone, isUnknownCommand, parseSize, type Reply, saysAbsent } from "./_reply.ts";
import type { Foreign, Listed, Session } from "./_session.ts";

/** The most names that are asked about at once: the answers must fit in what a connection holds. */
const MAX_NAMES = 20;
/** How often a folder is listed whose names are all gone by the time they are asked about. */
const MAX_TRIES = 4;

/**
 * Lists a folder by its names, and asks what each of them is. Nothing tells a list of names from other text, but that the
 * server knows at least one of them.
 *
 * @throws {BackendError} `unsupported` if the server does not tell sizes
 */
export async function listNames(
  session: Session,
  { command, folder }: { readonly command: string; readonly folder: FolderName },
): Promise<Listed | Foreign> {
  let unknown: readonly string[] = [];
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const lines = await listLines(session, { command, before: [`CWD ${session.path(folder)}`] });
    if ("kind" in lines) {
      const isInside = lines.before.length > 0 && lines.before.every(isDone);
      // Servers without options take "-a" for a name, unless it was seen that they know it.
      const isOption = isInside && command !== "NLST" && session.facts.provenListing !== command;
      return isOption || isUnknownCommand(lines.reply) ? { kind: "foreign" } : lines;
    }
    const names = namesIn(lines);
    const entries = await lookAtAll(session, { folder, names });
    if (entries.length > 0 || names.length === 0) return { kind: "listed", entries };
    const line = names.find((name) => unknown.includes(name));
    if (line !== undefined) return { kind: "foreign", line };
    // What is there for a moment only, as locks are, may have gone.
    unknown = names;
  }
  return { kind: "foreign" };
}

/** What stands under `name`: an entry, or nothing that can be had. */
function entryOf(name: string, [cwd, size]: readonly Reply[]): Entry | undefined {
  if (cwd !== undefined && isDone(cwd)) return { kind: "folder", name, sizeBytes: 0 };
  if (size === undefined) throw new TypeError("all commands are answered");
  const sizeBytes = parseSize(size);
  if (sizeBytes === undefined) {
    if (isUnknownCommand(size)) {
      throw new BackendError("unsupported", "the server tells no sizes of files", {
        hint: "Use a server that offers MLSD",
      });
    }
    if (saysAbsent(size)) return undefined;
    throw replyError(size);
  }
  return { kind: "file", name, sizeBytes };
}

function namesIn(lines: readonly string[]): string[] {
  // Some servers give paths.
  const names = lines.map((line) => line.slice(line.lastIndexOf("/") + 1));
  return names.filter((name) => name !== "." && name !== "..");
}

async function lookAtAll(
  session: Session,
  { folder, names }: { readonly folder: FolderName; readonly names: readonly string[] },
): Promise<Entry[]> {
  const entries: Entry[] = [];
  const known = names.filter((name) =>
    whyNotObjectName(name) === undefined && !/[\r\n]/.test(name)
  );
  for (let start = 0; start < known.length; start += MAX_NAMES) {
    const some = known.slice(start, start + MAX_NAMES);
    const sets = some.map((name) => commandsFor(session, inFolder(folder, name)));
    const replies = await session.exchangeAll(sets.flat());
    for (const [at, name] of some.entries()) {
      const entry = entryOf(name, replies.splice(0, sets[at]?.length ?? 0));
      if (entry !== undefined) entries.push(entry);
    }
  }
  return entries;
}

function commandsFor(session: Session, name: ObjectName): string[] {
  const path = session.path(name);
  return [`CWD ${path}`, `SIZE ${path}`];
}
