import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";

/** What a placeholder, or an index entry, says of a resource (FORMAT.md, "Record"). */
export interface RelayRecord {
  /** The client that pushed the version; 0.7's first format does not tell. */
  readonly pusher: string | undefined;
  /** Modification time of the file, whole seconds since 1970. */
  readonly timeS: number | undefined;
  /** Hex digest of the plain content, or a keyed digest of that digest. */
  readonly checksum: string | undefined;
  /** Name of the checksum's algorithm; `undefined` means the reader's own setting. */
  readonly algorithm: string | undefined;
  /** Identities of the versions that this one replaced, newest first. */
  readonly base: readonly string[];
  readonly sizeBytes: number | undefined;
  /** How many clients besides the pusher are to have the version. */
  readonly expected: number | undefined;
  /** HMAC over the record, hex, where the pusher encrypts. */
  readonly seal: string | undefined;
  /** The clients that have, or do not want, the version; each once, in the order of their coming. */
  readonly pullers: readonly string[];
}

/** The most bytes of a placeholder or lock that are read. */
export const MAX_RECORD_BYTES = 65_536;
/** The most identities in `base` (SEMANTICS: 16). */
export const MAX_BASE = 16;

/**
 * Stands among the pullers of a version that every expected client has, where the relay does not say who. No name read
 * from a relay has a line break.
 */
export const EVERYONE = "\n";

const HEADER = "placeholder%1.0";
const HEADER_LINE = /^[a-z]+%\d/;
const PULLERS = "---pullers---";
const SECTION_MARKS = "-=+#%";
const MAX_TIME_S = 8.64e12;
const CHECKSUM = /^[0-9a-f]{1,256}$/;

/** How a first-format placeholder writes its time, as `strptime` directives. */
export const FIRST_TIME_FORMAT = "%y%m%d_%H%M%S";

/**
 * The text of a record, lock or update as it is remembered: a NUL, at which the state would end it, counts as damage. A
 * byte order mark is a character like all: in an update it belongs to the first name.
 */
export function decodeText(bytes: Uint8Array): string {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return decoder.decode(bytes).replaceAll("\0", "\ufffd");
}

/**
 * Reads the text of a placeholder or an index entry.
 *
 * @throws {EscaleError} `corrupt` if it is neither the current nor the first format
 */
export function parseRecord(text: string, timeFormat: string = FIRST_TIME_FORMAT): RelayRecord {
  const lines = text.split("\n").map((line) => line.replace(/\r$/, "")).filter((line) =>
    line !== ""
  );
  const [first, ...rest] = lines;
  if (first === undefined) throw malformed("it is empty");
  if (!HEADER_LINE.test(first)) {
    return { ...EMPTY, timeS: parseFirstTime(first, timeFormat), pullers: unique(rest) };
  }
  const end = rest.findIndex(isSection);
  const fields = parseFields(end < 0 ? rest : rest.slice(0, end));
  const record = {
    pusher: fields.get("pusher"),
    timeS: parseInteger(fields, "timestamp", { min: -MAX_TIME_S, max: MAX_TIME_S }),
    checksum: parseHex(fields, "checksum"),
    algorithm: fields.get("algorithm"),
    base: parseBase(fields.get("base")),
    sizeBytes: parseInteger(fields, "size", { min: 0, max: Number.MAX_SAFE_INTEGER }),
    expected: parseInteger(fields, "expected", { min: 0, max: 1_000_000 }),
    seal: parseHex(fields, "seal"),
    pullers: end < 0 ? [] : parsePullers(rest.slice(end)),
  };
  if (record.timeS === undefined && record.checksum === undefined) {
    throw malformed("it has neither a time nor a checksum");
  }
  return record;
}

/**
 * Writes a record as 0.7 does, our own keys after its keys, no final newline.
 *
 * @throws {EscaleError} `internal` if a value could not be read back
 */
export function formatRecord(record: RelayRecord): string {
  const fields: [string, string | number | undefined][] = [
    ["pusher", record.pusher],
    ["timestamp", record.timeS],
    ["checksum", record.checksum],
    ["algorithm", record.algorithm],
    ["size", record.sizeBytes],
    ["expected", record.expected],
    ["base", record.base.length === 0 ? undefined : record.base.join(" ")],
    ["seal", record.seal],
  ];
  const lines = [HEADER];
  for (const [key, value] of fields) {
    if (value !== undefined) lines.push(fieldLine(key, String(value)));
  }
  return [...lines, PULLERS, ...record.pullers].join("\n");
}

/** Adds a puller's name to a record's text and leaves every other byte as it is. */
export function appendPuller(text: string, client: string): string {
  const lines = text.endsWith("\n") ? text : `${text}\n`;
  return hasPullers(text) ? lines + client : `${lines}${PULLERS}\n${client}`;
}

/** Whether what is added to a record's text stands among its pullers: always so in the first format. */
function hasPullers(text: string): boolean {
  const [first = "", ...rest] = text.split(/\r?\n/).filter((line) => line !== "");
  return !HEADER_LINE.test(first) || rest.some(isSection);
}

