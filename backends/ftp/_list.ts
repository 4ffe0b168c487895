import { BackendError, type FolderName, type ObjectInfo, whyNotObjectName } from "../backend.ts";
import { listLines } from "./_download.ts";
import { replyError } from "./_errors.ts";
import { type Entry, type ListingLine, parseFactsLine, parseListLine } from "./_listing.ts";
import { inFolder } from "./_names.ts";
import { isUnknownCommand, type Reply } from "./_reply.ts";
import type { Refusal, Session } from "./_session.ts";

/** What stands in a folder, or that the server does not list it. */
export type Listed = { readonly kind: "listed"; readonly entries: readonly Entry[] } | Refusal;

/**
 * Lists one folder, hidden names included. `MLSD` is exact; where it is missing or not understood, `LIST` is taken from
 * then on.
 *
 * @throws {BackendError} `protocol` if the server's listings are not understood
 */
export async function listFolder(session: Session, folder: FolderName): Promise<Listed> {
  const { facts } = session;
  if (facts.listing === "MLSD") {
    const listed = await listFacts(session, folder);
    if (listed !== undefined) return listed;
    facts.listing = "LIST -a";
  }
  if (facts.listing === "LIST -a") {
    const listed = await listPlainly(session, folder);
    if (listed.kind === "listed" || !isUnknownCommand(listed.reply)) return listed;
    facts.listing = "LIST";
  }
  return await listPlainly(session, folder);
}

/** `undefined` if the server has no `MLSD`, or sends something else. */
async function listFacts(session: Session, folder: FolderName): Promise<Listed | undefined> {
  const lines = await listLines(session, { command: `MLSD ${session.path(folder)}` });
  if ("kind" in lines) return isUnknownCommand(lines.reply) ? undefined : lines;
  const parsed = lines.map(parseFactsLine);
  if (parsed.includes("unknown")) return undefined;
  return { kind: "listed", entries: entriesOf(parsed) };
}

/**
 * Goes into the folder first: servers take `[`, `*` and a leading `-` in the argument of `LIST` for patterns and
 * options.
 */
async function listPlainly(session: Session, folder: FolderName): Promise<Listed> {
  const lines = await listLines(session, {
    command: session.facts.listing,
    before: [`CWD ${session.path(folder)}`],
  });
  if ("kind" in lines) return lines;
  const parsed = lines.map(parseListLine);
  const unknown = lines[parsed.indexOf("unknown")];
  if (unknown !== undefined) {
    const text = JSON.stringify(unknown.slice(0, 200));
    throw new BackendError("protocol", `the server's listing has a line ${text}`, {
      hint: "Use a server that offers MLSD",
    });
  }
  return { kind: "listed", entries: entriesOf(parsed) };
}

function entriesOf(lines: readonly ListingLine[]): Entry[] {
  return lines.filter((line) => typeof line === "object")
    // Some servers give the path that was asked for, and the folder itself.
    .map((entry) => ({ ...entry, name: entry.name.slice(entry.name.lastIndexOf("/") + 1) }))
    .filter(({ name }) => whyNotObjectName(name) === undefined && !name.includes("\r"));
}

/** An entry of `folder` as an object. */
export function infoOf(folder: FolderName, { name, sizeBytes, modifiedMs }: Entry): ObjectInfo {
  return {
    name: inFolder(folder, name),
    sizeBytes,
    ...(modifiedMs === undefined ? {} : { modifiedMs }),
  };
}

/** What `MLST` answers of one name: an entry, that there is none, or `undefined` if it says neither. */
export function parseStatus(reply: Reply): Entry | "other" | "absent" | undefined {
  if (reply.code === 550 || reply.code === 553) return "absent";
  if (reply.code !== 250) return undefined;
  const line = reply.lines.slice(1, -1).find((text) => text.includes(";"));
  const parsed = line === undefined ? "unknown" : parseFactsLine(line.trimStart());
  return parsed === "unknown" ? undefined : parsed;
}

/** A refused listing as an error. */
export function refusedListing({ reply }: Refusal): BackendError {
  return replyError(reply);
}
