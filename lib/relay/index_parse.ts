import { concatBytes } from "../bytes.ts";
import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";
import { signNumber } from "../sign.ts";
import { PackedTexts } from "./index_store.ts";
import { IndexText, Rows } from "./index_text.ts";
import { sectionOf } from "./metadata.ts";

/** How an index is read. */
export interface IndexOptions {
  /** A persistent index: its entries are grouped, and lengths count bytes rather than characters. */
  readonly isGrouped: boolean;
  /** Whether a name can stand on this page; others are kept in the text, but are no entries. */
  readonly accepts: (name: string) => boolean;
}

/** The most bytes of an index's text, decompressed. */
export const MAX_INDEX_BYTES: number = 512 * 1024 * 1024;
/** The most entries of an index. */
const MAX_ENTRIES = 4_000_000;
/** So many names that are not accepted are remembered for the message. */
const MAX_REFUSED = 10;

const MAX_DIGITS = 9;
/** The most bytes of one entry's metadata, and of the pullers. */
const MAX_ENTRY_BYTES = 1024 * 1024;
/** What has come is read in portions of this size, */
const WINDOW_BYTES = 1024 * 1024;
/** and nothing is decided without so much of what follows, more than any line has. */
const AHEAD_BYTES = 64 * 1024;
const SHORT_BYTES = 256;
const [NEWLINE, RETURN, BLANK, DIGIT_0, DIGIT_9] = [10, 13, 32, 48, 57];

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads an index. Lengths are taken for characters or bytes, whichever fits what follows.
 *
 * @throws {EscaleError} `corrupt` if it is cut or not of the form, `refused` if it has too many entries
 */
export function parseIndex(bytes: Uint8Array, options: IndexOptions): IndexText {
  const reader = new IndexReader(options);
  reader.push(bytes);
  return reader.end();
}

/** Where an entry's line has its name, what length it says, and where the metadata begin. */
interface EntryLine {
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly length: number;
  readonly next: number;
}

/** {@linkcode parseIndex} for a text that comes in chunks; holds a few megabytes of it at a time. */
export class IndexReader {
  readonly #options: IndexOptions;
  readonly #texts = new PackedTexts();
  readonly #rows = new Rows();
  readonly #byName = new Map<string, number>();
  readonly #headers: string[] = [""];
  readonly #headerSigns: number[] = [signNumber("")];
  readonly #refused: string[] = [];
  #pullerNames: readonly string[] | undefined;
  #group = 0;
  /** What has come and is not read yet begins at `#at`; more of it is in `#pending`. */
  #bytes = new Uint8Array(0);
  #at = 0;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #isAfterReturn = false;
  /** A blank line has come: nothing but blanks may follow. */
  #isOver = false;

  constructor(options: IndexOptions) {
    this.#options = options;
  }

  /** Takes the next chunk. @throws {EscaleError} as {@linkcode parseIndex} does */
  push(chunk: Uint8Array): void {
    const plain = this.#withoutReturns(chunk);
    this.#pending.push(plain);
    this.#pendingBytes += plain.length;
    if (this.#pendingBytes >= WINDOW_BYTES) this.#read({ isLast: false });
  }

  /** The index, when all has come. @throws {EscaleError} as {@linkcode parseIndex} does */
  end(): IndexText {
    this.#read({ isLast: true });
    return new IndexText({
      texts: this.#texts,
      headers: this.#headers,
      rows: this.#rows,
      byName: this.#byName,
      pullers: this.#pullerNames,
      refused: this.#refused,
    });
  }

  #withoutReturns(chunk: Uint8Array): Uint8Array {
    const isAfterReturn = this.#isAfterReturn;
    this.#isAfterReturn = chunk.at(-1) === RETURN || isAfterReturn && chunk.length === 0;
    if (!isAfterReturn && !chunk.includes(RETURN)) return chunk;
    const plain = new Uint8Array(chunk.length);
    let size = 0;
    let last = isAfterReturn ? RETURN : 0;
    for (const byte of chunk) {
      if (byte !== NEWLINE || last !== RETURN) plain[size++] = byte === RETURN ? NEWLINE : byte;
      last = byte;
    }
    return plain.subarray(0, size);
  }

