import { statfsSync } from "node:fs";
import { concatBytes } from "../bytes.ts";
import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";
import { failureOf } from "./_failure.ts";

/** A content of known size that can be read any number of times, until it is disposed of. */
export interface SpooledContent extends Disposable {
  readonly sizeBytes: number;
  /** The content, if it is in memory. */
  readonly bytes?: Uint8Array;
  open(): ReadableStream<Uint8Array>;
}

/** How to hold a content. */
export interface SpoolOptions {
  /** Up to this size it stays in memory; 8 MiB by default. */
  readonly memoryBytes?: number;
  /** The part of what the content is made from that has been read, above 0 up to 1, to foresee its size by. */
  readonly share?: () => number;
  /** The free space of the file system on which a file stands; `undefined` if that is not known. */
  readonly freeBytes?: (place: string) => number | undefined;
}

/** Up to this size a content stays in memory. */
const MEMORY_BYTES = 8 * 1024 * 1024;
const CHUNK_BYTES = 512 * 1024;
/** After so much the free space is looked at again. */
const LOOK_EVERY_BYTES = 32 * 1024 * 1024;
/** So much of a disk is left to others. */
const KEPT_BYTES = 16 * 1024 * 1024;
const MIB = 1024 * 1024;

/**
 * Holds a content whose size nobody knows beforehand: in memory while it is small, then in a file that only the user can
 * read. The place takes one at a time; what an earlier run left there is overwritten. A disk that the content will not
 * fit is noticed early, as far as `share` and `freeBytes` tell.
 *
 * @throws {EscaleError} `full`, `denied` if the file cannot be written; what the content itself throws is thrown on
 */
export async function spool(
  content: ReadableStream<Uint8Array>,
  place: string,
  options: SpoolOptions = {},
): Promise<SpooledContent> {
  const memoryBytes = options.memoryBytes ?? MEMORY_BYTES;
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  let lookAtBytes = memoryBytes;
  let file: Deno.FsFile | undefined;
  try {
    for await (const chunk of content) {
      sizeBytes += chunk.length;
      chunks.push(chunk);
      if (sizeBytes <= memoryBytes) continue;
      file ??= await writing(place, () => openAnew(place));
      if (sizeBytes > lookAtBytes) {
        checkSpace(place, { ...options, sizeBytes });
        lookAtBytes = sizeBytes + LOOK_EVERY_BYTES;
      }
      for (const held of chunks.splice(0)) await writing(place, writeAll, file, held);
    }
  } catch (cause) {
    file?.close();
    if (file !== undefined) remove(place);
    throw cause;
  }
  if (file === undefined) return inMemory(concatBytes(...chunks));
  file.close();
  return {
    sizeBytes,
    open: () => streamOf(place),
    [Symbol.dispose]: () => remove(place),
  };
}

/** Removes what a run that ended in the middle left in the place. @throws {EscaleError} `denied` */
export function clearSpool(place: string): void {
  remove(place);
}

function inMemory(bytes: Uint8Array): SpooledContent {
  return {
    sizeBytes: bytes.length,
    bytes,
    open: () => ReadableStream.from([bytes]),
    [Symbol.dispose]: () => {},
  };
}

/**
 * Fails if what is still to come will not fit. What is foreseen from the part that has come may be wrong by half, as one
 * part of a content may shrink better than another.
 */
function checkSpace(
  place: string,
  options: SpoolOptions & { readonly sizeBytes: number },
): void {
  const { sizeBytes, share = () => 1, freeBytes = freeBytesAt } = options;
  const free = freeBytes(place);
  const leftBytes = sizeBytes * (1 / share() - 1);
  if (free === undefined || free >= leftBytes / 2 + KEPT_BYTES) return;
  const [need, have] = [leftBytes + KEPT_BYTES, free].map((bytes) => Math.round(bytes / MIB));
  throw new EscaleError(
    "full",
    `Cannot hold what is to be sent in "${printable(place)}": about ${need} MiB more are needed, ` +
      `and ${have} MiB are free on its disk`,
    { hint: 'Make space there, or set a smaller "maxpagesize"' },
  );
}

/** The free space of a file's disk. A worker's permissions may not suffice to ask. */
function freeBytesAt(place: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(place);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

async function openAnew(place: string): Promise<Deno.FsFile> {
  remove(place);
  return await Deno.open(place, { write: true, createNew: true, mode: 0o600 });
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}

async function writing<A extends readonly unknown[], T>(
  place: string,
  work: (...args: A) => Promise<T>,
  ...args: A
): Promise<T> {
  try {
    return await work(...args);
  } catch (cause) {
    throw failureOf(cause, "write", place);
  }
}

function streamOf(place: string): ReadableStream<Uint8Array> {
  let file: Deno.FsFile | undefined;
  return new ReadableStream({
    async pull(controller) {
      file ??= await Deno.open(place);
      const chunk = new Uint8Array(CHUNK_BYTES);
      const count = await file.read(chunk);
      if (count !== null) return controller.enqueue(chunk.subarray(0, count));
      file.close();
      controller.close();
    },
    cancel: () => file?.close(),
  }, { highWaterMark: 0 });
}

function remove(place: string): void {
  try {
    Deno.removeSync(place);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw failureOf(cause, "remove", place);
  }
}
