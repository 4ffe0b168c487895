import { BackendError, type ObjectName } from "../backend.ts";
import { type Download, download } from "./_download.ts";
import { about, replyError } from "./_errors.ts";
import { look } from "./_look.ts";
import type { Pool } from "./_pool.ts";
import { saysAbsent } from "./_reply.ts";
import type { Session } from "./_session.ts";

/** Objects up to this size are read at once, so that their connection is free before anybody reads them, bytes. */
const SMALL_BYTES = 64 * 1024;
/** How often an object is asked for that stands, although the server says that it cannot be read. */
const MAX_OPENINGS = 8;

/** Reads a whole object. @throws {BackendError} `not-found`; `too-large` if it is longer than `maxBytes` */
export async function readWhole(
  session: Session,
  { name, maxBytes }: { readonly name: ObjectName; readonly maxBytes: number },
): Promise<Uint8Array> {
  const content = await open(session, name);
  const chunks: Uint8Array[] = [];
  let totalBytes = 0;
  for (;;) {
    const chunk = await content.read();
    if (chunk === undefined) break;
    chunks.push(chunk);
    totalBytes += chunk.length;
    if (totalBytes > maxBytes) {
      content.close();
      throw new BackendError("too-large", `it is longer than the ${maxBytes} bytes that are taken`);
    }
  }
  if (chunks.length === 1 && chunks[0] !== undefined) return chunks[0];
  const bytes = new Uint8Array(totalBytes);
  let end = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, end);
    end += chunk.length;
  }
  return bytes;
}

/** What {@linkcode streamOf} works with. */
export interface StreamOptions {
  /** What is attempted, for errors. */
  readonly action: string;
  readonly signal: AbortSignal | undefined;
  readonly pool: Pool;
}

/** A stream of an object's content; it has a connection of its own until it ends, fails or is cancelled. */
export async function streamOf(
  name: ObjectName,
  options: StreamOptions,
): Promise<ReadableStream<Uint8Array>> {
  const { pool, signal } = options;
  const session = await pool.take("transfer", signal);
  try {
    signal?.throwIfAborted();
    const content = await open(session, name);
    const { sizeBytes = Infinity } = content;
    if (sizeBytes > SMALL_BYTES) return lastingStream(content, { ...options, session });
    const chunks: Uint8Array[] = [];
    for (let it = await content.read(); it !== undefined; it = await content.read()) {
      chunks.push(it);
    }
    pool.give(session);
    return streamOfChunks(chunks);
  } catch (thrown) {
    pool.give(session);
    throw thrown;
  }
}

async function open(session: Session, name: ObjectName): Promise<Download> {
  for (let opening = 1;; opening++) {
    const content = await download(session, session.path(name));
    if (content.kind === "begun") return content;
    if (!saysAbsent(content.reply)) throw replyError(content.reply);
    if (await look(session, name) === undefined) {
      throw new BackendError("not-found", "there is no such object");
    }
    // Refused, or another client made it between the answer and the look.
    if (opening === MAX_OPENINGS) throw replyError(content.reply);
  }
}

function lastingStream(
  content: Download,
  { action, signal, pool, session }: StreamOptions & { readonly session: Session },
): ReadableStream<Uint8Array> {
  let hasEnded = false;
  let abort = () => {};
  const end = () => {
    if (hasEnded) return;
    hasEnded = true;
    signal?.removeEventListener("abort", abort);
    pool.give(session);
  };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      abort = () => {
        content.close();
        controller.error(signal?.reason);
        end();
      };
      signal?.addEventListener("abort", abort, { once: true });
    },
    async pull(controller) {
      try {
        const chunk = await content.read();
        if (hasEnded) return;
        if (chunk !== undefined) return controller.enqueue(chunk);
        controller.close();
      } catch (thrown) {
        if (hasEnded) return;
        controller.error(about(action, thrown));
      }
      end();
    },
    cancel() {
      content.close();
      end();
    },
  }, { highWaterMark: 0 });
}

function streamOfChunks(chunks: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
  }, { highWaterMark: 0 });
}
