import { BackendError, type FolderName, type ObjectName, parseObjectName } from "../backend.ts";

// deno-lint-ignore no-control-regex -- they are what is looked for
const CONTROLS = /[\u0000-\u001f\u007f]/;
/** The longest part of a name in common file systems, bytes of UTF-8. */
const MAX_PART_BYTES = 255;
const TEMPORARY = /^\.escale-[0-9a-f]{16}\.tmp$/;

/** A new name beside `name` for an upload under way. It is hidden, so every client ignores it. */
export function temporaryFor(name: ObjectName): ObjectName {
  const own = `.escale-${crypto.getRandomValues(new Uint8Array(8)).toHex()}.tmp`;
  return parseObjectName(joinNames(folderOf(name), own));
}

/** Whether an object is one of {@linkcode temporaryFor}. */
export function isTemporary(name: ObjectName): boolean {
  return TEMPORARY.test(baseOf(name));
}

/**
 * @throws {BackendError} `invalid-name` if the name is kept for uploads under way, or has control characters: rclone shows
 * others in their place
 */
export function checkName(action: string, name: ObjectName): void {
  const why = isTemporary(name)
    ? "such names are kept for uploads"
    : CONTROLS.test(name)
    ? "rclone keeps no control characters in names"
    : undefined;
  if (why !== undefined) throw new BackendError("invalid-name", `Cannot ${action}: ${why}`);
}

/** Whether a name has a part that file systems do not hold; storages refuse those in words of all kinds. */
export function isTooLong(name: ObjectName): boolean {
  const encoder = new TextEncoder();
  return name.split("/").some((part) => encoder.encode(part).length > MAX_PART_BYTES);
}

/** The folder that holds `name`. */
export function folderOf(name: ObjectName): FolderName {
  const slash = name.lastIndexOf("/");
  return slash < 0 ? "" : parseObjectName(name.slice(0, slash));
}

/** The last part of `name`. */
export function baseOf(name: ObjectName): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

/** The name of what stands as `base` in `folder`. */
export function joinNames(folder: FolderName, base: string): string {
  return folder === "" ? base : `${folder}/${base}`;
}
