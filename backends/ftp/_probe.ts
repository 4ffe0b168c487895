import { BackendError, type ObjectName, parseObjectName } from "../backend.ts";
import { replyError } from "./_errors.ts";
import { listBy, listFolder, notUnderstood, refusedListing, waysAfter } from "./_list.ts";
import { parseTime } from "./_listing.ts";
import { temporaryName } from "./_names.ts";
import { rename } from "./_put.ts";
import { isDone, parsePath, type Reply } from "./_reply.ts";
import type { Session } from "./_session.ts";
import { upload } from "./_upload.ts";

/**
 * Goes to the relay's folder, makes it with those above it if it is missing, and notes how the server names it.
 *
 * @throws {BackendError} `not-found` if it is missing and cannot be made
 */
export async function enterRoot(session: Session, folder: string): Promise<void> {
  if (folder !== "" && !isDone(await session.exchange(`CWD ${folder}`))) {
    const made = await makeWithParents(session, folder);
    if (!isDone(await session.exchange(`CWD ${folder}`))) {
      const { code, message } = replyError(made);
      throw new BackendError(
        code === "denied" ? "not-found" : code,
        `its folder ${JSON.stringify(folder)} is missing and cannot be made: ${message}`,
      );
    }
  }
  const reply = await session.exchange("PWD");
  const path = isDone(reply) ? parsePath(reply) : undefined;
  if (path === undefined) {
    throw new BackendError("protocol", "the server does not say where its folder stands");
  }
  session.facts.root = path.replace(/\/+$/, "");
}

/** The answer to the last folder that was made. */
async function makeWithParents(session: Session, folder: string): Promise<Reply> {
  const parts = folder.split("/").filter((part) => part !== "");
  const prefix = folder.startsWith("/") ? "/" : "";
  let reply: Reply = { code: 550, lines: [] };
  for (let end = 1; end <= parts.length; end++) {
    reply = await session.exchange(`MKD ${prefix}${parts.slice(0, end).join("/")}`);
  }
  return reply;
}

/**
 * Finds out what cannot be asked: whether a rename replaces what stands there, whether listings show hidden names,
 * whether names stay as they are, and what time it is at the server. Leaves nothing behind. Where it may not write,
 * nothing is found out.
 *
 * @throws {BackendError} `unsupported` if hidden names are not listed, which the relay is full of
 */
export async function probe(session: Session): Promise<void> {
  const { facts } = session;
  const [plain, other] = [temporaryName(""), temporaryName("")];
  const blank = parseObjectName(`${plain}\t `);
  for (const name of [plain, other]) if (!await putByte(session, name)) return;
  // What the renamed one is called is not known yet.
  let standing = [plain, blank];
  try {
    await readClock(session, other);
    await rename(session, plain, blank);
    const listed = await findListing(session, other);
    const current = parseObjectName(listed.find((name) => name.startsWith(plain)) ?? plain);
    standing = [current];
    facts.keepsBlanks = current === blank;
    if (facts.listing !== "MLSD") await readEmpty(session);
    facts.replaces = isDone(await rename(session, current, other));
  } finally {
    if (session.isReady) {
      await session.exchangeAll([...standing, other].map((name) => `DELE ${session.path(name)}`));
    }
  }
}

/** Puts a byte there and says whether that is allowed. */
async function putByte(session: Session, name: ObjectName): Promise<boolean> {
  const source = { sizeBytes: 1, bytes: new Uint8Array(1), open: () => new ReadableStream() };
  const put = await upload(session, { path: session.path(name), source, signal: undefined });
  return put.kind === "stored";
}

async function readClock(session: Session, name: ObjectName): Promise<void> {
  if (!session.has("MDTM")) return;
  const nowMs = Date.now();
  const reply = await session.exchange(`MDTM ${session.path(name)}`);
  const serverMs = parseTime(reply.lines.join(""));
  if (serverMs !== undefined) session.facts.aheadMs = serverMs - nowMs;
}

/**
 * Makes sure that the present way of listing, taken for one that failed, shows hidden names; else goes on to one that
 * does. Where it may not write, nothing is found out.
 *
 * @throws {BackendError} `unsupported`, `protocol` if there is none
 */
export async function proveListing(session: Session): Promise<void> {
  const name = temporaryName("");
  if (!await putByte(session, name)) return;
  try {
    await findListing(session, name);
  } finally {
    if (session.isReady) await session.exchange(`DELE ${session.path(name)}`);
  }
}

/** The names in the relay's folder, in the first way of listing, from the present one on, that shows hidden ones. */
async function findListing(session: Session, hidden: ObjectName): Promise<readonly string[]> {
  const { facts } = session;
  let failure = notUnderstood(undefined);
  for (const way of [facts.listing, ...waysAfter(facts.listing)]) {
    const listed = await listBy(way, session, { folder: "" });
    if (listed.kind === "refused") failure = refusedListing(listed);
    if (listed.kind === "foreign" && listed.line !== undefined) {
      failure = notUnderstood(listed.line);
    }
    if (listed.kind !== "listed") continue;
    const names = listed.entries.map(({ name }) => name);
    if (names.includes(hidden)) {
      facts.listing = facts.provenListing = way;
      return names;
    }
    failure = new BackendError(
      "unsupported",
      'the server does not list names that start with "."',
      {
        hint: "Let the server show hidden files",
      },
    );
  }
  facts.listing = facts.provenListing ?? facts.listing;
  throw failure;
}

/** Some servers refuse to list an empty folder, as if it were not there. */
async function readEmpty(session: Session): Promise<void> {
  const folder = temporaryName("");
  if (!isDone(await session.exchange(`MKD ${session.path(folder)}`))) return;
  try {
    const listed = await listFolder(session, folder);
    if (listed.kind === "refused") session.facts.emptyCode = listed.reply.code;
  } finally {
    if (session.isReady) await session.exchange(`RMD ${session.path(folder)}`);
  }
}