  #read({ isLast }: { readonly isLast: boolean }): void {
    this.#bytes = concatBytes(this.#bytes.subarray(this.#at), ...this.#pending);
    this.#at = 0;
    this.#pending = [];
    this.#pendingBytes = 0;
    while (this.#at < this.#bytes.length) {
      if (this.#isOver) return this.#expectBlanks();
      if (!isLast && this.#bytes.length - this.#at < AHEAD_BYTES) return;
      const entry = this.#entryAt(this.#at);
      if (entry !== undefined) {
        if (entry.length > MAX_ENTRY_BYTES) throw cut("an entry is too long");
        if (!isLast && entry.next + 4 * entry.length + AHEAD_BYTES > this.#bytes.length) return;
        this.#takeEntry(entry);
        continue;
      }
      const start = this.#at;
      const line = this.#line();
      if (line.trim() === "") this.#isOver = true;
      else if (this.#isGroup(line)) this.#takeHeader();
      else {
        this.#at = start;
        if (!this.#isPullers(line)) throw cut(`the line "${printable(line)}" has no length`);
        if (!isLast && this.#bytes.length - start < MAX_ENTRY_BYTES) return;
        this.#takePullers();
      }
    }
  }

  /** The line of an entry, if one stands at `at`: a name, a blank and a length. */
  #entryAt(at: number): EntryLine | undefined {
    const newline = this.#bytes.indexOf(NEWLINE, at);
    const end = newline < 0 ? this.#bytes.length : newline;
    let start = end;
    while (start > at && isDigit(this.#bytes[start - 1])) start--;
    if (start === end || end - start > MAX_DIGITS) return undefined;
    if (start === at || this.#bytes[start - 1] !== BLANK) return undefined;
    let length = 0;
    for (const digit of this.#bytes.subarray(start, end)) length = 10 * length + digit - DIGIT_0;
    return {
      nameStart: at,
      nameEnd: start - 1,
      length,
      next: Math.min(end + 1, this.#bytes.length),
    };
  }

  #isGroup(line: string): boolean {
    return this.#options.isGrouped && sectionOf(line) === "group";
  }

  #takeHeader(): void {
    const lines: string[] = [];
    for (let line = this.#line(); !/^-+$/.test(line); line = this.#line()) {
      if (line === "" || lines.length > 16) throw cut("a group has no end of its header");
      lines.push(`${line}\n`);
    }
    const header = lines.join("");
    const known = this.#headers.indexOf(header);
    this.#group = known < 0 ? this.#headers.push(header) - 1 : known;
    this.#headerSigns[this.#group] = signNumber(header);
    if (this.#headers.length > 10_000) throw tooMany("groups");
  }

  #takeEntry({ nameStart, nameEnd, length, next }: EntryLine): void {
    const end = this.#endOf(next, length);
    this.#at = end;
    // 0.7 reads a length without its final newline, too.
    if (length > 0 && this.#bytes[end - 1] !== NEWLINE && this.#bytes[end] === NEWLINE) this.#at++;
    const name = decode(this.#bytes.subarray(nameStart, nameEnd)).trimEnd();
    const text = this.#bytes.subarray(next, end);
    const row = this.#rows.add(name, {
      place: this.#texts.add(text),
      sizeBytes: text.length,
      group: this.#group,
      sign: signOf(text, this.#headerSigns[this.#group] ?? 0),
    });
    if (this.#options.accepts(name)) this.#byName.set(name, row);
    else if (this.#refused.length < MAX_REFUSED) this.#refused.push(name);
    if (this.#rows.count > MAX_ENTRIES) throw tooMany("entries");
  }

  /** The end of `length` characters or bytes; where they differ, it must lead to something that may follow. */
  #endOf(start: number, length: number): number {
    const inBytes = start + length;
    const inCharacters = this.#skipCharacters(start, length);
    if (inCharacters === inBytes && this.#ends(inBytes)) return inBytes;
    const { isGrouped } = this.#options;
    for (const end of isGrouped ? [inBytes, inCharacters] : [inCharacters, inBytes]) {
      if (end !== undefined && this.#bytes[end - 1] === NEWLINE && this.#mayFollow(end)) return end;
    }
    throw cut("an entry does not have the length that it says");
  }

  #skipCharacters(start: number, length: number): number | undefined {
    let at = start;
    for (let left = length; left > 0; left--) {
      const byte = this.#bytes[at];
      if (byte === undefined) return undefined;
      at += byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    }
    return at;
  }

  #ends(end: number): boolean {
    const { length } = this.#bytes;
    if (end > length) return false;
    return end === length || this.#bytes[end - 1] === NEWLINE || this.#bytes[end] === NEWLINE;
  }

  /** Whether at `end` stands the line of an entry, that of a section, or nothing. */
  #mayFollow(end: number): boolean {
    const first = this.#bytes[end];
    if (first === undefined || "-=+#%".includes(String.fromCharCode(first))) return true;
    return this.#entryAt(end) !== undefined;
  }

  #isPullers(line: string): boolean {
    return /^(puller|reader)/i.test(sectionOf(line) ?? "");
  }

  /** The names after the line of the section, to the end. */
  #takePullers(): void {
    const rest = this.#bytes.subarray(this.#at);
    if (rest.length > MAX_ENTRY_BYTES) throw tooMany("pullers");
    const [, ...names] = decode(rest).split("\n");
    this.#at = this.#bytes.length;
    this.#pullerNames = [...new Set(names.map((name) => name.trim()).filter((it) => it !== ""))];
  }

  #expectBlanks(): void {
    const rest = this.#bytes.subarray(this.#at);
    if (rest.some((byte) => byte !== NEWLINE && byte !== BLANK)) {
      throw cut("a blank line stands in it");
    }
    this.#at = this.#bytes.length;
  }

  #line(): string {
    const newline = this.#bytes.indexOf(NEWLINE, this.#at);
    const end = newline < 0 ? this.#bytes.length : newline;
    const line = decode(this.#bytes.subarray(this.#at, end));
    this.#at = Math.min(end + 1, this.#bytes.length);
    return line;
  }
}

/** A number of 53 bits that stands for a text and a number before it. */
function signOf(text: Uint8Array, seed: number): number {
  let [high, low] = [seed / 0x1_0000_0000 | 0, seed | 0];
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] ?? 0;
    high = Math.imul(high ^ byte, 0x01000193);
    low = Math.imul(low ^ byte ^ high >>> 15, 0x85ebca6b);
  }
  return (high >>> 11) * 0x1_0000_0000 + (low >>> 0);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= DIGIT_0 && byte <= DIGIT_9;
}

function decode(bytes: Uint8Array): string {
  // Twice as fast as the decoder, where it will do.
  if (bytes.length <= SHORT_BYTES && isAscii(bytes)) {
    return Reflect.apply(String.fromCharCode, undefined, bytes);
  }
  try {
    return decoder.decode(bytes);
  } catch {
    throw cut("it is not valid Unicode");
  }
}

function isAscii(bytes: Uint8Array): boolean {
  let all = 0;
  for (let at = 0; at < bytes.length; at++) all |= bytes[at] ?? 0;
  return all < 0x80;
}

function cut(why: string): EscaleError {
  return new EscaleError("corrupt", `Cannot read the index: ${why}`);
}

function tooMany(what: string): EscaleError {
  return new EscaleError("refused", `Refused the index: it has too many ${what}`);
}
