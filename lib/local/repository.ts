import { createHash, type Hash } from "node:crypto";
import { closeSync, constants, openSync, readSync } from "node:fs";
import { EscaleError, messageOf } from "../errors.ts";
import { changedError, failureOf, systemCodeOf } from "./_failure.ts";
import { sameStamp, statFile } from "./_inside.ts";
import { stampOf } from "./_look.ts";
import type { LocalFile } from "./scan.ts";

export {
  CLOCK_GRANULARITY_MS,
  isSettled,
  resolveInside,
  sameContentStamp,
  sameStamp,
  statFile,
} from "./_inside.ts";

/** Files up to this size are read with one synchronous call. */
export const SMALL_FILE_BYTES: number = 256 * 1024;
/** How much of a larger file is in memory at a time. */
const CHUNK_BYTES = 256 * 1024;

/** How a file is opened that should be no link, and not block if it has become a pipe; Windows has no such flags. */
const DIRECT_FLAGS: number | undefined = Deno.build.os === "windows"
  ? undefined
  : constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A file to be read; a `ByteSource` for the backends. */
export interface FileSource {
  readonly sizeBytes: number;
  /** Reads a small file whole, at each access; absent for larger ones. */
  readonly bytes?: Uint8Array;
  open(): ReadableStream<Uint8Array>;
}

/**
 * The content of `file`. Its streams open the file when first read, and end only if it still is what `file` says when
 * its last byte was read; else they error before handing that byte over.
 *
 * @throws {EscaleError} in the stream: `changed`, `denied`, `refused`
 */
export function openFile(root: string, file: LocalFile): FileSource {
  const { sizeBytes } = file;
  if (sizeBytes > SMALL_FILE_BYTES) return { sizeBytes, open: () => largeStream(root, file) };
  return {
    sizeBytes,
    get bytes() {
      return readWhole(root, file);
    },
    open: () => smallStream(root, file),
  };
}

/**
 * The digest of `file` in hexadecimal digits. `algorithm` is a name that OpenSSL knows, as `sha512`.
 *
 * @throws {EscaleError} `changed` if the file is not, or does not stay, what `file` says; `unsupported` if there is no
 * such algorithm; `denied`, `refused`
 */
export async function digestFile(
  root: string,
  file: LocalFile,
  algorithm: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<string> {
  options.signal?.throwIfAborted();
  if (file.sizeBytes <= SMALL_FILE_BYTES) return digestFileSync(root, file, algorithm);
  const hash = hashOf(algorithm);
  await using reading = new Reading(root, file);
  for (let chunk = await reading.next(); chunk !== undefined; chunk = await reading.next()) {
    hash.update(chunk);
    options.signal?.throwIfAborted();
  }
  return hash.digest("hex");
}

/** As {@linkcode digestFile}, at a stretch and through memory: for files up to {@linkcode SMALL_FILE_BYTES}. */
export function digestFileSync(root: string, file: LocalFile, algorithm: string): string {
  const hash = hashOf(algorithm);
  return hash.update(readWhole(root, file)).digest("hex");
}

function hashOf(algorithm: string): Hash {
  try {
    return createHash(algorithm);
  } catch (cause) {
    throw new EscaleError(
      "unsupported",
      `Cannot compute checksums with "${algorithm}": ${messageOf(cause)}`,
      { cause },
    );
  }
}

function smallStream(root: string, file: LocalFile): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      const bytes = readWhole(root, file);
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  }, { highWaterMark: 0 });
}

