import { BackendError, type ByteSource } from "../backend.ts";
import { openReader, readFrom, SourceFailure } from "../streams.ts";
import { connectionError } from "./_errors.ts";
import { isDone, isPreliminary, type Reply } from "./_reply.ts";
import type { Refusal, Session, Transfer } from "./_session.ts";
import type { Wire } from "./_wire.ts";

/** How long a server may take to say what became of a transfer that was broken off, milliseconds. */
const SETTLE_MS = 5_000;

/** What {@linkcode upload} sends, and where to. */
export interface Upload {
  /** As the server is to get it. */
  readonly path: string;
  readonly source: ByteSource;
  /** Commands to be sent before it. */
  readonly before?: readonly string[];
  readonly signal: AbortSignal | undefined;
}

/** A file that the server has confirmed to be stored. */
export interface Uploaded {
  readonly kind: "stored";
  /** The answers to the commands before it. */
  readonly before: readonly Reply[];
}

/**
 * Sends the source's content to a file of the server; gives the server's refusal, or its word that all is stored. After a failure part of it may stand there.
 *
 * @throws {BackendError} `protocol` if the source is not as long as it says; else as the server or connection fails.
 * What the source throws is thrown on.
 */
export async function upload(session: Session, options: Upload): Promise<Refusal | Uploaded> {
  const { path, source, before = [], signal } = options;
  const content = wholeOf(source);
  const transfer = await session.transfer(`STOR ${path}`, {
    before,
    ...(content === undefined ? {} : { content }),
  });
  if (transfer.kind === "refused") return transfer;
  const { data, sent } = transfer;
  try {
    if (sent !== undefined) await withinSilence(data, { session, pending: sent });
    else {
      if (content === undefined) await pour(source, { data, session, signal });
      else await sendWhole(content, { data, session });
      await withinSilence(data, { session, pending: data.end() });
    }
  } catch (thrown) {
    data.close();
    const reply = await settle(session, transfer);
    if (thrown instanceof WireFailure) {
      if (reply !== undefined && !isDone(reply)) throw session.dataError(reply);
      throw connectionError(thrown.cause);
    }
    throw thrown;
  }
  try {
    const reply = isPreliminary(transfer.first) ? await session.reply() : transfer.first;
    if (!isDone(reply)) throw session.dataError(reply);
    return { kind: "stored", before: transfer.before };
  } finally {
    data.close();
  }
}

/** A failure of the data connection. */
class WireFailure extends Error {
  constructor(cause: unknown) {
    super("the data connection failed", { cause });
  }
}

async function settle(session: Session, { first }: Transfer): ReturnType<Settle> {
  if (!isPreliminary(first)) return first;
  try {
    return await session.reply(SETTLE_MS);
  } catch {
    return undefined;
  }
}

type Settle = (session: Session) => Promise<Transfer["first"] | undefined>;

interface Sending {
  readonly data: Wire;
  readonly session: Session;
}

/** The content, if it is in memory. @throws {BackendError} `protocol` if it has another length than said */
function wholeOf(source: ByteSource): Uint8Array | undefined {
  let bytes: Uint8Array | undefined;
  try {
    ({ bytes } = source);
  } catch (thrown) {
    throw new SourceFailure(thrown);
  }
  if (bytes !== undefined && bytes.length !== source.sizeBytes) {
    throw wrongLength(source, bytes.length);
  }
  return bytes;
}

async function sendWhole(bytes: Uint8Array, { data, session }: Sending): Promise<void> {
  if (bytes.length > 0) await withinSilence(data, { session, pending: data.write(bytes) });
}

async function pour(
  source: ByteSource,
  { data, session, signal }: Sending & { readonly signal: AbortSignal | undefined },
): Promise<void> {
  const reader = openReader(source);
  const abort = () => {
    data.close();
    // Its failure is the abort's.
    reader.cancel(signal?.reason).catch(() => {});
  };
  signal?.addEventListener("abort", abort, { once: true });
  try {
    if (signal?.aborted) abort();
    let sentBytes = 0;
    while (true) {
      const { done, value } = await readFrom(reader);
      signal?.throwIfAborted();
      if (done) break;
      sentBytes += value.length;
      if (sentBytes > source.sizeBytes) throw wrongLength(source, sentBytes);
      if (value.length > 0) await withinSilence(data, { session, pending: data.write(value) });
    }
    if (sentBytes < source.sizeBytes) throw wrongLength(source, sentBytes);
  } catch (thrown) {
    await reader.cancel(thrown).catch(() => {});
    signal?.throwIfAborted();
    throw thrown;
  } finally {
    signal?.removeEventListener("abort", abort);
    reader.releaseLock();
  }
}

/** What `pending` gives; closes the connection if that takes longer than a silence may. */
async function withinSilence(
  data: Wire,
  { session, pending }: { readonly session: Session; readonly pending: Promise<void> },
): Promise<void> {
  const timer = setTimeout(() => data.close(), session.timeoutMs);
  try {
    await pending;
  } catch (thrown) {
    throw new WireFailure(thrown);
  } finally {
    clearTimeout(timer);
  }
}

function wrongLength({ sizeBytes }: ByteSource, foundBytes: number): BackendError {
  const how = foundBytes > sizeBytes ? "longer" : "shorter";
  return new BackendError(
    "protocol",
    `its content is ${how} than the ${sizeBytes} bytes announced`,
  );
}
