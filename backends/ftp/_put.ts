import { BackendError, type ByteSource, type ObjectName } from "../backend.ts";
import { replyError, shown } from "./_errors.ts";
import { checkRoot, isThere, lookAny, lookCommands } from "./_look.ts";
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
/** How often a folder is made that is not there, although the server says that it cannot be made. */
const MAX_MAKINGS = 8;

/** What to put. */
export interface Put {
  readonly name: ObjectName;
  readonly source: ByteSource;
  readonly signal: AbortSignal | undefined;
  /** Nothing is lost with it that could not be made again. */
  readonly isVolatile?: boolean;
}

/** Writes objects and folders of one relay, and remembers which folders are there. */
export class Putter {
  readonly #folders = new Set<string>();
  /** Temporary files that could not be removed when their put failed. */
  readonly #leftOver = new Set<ObjectName>();

  /** Forgets that folders are there: this one and those below it, or all. */
  forget(name?: ObjectName): void {
    if (name === undefined) return this.#folders.clear();
    if (!this.#folders.delete(name)) return;
    for (const folder of this.#folders) {
      if (folder.startsWith(`${name}/`)) this.#folders.delete(folder);
    }
  }

  /** Uploads under a temporary name, checks the size, and renames. */
  async put(session: Session, put: Put): Promise<void> {
    await this.#beside(session, put, async (temporary) => {
      await this.#upload(session, { ...put, temporary });
      put.signal?.throwIfAborted();
      await checkAndRename(session, { ...put, temporary });
    });
  }

  /** As {@linkcode put}, but only if nothing stands there when the upload begins; says whether it did. */
  async create(session: Session, put: Put): Promise<boolean> {
    const { name } = put;
    return await this.#beside(session, put, async (temporary) => {
      const first = lookCommands(session, name);
      const replies = await this.#upload(session, { ...put, temporary, first });
      if (await isThere(session, { name, replies })) {
        this.#leftOver.add(temporary);
        await this.#removeLeftOver(session);
        return false;
      }
      put.signal?.throwIfAborted();
      await checkAndRename(session, { ...put, temporary, isVolatile: true });
      return true;
    });
  }

  /** Works with a temporary file, and removes it if that fails. */
  async #beside<T>(
    session: Session,
    put: Put,
    work: (temporary: ObjectName) => Promise<T>,
  ): Promise<T> {
    await this.#removeLeftOver(session);
    const temporary = temporaryName(folderOf(put.name));
    try {
      return await work(temporary);
    } catch (thrown) {
      this.#leftOver.add(temporary);
      if (session.isReady) await this.#removeLeftOver(session);
      throw thrown;
    }
  }

  /** Makes a folder and those above it; says whether it made that one. */
  async makeFolder(session: Session, name: ObjectName): Promise<boolean> {
    for (let attempt = 1;; attempt++) {
      const reply = await this.#make(session, name);
      if (isDone(reply)) return true;
      if (await lookAny(session, name) !== "absent") return false;
      if (attempt === MAX_MAKINGS) throw await whyRefused(session, name, reply);
      // A folder above it is gone, or another client removed this one between the answer and the look.
      this.forget();
    }
  }

  async #make(session: Session, name: ObjectName): Promise<Reply> {
    const replies = await session.exchangeAll(this.commandsToMake(session, name));
    const reply = replies.at(-1) ?? { code: 550, lines: [] };
    if (isDone(reply)) this.noteFoldersAbove(name);
    return reply;
  }

  /** Commands that make a folder and those above it that are not known to be there. The last answer decides. */
  commandsToMake(session: Session, name: ObjectName): string[] {
    return [...this.#commandsFor(session, name), `MKD ${session.path(name)}`];
  }

  /** Uploads, with the folders above there; gives the answers to the commands `first`. */
  async #upload(
    session: Session,
    put: Put & { readonly temporary: ObjectName; readonly first?: readonly string[] },
  ): Promise<readonly Reply[]> {
    const { name, source, signal, temporary, first = [] } = put;
    const path = session.path(temporary);
    let folders = this.#commandsFor(session, name);
    const send = () => upload(session, { path, source, before: [...first, ...folders], signal });
    let result = await send();
    const levels = foldersAbove(name).length;
    if (result.kind === "refused" && folders.length < levels) {
      // Another client may have removed a folder that was there.
      this.forget();
      folders = this.#commandsFor(session, name);
      result = await send();
    }
    if (result.kind === "refused") throw await whyRefused(session, name, result.reply);
    this.noteFoldersAbove(name);
    return result.before.slice(0, first.length);
  }

  /** Commands that make the folders above `name` that are not known to be there; they fail where they are. */
  #commandsFor(session: Session, name: ObjectName): string[] {
    return foldersAbove(name).filter((folder) => !this.#folders.has(folder))
      .map((folder) => `MKD ${session.path(folder)}`);
  }

  /** Notes that the folders above `name` are there. */
  noteFoldersAbove(name: ObjectName): void {
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

interface Beside extends Put {
  readonly temporary: ObjectName;
}

async function checkAndRename(session: Session, put: Beside): Promise<void> {
  const { name, source, temporary, isVolatile = false } = put;
  const path = session.path(temporary);
  const end = `RNTO ${session.path(name)}`;
  const [size, start, early] = isVolatile
    ? await session.exchangeLast([`SIZE ${path}`, `RNFR ${path}`, end])
    : await session.exchangeAll([`SIZE ${path}`, `RNFR ${path}`]);
  if (size === undefined || start === undefined) throw new TypeError("both are answered");
  const storedBytes = parseSize(size);
  if (storedBytes !== source.sizeBytes && !(storedBytes === undefined && isUnknownCommand(size))) {
    // Better none than a part: nobody can tell that it is one.
    if (early !== undefined && isDone(early)) await session.exchange(`DELE ${session.path(name)}`);
    throw new BackendError(
      "unavailable",
      `the server kept ${storedBytes ?? "none"} of ${source.sizeBytes} bytes`,
    );
  }
  if (!isHalfway(start)) throw replyError(start);
  const [reply] = early === undefined ? await session.exchangeLast([end]) : [early];
  if (reply === undefined) throw new TypeError("it is answered");
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
async function replaceInSteps(session: Session, { name, temporary }: Beside): Promise<void> {
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
