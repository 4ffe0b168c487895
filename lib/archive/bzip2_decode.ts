import { BitWindow, OutOfBits } from "./_bzip2_bits.ts";
import { corruptBzip2, MAX_BLOCK_BYTES, readBlock, type TransformedBlock } from "./_bzip2_block.ts";

/** No block is longer than this when compressed, unless somebody made it so. */
const MAX_COMPRESSED_BYTES = 4 << 20;
/** With so much at hand most blocks are there whole. */
const USUAL_BYTES = 1 << 20;
const OUTPUT_BYTES = 65536;

const STREAM_MAGIC = 0x425a68; // "BZh"
const BLOCK_MAGIC = [0x314159, 0x265359] as const;
const END_MAGIC = [0x177245, 0x385090] as const;

/**
 * Decompresses bzip2: any number of streams one behind the other, nothing between or behind them. Holds one block, a few
 * megabytes, whatever comes, and gives pieces of 64 KiB as they are asked for.
 *
 * @throws {EscaleError} `corrupt` if the data is cut, changed or followed by anything else
 */
export async function* decodeBzip2(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const input = new BlockInput(source);
  const work = new Uint32Array(MAX_BLOCK_BYTES);
  try {
    do {
      const maxBytes = await input.read(readStreamHeader);
      let streamCrc = 0;
      while (true) {
        const part = await input.read((bits) => readPart(bits, work, maxBytes));
        if (part.kind === "end") {
          if (part.crc !== streamCrc) throw corruptBzip2("the checksum of a stream does not match");
          break;
        }
        const crc = yield* expandBlock(work, part.block);
        if (crc !== part.crc) throw corruptBzip2("the checksum of a block does not match");
        streamCrc = ((streamCrc << 1 | streamCrc >>> 31) ^ crc) >>> 0;
      }
    } while (await input.hasMore());
  } finally {
    await input.close();
  }
}

type Part =
  | { readonly kind: "block"; readonly crc: number; readonly block: TransformedBlock }
  | { readonly kind: "end"; readonly crc: number };

/** The size of the blocks of a stream. */
function readStreamHeader(bits: BitWindow): number {
  const magic = bits.read(24);
  const level = bits.read(8) - 0x30;
  if (magic !== STREAM_MAGIC || level < 1 || level > 9) throw corruptBzip2("a header is wrong");
  return level * 100_000;
}

function readPart(bits: BitWindow, work: Uint32Array, maxBytes: number): Part {
  const magic = [bits.read(24), bits.read(24)];
  const crc = (bits.read(16) << 16 | bits.read(16)) >>> 0;
  if (magic[0] === END_MAGIC[0] && magic[1] === END_MAGIC[1]) {
    bits.align();
    return { kind: "end", crc };
  }
  if (magic[0] !== BLOCK_MAGIC[0] || magic[1] !== BLOCK_MAGIC[1]) {
    throw corruptBzip2("a block begins wrongly");
  }
  return { kind: "block", crc, block: readBlock(bits, work, { maxBytes }) };
}

/** Gives out the bits of a source in portions that readers can use whole. */
class BlockInput {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #bits = new BitWindow();
  #ended = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** What `reader` makes of the next bits. It is called again from the start if they were too few. */
  async read<T>(reader: (bits: BitWindow) => T): Promise<T> {
    await this.#fill(USUAL_BYTES);
    while (true) {
      const start = this.#bits.position;
      try {
        return reader(this.#bits);
      } catch (error) {
        // What is wrong may be the zeros behind the last byte.
        if (!(error instanceof OutOfBits) && this.#bits.left >= 0) throw error;
        this.#bits.position = start;
        if (this.#ended) throw corruptBzip2("it ends too early");
        const bytes = this.#bits.left / 8;
        if (bytes >= MAX_COMPRESSED_BYTES) throw corruptBzip2("a block is too long");
        await this.#fill(2 * bytes);
      }
    }
  }

  async hasMore(): Promise<boolean> {
    await this.#fill(1);
    return this.#bits.left > 0;
  }

  async close(): Promise<void> {
    if (!this.#ended) await this.#source.return?.();
  }

  async #fill(wantedBytes: number): Promise<void> {
    while (!this.#ended && this.#bits.left < 8 * wantedBytes) {
      const next = await this.#source.next();
      if (next.done === true) this.#ended = true;
      else this.#bits.append(next.value);
    }
  }
}

/** Walks along a block, expands its runs and gives the checksum of what came out. */
function* expandBlock(
  work: Uint32Array,
  block: TransformedBlock,
): Generator<Uint8Array<ArrayBuffer>, number> {
  const walk = { at: block.start, left: block.sizeBytes, last: -1, equal: 0, repeats: 0 };
  let crc = 0xffffffff;
  while (walk.left > 0 || walk.repeats > 0) {
    const output = new Uint8Array(OUTPUT_BYTES);
    const filled = output.subarray(0, walkOn(work, walk, output));
    crc = updateCrc(crc, filled);
    yield filled;
  }
  return ~crc >>> 0;
}

/** A walk along the words of a block. */
interface Walk {
  at: number;
  left: number;
  /** The byte before, and how often it stood in a row: four times are followed by a count of repeats. */
  last: number;
  equal: number;
  repeats: number;
}

/** Fills `output` as far as the block goes and gives the number of bytes put there. */
function walkOn(work: Uint32Array, walk: Walk, output: Uint8Array): number {
  let { at, left, last, equal, repeats } = walk;
  let size = 0;
  while (size < output.length && (left > 0 || repeats > 0)) {
    if (repeats > 0) {
      const end = Math.min(output.length, size + repeats);
      output.fill(last, size, end);
      repeats -= end - size;
      size = end;
      continue;
    }
    const word = work[at] ?? 0;
    const byte = word & 255;
    at = word >>> 8;
    left -= 1;
    if (equal === 4) {
      repeats = byte;
      equal = 0;
      continue;
    }
    equal = byte === last && equal > 0 ? equal + 1 : 1;
    last = byte;
    output[size++] = byte;
  }
  Object.assign(walk, { at, left, last, equal, repeats });
  return size;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc << 1 ^ (crc < 0 ? 0x04c11db7 : 0);
  return crc;
});

/** The CRC-32 of bzip2, highest bit first. */
function updateCrc(crc: number, bytes: Uint8Array): number {
  for (const byte of bytes) crc = crc << 8 ^ (CRC_TABLE[(crc >>> 24) ^ byte] ?? 0);
  return crc;
}
