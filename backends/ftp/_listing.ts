/** One line of a listing. */
export interface Entry {
  readonly kind: "file" | "folder";
  readonly name: string;
  readonly sizeBytes: number;
  /** Milliseconds since 1970, where the server tells it exactly. */
  readonly modifiedMs?: number;
}

/** What a line tells: an entry, nothing of use (links, devices, the folder itself), or it is not understood. */
export type ListingLine = Entry | "other" | "unknown";

/** A line of `MLSD` or `MLST`: RFC 3659, section 7.2. */
export function parseFactsLine(line: string): ListingLine {
  const space = line.indexOf(" ");
  if (space < 0) return "unknown";
  const facts = new Map(
    line.slice(0, space).split(";").map((fact) => {
      const [name = "", ...value] = fact.split("=");
      return [name.toLowerCase(), value.join("=")];
    }),
  );
  const name = line.slice(space + 1);
  const type = facts.get("type")?.toLowerCase();
  if (type === undefined || name === "") return "unknown";
  if (type !== "file" && type !== "dir") return "other";
  const modifiedMs = parseTime(facts.get("modify") ?? "");
  const sizeBytes = type === "file" ? parseCount(facts.get("size")) : 0;
  if (sizeBytes === undefined) return "unknown";
  return {
    kind: type === "file" ? "file" : "folder",
    name,
    sizeBytes,
    ...(modifiedMs === undefined ? {} : { modifiedMs }),
  };
}

// Kind, rights and, on most servers, the number of links: a number that no date follows.
const UNIX = /^([bcdlps-])[-rwxsStTlL]{9}\S?\s+(?:\d+(?=\s)(?!\s+[A-Z][a-z]{2}\s+\d{1,2}\s))?/;
// The owner may have blanks in its name; the first size that is followed by a date ends it.
const SIZE_AND_NAME = /\s(\d+)\s+[A-Z][a-z]{2}\s+\d{1,2}\s+(?:\d{1,2}:\d{2}|\d{4}) (.+)$/s;
// What is no file has ten blanks behind it, a size has one; the rest belongs to the name.
const DOS = /^\d{1,2}-\d{1,2}-\d{2,4}\s+\d{1,2}:\d{2}(?:\s*[AP]M)?\s+(<[A-Z]+> {1,10}|\d+ )(.+)$/s;

/** A line of `LIST` as Unix or DOS show it. It gives no time: most servers show their local one, to the minute. */
export function parseListLine(line: string): ListingLine {
  if (/^total \d+$/.test(line)) return "other";
  const [head = "", type] = UNIX.exec(line) ?? [];
  const found = type === undefined ? null : SIZE_AND_NAME.exec(line.slice(head.length - 1));
  if (found !== null) {
    const [, size, name = ""] = found;
    if ((type !== "-" && type !== "d") || name === "." || name === "..") return "other";
    return entryOf(type === "d", size, name);
  }
  // A device has two numbers where the size stands.
  if (/^[bc][-rwxsStT]{9}/.test(line)) return "other";
  const dos = DOS.exec(line);
  if (dos === null) return "unknown";
  const [, column = "", name = ""] = dos;
  const size = column.trimEnd();
  if (size.startsWith("<") && size !== "<DIR>") return "other";
  return name === "." || name === ".." ? "other" : entryOf(size === "<DIR>", size, name);
}

/** A time as `MDTM` and the fact `modify` give it: in UTC, to the second or finer. Milliseconds since 1970. */
export function parseTime(text: string): number | undefined {
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,3})\d*)?$/.exec(text) ??
    [];
  if (parts.length === 0) return undefined;
  const [year = 0, month = 0, day, hour, minute, second] = parts.slice(0, 6).map(Number);
  return Date.UTC(
    year,
    month - 1,
    day,
    hour,
    minute,
    second,
    Number((parts[6] ?? "").padEnd(3, "0")),
  );
}

function entryOf(isFolder: boolean, size: string | undefined, name: string): ListingLine {
  const sizeBytes = isFolder ? 0 : parseCount(size);
  if (sizeBytes === undefined) return "unknown";
  return { kind: isFolder ? "folder" : "file", name, sizeBytes };
}

function parseCount(text: string | undefined): number | undefined {
  const count = Number(text);
  return text !== undefined && /^\d+$/.test(text) && Number.isSafeInteger(count)
    ? count
    : undefined;
}
