import { EscaleError } from "../errors.ts";
import {
  baseOf,
  folderOf,
  joinPath,
  MAX_PART_BYTES,
  MAX_PATH_BYTES,
  parseRelativePath,
  printable,
  type RelativePath,
} from "../path.ts";

/** The version that a conflict copy is named after: its pusher and recorded time, not who makes the copy. */
export interface NamedVersion {
  /** The version's pusher; empty or `undefined` if nobody knows. */
  readonly client: string | undefined;
  /** The version's recorded time, whole seconds since 1970. */
  readonly timeS: number | undefined;
  /** The version's identity as its record gives it. */
  readonly id: string;
  /**
   * How many of the identity's digits are shown, 128 at most: 8, or more where that name is taken or is the name of the
   * very file that is to be kept.
   */
  readonly digits: number;
}

/** With more digits than a SHA-512 has, or a longer client, a name could not be kept within its limit. */
const MAX_DIGITS = 128;
const MIN_DIGITS = 8;
const MAX_CLIENT_BYTES = 48;
/** 9999-12-31 23:59:59, the last second that has a year of four digits. */
const MAX_TIME_S = 253_402_300_799;

const MARK = ".conflict-";
/** What is kept as the extension: short, without blanks; that of a packed archive has two parts. */
const EXTENSION = String.raw`(?:\.tar)?\.(?:[!-\-0-~]{1,16}|[^.\s/]{1,8})$`;
const EXTENDED = new RegExp(`(?<=.)${EXTENSION}`, "isu");
const CONFLICT = new RegExp(
  String.raw`^(.+)\.conflict-.+-\d{8}-\d{6}-[0-9a-f]{8,128}($|${EXTENSION})`,
  "isu",
);
// deno-lint-ignore no-control-regex -- control characters are among what does not fit into a name
const UNFIT = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069/\\:*?"<>|]/gu;

const encoder = new TextEncoder();

/**
 * The name of a conflict copy of `path` (SEMANTICS, "Two changed the same file", 3):
 * `name.conflict-CLIENT-YYYYMMDD-HHMMSS-HHHHHHHH.ext`, in UTC. A copy of a conflict copy is named after the original. A
 * name that would become too long loses the end of its stem.
 *
 * @throws {EscaleError} `refused` if the folder's path leaves no room for the name
 */
export function conflictName(path: RelativePath, version: NamedVersion): RelativePath {
  const original = originalName(path);
  const folder = folderOf(original);
  const { stem, extension } = splitName(baseOf(original));
  const tail = [
    MARK + safeClient(version.client),
    stampOf(version.timeS),
    digitsOf(version.id, version.digits),
  ].join("-") + extension;
  const room = Math.min(MAX_PART_BYTES, MAX_PATH_BYTES - byteLength(joinPath(folder, "")));
  const kept = cut(stem, room - byteLength(tail));
  if (kept === "") {
    throw new EscaleError(
      "refused",
      `Cannot name a conflict copy of "${printable(path)}": the path of its folder is too long`,
    );
  }
  return parseRelativePath(joinPath(folder, kept + tail));
}

/** The name that a conflict copy is a copy of; any other name is its own original. */
export function originalName(path: RelativePath): RelativePath {
  const match = CONFLICT.exec(baseOf(path));
  if (match === null) return path;
  const [, stem = "", extension = ""] = match;
  return originalName(parseRelativePath(joinPath(folderOf(path), stem + extension)));
}

function splitName(name: string): { stem: string; extension: string } {
  const extension = EXTENDED.exec(name)?.[0] ?? "";
  return { stem: name.slice(0, name.length - extension.length), extension };
}

/** A client's name as part of a file name: what does not fit becomes `_`, and the mark cannot occur in it. */
function safeClient(client: string | undefined): string {
  if (client === undefined || client.trim() === "") return "unknown";
  const fit = client.toWellFormed().replace(UNFIT, "_").replace(/^[.\s]/, "_");
  return cut(fit, MAX_CLIENT_BYTES).replace(/\.(?=conflict-)/gi, "_");
}

function stampOf(timeS: number | undefined): string {
  const boundedS = Math.min(Math.max(timeS ?? 0, 0), MAX_TIME_S);
  const [date = "", time = ""] = new Date(boundedS * 1000).toISOString().split(/[T.]/);
  return `${date.replaceAll("-", "")}-${time.replaceAll(":", "")}`;
}

/**
 * The first digits of an identity; zeros follow where it has fewer, so that more digits always make another name. An
 * identity without a checksum is a time, whose digits do as well.
 */
function digitsOf(id: string, digits: number): string {
  const count = Math.min(Math.max(digits, MIN_DIGITS), MAX_DIGITS);
  return id.toLowerCase().replace(/[^0-9a-f]/g, "").slice(0, count).padEnd(count, "0");
}

/** The longest beginning of `text` that has at most `bytes` bytes and ends with a whole character. */
function cut(text: string, bytes: number): string {
  if (byteLength(text) <= bytes) return text;
  let end = 0;
  let used = 0;
  for (const character of text) {
    used += byteLength(character);
    if (used > bytes) break;
    end += character.length;
  }
  return text.slice(0, end);
}

function byteLength(text: string): number {
  return encoder.encode(text).length;
}
