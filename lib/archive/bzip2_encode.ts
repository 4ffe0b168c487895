import { setImmediate } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { EscaleError, messageOf } from "../errors.ts";

/** Compresses a block of at most {@linkcode BZIP2_BLOCK_BYTES} to a bzip2 stream of its own. */
export type CompressBlock = (block: Uint8Array) => Promise<Uint8Array>;

/** The most that one bzip2 stream of ours holds: what fits one block at level 9. */
export const BZIP2_BLOCK_BYTES = 899_000;

const LEVEL = 9;
/** How hard libbz2 tries before it turns to its slower sort for repetitive blocks; its own default. */
const WORK_FACTOR = 30;
/** The bound that libbz2 states: 1 % and 600 bytes more than the input. */
const OUTPUT_BYTES = Math.ceil(BZIP2_BLOCK_BYTES * 1.01) + 600;
const WASM_PAGE_BYTES = 65536;

let encoder: Promise<Encoder> | undefined;

/**
 * Compresses on this thread, about a tenth of a second for each block; between blocks other work has its turn.
 *
 * @throws {EscaleError} `unsupported` if libbz2 cannot be loaded here
 */
export async function compressHere(block: Uint8Array): Promise<Uint8Array> {
  encoder ??= loadEncoder();
  const { compress } = await encoder;
  await setImmediate();
  return compress(block);
}

/**
 * Shares the blocks out: each goes to the compressor with the fewest. One that fails is not asked again, and its block is
 * compressed here.
 */
export function compressWithPool(compressors: readonly CompressBlock[]): CompressBlock {
  const pool = new Set(compressors.map((compress) => ({ compress, blocks: 0 })));
  return async (block) => {
    const [first, ...others] = pool;
    if (first === undefined) return compressHere(block);
    const idlest = others.reduce((best, next) => next.blocks < best.blocks ? next : best, first);
    idlest.blocks += 1;
    try {
      return await idlest.compress(block);
    } catch {
      pool.delete(idlest);
      return compressHere(block);
    } finally {
      idlest.blocks -= 1;
    }
  };
}

interface Encoder {
  compress(block: Uint8Array): Uint8Array;
}

async function loadEncoder(): Promise<Encoder> {
  try {
    // Loaded when it is wanted: most clients never compress with bzip2.
    const { BZIP2_WASM_GZIP_BASE64 } = await import("./_bzip2_wasm.ts");
    const code = gunzipSync(Uint8Array.fromBase64(BZIP2_WASM_GZIP_BASE64));
    return openEncoder(await Libbz2.load(new Uint8Array(code)));
  } catch (cause) {
    throw new EscaleError("unsupported", `Cannot load bzip2: ${messageOf(cause)}`, {
      hint: "Set compression to zstd where no client of Escale 0.7 shares the relay",
      cause,
    });
  }
}

function openEncoder(library: Libbz2): Encoder {
  const input = library.call("malloc", BZIP2_BLOCK_BYTES);
  const output = library.call("malloc", OUTPUT_BYTES);
  const outputLength = library.call("malloc", 4);
  return {
    compress(block) {
      if (block.length > BZIP2_BLOCK_BYTES) {
        throw new EscaleError(
          "internal",
          `Cannot compress a block of ${block.length} bytes: it should have ${BZIP2_BLOCK_BYTES} at most`,
        );
      }
      library.bytes.set(block, input);
      library.view.setUint32(outputLength, OUTPUT_BYTES, true);
      const status = library.call(
        "BZ2_bzBuffToBuffCompress",
        output,
        outputLength,
        input,
        block.length,
        LEVEL,
        0,
        WORK_FACTOR,
      );
      if (status !== 0) {
        throw new EscaleError(
          "internal",
          `Cannot compress a block of ${block.length} bytes: libbz2 answers ${status}`,
        );
      }
      return library.bytes.slice(output, output + library.view.getUint32(outputLength, true));
    },
  };
}

/** libbz2 as Emscripten compiled it. Addresses are offsets into its memory. */
class Libbz2 {
  readonly #exports: WebAssembly.Exports;
  readonly #memory: WebAssembly.Memory;

  private constructor(exports: WebAssembly.Exports) {
    const memory = exports["memory"];
    if (!(memory instanceof WebAssembly.Memory)) throw new Error("it exports no memory");
    this.#exports = exports;
    this.#memory = memory;
  }

  /** Instantiates the library with what it needs from outside: memory, and no files. */
  static async load(code: Uint8Array<ArrayBuffer>): Promise<Libbz2> {
    let library: Libbz2 | undefined = undefined;
    const env = {
      emscripten_resize_heap: (wantedBytes: number) => library?.grow(wantedBytes >>> 0) ?? 0,
      emscripten_memcpy_big: (target: number, from: number, sizeBytes: number) =>
        library?.bytes.copyWithin(target, from, from + sizeBytes),
      exit: refuse,
    };
    const wasi = { fd_close: refuse, fd_seek: refuse, fd_write: refuse };
    const { instance } = await WebAssembly.instantiate(code, { env, wasi_snapshot_preview1: wasi });
    library = new Libbz2(instance.exports);
    library.call("emscripten_stack_init");
    library.call("__wasm_call_ctors");
    return library;
  }

  /** The memory as it is now: a view is void once the library has grown it. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.#memory.buffer);
  }

  get view(): DataView {
    return new DataView(this.#memory.buffer);
  }

  call(name: string, ...numbers: readonly number[]): number {
    const exported = this.#exports[name];
    if (typeof exported !== "function") throw new Error(`it exports no function "${name}"`);
    return Number(Reflect.apply(exported, undefined, numbers));
  }

  /** Makes the memory at least that large and answers as the library expects: 1 done, 0 not. */
  grow(wantedBytes: number): number {
    const missingBytes = wantedBytes - this.#memory.buffer.byteLength;
    try {
      this.#memory.grow(Math.max(0, Math.ceil(missingBytes / WASM_PAGE_BYTES)));
      return 1;
    } catch {
      return 0;
    }
  }
}

/** libbz2 ends the program when it finds itself in an impossible state. */
function refuse(): never {
  throw new EscaleError("internal", "Cannot compress: libbz2 failed within itself");
}
