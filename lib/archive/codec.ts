import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { concatBytes } from "../bytes.ts";
import { EscaleError } from "../errors.ts";
import { ByteReader, inBlocks } from "./_bytes.ts";
import { decodeGzip, decodeZstd } from "./_zlib_decode.ts";
import { decodeBzip2 } from "./bzip2_decode.ts";
import { BZIP2_BLOCK_BYTES, type CompressBlock, compressHere } from "./bzip2_encode.ts";

/** How a content is compressed. */
export type Compression = "bz2" | "zstd" | "gzip" | "none";

/** All compressions, the one that Escale 0.7 reads first. */
export const COMPRESSIONS: readonly Compression[] = ["bz2", "zstd", "gzip", "none"];

/** How to compress. */
export interface CompressOptions {
  readonly compression: Compression;
  /** Compresses the blocks of bzip2, the slow one; by default on this thread. */
  readonly compressBzip2?: CompressBlock;
  /**
   * How many blocks are under way at a time, each of about 1 MB; by default one, and enough to keep some threads at work
   * where `compressBzip2` is given.
   */
  readonly parallelBlocks?: number;
}

/** How to decompress. */
export interface DecompressOptions {
  /** The most that may come out. */
  readonly maxBytes: number;
  /**
   * Whether a content that is neither compressed nor a tar archive is taken for one of compression `none`. By default it
   * is refused: an empty or cut content shows no compression either.
   */
  readonly allowPlain?: boolean;
}

const BLOCK_BYTES = 1 << 20;
/** More than there are threads, since blocks are handed out in their order. */
const PARALLEL_BLOCKS = 12;
const ZSTD_LEVEL = 1;
const GZIP_LEVEL = 1;
const SAMPLE_BYTES = 32 * 1024;
/** A sample that stays above this part of its size is not worth the time. */
const WORTHWHILE = 0.97;

/** Where a tar archive says what it is, and what it says there. */
const TAR_MAGIC_OFFSET = 257;
const TAR_MAGIC = [0x75, 0x73, 0x74, 0x61, 0x72]; // "ustar"
const HEAD_BYTES = TAR_MAGIC_OFFSET + TAR_MAGIC.length;
const MAGICS: readonly (readonly [Compression, readonly number[]])[] = [
  ["bz2", [0x42, 0x5a, 0x68]], // "BZh"
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["gzip", [0x1f, 0x8b]],
];

/**
 * Compresses a content, block by block: bzip2 streams, zstd frames or gzip members one behind the other, which every
 * reader of these formats joins. Blocks of gzip that would not shrink are stored; zstd finds such by itself and loses no
 * time, bzip2 cannot store. Errors of `source` come through as they are.
 */
export function compress(
  source: ReadableStream<Uint8Array>,
  options: CompressOptions,
): ReadableStream<Uint8Array> {
  switch (options.compression) {
    case "none":
      return source;
    case "bz2":
      return ReadableStream.from(
        compressBlocks(source, {
          blockBytes: BZIP2_BLOCK_BYTES,
          compressBlock: options.compressBzip2 ?? compressHere,
          parallelBlocks: options.parallelBlocks ??
            (options.compressBzip2 === undefined ? 1 : PARALLEL_BLOCKS),
        }),
      );
    case "zstd":
      return compressInTurn(source, compressZstd);
    case "gzip":
      return compressInTurn(source, compressGzip);
    default:
      return options.compression satisfies never;
  }
}

/**
 * Decompresses a content, whichever compression its first bytes show. Holds some megabytes at most, whatever the content
 * expands to.
 *
 * The stream fails with an EscaleError: `corrupt` if the content is cut, changed, followed by anything else or of no
 * known form, `refused` once it gives more than `maxBytes`. Errors of `source` come through as they are.
 */
export function decompress(
  source: ReadableStream<Uint8Array>,
  options: DecompressOptions,
): ReadableStream<Uint8Array> {
  return ReadableStream.from(limited(decode(new ByteReader(source), options), options.maxBytes));
}

/** {@linkcode compress} of a small content at once. */
export function compressBytes(
  content: Uint8Array,
  options: CompressOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  return collect(compress(ReadableStream.from([content]), options));
}

