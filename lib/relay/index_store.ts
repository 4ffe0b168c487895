import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";

/** The bits of a place that tell where in its piece a text begins. Small pieces, as some are read out of order. */
const OFFSET_BITS = 15;
const PIECE_BYTES = 1 << OFFSET_BITS;
const FAST = { [constants.ZSTD_c_compressionLevel]: 1 };
/** So many pieces are held as they are once they were read. */
const MAX_UNPACKED = 512;

/**
 * Holds many small texts in a third of their size: in pieces that are compressed once they are full. Those that were
 * added one after the other are read fast one after the other.
 */
export class PackedTexts {
  readonly #packed: Uint8Array[] = [];
  /** The pieces that were read last, the last of them at the end. */
  readonly #unpacked = new Map<number, Uint8Array>();
  #open = new Uint8Array(4096);
  #openBytes = 0;

  /** Adds a text and gives its place, a number below 2^32 as long as there are no more than 2^17 pieces. */
  add(text: Uint8Array): number {
    if (this.#openBytes > 0 && this.#openBytes + text.length > PIECE_BYTES) this.#pack();
    if (this.#openBytes + text.length > this.#open.length) this.#grow(text.length);
    const place = this.#packed.length * PIECE_BYTES + this.#openBytes;
    this.#open.set(text, this.#openBytes);
    this.#openBytes += text.length;
    return place;
  }

  /** The text that was added at a place. */
  at(place: number, sizeBytes: number): Uint8Array {
    const offset = place % PIECE_BYTES;
    return this.#piece(Math.floor(place / PIECE_BYTES)).subarray(offset, offset + sizeBytes);
  }

  #piece(number: number): Uint8Array {
    const packed = this.#packed[number];
    if (packed === undefined) return this.#open;
    const piece = this.#unpacked.get(number) ?? zstdDecompressSync(packed);
    this.#unpacked.delete(number);
    this.#unpacked.set(number, piece);
    const [oldest] = this.#unpacked.keys();
    if (this.#unpacked.size > MAX_UNPACKED && oldest !== undefined) this.#unpacked.delete(oldest);
    return piece;
  }

  #pack(): void {
    const piece = this.#open.subarray(0, this.#openBytes);
    const packed = zstdCompressSync(piece, { params: FAST });
    // In memory of its own: what comes may be a part of something larger.
    this.#packed.push(new Uint8Array(packed));
    this.#openBytes = 0;
  }

  #grow(addedBytes: number): void {
    const wantedBytes = Math.max(2 * this.#open.length, this.#openBytes + addedBytes);
    const grown = new Uint8Array(wantedBytes);
    grown.set(this.#open.subarray(0, this.#openBytes));
    this.#open = grown;
  }
}
