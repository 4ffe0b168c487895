import { BackendError, type ObjectName, parseObjectName } from "../backend.ts";
import { replyError } from "./_errors.ts";
import { listFolder } from "./_list.ts";
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
  const source = { sizeBytes: 1, bytes: new Uint8Array(1), open: () => new ReadableStream() };
  for (const name of [plain, other]) {
    const { kind } = await upload(session, { path: session.path(name), source, signal: undefined });
    if (kind === "refused") return;
  }
  let current = plain;
  try {
    await readClock(session, other);
    await rename(session, plain, blank);
    const listed = await findListing(session, other);
    current = parseObjectName(listed.find((name) => name.startsWith(plain)) ?? plain);
    facts.keepsBlanks = current === blank;
    facts.replaces = isDone(await rename(session, current, other));
  } finally {
    if (session.isReady) {
      await session.exchangeAll([current, other].map((name) => `DELE ${session.path(name)}`));
    }
  }
}

async function readClock(session: Session, name: ObjectName): Promise<void> {
  if (!session.has("MDTM")) return;
  const nowMs = Date.now();
  const reply = await session.exchange(`MDTM ${session.path(name)}`);
  const serverMs = parseTime(reply.lines.join(""));
  if (serverMs !== undefined) session.facts.aheadMs = serverMs - nowMs;
}

/** The names in the relay's folder, in the first way of listing that shows hidden ones. */
async function findListing(session: Session, hidden: ObjectName): Promise<readonly string[]> {
  const { facts } = session;
  for (;;) {
    const tried = facts.listing;
    const listed = await listFolder(session, "");
    const found = listed.kind === "listed" ? listed.entries.map(({ name }) => name) : [];
    if (found.includes(hidden)) return found;
    if (facts.listing === "LIST") break;
    if (facts.listing === tried) facts.listing = tried === "MLSD" ? "LIST -a" : "LIST";
  }
  throw new BackendError("unsupported", 'the server does not list names that start with "."', {
    hint: "Let the server show hidden files",
  });
}
