import { BackendError, type FolderName, type ObjectName, parseObjectName } from "../backend.ts";

const TEMPORARY = /^\.escale-[0-9a-f]{16}\.tmp$/;
const RESERVED_ON_WINDOWS = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)/i;
// deno-lint-ignore no-control-regex -- Windows takes no control characters
const REFUSED_BY_WINDOWS = /[\u0000-\u001f<>:"|?*\\]|[ .]$/;

/** A new name for a put under way. It starts with `.` and has none of the relay's endings, so every client ignores it. */
export function temporaryName(): string {
  return `.escale-${crypto.getRandomValues(new Uint8Array(8)).toHex()}.tmp`;
}

/** Whether a file's own name is one of {@linkcode temporaryName}. */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY.test(name);
}

/**
 * Says why this backend cannot hold an object of that name, or `undefined` if it can. On Windows this also keeps out the
 * names that would leave the folder, or be stored under another name than given.
 */
export function whyNotFileName(name: string, windows: boolean): string | undefined {
  for (const part of name.split("/")) {
    if (isTemporaryName(part)) return `"${part}" is kept for temporary files`;
    if (!windows) continue;
    if (REFUSED_BY_WINDOWS.test(part) || RESERVED_ON_WINDOWS.test(part)) {
      return `Windows cannot hold "${part}"`;
    }
  }
  return undefined;
}

/** @throws {BackendError} `invalid-name` if this backend cannot hold an object of that name */
export function checkFileName(action: string, name: ObjectName): void {
  const why = whyNotFileName(name, Deno.build.os === "windows");
  if (why !== undefined) throw new BackendError("invalid-name", `Cannot ${action}: ${why}`);
}

/** The folder that holds `name`. */
export function folderOf(name: ObjectName): FolderName {
  const slash = name.lastIndexOf("/");
  return slash < 0 ? "" : parseObjectName(name.slice(0, slash));
}
