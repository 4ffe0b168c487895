import { printable } from "../path.ts";
import { corruptTar, decodeUtf8 } from "./_tar_header.ts";

/*
 * Extended headers (POSIX.1-2001, "pax"): records `LENGTH KEY=VALUE` and a newline, LENGTH counting the whole record.
 */

/** What an extended header says of the member behind it, in place of that member's own header. */
export interface PaxRecords {
  readonly path: string | undefined;
  readonly sizeBytes: number | undefined;
  /** Whole seconds since 1970, UTC, rounded down. */
  readonly timeS: number | undefined;
}

/** The bytes of records. */
export function encodePax(records: PaxRecords): Uint8Array<ArrayBuffer> {
  const fields = [["path", records.path], ["size", records.sizeBytes], ["mtime", records.timeS]];
  const text = fields.filter(([, value]) => value !== undefined)
    .map(([key, value]) => encodeRecord(`${key}=${value}\n`));
  return new TextEncoder().encode(text.join(""));
}

/**
 * Reads records and skips those that say nothing of path, size and time.
 *
 * @throws {EscaleError} `corrupt` if they are not records, if one of ours stands twice, or if they change how the
 * content is to be read
 */
export function decodePax(bytes: Uint8Array): PaxRecords {
  const values = new Map<string, string>();
  for (let offset = 0; offset < bytes.length;) {
    const digits = /^[1-9][0-9]{0,6}(?= )/.exec(asciiAt(bytes, offset))?.[0];
    if (digits === undefined) throw corruptTar("an extended header is wrong");
    const end = offset + Number(digits);
    const record = bytes.subarray(offset + digits.length + 1, end);
    if (end > bytes.length || record.at(-1) !== 0x0a) {
      throw corruptTar("an extended header is wrong");
    }
    addRecord(values, record.subarray(0, -1));
    offset = end;
  }
  return {
    path: values.get("path"),
    sizeBytes: parseSize(values.get("size")),
    timeS: parseTime(values.get("mtime")),
  };
}

function encodeRecord(body: string): string {
  const bodyBytes = new TextEncoder().encode(body).length + 1;
  let length = bodyBytes;
  while (length !== bodyBytes + String(length).length) length = bodyBytes + String(length).length;
  return `${length} ${body}`;
}

function asciiAt(bytes: Uint8Array, offset: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + 8));
}

function addRecord(values: Map<string, string>, record: Uint8Array): void {
  const equals = record.indexOf(0x3d);
  if (equals < 1) throw corruptTar("an extended header is wrong");
  const key = decodeUtf8(record.subarray(0, equals));
  if (/^GNU\.sparse\.|^hdrcharset$|^linkpath$/.test(key)) {
    throw corruptTar(`an extended header has "${printable(key)}"`);
  }
  if (key !== "path" && key !== "size" && key !== "mtime") return;
  if (values.has(key)) throw corruptTar(`an extended header has "${key}" twice`);
  values.set(key, decodeUtf8(record.subarray(equals + 1)));
}

function parseSize(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const size = /^[0-9]+$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(size)) throw corruptTar("a size is wrong");
  return size;
}

function parseTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = /^-?[0-9]+(\.[0-9]*)?$/.test(text) ? Math.floor(Number(text)) : NaN;
  if (!Number.isSafeInteger(time)) throw corruptTar("a time is wrong");
  return time;
}
