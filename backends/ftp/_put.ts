import { BackendError, type ByteSource, type ObjectName } from "../backend.ts";
import { replyError, shown } from "./_errors.ts";
import { checkRoot, lookAny } from "./_look.ts";
import { folderOf, foldersAbove, temporaryName } from "./_names.ts";
import { isDone, isHalfway, isUnknownCommand, parseSize, type Reply } from "./_reply.ts";
import type { Session } from "./_session.ts";
import { upload } from "./_upload.ts";

/** The longest name of a file that servers' file systems take, bytes. */
const MAX_NAME_BYTES = 255;
/** Characters that some servers refuse in names: pure-ftpd a backslash, proftpd a `*` in a new folder's. */
// deno-lint-ignore no-control-regex -- control characters are what is looked for
const MISLIKED = /[*\\\u0000-\u001f\u007f]/;
/** How many folders are remembered. */
const MAX_FOLDERS = 50_000;

/** What to put. */
export interface Put {
  readonly name: ObjectName;
  readonly source: ByteSource;
  readonly signal: AbortSignal | undefined;
}

/** Writes objects and folders of one relay, and remembers which folders are there. */
export class Putter {
  readonly #folders = new Set<string>();
  /** Temporary files that could not be removed when their put failed. */
  readonly #leftOver = new Set<ObjectName>();

  /** Forgets which folders are there: one was removed. */
  forget(): void {
    this.#folders.clear();
  }

  /** Uploads under a temporary name, checks the size, and renames. */
  async put(session: Session, put: Put): Promise<void> {
    await this.#removeLeftOver(session);
    const temporary = temporaryName(folderOf(put.name));
    try {
      await this.#upload(session, { ...put, temporary });
      put.signal?.throwIfAborted();
      await checkAndRename(session, { ...put, temporary });
    } catch (thrown) {
      this.#leftOver.add(temporary);
      if (session.isReady) await this.#removeLeftOver(session);
      throw thrown;
    }
  }

  /** Makes a folder and those above it; says whether it made that one. */
  async makeFolder(session: Session, name: ObjectName): Promise<boolean> {
    let reply = await this.#make(session, name);
    if (isDone(reply)) return true;
    if (await lookAny(session, name) !== "absent") return false;
    this.forget();
    reply = await this.#make(session, name);
    if (isDone(reply)) return true;
    if (await lookAny(session, name) !== "absent") return false;
    throw await whyRefused(session, name, reply);
  }

  async #make(session: Session, name: ObjectName): Promise<Reply> {
    const replies = await session.exchangeAll([
      ...this.#commandsFor(session, name),
      `MKD ${session.path(name)}`,
    ]);
    const reply = replies.at(-1) ?? { code: 550, lines: [] };
    if (isDone(reply)) this.#remember(name);
    return reply;
  }

  async #upload(session: Session, put: Put & { readonly temporary: ObjectName }): Promise<void> {
    const { name, source, signal, temporary } = put;
    const path = session.path(temporary);
    let before = this.#commandsFor(session, name);
    let refusal = await upload(session, { path, source, before, signal });
    const levels = foldersAbove(name).length;
    if (refusal !== undefined && before.length < levels) {
      // Another client may have removed a folder that was there.
      this.forget();
      before = this.#commandsFor(session, name);
      refusal = await upload(session, { path, source, before, signal });
    }
    if (refusal !== undefined) throw await whyRefused(session, name, refusal.reply);
    this.#remember(name);
  }

  /** Commands that make the folders above `name` that are not known to be there; they fail where they are. */
  #commandsFor(session: Session, name: ObjectName): string[] {
    return foldersAbove(name).filter((folder) => !this.#folders.has(folder))
      .map((folder) => `MKD ${session.path(folder)}`);
  }

  #remember(name: ObjectName): void {
    if (this.#folders.size > MAX_FOLDERS) this.#folders.clear();
    for (const folder of foldersAbove(name)) this.#folders.add(folder);
  }

  async #removeLeftOver(session: Session): Promise<void> {
    if (this.#leftOver.size === 0) return;
    const names = [...this.#leftOver];
    this.#leftOver.clear();
    try {
      await session.exchangeAll(names.map((name) => `DELE ${session.path(name)}`));
    } catch {
      for (const name of names) this.#leftOver.add(name);
    }
  }
}

interface Uploaded extends Put {
  readonly temporary: ObjectName;
}

async function checkAndRename(session: Session, put: Uploaded): Promise<void> {
  const { name, source, temporary } = put;
  const path = session.path(temporary);
  const [size, start] = await session.exchangeAll([`SIZE ${path}`, `RNFR ${path}`]);
  if (size === undefined || start === undefined) throw new TypeError("both are answered");
  const storedBytes = parseSize(size);
  if (storedBytes !== source.sizeBytes && !(storedBytes === undefined && isUnknownCommand(size))) {
    throw new BackendError(
      "unavailable",
      `the server kept ${storedBytes ?? "none"} of ${source.sizeBytes} bytes`,
    );
  }
  if (!isHalfway(start)) throw replyError(start);
  const reply = await session.exchange(`RNTO ${session.path(name)}`);
  if (isDone(reply)) return;
  const found = await lookAny(session, name);
  if (found === "absent") throw await whyRefused(session, name, reply);
  if (found === "other" || found.kind === "folder") {
    throw new BackendError("exists", "no object but something else of that name stands there");
  }
  await replaceInSteps(session, put);
}

/**
 * Puts the new object in the old one's place where the server does not replace by a rename. The old one is moved aside
 * first, and back if that fails, so that it is gone at no time.
 */
async function replaceInSteps(session: Session, { name, temporary }: Uploaded): Promise<void> {
  const aside = temporaryName(folderOf(name));
  const moved = await rename(session, name, aside);
  if (!isDone(moved)) throw replyError(moved);
  const reply = await rename(session, temporary, name);
  if (!isDone(reply)) {
    await rename(session, aside, name);
    throw replyError(reply);
  }
  await session.exchange(`DELE ${session.path(aside)}`);
}

/** Renames; gives the answer that decides. */
export async function rename(session: Session, from: ObjectName, to: ObjectName): Promise<Reply> {
  const start = await session.exchange(`RNFR ${session.path(from)}`);
  return isHalfway(start) ? await session.exchange(`RNTO ${session.path(to)}`) : start;
}

/** Why something could not be written as `name`, seen from what stands there. */
async function whyRefused(session: Session, name: ObjectName, reply: Reply): Promise<BackendError> {
  const long = name.split("/").find((part) => session.coding.encode(part).length > MAX_NAME_BYTES);
  if (long !== undefined) {
    return new BackendError("invalid-name", `a part is longer than ${MAX_NAME_BYTES} bytes`);
  }
  if (reply.code !== 550 && reply.code !== 553 && reply.code !== 501) return replyError(reply);
  if (MISLIKED.test(name)) {
    return new BackendError("invalid-name", `the server refuses it, it answers ${shown(reply)}`);
  }
  await checkRoot(session);
  for (const folder of foldersAbove(name)) {
    const found = await lookAny(session, folder);
    if (found === "absent") break;
    if (found === "other" || found.kind === "file") {
      return new BackendError("exists", `an object stands where the folder "${folder}" is needed`);
    }
  }
  return replyError(reply);
}
