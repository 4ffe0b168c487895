import {
  BackendError,
  type ByteSource,
  type CallOptions,
  type ObjectName,
  type PutOptions,
} from "../backend.ts";
import { Buffer } from "node:buffer";
import { existsSync } from "node:fs";
import { removeQuietly } from "./_create.ts";
import { attempt, fileError } from "./_errors.ts";
import { type Folders, lookAt } from "./_folders.ts";
import { folderOf } from "./_names.ts";
import type { Unflushed } from "./_unflushed.ts";

/** Objects up to this size are gathered in memory and written by synchronous calls, which is fastest. */
export const SMALL_BYTES: number = 256 * 1024;

/** A shorter hole saves no block of the disk. */
const MIN_HOLE_BYTES = 16 * 1024;
const ZEROS = new Uint8Array(1024 * 1024);

/** Writes objects: each to a temporary file in its folder, which then takes the name. */
export class Writer {
  readonly #folders: Folders;
  readonly #unflushed: Unflushed;

  constructor(folders: Folders, unflushed: Unflushed) {
    this.#folders = folders;
    this.#unflushed = unflushed;
  }

  /** As {@linkcode Backend.put}. What the source's stream throws is thrown as it is. */
  async put(name: ObjectName, source: ByteSource, options: PutOptions): Promise<void> {
    const action = `put ${JSON.stringify(name)}`;
    if (source.bytes === undefined && source.sizeBytes > SMALL_BYTES) {
      await this.#putLarge(name, source, options);
    } else {
      const bytes = source.bytes ?? await gather(action, source, options);
      attempt(action, () => this.#putSmall(name, bytes));
    }
    if (!options.isVolatile) this.#unflushed.written(name);
  }

  #putSmall(name: ObjectName, bytes: Uint8Array): void {
    this.#folders.within(folderOf(name), () => {
      const temporary = this.#folders.temporaryFor(name);
      try {
        Deno.writeFileSync(temporary, bytes, { createNew: true });
        this.#publish(temporary, name, bytes.length);
      } catch (thrown) {
        removeQuietly(temporary);
        throw thrown;
      }
    });
  }

  async #putLarge(name: ObjectName, source: ByteSource, options: CallOptions): Promise<void> {
    const action = `put ${JSON.stringify(name)}`;
    const temporary = this.#folders.temporaryFor(name);
    try {
      using file = attempt(action, () =>
        this.#folders.within(folderOf(name), () => {
          return Deno.openSync(temporary, { write: true, createNew: true });
        }));
      let endsInHole = false;
      await pour(action, source, options, async (chunk) => {
        endsInHole = isHole(chunk);
        try {
          if (endsInHole) file.seekSync(chunk.length, Deno.SeekMode.Current);
          else await writeWhole(file, chunk);
        } catch (thrown) {
          throw fileError(action, thrown);
        }
      });
      if (endsInHole) attempt(action, () => file.truncateSync(source.sizeBytes));
      // Windows renames no open file.
      file.close();
      attempt(action, () => this.#publish(temporary, name, source.sizeBytes));
    } catch (thrown) {
      removeQuietly(temporary);
      throw thrown;
    }
  }

  /** Gives a complete temporary file the name of its object. */
  #publish(temporary: string, name: ObjectName, sizeBytes: number): void {
    const path = this.#folders.pathOf(name);
    const written = Deno.lstatSync(temporary);
    if (written.size !== sizeBytes) {
      throw new BackendError(
        "unavailable",
        `Cannot put ${
          JSON.stringify(name)
        }: ${sizeBytes} bytes were written, ${written.size} stand there`,
      );
    }
    const replaced = existsSync(path) ? lookAt(path) : undefined;
    if (replaced !== undefined) moveTimeForward(temporary, written, replaced);
    Deno.renameSync(temporary, path);
  }
}

/** The content of a small source in one piece. */
async function gather(
  action: string,
  source: ByteSource,
  options: CallOptions,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(source.sizeBytes);
  let end = 0;
  await pour(action, source, options, (chunk) => {
    bytes.set(chunk, end);
    end += chunk.length;
  });
  return bytes;
}

/** Hands each chunk of `source` to `take`, and holds the stream to its length. */
async function pour(
  action: string,
  source: ByteSource,
  { signal }: CallOptions,
  take: (chunk: Uint8Array) => void | Promise<void>,
): Promise<void> {
  let sizeBytes = 0;
  const sink = new WritableStream<Uint8Array>({
    write(chunk) {
      sizeBytes += chunk.length;
      if (sizeBytes > source.sizeBytes) throw wrongLength(action, source, "longer");
      return take(chunk);
    },
    // One chunk more, so that the next is made while one is written.
  }, new CountQueuingStrategy({ highWaterMark: 2 }));
  await source.open().pipeTo(sink, signal === undefined ? {} : { signal });
  if (sizeBytes < source.sizeBytes) throw wrongLength(action, source, "shorter");
}

function wrongLength(action: string, source: ByteSource, how: string): BackendError {
  return new BackendError(
    "protocol",
    `Cannot ${action}: its content is ${how} than the ${source.sizeBytes} bytes announced`,
  );
}

/** Whether bytes are left out of a file, as all are zero: so a sparse file takes no more space than where it came from. */
function isHole(bytes: Uint8Array): boolean {
  if (bytes.length < MIN_HOLE_BYTES || bytes.length > ZEROS.length) return false;
  return Buffer.compare(bytes, ZEROS.subarray(0, bytes.length)) === 0;
}

async function writeWhole(file: Deno.FsFile, chunk: Uint8Array): Promise<void> {
  let rest = chunk;
  while (rest.length > 0) rest = rest.subarray(await file.write(rest));
}

/**
 * Sets the time of a temporary file past that of the object it replaces. Both may fall into one tick of the kernel's
 * clock, and the file system may give the new one the inode of the version before: the time keeps their tags apart.
 */
function moveTimeForward(path: string, written: Deno.FileInfo, replaced: Deno.FileInfo): void {
  const timeMs = replaced.mtime?.getTime() ?? 0;
  if ((written.mtime?.getTime() ?? 0) > timeMs) return;
  try {
    Deno.utimeSync(path, new Date(timeMs + 1), new Date(timeMs + 1));
  } catch {
    // Some network shares let nobody set times; tags are then as good as their clock.
  }
}
