import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";
import { IndexText, Rows } from "./index_text.ts";

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

const SECTION = /^[-=+#%]+\s*(.*?)\s*[-=+#%]*$/;
const MAX_DIGITS = 9;
const SHORT_BYTES = 256;
const [NEWLINE, RETURN, BLANK, DIGIT_0, DIGIT_9] = [10, 13, 32, 48, 57];

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/**
 * Reads an index. Lengths are taken for characters or bytes, whichever fits what follows.
 *
 * @throws {EscaleError} `corrupt` if it is cut or not of the form, `refused` if it has too many entries
 */
export function parseIndex(bytes: Uint8Array, options: IndexOptions): IndexText {
  return new Reader(withoutReturns(bytes), options).read();
}

function withoutReturns(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(RETURN)) return bytes;
  const text = decode(bytes);
  return encoder.encode(text.replace(/\r\n?/g, "\n"));
}

/** Where an entry's line has its name, what length it says, and where the metadata begin. */
interface EntryLine {
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly length: number;
  readonly next: number;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #options: IndexOptions;
  readonly #rows = new Rows();
  readonly #byName = new Map<string, number>();
  readonly #headers: string[] = [""];
  readonly #refused: string[] = [];
  #group = 0;
  #at = 0;

  constructor(bytes: Uint8Array, options: IndexOptions) {
    this.#bytes = bytes;
    this.#options = options;
  }

  read(): IndexText {
    let pullers: readonly string[] | undefined;
    while (this.#at < this.#bytes.length) {
      const entry = this.#entryAt(this.#at);
      if (entry !== undefined) {
        this.#takeEntry(entry);
        continue;
      }
      const start = this.#at;
      const line = this.#line();
      if (line.trim() === "") this.#expectEnd();
      else if (this.#isGroup(line)) this.#takeHeader();
      else {
        this.#at = start;
        pullers = this.#pullers();
      }
    }
    const [bytes, headers, rows] = [this.#bytes, this.#headers, this.#rows];
    return new IndexText({
      ...{ bytes, headers, rows, pullers },
      byName: this.#byName,
      refused: this.#refused,
    });
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
    return this.#options.isGrouped && SECTION.exec(line)?.[1] === "group";
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
    if (this.#headers.length > 10_000) throw tooMany("groups");
  }

  #takeEntry({ nameStart, nameEnd, length, next }: EntryLine): void {
    const end = this.#endOf(next, length);
    this.#at = end;
    // 0.7 reads a length without its final newline, too.
    if (length > 0 && this.#bytes[end - 1] !== NEWLINE && this.#bytes[end] === NEWLINE) this.#at++;
    const name = decode(this.#bytes.subarray(nameStart, nameEnd)).trimEnd();
    const row = this.#rows.add(name, { start: next, end, group: this.#group });
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

  #pullers(): readonly string[] {
    const lines = decode(this.#bytes.subarray(this.#at)).split("\n");
    const [section = "", ...names] = lines;
    if (!/^(puller|reader)/i.test(SECTION.exec(section)?.[1] ?? "")) {
      throw cut(`the line "${printable(section)}" has no length`);
    }
    this.#at = this.#bytes.length;
    return [...new Set(names.map((name) => name.trim()).filter((name) => name !== ""))];
  }

  #expectEnd(): void {
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

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= DIGIT_0 && byte <= DIGIT_9;
}

function decode(bytes: Uint8Array): string {
  // Many times faster than the decoder, where it will do.
  if (bytes.length <= SHORT_BYTES && bytes.every((byte) => byte < 0x80)) {
    return String.fromCharCode(...bytes);
  }
  try {
    return decoder.decode(bytes);
  } catch {
    throw cut("it is not valid Unicode");
  }
}

function cut(why: string): EscaleError {
  return new EscaleError("corrupt", `Cannot read the index: ${why}`);
}

function tooMany(what: string): EscaleError {
  return new EscaleError("refused", `Refused the index: it has too many ${what}`);
}
