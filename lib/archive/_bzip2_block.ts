import { EscaleError } from "../errors.ts";
import { type BitWindow, OutOfBits } from "./_bzip2_bits.ts";

/** The largest block that there is, in bytes. */
export const MAX_BLOCK_BYTES = 900_000;

/** A block as it stands in `work`: a permutation of its bytes and where to begin. */
export interface TransformedBlock {
  readonly sizeBytes: number;
  /** The index in `work` at which the first byte is looked up. */
  readonly start: number;
}

const GROUP_SYMBOLS = 50;
const MAX_CODE_BITS = 20;
/** Codes up to this length are looked up in one step. */
const FAST_BITS = 10;

/** So many bytes are moved faster one by one than by a call. */
const FEW = 24;

/** The prefix code of one group of symbols. */
interface PrefixCode {
  /** By the next {@linkcode FAST_BITS} bits: symbol and, in the low 5 bits, length; 0 if the code is longer. */
  readonly fast: Uint16Array;
  /** By length: the first code that is longer, aligned to {@linkcode MAX_CODE_BITS} bits. */
  readonly limits: Int32Array;
  /** By length: what to take from a code to get an index in `symbols`. */
  readonly offsets: Int32Array;
  /** The symbols in the order of their codes. */
  readonly symbols: Uint16Array;
}

/**
 * Reads a block behind its checksum and fills `work`, of {@linkcode MAX_BLOCK_BYTES} words, with what the inverse
 * Burrows-Wheeler transform walks along: in each word a byte, and above it the index of the next word.
 *
 * @throws {OutOfBits} if it does not end within `bits`; {EscaleError} `corrupt` if it is not a block
 */
export function readBlock(
  bits: BitWindow,
  work: Uint32Array,
  options: { readonly maxBytes: number },
): TransformedBlock {
  if (bits.read(1) !== 0) throw corruptBzip2("it is randomised, as only bzip2 before 1.0 wrote it");
  const origin = bits.read(24);
  const bytes = readUsedBytes(bits);
  const groups = bits.read(3);
  if (groups < 2 || groups > 6) throw corruptBzip2("the number of its tables is wrong");
  const selectors = readSelectors(bits, groups);
  const codes = Array.from({ length: groups }, () => readPrefixCode(bits, bytes.length + 2));
  const counts = new Int32Array(256);
  const sizeBytes = decodeSymbols(bits, { bytes, selectors, codes, work, counts, ...options });
  if (bits.left < 0) throw new OutOfBits();
  if (origin >= sizeBytes) throw corruptBzip2("its origin is outside");
  linkBytes(work, counts, sizeBytes);
  return { sizeBytes, start: (work[origin] ?? 0) >>> 8 };
}

/** The error for data that is not bzip2. */
export function corruptBzip2(why: string): EscaleError {
  return new EscaleError("corrupt", `Cannot decompress the bzip2 data: ${why}`);
}

function readUsedBytes(bits: BitWindow): Uint8Array<ArrayBuffer> {
  const rows = bits.read(16);
  const used: number[] = [];
  for (let row = 0; row < 16; row++) {
    if ((rows >>> (15 - row) & 1) === 0) continue;
    const columns = bits.read(16);
    for (let column = 0; column < 16; column++) {
      if ((columns >>> (15 - column) & 1) === 1) used.push(16 * row + column);
    }
  }
  if (used.length === 0) throw corruptBzip2("it uses no byte");
  return Uint8Array.from(used);
}

/** For each group of symbols the number of its table, written as positions in a list whose last used is moved to front. */
function readSelectors(bits: BitWindow, groups: number): Uint8Array {
  const count = bits.read(15);
  if (count === 0) throw corruptBzip2("it selects no table");
  const recent = Uint8Array.from({ length: groups }, (_, i) => i);
  const selectors = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    let at = 0;
    while (bits.read(1) === 1) {
      if (++at === groups) throw corruptBzip2("it selects a table that is not there");
    }
    selectors[i] = moveToFront(recent, at);
  }
  return selectors;
}

function moveToFront(list: Uint8Array, at: number): number {
  const found = list[at] ?? 0;
  if (at < FEW) { for (let i = at; i > 0; i--) list[i] = list[i - 1] ?? 0; }
  else list.copyWithin(1, 0, at);
  list[0] = found;
  return found;
}

