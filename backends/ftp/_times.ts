import type { FolderName } from "../backend.ts";
import { type Entry, parseTime } from "./_listing.ts";
import { inFolder } from "./_names.ts";
import type { Reply } from "./_reply.ts";
import type { ServerFacts, Session } from "./_session.ts";

/** The most times that are asked for at once: the answers must fit in what a connection holds. */
const MAX_COMMANDS = 64;

/** Whether listings come with exact times, of themselves or because they are asked for. */
export function hasTimes(facts: ServerFacts): boolean {
  return facts.listing === "MLSD" || asksTimes(facts);
}

/** Whether times are asked for one by one: where that takes no round trip each. */
export function asksTimes({ listing, features, pipelines }: ServerFacts): boolean {
  return listing !== "MLSD" && pipelines === true && features?.has("MDTM") === true;
}

/** The time in an answer to `MDTM`, as an entry has it. */
export function timeIn(reply: Reply | undefined): Pick<Entry, "modifiedMs"> {
  const modifiedMs = reply?.code === 213 ? parseTime(reply.lines.join("").trim()) : undefined;
  return modifiedMs === undefined ? {} : { modifiedMs };
}

/** The entries of a folder with the times of its files, if they are to be asked for. */
export async function withTimes(
  session: Session,
  { folder, entries }: { readonly folder: FolderName; readonly entries: readonly Entry[] },
): Promise<readonly Entry[]> {
  if (!asksTimes(session.facts)) return entries;
  const timed = entries.filter(({ kind }) => kind === "folder");
  const files = entries.filter(({ kind }) => kind === "file");
  for (let start = 0; start < files.length; start += MAX_COMMANDS) {
    const some = files.slice(start, start + MAX_COMMANDS);
    const replies = await session.exchangeAll(
      some.map(({ name }) => `MDTM ${session.path(inFolder(folder, name))}`),
    );
    for (const [at, entry] of some.entries()) timed.push({ ...entry, ...timeIn(replies[at]) });
  }
  return timed;
}
