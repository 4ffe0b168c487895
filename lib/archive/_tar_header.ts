import { EscaleError } from "../errors.ts";

/*
 * The header of a member: a block of 512 bytes, texts ended by NUL, numbers in octal digits (POSIX.1-1988, "ustar").
 * GNU tar differs in its magic, has no prefix, and writes numbers too large for their field in binary.
 */

/** The unit of a tar archive: headers are one, contents are padded to whole ones. */
export const TAR_BLOCK_BYTES = 512;

/** The largest number that 11 octal digits hold. */
export const MAX_OCTAL_11 = 0o77777777777;

/** What the kinds of members are called in a header. */
export const TAR_TYPES = {
  file: "0",
  folder: "5",
  pax: "x",
  paxGlobal: "g",
  gnuLongName: "L",
} as const;

/** A header as it stands in the archive, its name aside. */
export interface RawHeader {
  readonly type: string;
  readonly sizeBytes: number;
  /** Whole seconds since 1970, UTC. */
  readonly timeS: number;
}

interface Field {
  readonly offset: number;
  readonly length: number;
}

const NAME: Field = { offset: 0, length: 100 };
const MODE: Field = { offset: 100, length: 8 };
const OWNER: Field = { offset: 108, length: 8 };
const GROUP: Field = { offset: 116, length: 8 };
const SIZE: Field = { offset: 124, length: 12 };
const TIME: Field = { offset: 136, length: 12 };
const CHECKSUM: Field = { offset: 148, length: 8 };
const TYPE: Field = { offset: 156, length: 1 };
const MAGIC: Field = { offset: 257, length: 8 };
const PREFIX: Field = { offset: 345, length: 155 };

const POSIX_MAGIC = "ustar\x0000";
const GNU_MAGIC = "ustar  \0";
const FILE_MODE = 0o644;

/** The bytes of a header. What does not fit of the name is cut; the numbers fit; owner and group are not told. */
export function encodeHeader(name: string, header: RawHeader): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(TAR_BLOCK_BYTES);
  const put = (field: Field, text: string): void => {
    new TextEncoder().encodeInto(text, block.subarray(field.offset, field.offset + field.length));
  };
  const putOctal = (field: Field, value: number): void =>
    put(field, value.toString(8).padStart(field.length - 1, "0"));
  put(NAME, name);
  putOctal(MODE, FILE_MODE);
  putOctal(OWNER, 0);
  putOctal(GROUP, 0);
  putOctal(SIZE, header.sizeBytes);
  putOctal(TIME, header.timeS);
  put(TYPE, header.type);
  put(MAGIC, POSIX_MAGIC);
  put(CHECKSUM, `${checksumOf(block).toString(8).padStart(6, "0")}\0 `);
  return block;
}

/**
 * Reads a header.
 *
 * @throws {EscaleError} `corrupt` if it is not one, by its checksum, magic or numbers
 */
export function decodeHeader(block: Uint8Array): RawHeader {
  if (readOctal(block, CHECKSUM) !== checksumOf(block)) {
    throw corruptTar("the checksum of a header does not match");
  }
  const magic = latin1(block, MAGIC);
  if (magic !== POSIX_MAGIC && magic !== GNU_MAGIC) {
    throw corruptTar("a header is neither of POSIX nor of GNU tar");
  }
  const sizeBytes = readNumber(block, SIZE);
  if (sizeBytes < 0) throw corruptTar("a size is negative");
  return { type: latin1(block, TYPE), sizeBytes, timeS: readNumber(block, TIME) };
}

/**
 * Reads the name in a header. It may be cut where an extended header has the whole one, so it is read only where none
 * has.
 *
 * @throws {EscaleError} `corrupt` if it is not UTF-8
 */
export function decodeName(block: Uint8Array): string {
  const name = decodeText(partOf(block, NAME));
  const prefix = latin1(block, MAGIC) === POSIX_MAGIC ? decodeText(partOf(block, PREFIX)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** The text of UTF-8 bytes up to the first NUL, or all of them. @throws {EscaleError} `corrupt` if it is not UTF-8 */
export function decodeText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decodeUtf8(end < 0 ? bytes : bytes.subarray(0, end));
}

/** The text of UTF-8 bytes. @throws {EscaleError} `corrupt` if it is not UTF-8 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw corruptTar("a name is not UTF-8", cause);
  }
}

/** The error for data that is not a tar archive. */
export function corruptTar(why: string, cause?: unknown): EscaleError {
  return new EscaleError("corrupt", `Cannot read the tar archive: ${why}`, { cause });
}

function partOf(block: Uint8Array, field: Field): Uint8Array {
  return block.subarray(field.offset, field.offset + field.length);
}

function latin1(block: Uint8Array, field: Field): string {
  return String.fromCharCode(...partOf(block, field));
}

/** The sum of all bytes, those of the checksum counted as spaces. */
function checksumOf(block: Uint8Array): number {
  const sum = block.reduce((total, byte) => total + byte, 0);
  return partOf(block, CHECKSUM).reduce((total, byte) => total - byte + 0x20, sum);
}

function readNumber(block: Uint8Array, field: Field): number {
  const first = block[field.offset] ?? 0;
  return first === 0x80 || first === 0xff ? readBinary(block, field) : readOctal(block, field);
}

function readOctal(block: Uint8Array, field: Field): number {
  const digits = /^ *([0-7]*)[ \0]*$/.exec(latin1(block, field))?.[1];
  if (digits === undefined) throw corruptTar("a number is not octal");
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

/** A number in two's complement behind a marker byte: 0x80 if it is positive, 0xff if not. */
function readBinary(block: Uint8Array, field: Field): number {
  const bytes = partOf(block, field);
  const bits = 8 * (bytes.length - 1);
  const value = BigInt(`0x${bytes.subarray(1).toHex()}`);
  const number = Number(bytes[0] === 0xff ? BigInt.asIntN(bits, value) : value);
  if (!Number.isSafeInteger(number)) throw corruptTar("a number is too large");
  return number;
}
