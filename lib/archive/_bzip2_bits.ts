/** Thrown when a reader wants more bits than have come. */
export class OutOfBits extends Error {
  override readonly name: string = "OutOfBits";
}

/** Zeros that stand behind the last byte: a reader may look so far ahead before it asks what is left. */
const SLACK_BYTES = 256;

/** The bits that have come and are not used up, the highest bit of each byte first. */
export class BitWindow {
  /** Where the next bit is, counted from the start of the window. */
  position = 0;
  #bytes = new Uint8Array(SLACK_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #sizeBytes = 0;

  /** The bits that have not been read; below zero after a look too far ahead. */
  get left(): number {
    return 8 * this.#sizeBytes - this.position;
  }

  /** Adds bytes at the end. May drop bytes that were read; `position` moves along. */
  append(bytes: Uint8Array): void {
    if (this.#sizeBytes + bytes.length + SLACK_BYTES > this.#bytes.length) {
      this.#makeRoom(bytes.length);
    }
    this.#bytes.set(bytes, this.#sizeBytes);
    this.#sizeBytes += bytes.length;
    this.#bytes.fill(0, this.#sizeBytes, this.#sizeBytes + SLACK_BYTES);
  }

  /** The next bits as a number, at most 24 of them. */
  read(count: number): number {
    if (count > this.left) throw new OutOfBits();
    const value = this.peek32() >>> (32 - count);
    this.position += count;
    return value;
  }

  /** The next bits in the upper part of a word of 32, at least 25 of them; zeros behind the end. */
  peek32(): number {
    return this.#view.getUint32(this.position >> 3) << (this.position & 7);
  }

  /** Skips to the start of a byte. */
  align(): void {
    this.position = (this.position + 7) & ~7;
  }

  #makeRoom(addedBytes: number): void {
    const kept = this.#bytes.subarray(this.position >> 3, this.#sizeBytes);
    const bytes = new Uint8Array(2 * (kept.length + addedBytes) + SLACK_BYTES);
    bytes.set(kept);
    this.position &= 7;
    this.#sizeBytes = kept.length;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
