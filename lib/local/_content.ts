import { Buffer } from "node:buffer";
import { EscaleError } from "../errors.ts";
import { printable, type RelativePath } from "../path.ts";
import { failureOf } from "./_failure.ts";

/** What is to be written. */
export interface ContentOptions {
  readonly path: RelativePath;
  readonly signal?: AbortSignal;
  readonly sizeBytes?: number;
  readonly timeS?: number;
}

/** The first bytes of a file, up to this many, are written synchronously, which is faster. */
const SYNCHRONOUS_BYTES = 256 * 1024;

/** A shorter hole saves no block of the disk. */
const MIN_HOLE_BYTES = 16 * 1024;
const ZEROS = new Uint8Array(1024 * 1024);

/** Writes a whole file at a stretch and sets its time. @returns its length */
export function writeBytes(
  handle: Deno.FsFile,
  bytes: Uint8Array,
  options: ContentOptions,
): number {
  checkLength(bytes.length, true, options);
  attempt(() => writeAllSync(handle, bytes), options.path);
  setTime(handle, options);
  return bytes.length;
}

/** Writes a whole file from a stream and sets its time; an abort cancels the stream. @returns its length */
export async function writeStream(
  handle: Deno.FsFile,
  stream: ReadableStream<Uint8Array>,
  options: ContentOptions,
): Promise<number> {
  const { path, signal } = options;
  const reader = stream.getReader();
  const stop = () => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", stop, { once: true });
  let written = 0;
  // The next chunk is made while one is written.
  let writing: Promise<void> = Promise.resolve();
  let endsInHole = false;
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      written += read.value.length;
      checkLength(written, false, options);
      const { value } = read;
      await writing;
      endsInHole = isHole(value);
      if (endsInHole) attempt(() => handle.seekSync(value.length, Deno.SeekMode.Current), path);
      else if (written <= SYNCHRONOUS_BYTES) attempt(() => writeAllSync(handle, value), path);
      else {
        writing = writeAll(handle, value).catch((cause) => {
          throw failureOf(cause, "write", path);
        });
        // It is waited for below; until then its failure is nobody's.
        writing.catch(() => {});
      }
    }
    await writing;
    if (endsInHole) attempt(() => handle.truncateSync(written), path);
    signal?.throwIfAborted();
    checkLength(written, true, options);
    setTime(handle, options);
    return written;
  } finally {
    await writing.catch(() => {});
    signal?.removeEventListener("abort", stop);
    reader.releaseLock();
  }
}

/** Whether bytes are left out of a file, as all are zero: so a sparse file takes no more space than where it came from. */
function isHole(bytes: Uint8Array): boolean {
  if (bytes.length < MIN_HOLE_BYTES || bytes.length > ZEROS.length) return false;
  return Buffer.compare(bytes, ZEROS.subarray(0, bytes.length)) === 0;
}

/** Refuses too much as soon as it comes, so that a wrong length cannot fill the disk. */
function checkLength(written: number, isEnd: boolean, options: ContentOptions): void {
  const { path, sizeBytes } = options;
  if (sizeBytes === undefined || (isEnd ? written === sizeBytes : written <= sizeBytes)) return;
  throw new EscaleError(
    "corrupt",
    `Cannot write "${printable(path)}": ${isEnd ? "" : "at least "}${written} bytes came, ` +
      `not ${sizeBytes}`,
    { path },
  );
}

function setTime(handle: Deno.FsFile, { path, timeS }: ContentOptions): void {
  if (timeS === undefined) return;
  try {
    handle.utimeSync(timeS, timeS);
  } catch (cause) {
    throw failureOf(cause, "set the time of", path);
  }
}

function attempt(write: () => void, path: RelativePath): void {
  try {
    write();
  } catch (cause) {
    throw failureOf(cause, "write", path);
  }
}

function writeAllSync(handle: Deno.FsFile, bytes: Uint8Array): void {
  for (let from = 0; from < bytes.length;) from += handle.writeSync(bytes.subarray(from));
}

async function writeAll(handle: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let from = 0; from < bytes.length;) from += await handle.write(bytes.subarray(from));
}
