import { utf8 } from "../support/byte_streams.ts";

/** Numbers that look random and are the same for the same seed (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to `end - 1`. */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ mixed >>> 15, mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return Math.floor(((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32 * end);
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(list: readonly [T, ...T[]]): T {
    return list[this.below(list.length)] ?? list[0];
  }
}

/** The most bytes of an input. */
export const MAX_INPUT_BYTES: number = 64 * 1024;

const EMPTY = new Uint8Array(0);
const ODD_BYTES = [
  ...[0x00, 0x01, 0x09, 0x0a, 0x0d, 0x1b, 0x20, 0x22, 0x25, 0x26, 0x27, 0x28, 0x2b, 0x2c, 0x2d],
  ...[0x2e, 0x2f, 0x30, 0x31, 0x37, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x40, 0x41, 0x5b],
  ...[0x5c, 0x5d, 0x5f, 0x61, 0x7b, 0x7d, 0x7e, 0x7f, 0x80, 0xc3, 0xed, 0xf0, 0xfe, 0xff],
] as const;
const ODD_TEXTS = [
  ...["..", "../", "/", "//", "./", "\0", "\r", "\n", "\r\n", "\n\n", " ", "  ", "\t", ":", ": "],
  ...["=", ";", ",", "%", "%%", "%00", "%2e%2e%2f", "%zz", "&", "&#0;", "&#xd800;", "&lt;", "'"],
  ...['"', '\\"', "<", "</", ">", "/>", "<!--", "-->", "<![CDATA[", "]]>", "<!DOCTYPE a>", "-"],
  ...["-1", "0", "00", "1", "-0", "0x10", "1e9", "1e400", "NaN", "Infinity", "4294967296"],
  ...["9007199254740991", "9007199254740993", "99999999999999999999999", "077777777777"],
  ...["__proto__", "constructor", "toString", "null", "true", "undefined", "{}", "[]", '{"a":1}'],
  ...["\ufeff", "\u2028", "\u202e", "\u0085", "\u00a0", "\u00e9", "e\u0301", "\u6f22", "\u{1f600}"],
  ...["---pullers---\n", "---group---\n", "-----------\n", "placeholder%1.0\n", "lock%1.0\n"],
  ...["pusher: ", "timestamp: ", "checksum: ", "size: ", "base: ", "owner: ", "mode: w", "beat: "],
  ...["220-", "220 ", "type=file;", "size=", "Jan  1 00:00 ", "Digest ", "Basic", "nonce=", "qop="],
].map(utf8);
const ODD_BYTE_SEQUENCES = [
  ...[[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]],
  ...[[0x42, 0x5a, 0x68, 0x39], [0x17, 0x72, 0x45, 0x38, 0x50, 0x90], [0x28, 0xb5, 0x2f, 0xfd]],
  ...[[0x1f, 0x8b, 0x08, 0x00], [0x80, 0x00, 0x00, 0x00], [0xff, 0xff, 0xff, 0xff]],
].map((bytes) => Uint8Array.from(bytes));
const ODD: readonly Uint8Array[] = [...ODD_TEXTS, ...ODD_BYTE_SEQUENCES];

/** One step away from what a parser knows. `others` are inputs to take pieces from. */
type Step = (bytes: Uint8Array, dice: Dice, others: readonly Uint8Array[]) => Uint8Array;

const flipBit: Step = (bytes, dice) => {
  const at = dice.below(bytes.length);
  return replaced(bytes, { at, cut: 1 }, Uint8Array.of((bytes[at] ?? 0) ^ 1 << dice.below(8)));
};
const setByte: Step = (bytes, dice) =>
  replaced(bytes, { at: dice.below(bytes.length), cut: 1 }, Uint8Array.of(dice.pick(ODD_BYTES)));
const insertOdd: Step = (bytes, dice) =>
  replaced(
    bytes,
    { at: dice.below(bytes.length + 1), cut: 0 },
    ODD[dice.below(ODD.length)] ?? EMPTY,
  );
const replaceByOdd: Step = (bytes, dice) =>
  replaced(bytes, pieceOf(bytes, dice), ODD[dice.below(ODD.length)] ?? EMPTY);
const cutEnd: Step = (bytes, dice) => bytes.subarray(0, dice.below(bytes.length + 1));
const cutStart: Step = (bytes, dice) => bytes.subarray(dice.below(bytes.length + 1));
const drop: Step = (bytes, dice) => replaced(bytes, pieceOf(bytes, dice), EMPTY);
const repeat: Step = (bytes, dice) => {
  const { at, cut } = pieceOf(bytes, dice);
  return replaced(bytes, { at, cut: 0 }, times(bytes.subarray(at, at + cut), 1 + dice.below(8)));
};
/** A long run of one thing: what is slow on long lines shows there. */
const run: Step = (bytes, dice) => {
  const unit = dice.once(2)
    ? Uint8Array.of(dice.pick(ODD_BYTES))
    : ODD[dice.below(ODD.length)] ?? EMPTY;
  const most = dice.once(8) ? MAX_INPUT_BYTES : 600;
  const many = times(unit, 1 + dice.below(Math.ceil(most / unit.length)));
  return replaced(bytes, { at: dice.below(bytes.length + 1), cut: 0 }, many);
};
const splice: Step = (bytes, dice, others) => {
  const other = others[dice.below(others.length)] ?? EMPTY;
  const { at, cut } = pieceOf(other, dice);
  return replaced(bytes, pieceOf(bytes, dice), other.subarray(at, at + cut));
};
const append: Step = (bytes, dice, others) =>
  replaced(bytes, { at: bytes.length, cut: 0 }, others[dice.below(others.length)] ?? EMPTY);

const STEPS: readonly [Step, ...Step[]] = [
  ...[flipBit, flipBit, setByte, insertOdd, insertOdd, replaceByOdd, cutEnd, cutStart] as const,
  ...[drop, repeat, run, splice, append],
];

/** An input made of one of `seeds`, which now and then is left as it is. */
export function mutated(seeds: readonly Uint8Array[], dice: Dice): Uint8Array {
  let bytes = seeds[dice.below(seeds.length)] ?? EMPTY;
  if (dice.once(40)) return bytes;
  for (let left = 1 + dice.below(5); left > 0; left--) {
    bytes = dice.pick(STEPS)(bytes, dice, seeds).subarray(0, MAX_INPUT_BYTES);
  }
  return bytes;
}

/** `bytes` in pieces, as a connection or a decoder hands them over. */
export function inPieces(bytes: Uint8Array, dice: Dice): Uint8Array[] {
  const most = dice.pick([1 + dice.below(7), 64, 512, MAX_INPUT_BYTES]);
  const least = Math.ceil(bytes.length / 200);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = least + dice.below(most);
    pieces.push(bytes.slice(at, at + Math.max(1, size)));
    at += Math.max(1, size);
  }
  return pieces;
}

function pieceOf(bytes: Uint8Array, dice: Dice): { readonly at: number; readonly cut: number } {
  const at = dice.below(bytes.length + 1);
  const most = dice.once(3) ? bytes.length - at : Math.min(12, bytes.length - at);
  return { at, cut: dice.below(most + 1) };
}

function times(unit: Uint8Array, count: number): Uint8Array {
  const bytes = new Uint8Array(Math.min(MAX_INPUT_BYTES, unit.length * count));
  for (let at = 0; at < bytes.length; at += unit.length) {
    bytes.set(unit.subarray(0, bytes.length - at), at);
    if (unit.length === 0) break;
  }
  return bytes;
}

function replaced(
  bytes: Uint8Array,
  { at, cut }: { readonly at: number; readonly cut: number },
  piece: Uint8Array,
): Uint8Array {
  const whole = new Uint8Array(bytes.length - Math.min(cut, bytes.length - at) + piece.length);
  whole.set(bytes.subarray(0, at));
  whole.set(piece, at);
  whole.set(bytes.subarray(at + cut), at + piece.length);
  return whole;
}