/** {@linkcode decompress} of a small content at once; throws what the stream would fail with. */
export function decompressBytes(
  content: Uint8Array,
  options: DecompressOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  return collect(decompress(ReadableStream.from([content]), options));
}

/**
 * The compression that a content's first bytes show, 262 of them where it has so many. A tar archive is `none` even where
 * the name of its first member looks like the start of another format; what shows nothing is `undefined`.
 */
export function detectCompression(head: Uint8Array): Compression | undefined {
  if (startsWith(head.subarray(TAR_MAGIC_OFFSET), TAR_MAGIC)) return "none";
  return MAGICS.find(([, magic]) => startsWith(head, magic))?.[0];
}

async function* decode(
  reader: ByteReader,
  options: DecompressOptions,
): AsyncGenerator<Uint8Array> {
  try {
    const head = await reader.take(HEAD_BYTES);
    reader.unread(head);
    const compression = detectCompression(head) ?? (options.allowPlain ? "none" : undefined);
    if (compression === undefined) {
      throw new EscaleError(
        "corrupt",
        "Cannot decompress the data: it begins neither as bzip2, zstd, gzip nor as a tar archive",
      );
    }
    yield* decoderOf(compression)(reader);
  } finally {
    await reader.close();
  }
}

function decoderOf(
  compression: Compression,
): (reader: ByteReader) => AsyncGenerator<Uint8Array> {
  switch (compression) {
    case "bz2":
      return (reader) => decodeBzip2(reader.rest());
    case "zstd":
      return decodeZstd;
    case "gzip":
      return decodeGzip;
    case "none":
      return (reader) => reader.rest();
    default:
      return compression satisfies never;
  }
}

async function* limited(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const chunk of source) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) {
      throw new EscaleError(
        "refused",
        `Refused the compressed data: it expands to more than ${maxBytes} bytes`,
      );
    }
    yield chunk;
  }
}

function compressInTurn(
  source: ReadableStream<Uint8Array>,
  compressBlock: (block: Uint8Array) => Uint8Array,
): ReadableStream<Uint8Array> {
  return ReadableStream.from(compressBlocks(source, {
    blockBytes: BLOCK_BYTES,
    compressBlock: (block) => Promise.resolve(compressBlock(block)),
    parallelBlocks: 1,
  }));
}

interface BlockOptions {
  readonly blockBytes: number;
  readonly compressBlock: CompressBlock;
  readonly parallelBlocks: number;
}

async function* compressBlocks(
  source: AsyncIterable<Uint8Array>,
  options: BlockOptions,
): AsyncGenerator<Uint8Array> {
  const underWay: Promise<Uint8Array>[] = [];
  const start = (block: Uint8Array): void => {
    const compressed = options.compressBlock(block);
    // Its failure is thrown when its turn comes, which another failure may prevent.
    compressed.catch(() => {});
    underWay.push(compressed);
  };
  let isEmpty = true;
  try {
    for await (const block of inBlocks(source, options.blockBytes)) {
      isEmpty = false;
      start(block);
      if (underWay.length >= options.parallelBlocks) yield await next(underWay);
    }
    if (isEmpty) start(new Uint8Array(0));
    while (underWay.length > 0) yield await next(underWay);
  } finally {
    await Promise.allSettled(underWay);
  }
}

function next(underWay: Promise<Uint8Array>[]): Promise<Uint8Array> | Uint8Array {
  return underWay.shift() ?? new Uint8Array(0);
}

function compressZstd(block: Uint8Array): Uint8Array {
  return zstdCompressSync(block, {
    params: {
      [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  });
}

function compressGzip(block: Uint8Array): Uint8Array {
  return gzipSync(block, { level: shrinks(block) ? GZIP_LEVEL : 0 });
}

/** Whether the middle of a block shrinks. */
function shrinks(block: Uint8Array): boolean {
  const start = Math.max(0, (block.length - SAMPLE_BYTES) >> 1);
  const sample = block.subarray(start, start + SAMPLE_BYTES);
  return gzipSync(sample, { level: GZIP_LEVEL }).length < WORTHWHILE * sample.length;
}

function startsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, i) => bytes[i] === byte);
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return concatBytes(...parts);
}
