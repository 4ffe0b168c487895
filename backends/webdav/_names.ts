import { BackendError, type FolderName, type ObjectName, parseObjectName } from "../backend.ts";

const TEMPORARY = /^\.escale-[0-9a-f]{16}\.tmp$/;
/** What every file system behind a server takes for one part of a name, with what servers add; bytes of UTF-8. */
const MAX_PART_BYTES = 240;
// deno-lint-ignore no-control-regex -- they are what is looked for
const CONTROLS = /[\u0000-\u001f\u007f]/;

/** A new name beside `name` for an upload under way. It is hidden, so every client ignores it. */
export function temporaryFor(name: ObjectName): ObjectName {
  const own = `.escale-${crypto.getRandomValues(new Uint8Array(8)).toHex()}.tmp`;
  const folder = folderOf(name);
  return parseObjectName(folder === "" ? own : `${folder}/${own}`);
}

/** Whether an object is one of {@linkcode temporaryFor}. */
export function isTemporary(name: ObjectName): boolean {
  return TEMPORARY.test(name.slice(name.lastIndexOf("/") + 1));
}

/** Whether an object's own name begins with a dot. */
export function isHidden(name: ObjectName): boolean {
  return name.startsWith(".", name.lastIndexOf("/") + 1);
}

/** @throws {BackendError} `invalid-name` if the name is kept for uploads under way */
export function checkName(action: string, name: ObjectName): void {
  if (!isTemporary(name)) return;
  throw new BackendError("invalid-name", `Cannot ${action}: such names are kept for uploads`);
}

/** @throws {BackendError} `invalid-name` if the name has control characters */
export function checkControls(action: string, name: ObjectName): void {
  if (!CONTROLS.test(name)) return;
  throw new BackendError("invalid-name", `Cannot ${action}: it has control characters in its name`);
}

/** Whether a name leaves no room for what a server may add to it. */
export function isLong(name: ObjectName): boolean {
  const encoder = new TextEncoder();
  return name.split("/").some((part) => encoder.encode(part).length > MAX_PART_BYTES);
}

/** Why a server that refuses a name may do so; `undefined` if nothing is odd about it. */
export function oddityOf(name: ObjectName): string | undefined {
  if (isLong(name)) return "the name is too long";
  const isOdd = CONTROLS.test(name) || /[<>:"|?*\\]|[ .](?:\/|$)/.test(name);
  return isOdd ? "the server cannot hold the name" : undefined;
}

/**
 * A part of a name as it is stored where listings leave out what begins with a dot: `%2E` stands for that dot, and
 * `%252E` for a `%2E` at the beginning, and so on.
 */
export function showDot(part: string): string {
  if (part.startsWith(".")) return `%2E${part.slice(1)}`;
  return part.replace(/^%((?:25)*2E)/, "%25$1");
}

/** The reverse of {@linkcode showDot}. */
export function hideDot(stored: string): string {
  if (stored.startsWith("%2E")) return `.${stored.slice(3)}`;
  return stored.replace(/^%25((?:25)*2E)/, "%$1");
}

/** The folder that holds `name`. */
export function folderOf(name: ObjectName): FolderName {
  const slash = name.lastIndexOf("/");
  return slash < 0 ? "" : parseObjectName(name.slice(0, slash));
}

/** A folder's path in a URL, with a slash at both ends; `""` is the server's top. Parts are taken as they are. */
export function rootPath(folder: string): string {
  const parts = folder.split("/").filter((part) => part !== "");
  return parts.length === 0 ? "/" : `/${encodePath(parts.join("/"))}/`;
}

/** `path` as it stands in a URL. */
export function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

/**
 * The path that a URL of the server names, decoded and without a final slash; `undefined` if it is malformed. It may
 * be absolute, without a host, or relative to `base`, as an encoded path.
 */
export function pathOf(href: string, base: string): string | undefined {
  const url = URL.parse(href.replace(/^\/\/+/, "/"), `http://relay${base}`);
  try {
    return url === null ? undefined : decodeURIComponent(url.pathname).replace(/(?<!\/)\/+$/, "");
  } catch {
    return undefined;
  }
}
