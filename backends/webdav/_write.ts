import { setTimeout as sleep } from "node:timers/promises";
import { BackendError, type ByteSource, type ObjectInfo, type ObjectName } from "../backend.ts";
import type { Answer } from "./_answer.ts";
import type { Dav } from "./_dav.ts";
import { AmbiguousError, CutError } from "./_errors.ts";
import { folderOf, isHidden, isLong, temporaryFor } from "./_names.ts";
import type { ServerProfile } from "./_server.ts";
import { bytesOf } from "./_source.ts";
import { statusError } from "./_status.ts";
import { refusal, type Tree, type TreeOptions } from "./_tree.ts";

/** Up to this size an object is taken into memory and sent in one piece. */
const SMALL_BYTES = 512 * 1024;
/** The first wait before a server is asked again what became of a request; it doubles. */
const FIRST_LOOK_MS = 100;
const LONGEST_LOOK_MS = 5_000;
/** How long to ask after a connection was cut. */
const CUT_MS = 2_000;
/** How often an uploaded object is given its name, when what stands there changes meanwhile. */
const MAX_MOVES = 4;
/** How long an abandoned upload may take to be removed. */
const CLEAN_UP_MS = 5_000;

/** Statuses with which a server refuses to write because of what stands in the way, or does not stand. */
const PLACE_TROUBLE: ReadonlySet<number> = new Set([400, 403, 404, 405, 409, 410, 414, 500]);

/** What a {@linkcode Writer} works with. */
export interface WriterParts {
  readonly dav: Dav;
  readonly tree: Tree;
  readonly profile: ServerProfile;
  /** `https://host:port`: a `Destination` is a whole URL. */
  readonly origin: string;
  /** How long to look for what became of a request without an answer, milliseconds. */
  readonly timeoutMs: number;
  readonly trace: (line: string) => void;
}

interface Content {
  readonly options: TreeOptions;
  readonly body: Uint8Array | ByteSource;
  readonly sizeBytes: number;
}

/**
 * What may be done to the object that stands under a name: nothing; replace it, if it turns out that there is one;
 * replace it, since it was seen.
 */
type Way = "create" | "put" | "replace";

/** Stores objects so that they are seen whole or not at all. */
export class Writer {
  readonly #parts: WriterParts;
  /** Some servers take only a path as `Destination`, when a proxy in front of them changes scheme or host. */
  #movesByPath = false;
  #listsHidden = false;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** As {@linkcode Backend.put}. */
  async put(name: ObjectName, source: ByteSource, options: TreeOptions): Promise<void> {
    await this.#store(name, source, options);
    await this.#checkListed(name, options);
  }

  async #store(name: ObjectName, source: ByteSource, options: TreeOptions): Promise<void> {
    const { tree, profile } = this.#parts;
    const { sizeBytes } = source;
    tree.checkStorable(name, options);
    const isSmall = sizeBytes <= SMALL_BYTES;
    const body = isSmall ? await bytesOf(source, options) : source;
    const content = { options, body, sizeBytes };
    if (this.#goesInPlace(name, sizeBytes)) return await this.#putInPlace(name, content);
    // What is small is moved twice if need be, so that nobody looks before it is known to be needed.
    const mustLook = !isSmall || profile.mishandlesOddPuts;
    const before = mustLook ? await this.#lookBefore(name, options) : undefined;
    await this.#putBeside(name, content, before === undefined ? "put" : "replace");
  }