function largeStream(root: string, file: LocalFile): ReadableStream<Uint8Array> {
  let reading: Reading | undefined;
  return new ReadableStream({
    async pull(controller) {
      reading ??= new Reading(root, file);
      const chunk = await reading.next();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
    cancel: () => reading?.close(),
  }, { highWaterMark: 0 });
}

function readWhole(root: string, file: LocalFile): Uint8Array {
  return readDirectly(root, file) ?? readThroughLink(root, file);
}

/**
 * Reads a small file that no link stands for; `undefined` if one does. The look afterwards shows whether what was read
 * is what stands there, and stood there before.
 */
function readDirectly(root: string, file: LocalFile): Uint8Array | undefined {
  if (DIRECT_FLAGS === undefined) return undefined;
  const bytes = new Uint8Array(file.sizeBytes);
  let filled: number;
  try {
    const descriptor = openSync(`${root}/${file.path}`, DIRECT_FLAGS);
    try {
      filled = fill(bytes, (rest) => readSync(descriptor, rest));
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    if (systemCodeOf(cause) === "ELOOP") return undefined;
    checkUnchanged(root, file);
    throw failureOf(cause, "read", file.path);
  }
  checkUnchanged(root, file);
  if (filled < bytes.length) throw changedError(file.path, "it became shorter while it was read");
  return bytes;
}

function readThroughLink(root: string, file: LocalFile): Uint8Array {
  using handle = openUnchanged(root, file);
  const bytes = new Uint8Array(file.sizeBytes);
  const filled = readOrThrow(file, () => fill(bytes, (rest) => handle.readSync(rest) ?? 0));
  if (filled < bytes.length) throw changedError(file.path, "it became shorter while it was read");
  checkUnchanged(root, file);
  return bytes;
}

/** Reads as many bytes as there are, at most those that fit. @returns their number */
function fill(bytes: Uint8Array, read: (rest: Uint8Array) => number): number {
  let filled = 0;
  while (filled < bytes.length) {
    const count = read(bytes.subarray(filled));
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

/** A large file being read, one chunk ahead. Closes itself at its end and when a read fails. */
class Reading implements AsyncDisposable {
  readonly #root: string;
  readonly #file: LocalFile;
  readonly #handle: Deno.FsFile;
  #isOpen = true;
  #leftBytes: number;
  #ahead: Promise<Uint8Array | undefined> | undefined;

  constructor(root: string, file: LocalFile) {
    this.#root = root;
    this.#file = file;
    this.#handle = openUnchanged(root, file);
    this.#leftBytes = file.sizeBytes;
  }

  /** The next bytes, or `undefined` at the end. */
  async next(): Promise<Uint8Array | undefined> {
    const chunk = await (this.#ahead ?? this.#read());
    this.#ahead = chunk && this.#read();
    // It is waited for by the next call; until then its failure is nobody's.
    this.#ahead?.catch(() => {});
    return chunk;
  }

  /** Ends early. */
  async close(): Promise<void> {
    await this.#ahead?.catch(() => {});
    this.#end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #read(): Promise<Uint8Array | undefined> {
    if (this.#leftBytes === 0) return undefined;
    try {
      const chunk = new Uint8Array(Math.min(CHUNK_BYTES, this.#leftBytes));
      const count = await this.#handle.read(chunk);
      if (count === null) {
        throw changedError(this.#file.path, "it became shorter while it was read");
      }
      this.#leftBytes -= count;
      if (this.#leftBytes === 0) {
        checkUnchanged(this.#root, this.#file);
        this.#end();
      }
      return chunk.subarray(0, count);
    } catch (cause) {
      this.#end();
      throw failureOf(cause, "read", this.#file.path);
    }
  }

  #end(): void {
    if (this.#isOpen) this.#handle.close();
    this.#isOpen = false;
  }
}

function openUnchanged(root: string, file: LocalFile): Deno.FsFile {
  checkUnchanged(root, file);
  const handle = readOrThrow(file, () => Deno.openSync(`${root}/${file.path}`, { read: true }));
  try {
    const opened = readOrThrow(file, () => stampOf(handle.statSync()));
    if (!sameStamp(opened, file)) {
      throw changedError(file.path, "it has changed since it was last looked at");
    }
    return handle;
  } catch (cause) {
    handle.close();
    throw cause;
  }
}

function checkUnchanged(root: string, file: LocalFile): void {
  const now = statFile(root, file.path);
  if (now === undefined) throw changedError(file.path, "it is gone");
  if (!sameStamp(now, file)) {
    throw changedError(file.path, "it has changed since it was last looked at");
  }
}

function readOrThrow<T>(file: LocalFile, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw failureOf(cause, "read", file.path);
  }
}
