/**
 * The block cipher Blowfish as Bruce Schneier published it ("Description of a New Variable-Length Key, 64-Bit Block
 * Cipher (Blowfish)", Fast Software Encryption 1993). Encryption only: OFB mode needs no more.
 */

/** A key as the cipher uses it. */
export interface KeySchedule {
  readonly subkeys: Int32Array;
  /** The four substitution boxes, 256 words each. */
  readonly boxes: Int32Array;
}

/** A block of 8 bytes as two big-endian words. */
export interface Block {
  left: number;
  right: number;
}

/** The sizes that a key may have, in bytes. */
export const MIN_KEY_BYTES = 4;
export const MAX_KEY_BYTES = 56;

const ROUNDS = 16;
const SUBKEYS = ROUNDS + 2;
const BOX_WORDS = 4 * 256;

/** Expands a key of {@linkcode MIN_KEY_BYTES} to {@linkcode MAX_KEY_BYTES} bytes. */
export function expandKey(key: Uint8Array): KeySchedule {
  const words = initialWords();
  const schedule = { subkeys: words.slice(0, SUBKEYS), boxes: words.slice(SUBKEYS) };
  for (let i = 0; i < SUBKEYS; i++) {
    let word = 0;
    for (let j = 4 * i; j < 4 * i + 4; j++) word = (word << 8) | (key[j % key.length] ?? 0);
    schedule.subkeys[i] = (schedule.subkeys[i] ?? 0) ^ word;
  }
  const block = { left: 0, right: 0 };
  for (const table of [schedule.subkeys, schedule.boxes]) {
    for (let i = 0; i < table.length; i += 2) {
      encryptBlock(schedule, block);
      table[i] = block.left;
      table[i + 1] = block.right;
    }
  }
  return schedule;
}

/** Replaces `block` by its encryption. */
export function encryptBlock(schedule: KeySchedule, block: Block): void {
  const p = schedule.subkeys;
  const s = schedule.boxes;
  let { left, right } = block;
  // No index is out of range; the "?? 0" costs nothing once compiled.
  for (let i = 0; i < ROUNDS; i += 2) {
    left ^= p[i] ?? 0;
    right ^= (((s[left >>> 24] ?? 0) + (s[256 | (left >>> 16 & 255)] ?? 0)) ^
      (s[512 | (left >>> 8 & 255)] ?? 0)) + (s[768 | (left & 255)] ?? 0);
    right ^= p[i + 1] ?? 0;
    left ^= (((s[right >>> 24] ?? 0) + (s[256 | (right >>> 16 & 255)] ?? 0)) ^
      (s[512 | (right >>> 8 & 255)] ?? 0)) + (s[768 | (right & 255)] ?? 0);
  }
  block.left = right ^ (p[ROUNDS + 1] ?? 0);
  block.right = left ^ (p[ROUNDS] ?? 0);
}

let knownWords: Int32Array | undefined;

/** The subkeys and boxes before any key is mixed in: the first bits of the fraction of pi. */
function initialWords(): Int32Array {
  knownWords ??= fractionOfPi(SUBKEYS + BOX_WORDS);
  return knownWords;
}

/** The first 32-bit words of the fraction of pi, by Machin's formula: pi = 16 arccot 5 - 4 arccot 239. */
function fractionOfPi(countWords: number): Int32Array {
  const guardBits = 64n;
  const one = 1n << (BigInt(32 * countWords) + guardBits);
  const pi = 16n * arccot(5n, one) - 4n * arccot(239n, one);
  const digits = (pi % one >> guardBits).toString(16).padStart(8 * countWords, "0");
  return Int32Array.from(
    { length: countWords },
    (_, i) => Number.parseInt(digits.slice(8 * i, 8 * i + 8), 16),
  );
}

/** arccot x = 1/x - 1/3x^3 + 1/5x^5 - ..., as a multiple of 1/`one`. */
function arccot(x: bigint, one: bigint): bigint {
  const factor = -x * x;
  let sum = 0n;
  for (let power = one / x, n = 1n; power !== 0n; power /= factor, n += 2n) sum += power / n;
  return sum;
}