/** Reads the lengths of a code, each as its difference from the one before, and builds the code. */
function readPrefixCode(bits: BitWindow, symbolCount: number): PrefixCode {
  const lengths = new Uint8Array(symbolCount);
  let length = bits.read(5);
  for (let symbol = 0; symbol < symbolCount; symbol++) {
    while (true) {
      if (length < 1 || length > MAX_CODE_BITS) throw corruptBzip2("a code has a wrong length");
      if (bits.read(1) === 0) break;
      length += bits.read(1) === 0 ? 1 : -1;
    }
    lengths[symbol] = length;
  }
  return buildPrefixCode(lengths);
}

function buildPrefixCode(lengths: Uint8Array): PrefixCode {
  const code = {
    fast: new Uint16Array(1 << FAST_BITS),
    limits: new Int32Array(MAX_CODE_BITS + 2),
    offsets: new Int32Array(MAX_CODE_BITS + 2),
    symbols: new Uint16Array(lengths.length),
  };
  let next = 0;
  let placed = 0;
  for (let length = 1; length <= MAX_CODE_BITS; length++) {
    code.offsets[length] = next - placed;
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] !== length) continue;
      code.symbols[placed++] = symbol;
      if (length <= FAST_BITS) {
        const first = next << (FAST_BITS - length);
        code.fast.fill(symbol << 5 | length, first, first + (1 << (FAST_BITS - length)));
      }
      next += 1;
    }
    code.limits[length] = next << (MAX_CODE_BITS - length);
    if (next > 1 << length) throw corruptBzip2("a code has too many symbols");
    next <<= 1;
  }
  return code;
}

interface SymbolInput {
  readonly bytes: Uint8Array;
  readonly selectors: Uint8Array;
  readonly codes: readonly PrefixCode[];
  readonly work: Uint32Array;
  /** Filled with the number of times that each byte occurs. */
  readonly counts: Int32Array;
  readonly maxBytes: number;
}

/** Undoes prefix codes, zero runs and move-to-front; gives the number of bytes put into `work`. */
function decodeSymbols(bits: BitWindow, input: SymbolInput): number {
  const { work, counts, maxBytes } = input;
  const recent = input.bytes.slice();
  const end = recent.length + 1;
  let size = 0;
  let run = 0;
  let runWeight = 1;
  for (const selector of input.selectors) {
    const code = input.codes[selector];
    if (code === undefined) break;
    for (let i = 0; i < GROUP_SYMBOLS; i++) {
      const symbol = readSymbol(bits, code);
      if (symbol < 2) {
        run += runWeight << symbol;
        runWeight *= 2;
        if (run > maxBytes - size) throw corruptBzip2("a block is too long");
        continue;
      }
      if (run > 0) {
        const byte = recent[0] ?? 0;
        work.fill(byte, size, size + run);
        counts[byte] = (counts[byte] ?? 0) + run;
        size += run;
        run = 0;
        runWeight = 1;
      }
      if (symbol === end) return size;
      if (size === maxBytes) throw corruptBzip2("a block is too long");
      const byte = moveToFront(recent, symbol - 1);
      counts[byte] = (counts[byte] ?? 0) + 1;
      work[size++] = byte;
    }
    if (bits.left < 0) throw new OutOfBits();
  }
  throw corruptBzip2("a block has no end");
}

function readSymbol(bits: BitWindow, code: PrefixCode): number {
  const ahead = bits.peek32() >>> (32 - MAX_CODE_BITS);
  const entry = code.fast[ahead >>> (MAX_CODE_BITS - FAST_BITS)] ?? 0;
  if (entry !== 0) {
    bits.position += entry & 31;
    return entry >>> 5;
  }
  for (let length = FAST_BITS + 1; length <= MAX_CODE_BITS; length++) {
    if (ahead >= (code.limits[length] ?? 0)) continue;
    bits.position += length;
    const index = (ahead >>> (MAX_CODE_BITS - length)) - (code.offsets[length] ?? 0);
    return code.symbols[index] ?? 0;
  }
  throw corruptBzip2("a code is not in its table");
}

/** Puts above each byte the index at which the byte after it stands. */
function linkBytes(work: Uint32Array, counts: Int32Array, sizeBytes: number): void {
  const next = new Int32Array(256);
  for (let byte = 1; byte < 256; byte++) {
    next[byte] = (next[byte - 1] ?? 0) + (counts[byte - 1] ?? 0);
  }
  for (let i = 0; i < sizeBytes; i++) {
    const byte = (work[i] ?? 0) & 255;
    const target = next[byte] ?? 0;
    next[byte] = target + 1;
    work[target] = (work[target] ?? 0) | i << 8;
  }
}
