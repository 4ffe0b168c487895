import { concatBytes } from "../bytes.ts";
import { PackedTexts } from "./index_store.ts";
import { decodeText } from "./metadata.ts";

const PULLERS = "---pullers---\n";
const GROUP = "---group---\n";
const GROUP_END = "-----------\n";

const NEWLINE = 10;
const BLANKS: readonly number[] = [9, 10, 13, 32];

const encoder = new TextEncoder();

/**
 * The text of an index (FORMAT.md, "Index"): a million entries are a map of their names and, packed, their metadata. An
 * entry's text is the whole of its metadata, final newline included, empty if it has none.
 */
export class IndexText {
  /** Names that stand in the text and are not accepted, the first few. */
  readonly refused: readonly string[];
  /** The update's pullers, each once, blank lines left out. */
  readonly pullers: readonly string[];
  /** Whether there is a section of pullers, be it without names. */
  readonly hasPullers: boolean;
  readonly #texts: PackedTexts;
  readonly #headers: readonly string[];
  readonly #rows: Rows;
  readonly #byName: ReadonlyMap<string, number>;

  /** Made by `parseIndex()`. */
  constructor(parts: IndexParts) {
    this.refused = parts.refused;
    this.pullers = parts.pullers ?? [];
    this.hasPullers = parts.pullers !== undefined;
    this.#texts = parts.texts;
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

  /** A number of 53 bits that stands for the metadata of an entry; 0 if there is no such entry. */
  sign(name: string): number {
    const row = this.#byName.get(name);
    return row === undefined ? 0 : this.#rows.sign(row);
  }

  /** The metadata of an entry; `undefined` if there is no such entry. */
  text(name: string): string | undefined {
    const row = this.#byName.get(name);
    if (row === undefined) return undefined;
    const [place = 0, sizeBytes = 0, group = 0] = this.#rows.at(row);
    return (this.#headers[group] ?? "") + decodeText(this.#texts.at(place, sizeBytes));
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
        const [place = 0, sizeBytes = 0] = this.#rows.at(row);
        yield* entryChunks(this.#rows.name(row), this.#texts.at(place, sizeBytes));
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
export interface IndexParts {
  readonly texts: PackedTexts;
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

/** An update index with one more puller, the entries byte for byte as they are. */
export function appendUpdatePuller(
  stored: Uint8Array,
  index: IndexText,
  client: string,
): Uint8Array<ArrayBuffer> {
  if (index.hasPullers) {
    const end = stored.findLastIndex((byte) => !BLANKS.includes(byte)) + 1;
    return concatBytes(stored.subarray(0, end), encoder.encode(`\n${client}`));
  }
  const isEnded = stored.length === 0 || stored.at(-1) === NEWLINE;
  return concatBytes(stored, encoder.encode(`${isEnded ? "" : "\n"}${PULLERS}${client}`));
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

/** Where an entry's metadata stand, and what stands for them. */
export interface Row {
  readonly place: number;
  readonly sizeBytes: number;
  /** The number of the header that its group has. */
  readonly group: number;
  readonly sign: number;
}

/** The rows of an index, in columns: an object for each would take ten times the memory. */
export class Rows {
  count = 0;
  readonly #names: string[] = [];
  #columns = new Uint32Array(3 * 64);
  #signs = new Float64Array(64);

  add(name: string, { place, sizeBytes, group, sign }: Row): number {
    if (this.count === this.#signs.length) this.#grow();
    this.#columns.set([place, sizeBytes, group], 3 * this.count);
    this.#signs[this.count] = sign;
    this.#names.push(name);
    return this.count++;
  }

  /** Place, size and group. */
  at(row: number): Uint32Array {
    return this.#columns.subarray(3 * row, 3 * row + 3);
  }

  sign(row: number): number {
    return this.#signs[row] ?? 0;
  }

  name(row: number): string {
    return this.#names[row] ?? "";
  }

  #grow(): void {
    const [columns, signs] = [this.#columns, this.#signs];
    this.#columns = new Uint32Array(2 * columns.length);
    this.#columns.set(columns);
    this.#signs = new Float64Array(2 * signs.length);
    this.#signs.set(signs);
  }
}

/** An index with nothing in it. */
export const EMPTY_INDEX: IndexText = new IndexText({
  texts: new PackedTexts(),
  headers: [""],
  rows: new Rows(),
  byName: new Map(),
  pullers: undefined,
  refused: [],
});