/**
 * The name of the section that a line begins, without the marks around it; `undefined` if it begins none. In time linear in
 * the line, whatever it holds.
 */
export function sectionOf(line: string): string | undefined {
  if (!isSection(line)) return undefined;
  let [start, end] = [1, line.length];
  while (start < end && isMark(line[start])) start++;
  while (start < end && isMark(line[end - 1])) end--;
  return line.slice(start, end).trim();
}

function isSection(line: string): boolean {
  return isMark(line[0]);
}

function isMark(character: string | undefined): boolean {
  return character !== undefined && SECTION_MARKS.includes(character);
}

/** Whether `client` stands among those who have, or do not want, the version. */
export function hasAcknowledged(record: RelayRecord, client: string): boolean {
  return isAmong(record.pullers, client);
}

/** Whether `client` is one of `pullers`. */
export function isAmong(pullers: readonly string[], client: string): boolean {
  return pullers.includes(client) || pullers.includes(EVERYONE);
}

/** How many clients other than the pusher have acknowledged the version. */
export function acknowledgedCount(record: RelayRecord): number {
  if (record.pullers.includes(EVERYONE)) return Infinity;
  return record.pullers.filter((name) => name !== record.pusher).length;
}

/** A line `key: value`. A value with a colon or a newline would break a 0.7 reader. */
export function fieldLine(key: string, value: string): string {
  if (/[:\r\n]/.test(value)) {
    throw new EscaleError(
      "internal",
      `Cannot write "${printable(value)}" as the ${key} of a record`,
    );
  }
  return `${key}: ${value}`;
}

/** Reads `key: value` lines; the last of equal keys counts. @throws {EscaleError} `corrupt` */
export function parseFields(lines: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const parts = line.split(":");
    const [key, value] = parts;
    if (key === undefined || value === undefined || parts.length !== 2) {
      throw malformed(`"${printable(line)}" is not of the form "key: value"`);
    }
    fields.set(key.trim(), value.trim());
  }
  return fields;
}

const EMPTY: RelayRecord = {
  pusher: undefined,
  timeS: undefined,
  checksum: undefined,
  algorithm: undefined,
  base: [],
  sizeBytes: undefined,
  expected: undefined,
  seal: undefined,
  pullers: [],
};

function parsePullers(lines: readonly string[]): string[] {
  const pullers: string[] = [];
  for (const line of lines) {
    const section = sectionOf(line);
    if (section === undefined) pullers.push(line);
    else if (!/^(puller|reader)/i.test(section)) {
      throw malformed(`the section "${printable(section)}" is unknown`);
    }
  }
  return unique(pullers);
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.trim()).filter((name) => name !== ""))];
}

function parseInteger(
  fields: ReadonlyMap<string, string>,
  key: string,
  range: { min: number; max: number },
): number | undefined {
  const text = fields.get(key);
  if (text === undefined) return undefined;
  // The sum makes "-0" a plain zero.
  const value = /^[+-]?\d{1,16}$/.test(text) ? Number(text) + 0 : NaN;
  if (!(value >= range.min && value <= range.max)) {
    throw malformed(`its ${key} "${printable(text)}" is not a whole number in range`);
  }
  return value;
}

function parseHex(fields: ReadonlyMap<string, string>, key: string): string | undefined {
  const text = fields.get(key)?.toLowerCase();
  if (text === undefined || text === "") return undefined;
  if (!CHECKSUM.test(text)) throw malformed(`its ${key} "${printable(text)}" is not hexadecimal`);
  return text;
}

function parseBase(text: string | undefined): string[] {
  if (text === undefined) return [];
  return text.split(/\s+/).filter((id) => id !== "").slice(0, MAX_BASE);
}

function parseFirstTime(text: string, format: string): number {
  const names: string[] = [];
  const pattern = format.replace(/%%|%([a-zA-Z])|[\\^$.*+?()[\]{}|]/g, (token, directive) => {
    if (token === "%%") return "%";
    if (directive === undefined) return `\\${token}`;
    names.push(directive);
    return directive === "Y" ? "(\\d{4})" : "(\\d{1,2})";
  });
  const match = new RegExp(`^${pattern}$`).exec(text.trim());
  const part = (name: string, fallback: number): number => {
    const index = names.indexOf(name);
    return match === null || index < 0 ? fallback : Number(match[index + 1]);
  };
  const short = part("y", 70);
  // A year of two digits is of 1969 to 2068 (POSIX strptime).
  const year = part("Y", short < 69 ? 2000 + short : 1900 + short);
  const [month, day] = [part("m", 1), part("d", 1)];
  const ms = Date.UTC(year, month - 1, day, part("H", 0), part("M", 0), part("S", 0));
  const date = new Date(ms);
  if (match === null || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) {
    throw malformed(`its first line "${printable(text)}" is neither a header nor a time`);
  }
  return ms / 1000;
}

function malformed(why: string): EscaleError {
  return new EscaleError("corrupt", `Cannot read the record: ${why}`);
}
