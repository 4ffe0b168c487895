import { BackendError, type FolderName, type ObjectName, parseObjectName } from "../backend.ts";

// deno-lint-ignore no-control-regex -- they are what is looked for
const CONTROLS = /[\u0000-\u001f\u007f]/;
const TEMPORARY = /^\.escale-[0-9a-f]{16}\.tmp$/;

/** A new name in `folder` for an upload under way. It is hidden, so every client ignores it. */
export function temporaryIn(folder: FolderName): ObjectName {
  const own = `.escale-${crypto.getRandomValues(new Uint8Array(8)).toHex()}.tmp`;
  return parseObjectName(folder === "" ? own : `${folder}/${own}`);
}

/** Whether an object is one of {@linkcode temporaryIn}. */
export function isTemporary(name: ObjectName): boolean {
  return TEMPORARY.test(baseOf(name));
}

/** Why drive cannot be given a name, or does not show it as it is; `undefined` if it can. */
export function whyNotName(name: string): string | undefined {
  if (CONTROLS.test(name)) return "drive shows names line by line: it has a control character";
  if (/ (\/|$)/.test(name)) return "drive shows names with blanks after them: it ends with one";
  if (name.includes("%2F")) return 'drive reads "%2F" as a slash';
  return undefined;
}

/** @throws {BackendError} `invalid-name` if the name is kept for uploads, or drive cannot be given it */
export function checkName(action: string, name: ObjectName): void {
  const why = isTemporary(name) ? "such names are kept for uploads" : whyNotName(name);
  if (why !== undefined) throw new BackendError("invalid-name", `Cannot ${action}: ${why}`);
}

/** The folder that holds `name`. */
export function folderOf(name: ObjectName): FolderName {
  const slash = name.lastIndexOf("/");
  return slash < 0 ? "" : parseObjectName(name.slice(0, slash));
}

/** The last part of a name. */
export function baseOf(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}
