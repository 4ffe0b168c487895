import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";
import { decodeText } from "./metadata.ts";

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

const PULLERS = "---pullers---\n";
const GROUP = "---group---\n";
const GROUP_END = "-----------\n";
const SECTION = /^[-=+#%]+\s*(.*?)\s*[-=+#%]*$/;
const MAX_DIGITS = 9;
const SHORT_BYTES = 256;
const [NEWLINE, RETURN, BLANK, DIGIT_0, DIGIT_9] = [10, 13, 32, 48, 57];

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/**
 * The text of an index (FORMAT.md, "Index"), held as it was read: a million entries are a map of their names and the
 * bytes. An entry's text is the whole of its metadata, final newline included, empty if it has none.
 */
export class IndexText {
  /** Names that stand in the text and are not accepted, the first few. */
  readonly refused: readonly string[];
  /** The update's pullers, each once, blank lines left out. */
  readonly pullers: readonly string[];
  /** Whether there is a section of pullers, be it without names. */
  readonly hasPullers: boolean;
  readonly #bytes: Uint8Array;
  readonly #headers: readonly string[];
  readonly #rows: Rows;
  readonly #byName: ReadonlyMap<string, number>;
  #marks: Float64Array | undefined;

  /** Made by {@linkcode parseIndex}. */
  constructor(parts: IndexParts) {
    this.refused = parts.refused;
    this.pullers = parts.pullers ?? [];
    this.hasPullers = parts.pullers !== undefined;
    this.#bytes = parts.bytes;
    this.#headers = parts.headers;
    this.#rows = parts.rows;
    this.#byName = parts.byName;
  }

  /** How many entries there are. */
  get size(): number {
    return this.#byName.size;
  }

  names(): MapIterator<string> {
    return this.#byName.keys();
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** The number that was noted with an entry; 0 if there is none. */
  mark(name: string): number {
    const row = this.#byName.get(name);
    return row === undefined ? 0 : this.#marks?.[row] ?? 0;
  }

  /** Notes a number with an entry, for as long as this text is held. */
  setMark(name: string, mark: number): void {
    const row = this.#byName.get(name);
    if (row === undefined) return;
    this.#marks ??= new Float64Array(this.#rows.count);
    this.#marks[row] = mark;
  }

  /** The metadata of an entry; `undefined` if there is no such entry. */
  text(name: string): string | undefined {
    const row = this.#byName.get(name);
    if (row === undefined) return undefined;
    const [start = 0, end = 0, group = 0] = this.#rows.at(row);
    return (this.#headers[group] ?? "") + decodeText(this.#bytes.subarray(start, end));
  }

  /**
   * The text of the persistent index that has `changes` in it: an entry's new metadata, or `undefined` where it is to
   * go. What stands in the text unaccepted stays.
   */
  *grouped(changes: ReadonlyMap<string, string | undefined>): Generator<Uint8Array> {
    const added = new Map<string, [string, Uint8Array][]>();
    for (const [name, text] of changes) {
      if (text === undefined) continue;
      const header = headerOf(text);
      const body = encoder.encode(text.slice(header.length));
      const group = added.get(header);
      if (group === undefined) added.set(header, [[name, body]]);
      else group.push([name, body]);
    }
    const kept = this.#rowsByGroup(changes);
    for (const header of new Set([...kept.keys(), ...added.keys()])) {
      yield encoder.encode(GROUP + header + GROUP_END);
      for (const row of kept.get(header) ?? []) {
        const [start = 0, end = 0] = this.#rows.at(row);
        yield* entryChunks(this.#rows.name(row), this.#bytes.subarray(start, end));
      }
      for (const [name, body] of added.get(header) ?? []) yield* entryChunks(name, body);
    }
  }

  #rowsByGroup(changes: ReadonlyMap<string, string | undefined>): Map<string, number[]> {
    const groups = new Map<string, number[]>();
    for (let row = 0; row < this.#rows.count; row++) {
      const name = this.#rows.name(row);
      const current = this.#byName.get(name);
      if (changes.has(name) || (current !== undefined && current !== row)) continue;
      const [, , group = 0] = this.#rows.at(row);
      const header = this.#headers[group] ?? "";
      const rows = groups.get(header);
      if (rows === undefined) groups.set(header, [row]);
      else rows.push(row);
    }
    return groups;
  }
}

/** What an {@linkcode IndexText} is made of. */
interface IndexParts {
  readonly bytes: Uint8Array;
  readonly headers: readonly string[];
  readonly rows: Rows;
  readonly byName: ReadonlyMap<string, number>;
  readonly pullers: readonly string[] | undefined;
  readonly refused: readonly string[];
}

/** The text of an update index: entries with their metadata, then the pullers if there are any. */
export function formatUpdateIndex(
  entries: Iterable<readonly [name: string, text: string]>,
  pullers: readonly string[] = [],
): string {
  const parts: string[] = [];
  for (const [name, text] of entries) parts.push(`${name} ${characters(text)}\n`, text);
  if (pullers.length > 0) parts.push(PULLERS, pullers.join("\n"));
  return parts.join("");
}

/** The text of an update index with one more puller, the entries byte for byte as they are. */
export function appendUpdatePuller(text: string, index: IndexText, client: string): string {
  if (index.hasPullers) return `${text.trimEnd()}\n${client}`;
  return `${text === "" || text.endsWith("\n") ? text : `${text}\n`}${PULLERS}${client}`;
}

/**
 * Reads an index. Lengths are taken for characters or bytes, whichever fits what follows.
 *
 * @throws {EscaleError} `corrupt` if it is cut or not of the form, `refused` if it has too many entries
 */
export function parseIndex(bytes: Uint8Array, options: IndexOptions): IndexText {
  return new Reader(withoutReturns(bytes), options).read();
}

/** How many characters 0.7 counts. */
function characters(text: string): number {
  return /[\ud800-\udfff]/.test(text) ? [...text].length : text.length;
}

/** The lines at the start of a metadata text that a group shares. */
function headerOf(text: string): string {
  return /^placeholder%[^\n]*\n(pusher:[^\n]*\n)?/.exec(text)?.[0] ?? "";
}

function* entryChunks(name: string, body: Uint8Array): Generator<Uint8Array> {
  yield encoder.encode(`${name} ${body.length}\n`);
  if (body.length > 0) yield body;
}

function withoutReturns(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(RETURN)) return bytes;
  const text = decode(bytes);
  return encoder.encode(text.replace(/\r\n?/g, "\n"));
}

/** Where the entries' metadata stand in the bytes, in columns: an object for each would take ten times the memory. */
class Rows {
  count = 0;
  readonly #names: string[] = [];
  #columns = new Uint32Array(3 * 64);

  add(name: string, place: { start: number; end: number; group: number }): number {
    if (3 * (this.count + 1) > this.#columns.length) {
      const grown = new Uint32Array(2 * this.#columns.length);
      grown.set(this.#columns);
      this.#columns = grown;
    }
    const at = 3 * this.count;
    this.#columns[at] = place.start;
    this.#columns[at + 1] = place.end;
    this.#columns[at + 2] = place.group;
    this.#names.push(name);
    return this.count++;
  }

  at(row: number): Uint32Array {
    return this.#columns.subarray(3 * row, 3 * row + 3);
  }

  name(row: number): string {
    return this.#names[row] ?? "";
  }
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

/** An index with nothing in it. */
export const EMPTY_INDEX: IndexText = parseIndex(new Uint8Array(), {
  isGrouped: false,
  accepts: () => true,
});
