import { pipeline, type Transform } from "node:stream";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import { concatBytes } from "../bytes.ts";
import { EscaleError, messageOf } from "../errors.ts";
import type { ByteReader } from "./_bytes.ts";

const OUTPUT_BYTES = 128 * 1024;

const ZSTD_MAGIC = 0xfd2fb528;
/** The window that every decoder should grant (RFC 8878, 3.1.1.1.2), and the most that is granted here. */
const MAX_WINDOW_BYTES = 8 << 20;
const MAX_ZSTD_BLOCK_BYTES = 128 * 1024;
const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;

/**
 * Decompresses gzip members, one behind the other; zeros may follow.
 *
 * @throws {EscaleError} `corrupt`
 */
export function decodeGzip(reader: ByteReader): AsyncGenerator<Uint8Array> {
  return decode("gzip", createGunzip({ chunkSize: OUTPUT_BYTES }), reader.rest());
}

/**
 * Decompresses zstd frames, one behind the other.
 *
 * Each goes through a decompressor of its own: the runtime's takes only the first of several frames in a chunk and says
 * nothing of a frame that is cut.
 *
 * @throws {EscaleError} `corrupt`; `refused` if a frame wants a window of more than 8 MiB
 */
export async function* decodeZstd(reader: ByteReader): AsyncGenerator<Uint8Array> {
  do {
    const decompressor = createZstdDecompress({
      chunkSize: OUTPUT_BYTES,
      params: { [constants.ZSTD_d_windowLogMax]: Math.log2(MAX_WINDOW_BYTES) },
    });
    yield* decode("zstd", decompressor, readFrame(reader));
  } while (!await reader.atEnd());
}

async function* decode(
  format: string,
  decompressor: Transform,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let sourceError: unknown;
  const watched = async function* () {
    try {
      yield* source;
    } catch (error) {
      sourceError = error;
      throw error;
    }
  };
  // What fails is thrown by the loop below.
  pipeline(watched, decompressor, () => {});
  try {
    for await (const chunk of decompressor) yield chunk;
  } catch (cause) {
    if (sourceError !== undefined) throw sourceError;
    throw corrupt(format, messageOf(cause), cause);
  }
}

/** The bytes of one frame (RFC 8878, 3.1.1), a block at a time. */
async function* readFrame(reader: ByteReader): AsyncGenerator<Uint8Array> {
  const start = await takeExactly(reader, 5);
  if (new DataView(start.buffer).getUint32(0, true) !== ZSTD_MAGIC) {
    throw corrupt("zstd", "a frame begins wrongly");
  }
  const descriptor = start[4] ?? 0;
  const header = await takeExactly(reader, headerBytes(descriptor));
  checkWindow(descriptor, header);
  yield concatBytes(start, header);
  while (true) {
    const head = await takeExactly(reader, 3);
    const word = (head[0] ?? 0) | (head[1] ?? 0) << 8 | (head[2] ?? 0) << 16;
    const kind = word >> 1 & 3;
    const sizeBytes = word >> 3;
    if (kind === RESERVED_BLOCK || sizeBytes > MAX_ZSTD_BLOCK_BYTES) {
      throw corrupt("zstd", "a block begins wrongly");
    }
    yield concatBytes(head, await takeExactly(reader, kind === RLE_BLOCK ? 1 : sizeBytes));
    if ((word & 1) === 1) break;
  }
  if ((descriptor & 4) !== 0) yield await takeExactly(reader, 4);
}

/** How long the rest of a frame's header is: window, dictionary, content size. */
function headerBytes(descriptor: number): number {
  const isSingleSegment = (descriptor & 32) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return (isSingleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes;
}

function checkWindow(descriptor: number, header: Uint8Array): void {
  // A single segment is as large as its content: the decompressor judges that.
  if ((descriptor & 32) !== 0) return;
  const window = header[0] ?? 0;
  const base = 2 ** (10 + (window >> 3));
  if (base + base / 8 * (window & 7) > MAX_WINDOW_BYTES) {
    throw new EscaleError(
      "refused",
      "Refused zstd data: it was compressed with a window larger than 8 MiB",
    );
  }
}

async function takeExactly(
  reader: ByteReader,
  sizeBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await reader.take(sizeBytes);
  if (bytes.length < sizeBytes) throw corrupt("zstd", "it ends too early");
  return bytes;
}

function corrupt(format: string, why: string, cause?: unknown): EscaleError {
  return new EscaleError("corrupt", `Cannot decompress the ${format} data: ${why}`, { cause });
}
