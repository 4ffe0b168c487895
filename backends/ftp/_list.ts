import { BackendError, type FolderName, type ObjectInfo, whyNotObjectName } from "../backend.ts";
import { listLines } from "./_download.ts";
import { replyError } from "./_errors.ts";
import { type Entry, type ListingLine, parseFactsLine, parseListLine } from "./_listing.ts";
import { inFolder } from "./_names.ts";
import { listNames } from "./_nlst.ts";
import { isUnknownCommand, type Reply } from "./_reply.ts";
import {
  type Foreign,
  type Listed,
  LISTING_WAYS,
  type ListingWay,
  type Refusal,
  type Session,
} from "./_session.ts";
import { withTimes } from "./_times.ts";

/**
 * Lists one folder in the present way; where that is missing or not understood, the next one is taken from then on.
 *
 * @throws {BackendError} `protocol` if no listing of the server is understood
 */
export async function listFolder(session: Session, folder: FolderName): Promise<Listed> {
  const { facts } = session;
  let line: string | undefined;
  for (;;) {
    const way = facts.listing;
    const listed = await listBy(way, session, { folder });
    if (listed.kind !== "foreign") return listed;
    line ??= listed.line;
    const [next] = waysAfter(way);
    if (next === undefined) {
      // It may be this folder alone.
      facts.listing = facts.provenListing ?? way;
      throw notUnderstood(line);
    }
    // Another session may have gone on already.
    if (facts.listing === way) facts.listing = next;
  }
}

/** The ways of listing that are tried after `way`. */
export function waysAfter(way: ListingWay): readonly ListingWay[] {
  return LISTING_WAYS.slice(LISTING_WAYS.indexOf(way) + 1);
}

/** Lists one folder in the given way. */
export async function listBy(
  way: ListingWay,
  session: Session,
  { folder }: { readonly folder: FolderName },
): Promise<Listed | Foreign> {
  if (way === "MLSD") return await listFacts(session, folder);
  const list = way === "LIST -a" || way === "LIST" ? listPlainly : listNames;
  const listed = await list(session, { command: way, folder });
  if (listed.kind !== "listed") return listed;
  return { ...listed, entries: await withTimes(session, { folder, entries: listed.entries }) };
}

/** A listing that says nothing as an error; `line` is of it. */
export function notUnderstood(line: string | undefined): BackendError {
  const text = line === undefined
    ? "the server lists no folder in a way that is understood"
    : `the server's listing has a line ${JSON.stringify(line.slice(0, 200))}`;
  return new BackendError("protocol", text, { hint: "Use a server that offers MLSD" });
}

async function listFacts(session: Session, folder: FolderName): Promise<Listed | Foreign> {
  const lines = await listLines(session, { command: `MLSD ${session.path(folder)}` });
  if ("kind" in lines) return isUnknownCommand(lines.reply) ? { kind: "foreign" } : lines;
  return understood(lines, parseFactsLine);
}

/**
 * Goes into the folder first: servers take `[`, `*` and a leading `-` in the argument of `LIST` for patterns and
 * options.
 */
async function listPlainly(
  session: Session,
  { command, folder }: { readonly command: string; readonly folder: FolderName },
): Promise<Listed | Foreign> {
  const lines = await listLines(session, { command, before: [`CWD ${session.path(folder)}`] });
  if ("kind" in lines) return isUnknownCommand(lines.reply) ? { kind: "foreign" } : lines;
  return understood(lines, parseListLine);
}

function understood(
  lines: readonly string[],
  parse: (line: string) => ListingLine,
): Listed | Foreign {
  const parsed = lines.map(parse);
  const line = lines[parsed.indexOf("unknown")];
  return line === undefined ? { kind: "listed", entries: entriesOf(parsed) } : {
    kind: "foreign",
    line,
  };
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
