import { concatBytes } from "../bytes.ts";

/** Reads a source of bytes in portions of the reader's choice. Holds one chunk of the source and one portion. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #ended = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next bytes, at least one and at most `maxBytes`; none at the end. */
  async some(maxBytes: number): Promise<Uint8Array> {
    while (this.#chunk.length === 0 && !this.#ended) {
      const next = await this.#source.next();
      if (next.done === true) this.#ended = true;
      else this.#chunk = next.value;
    }
    const taken = this.#chunk.subarray(0, maxBytes);
    this.#chunk = this.#chunk.subarray(taken.length);
    return taken;
  }

  /** The next `sizeBytes` bytes, in memory of their own; fewer if the end comes first. */
  async take(sizeBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const portion = new Uint8Array(sizeBytes);
    let filled = 0;
    while (filled < sizeBytes) {
      const next = await this.some(sizeBytes - filled);
      if (next.length === 0) return portion.subarray(0, filled);
      portion.set(next, filled);
      filled += next.length;
    }
    return portion;
  }

  /** Puts bytes back, to be read next. */
  unread(bytes: Uint8Array): void {
    this.#chunk = concatBytes(bytes, this.#chunk);
  }

  /** Whether nothing follows. */
  async atEnd(): Promise<boolean> {
    const next = await this.some(this.#chunk.length || Infinity);
    this.#chunk = next;
    return next.length === 0;
  }

  /** All that is left, in chunks as they come. */
  async *rest(): AsyncGenerator<Uint8Array> {
    while (true) {
      const next = await this.some(Infinity);
      if (next.length === 0) return;
      yield next;
    }
  }

  /** Tells the source that no more is wanted. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#source.return?.();
  }
}

/** The bytes of a source in blocks of `blockBytes` but for the last, each in memory of its own. */
export async function* inBlocks(
  source: AsyncIterable<Uint8Array>,
  blockBytes: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let block = new Uint8Array(blockBytes);
  let filled = 0;
  for await (const chunk of source) {
    for (let offset = 0; offset < chunk.length;) {
      const part = chunk.subarray(offset, offset + blockBytes - filled);
      block.set(part, filled);
      offset += part.length;
      filled += part.length;
      if (filled < blockBytes) continue;
      yield block;
      block = new Uint8Array(blockBytes);
      filled = 0;
    }
  }
  if (filled > 0) yield block.slice(0, filled);
}
