import { EscaleError } from "./errors.ts";

/**
 * A file's path relative to its repository's root: `/` between parts, Unicode, no empty part, no `.` or `..`, no NUL,
 * no part that starts with `.`. Made only by {@linkcode parseRelativePath}.
 */
export type RelativePath = string & { readonly __brand: "RelativePath" };

/** The longest path taken, in UTF-8 bytes; Linux ends at 4096 with the final NUL. */
export const MAX_PATH_BYTES = 4095;
/** The longest part of a path taken, in UTF-8 bytes (ext4, APFS and NTFS all end at 255 units). */
export const MAX_PART_BYTES = 255;

const encoder = new TextEncoder();

/**
 * Says why `text` cannot name a synchronised file, or `undefined` if it can.
 *
 * Names from a relay are data: whoever can write there is not trusted. A name starting with `.` is never synchronised
 * (FORMAT.md, "Names"), which also keeps `.` and `..` out.
 */
export function whyNotRelativePath(text: string): string | undefined {
  if (text === "") return "it is empty";
  if (text.includes("\0")) return "it contains a NUL";
  if (!text.isWellFormed()) return "it is not valid Unicode";
  if (text.startsWith("/")) return "it is absolute";
  if (text.length * 3 > MAX_PATH_BYTES && encoder.encode(text).length > MAX_PATH_BYTES) {
    return `it is longer than ${MAX_PATH_BYTES} bytes`;
  }
  for (const part of text.split("/")) {
    if (part === "") return "it has an empty part";
    if (part.startsWith(".")) return `its part "${printable(part)}" starts with "."`;
    if (part.length * 3 > MAX_PART_BYTES && encoder.encode(part).length > MAX_PART_BYTES) {
      return `one of its parts is longer than ${MAX_PART_BYTES} bytes`;
    }
  }
  return undefined;
}

/** Whether `text` can name a synchronised file. */
export function isRelativePath(text: string): text is RelativePath {
  return whyNotRelativePath(text) === undefined;
}

/** @throws {EscaleError} `refused` if `text` cannot name a synchronised file, with the reason */
export function parseRelativePath(text: string): RelativePath {
  const why = whyNotRelativePath(text);
  if (why !== undefined) {
    throw new EscaleError("refused", `Refused the name "${printable(text)}": ${why}`);
  }
  return text as RelativePath;
}

/** The folder part of a path, `""` at the top. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** The last part of a path. */
export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** `name` inside `folder`, where `""` is the top folder. */
export function joinPath(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** `text` for a message: control characters escaped, long texts cut. */
export function printable(text: string): string {
  const shown = text.length > 200 ? `${text.slice(0, 200)}...` : text;
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  return shown.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (c) => {
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
