import { closeSync, constants, fstatSync, openSync, read as readCallback, readSync } from "node:fs";
import { promisify } from "node:util";
import { BackendError } from "../backend.ts";
import { fileError, saysAbsent, systemCodeOf } from "./_errors.ts";

const read = promisify(readCallback);

const CHUNK_BYTES = 256 * 1024;

/** How a file is opened: a link is not followed, and a pipe does not block. Windows has neither flag. */
export const READ_FLAGS: number = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) |
  (constants.O_NONBLOCK ?? 0);

/** An open object. Whoever holds it closes it. */
export interface OpenObject {
  readonly action: string;
  readonly descriptor: number;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/**
 * Opens the file at `path`; `undefined` if there is none, or something other than a plain file.
 *
 * @throws {BackendError} `too-large` if it is longer than `maxBytes`
 */
export function openObject(
  path: string,
  { action, maxBytes }: { readonly action: string; readonly maxBytes: number },
): OpenObject | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, READ_FLAGS);
  } catch (thrown) {
    if (saysAbsent(thrown) || isNoFile(thrown)) return undefined;
    throw thrown;
  }
  const info = fstatSync(descriptor);
  if (info.isFile() && info.size <= maxBytes) {
    return { action, descriptor, sizeBytes: info.size, modifiedMs: info.mtimeMs };
  }
  closeSync(descriptor);
  if (!info.isFile()) return undefined;
  throw new BackendError(
    "too-large",
    `Cannot ${action}: it has ${info.size} bytes, at most ${maxBytes} are taken`,
  );
}

/** Whether a socket stands there, or a device without a driver: neither can be opened. */
function isNoFile(thrown: unknown): boolean {
  const code = systemCodeOf(thrown);
  return code === "ENXIO" || code === "ENODEV";
}

/**
 * The bytes of a small plain file in the fewest calls, or `undefined` if it is anything else, or in motion: whoever asks
 * then takes the way of {@linkcode openObject}, which tells the cases apart.
 *
 * The looks before and after are at the path: where they agree, the file that was read is the one that stands there and
 * was not written to.
 *
 * @throws the system's error
 */
export function readQuickly(path: string, maxBytes: number): Uint8Array | undefined {
  const before = Deno.lstatSync(path);
  if (!before.isFile || before.size > maxBytes) return undefined;
  const bytes = new Uint8Array(before.size);
  const descriptor = openSync(path, READ_FLAGS);
  try {
    if (bytes.length > 0 && readSync(descriptor, bytes) !== bytes.length) return undefined;
  } finally {
    closeSync(descriptor);
  }
  const after = Deno.lstatSync(path);
  const isSame = after.isFile && after.size === before.size && after.ino === before.ino &&
    after.mtime?.getTime() === before.mtime?.getTime();
  return isSame ? bytes : undefined;
}

/** Reads an object whole, and closes it. @throws {BackendError} as {@linkcode streamObject}'s stream */
export function readObject(object: OpenObject): Uint8Array {
  try {
    const bytes = new Uint8Array(object.sizeBytes);
    let end = 0;
    while (end < bytes.length) {
      const count = readSync(object.descriptor, bytes, end, bytes.length - end, end);
      if (count === 0) throw endedEarly(object, end);
      end += count;
    }
    checkUnchanged(object);
    return bytes;
  } catch (thrown) {
    throw fileError(object.action, thrown);
  } finally {
    closeSync(object.descriptor);
  }
}

/**
 * The content of an object. The file is closed when the stream ends, errors or is cancelled, or `signal` aborts.
 *
 * The stream errors with a {@linkcode BackendError} `unavailable` if the file is written to meanwhile, as other programs
 * do that do not replace it.
 */
export function streamObject(
  object: OpenObject,
  signal: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
  let end = 0;
  let isReading = false;
  let isOpen = true;
  let abort: () => void;

  function finish(): void {
    if (!isOpen) return;
    isOpen = false;
    signal?.removeEventListener("abort", abort);
    // A read under way would otherwise land in whatever file gets the number next.
    if (!isReading) closeSync(object.descriptor);
  }

  async function readChunk(): Promise<Uint8Array> {
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, object.sizeBytes - end));
    isReading = true;
    try {
      const { bytesRead } = await read(object.descriptor, chunk, 0, chunk.length, end);
      return chunk.subarray(0, bytesRead);
    } finally {
      isReading = false;
      if (!isOpen) closeSync(object.descriptor);
    }
  }

  return new ReadableStream<Uint8Array>({
    start(controller) {
      abort = () => {
        controller.error(signal?.reason);
        finish();
      };
      signal?.addEventListener("abort", abort, { once: true });
    },
    async pull(controller) {
      try {
        const chunk = await readChunk();
        if (!isOpen) return;
        if (chunk.length === 0) throw endedEarly(object, end);
        end += chunk.length;
        if (end === object.sizeBytes) checkUnchanged(object);
        controller.enqueue(chunk);
        if (end < object.sizeBytes) return;
        finish();
        controller.close();
      } catch (thrown) {
        finish();
        throw fileError(object.action, thrown);
      }
    },
    cancel: finish,
  }, { highWaterMark: 0 });
}

/** A stream of bytes that are at hand. */
export function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}

function checkUnchanged({ action, descriptor, sizeBytes, modifiedMs }: OpenObject): void {
  const now = fstatSync(descriptor);
  if (now.size === sizeBytes && now.mtimeMs === modifiedMs) return;
  throw new BackendError("unavailable", `Cannot ${action}: it was written to meanwhile`);
}

function endedEarly({ action, sizeBytes }: OpenObject, end: number): BackendError {
  const message = `Cannot ${action}: it ended after ${end} of ${sizeBytes} bytes`;
  return new BackendError("protocol", message, { retryable: true });
}