  /** The object that is to be replaced. @throws {BackendError} `exists` if it is a folder */
  async #lookBefore(name: ObjectName, options: TreeOptions): Promise<ObjectInfo | undefined> {
    const { tree } = this.#parts;
    await tree.ensure(folderOf(name), options);
    const standing = await tree.look(name, options);
    if (standing.kind === "folder") throw folderStands(options);
    return standing.kind === "object" ? standing.info : undefined;
  }

  /**
   * Whether an object may be sent under its own name: the server must store it aside first. lighttpd does that under a
   * longer name, and goes on telling the former length if an empty object replaces another.
   */
  #goesInPlace(name: ObjectName, sizeBytes: number): boolean {
    const { hasAtomicPut, mishandlesOddPuts } = this.#parts.profile;
    return hasAtomicPut && !(mishandlesOddPuts && (sizeBytes === 0 || isLong(name)));
  }

  /** As {@linkcode Backend.create}, without a promise that one of several at the same time wins. */
  async create(name: ObjectName, bytes: Uint8Array, options: TreeOptions): Promise<boolean> {
    const isCreated = await this.#createOnly(name, bytes, options);
    if (isCreated) await this.#checkListed(name, options);
    return isCreated;
  }

  async #createOnly(name: ObjectName, bytes: Uint8Array, options: TreeOptions): Promise<boolean> {
    const { tree, profile } = this.#parts;
    tree.checkStorable(name, options);
    const content = { options, body: bytes, sizeBytes: bytes.length };
    const goesInPlace = this.#goesInPlace(name, bytes.length);
    if (goesInPlace && profile.honoursIfNoneMatch) {
      const headers = { "If-None-Match": "*" };
      return await this.#within(name, options, () => this.#send(name, content, headers)) !== 412;
    }
    await tree.ensure(folderOf(name), options);
    if ((await tree.look(name, options)).kind !== "absent") return false;
    if (!goesInPlace) return await this.#putBeside(name, content, "create");
    await this.#putInPlace(name, content);
    return true;
  }

  /** Sends an object under its own name: this server lets it be seen only when it is complete. */
  async #putInPlace(name: ObjectName, content: Content): Promise<void> {
    const { options, body } = content;
    const bytes = body instanceof Uint8Array ? body : undefined;
    const before = bytes === undefined ? await this.#lookBefore(name, options) : undefined;
    try {
      await this.#within(name, options, () => this.#send(name, content));
    } catch (thrown) {
      if (!(thrown instanceof AmbiguousError)) throw thrown;
      const check = bytes === undefined
        ? () => this.#isReplaced(name, content, before)
        : () => this.#stands(name, bytes, content);
      if (!await this.#settles(thrown, content, check)) throw thrown;
    }
  }

  /** Whether a complete object stands under `name` that can be told from the one before. */
  async #isReplaced(
    name: ObjectName,
    { options, sizeBytes }: Content,
    before: ObjectInfo | undefined,
  ): Promise<boolean> {
    const standing = await this.#parts.tree.look(name, options);
    if (standing.kind !== "object" || standing.info.sizeBytes !== sizeBytes) return false;
    if (before === undefined || before.sizeBytes !== sizeBytes) return true;
    return standing.info.modifiedMs !== before.modifiedMs;
  }

  /**
   * Sends an object under a temporary name, looks whether it is complete where that may be in doubt, and gives it its
   * own name. Says whether it did, which is always so unless it was only to create.
   */
  async #putBeside(name: ObjectName, content: Content, way: Way): Promise<boolean> {
    const temporary = temporaryFor(name);
    try {
      await this.#upload(temporary, content);
      if (await this.#move(temporary, name, { content, way })) return true;
    } catch (thrown) {
      await this.#removeQuietly(temporary);
      throw thrown;
    }
    await this.#removeQuietly(temporary);
    return false;
  }

  async #upload(temporary: ObjectName, content: Content): Promise<void> {
    const isSmall = content.body instanceof Uint8Array;
    try {
      await this.#within(temporary, content.options, () => this.#send(temporary, content));
      if (isSmall) return;
    } catch (thrown) {
      if (!(thrown instanceof AmbiguousError)) throw thrown;
      // The server may have it all and still be at work, as those that hash what they got.
      if (await this.#settles(thrown, content, () => this.#isComplete(temporary, content))) return;
      throw thrown;
    }
    if (await this.#isComplete(temporary, content)) return;
    throw new BackendError(
      "protocol",
      `Cannot ${content.options.action}: the server kept less than the ${content.sizeBytes} bytes sent`,
      { retryable: true },
    );
  }

  /** Gives an uploaded object its name, and never replaces a folder. Says whether it did. */
  async #move(
    temporary: ObjectName,
    name: ObjectName,
    { content, way }: { readonly content: Content; readonly way: Way },
  ): Promise<boolean> {
    let replaces = way === "replace";
    for (let turn = 0; turn < MAX_MOVES; turn++) {
      const answer = await this.#moveOnce(temporary, name, { content, replaces });
      if (answer === "done") return true;
      // Of a folder in the way servers tell in several ways.
      const { kind } = await this.#parts.tree.look(name, content.options);
      if (kind === "folder") throw folderStands(content.options);
      if (answer.status !== 412) throw refusal(name, answer);
      if (way === "create") return false;
      replaces = kind === "object";
    }
    throw new BackendError(
      "unavailable",
      `Cannot ${content.options.action}: others keep writing there`,
    );
  }

  async #moveOnce(
    temporary: ObjectName,
    name: ObjectName,
    { content, replaces }: { readonly content: Content; readonly replaces: boolean },
  ): Promise<Answer | "done"> {
    const { dav, tree, origin } = this.#parts;
    const headers = () => ({
      Destination: (this.#movesByPath ? "" : origin) + tree.targetOf(name),
      Overwrite: replaces ? "T" : "F",
    });
    const call = { ...content.options, method: "MOVE", target: tree.targetOf(temporary) };
    try {
      let answer = await dav.call({ ...call, headers: headers() });
      if ((answer.status === 400 || answer.status === 502) && !this.#movesByPath) {
        this.#movesByPath = true;
        answer = await dav.call({ ...call, headers: headers() });
        // A server that refuses both needs the whole URL.
        this.#movesByPath = isDone(answer) || answer.status === 412;
      }
      if (isDone(answer)) return "done";
      if (answer.status < 500 && answer.status !== 423) return answer;
      throw statusError(answer);
    } catch (thrown) {
      if (!(thrown instanceof BackendError) || thrown.code !== "unavailable") throw thrown;
      const isMoved = async () => {
        const [from, to] = [
          await tree.look(temporary, content.options),
          await tree.look(name, content.options),
        ];
        const isThere = to.kind === "object" && to.info.sizeBytes === content.sizeBytes;
        return from.kind === "absent" && isThere;
      };
      if (thrown instanceof AmbiguousError && await this.#settles(thrown, content, isMoved)) {
        return "done";
      }
      throw thrown;
    }
  }

  #send(
    name: ObjectName,
    { options, body }: Content,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const { dav, tree } = this.#parts;
    return dav.call({ ...options, method: "PUT", target: tree.targetOf(name), body, headers });
  }

  /**
   * Writes with the folder of `name` there, and once more if it turns out to have gone; gives the status of a success,
   * or 412.
   */
  async #within(
    name: ObjectName,
    options: TreeOptions,
    write: () => Promise<Answer>,
  ): Promise<number> {
    const { tree } = this.#parts;
    const folder = folderOf(name);
    await tree.ensure(folder, options);
    const answer = await write();
    if (isDone(answer) || answer.status === 412) return answer.status;
    const isRedirect = answer.status >= 300 && answer.status < 400;
    if (!isRedirect && !PLACE_TROUBLE.has(answer.status)) throw statusError(answer);
    tree.forget(folder);
    if ((await tree.look(name, options)).kind === "folder") throw folderStands(options);
    if (await tree.isThere(folder, options)) throw refusal(name, answer);
    await tree.ensure(folder, options);
    const second = await write();
    if (isDone(second) || second.status === 412) return second.status;
    throw refusal(name, second);
  }

  async #isComplete(name: ObjectName, content: Content): Promise<boolean> {
    const standing = await this.#parts.tree.look(name, content.options);
    return standing.kind === "object" && standing.info.sizeBytes === content.sizeBytes;
  }

  /** Whether exactly `bytes` stand under `name`. */
  async #stands(
    name: ObjectName,
    bytes: Uint8Array,
    { options }: Content,
  ): Promise<boolean> {
    const { dav, tree } = this.#parts;
    const answer = await dav.send({ ...options, method: "GET", target: tree.targetOf(name) });
    if (answer.status !== 200) {
      await answer.drop();
      return false;
    }
    try {
      const standing = await answer.bytes(bytes.length);
      return standing.length === bytes.length && standing.every((byte, i) => byte === bytes[i]);
    } catch (thrown) {
      if (thrown instanceof BackendError && thrown.code === "too-large") return false;
      throw thrown;
    }
  }

  /**
   * Looks once whether the server lists a hidden object: some leave out of listings what begins with a dot, and the
   * relay would look empty of records and locks. Known servers need no look.
   *
   * @throws {BackendError} `unsupported`
   */
  async #checkListed(name: ObjectName, options: TreeOptions): Promise<void> {
    const { tree, profile } = this.#parts;
    if (this.#listsHidden || profile.isKnown || !isHidden(name)) return;
    const listing = await tree.list(folderOf(name), options);
    if (listing?.objects.some((it) => it.name === name)) {
      this.#listsHidden = true;
    } else if ((await tree.look(name, options)).kind === "object") {
      throw new BackendError(
        "unsupported",
        `Cannot ${options.action}: the server keeps it but does not list it`,
        { hint: 'Let the server list names that begin with "."' },
      );
    }
  }

  /**
   * Asks over and over, ever more rarely, whether what `thrown` left open has come about; gives up after the time-out,
   * or soon if the connection was cut.
   */
  async #settles(
    thrown: AmbiguousError,
    { options: { signal } }: Content,
    check: () => Promise<boolean>,
  ): Promise<boolean> {
    const { timeoutMs } = this.#parts;
    const patienceMs = thrown instanceof CutError ? Math.min(CUT_MS, timeoutMs) : timeoutMs;
    const endMs = performance.now() + patienceMs;
    for (let waitMs = FIRST_LOOK_MS;; waitMs = Math.min(2 * waitMs, LONGEST_LOOK_MS)) {
      try {
        if (await check()) return true;
      } catch (thrown) {
        if (!(thrown instanceof BackendError) || !thrown.retryable) throw thrown;
      }
      if (performance.now() + waitMs > endMs) return false;
      await sleep(waitMs, undefined, signal === undefined ? {} : { signal }).catch(() => {});
      signal?.throwIfAborted();
    }
  }

  /** Removes what an upload left, also when its signal has aborted. What cannot be removed now is removed in a day. */
  async #removeQuietly(temporary: ObjectName): Promise<void> {
    const { dav, tree, trace } = this.#parts;
    const action = `remove ${JSON.stringify(temporary)}`;
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), CLEAN_UP_MS);
    try {
      const target = tree.targetOf(temporary);
      await dav.call({ action, method: "DELETE", target, signal: patience.signal });
    } catch (thrown) {
      trace(`left ${temporary} behind: ${String(thrown)}`);
    } finally {
      clearTimeout(timer);
    }
  }
}

function isDone({ status }: Answer): boolean {
  return status >= 200 && status < 300 && status !== 207 && status !== 202;
}

function folderStands({ action }: { readonly action: string }): BackendError {
  return new BackendError("exists", `Cannot ${action}: a folder of that name stands there`);
}
