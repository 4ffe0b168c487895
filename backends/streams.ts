/** What storages beyond a network have in common in sending a content and gathering an answer. */

/** What a source threw while it was sent: it passes through as it is. */
export class SourceFailure extends Error {
  readonly reason: unknown;

  constructor(reason: unknown) {
    super("The source failed");
    this.reason = reason;
  }
}

/** Opens a content to be sent. @throws {SourceFailure} */
export function openReader(
  source: { open(): ReadableStream<Uint8Array> },
): ReadableStreamDefaultReader<Uint8Array> {
  try {
    return source.open().getReader();
  } catch (thrown) {
    throw new SourceFailure(thrown);
  }
}

/** The next part of a content to be sent. @throws {SourceFailure} */
export async function readFrom(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<ReadableStreamReadResult<Uint8Array>> {
  try {
    return await reader.read();
  } catch (thrown) {
    throw new SourceFailure(thrown);
  }
}

/** Waits for `promise`, and calls `late` if that takes longer than `ms`. */
export async function withTimer<T>(promise: Promise<T>, ms: number, late: () => void): Promise<T> {
  const timer = setTimeout(late, ms);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

/** Chunks of that many bytes together in one piece. */
export function joined(chunks: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const [only] = chunks;
  if (chunks.length === 1 && only !== undefined) return only;
  const bytes = new Uint8Array(sizeBytes);
  let end = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, end);
    end += chunk.length;
  }
  return bytes;
}
