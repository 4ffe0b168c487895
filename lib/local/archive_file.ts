import { basename, dirname, join } from "node:path";
import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";
import { failureOf } from "./_failure.ts";

const CHUNK_BYTES = 512 * 1024;

/** A file that gets its name when it is complete; disposed of before, nothing is left of it. */
export interface NewFile extends AsyncDisposable {
  /** Writes all of `content`. @throws {EscaleError} `full`, `denied`; what the content fails with */
  write(content: ReadableStream<Uint8Array>): Promise<void>;
  /** What was written, from its start. */
  read(): ReadableStream<Uint8Array>;
  /** Makes it durable and gives it its name. @throws {EscaleError} `refused` if the name is taken; `full`, `denied` */
  finish(): Promise<void>;
}

/**
 * Begins a file at `path`, which must be free, under a hidden name beside it that only the user can read.
 *
 * @throws {EscaleError} `refused` if something stands there; `denied`, `full`
 */
export async function newFile(path: string): Promise<NewFile> {
  checkFree(path);
  const temporary = join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}.part`);
  const file = await attempt(
    path,
    "write",
    () => Deno.open(temporary, { read: true, write: true, createNew: true, mode: 0o600 }),
  );
  let isOpen = true;
  let isNamed = false;
  const close = () => {
    if (isOpen) file.close();
    isOpen = false;
  };
  return {
    async write(content) {
      for await (const chunk of content) {
        for (let from = 0; from < chunk.length;) {
          from += await attempt(path, "write", () => file.write(chunk.subarray(from)));
        }
      }
    },
    read: () => readFile(temporary),
    async finish() {
      await attempt(path, "write", () => file.sync());
      close();
      checkFree(path);
      await attempt(path, "write", () => Deno.rename(temporary, path));
      isNamed = true;
      await syncFolder(dirname(path));
    },
    async [Symbol.asyncDispose]() {
      close();
      if (!isNamed) await Deno.remove(temporary).catch(() => {});
    },
  };
}

/** The content of a file, opened when it is first read. The stream fails with EscaleError `denied`. */
export function readFile(path: string): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunksOf(path));
}

async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  using file = await attempt(path, "read", () => Deno.open(path));
  while (true) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const count = await attempt(path, "read", () => file.read(chunk));
    if (count === null) return;
    yield chunk.subarray(0, count);
  }
}

/** @throws {EscaleError} `refused` if something stands at `path` */
function checkFree(path: string): void {
  try {
    Deno.lstatSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return;
    throw failureOf(cause, "look at", path);
  }
  throw new EscaleError("refused", `Cannot write "${printable(path)}": it exists already`, {
    hint: "Name another file, or remove that one",
  });
}

async function syncFolder(folder: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using handle = await Deno.open(folder);
  await handle.sync();
}

async function attempt<T>(path: string, verb: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw failureOf(cause, verb, path);
  }
}
