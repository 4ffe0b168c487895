import { concatBytes } from "../bytes.ts";
import { failureOf } from "./_failure.ts";

/** A content of known size that can be read any number of times, until it is disposed of. */
export interface SpooledContent extends Disposable {
  readonly sizeBytes: number;
  /** The content, if it is in memory. */
  readonly bytes?: Uint8Array;
  open(): ReadableStream<Uint8Array>;
}

/** Up to this size a content stays in memory. */
const MEMORY_BYTES = 8 * 1024 * 1024;
const CHUNK_BYTES = 512 * 1024;

/**
 * Holds a content whose size nobody knows beforehand: in memory while it is small, then in a file that only the user can
 * read. The place takes one at a time; what an earlier run left there is overwritten.
 *
 * @throws {EscaleError} `full`, `denied` if the file cannot be written; what the content itself throws is thrown on
 */
export async function spool(
  content: ReadableStream<Uint8Array>,
  place: string,
  options: { readonly memoryBytes?: number } = {},
): Promise<SpooledContent> {
  const memoryBytes = options.memoryBytes ?? MEMORY_BYTES;
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  let file: Deno.FsFile | undefined;
  try {
    for await (const chunk of content) {
      sizeBytes += chunk.length;
      if (file === undefined && sizeBytes > memoryBytes) {
        file = await writing(place, () => openAnew(place));
        for (const held of chunks.splice(0)) await writing(place, writeAll, file, held);
      }
      if (file === undefined) chunks.push(chunk);
      else await writing(place, writeAll, file, chunk);
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
