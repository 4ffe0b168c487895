import { hash } from "node:crypto";
import { joinPath, type RelativePath } from "../path.ts";

/** The name of a temporary file in a repository; the group is the tag of the client that made it. */
export const TEMPORARY_NAME: RegExp = /^\.escale-([0-9a-f]{8})-[0-9a-f]{12}\.tmp$/;

/** A new name for a temporary file of the client `owner`, which knows it for its own after a crash. */
export function temporaryName(owner: string): string {
  const random = crypto.getRandomValues(new Uint8Array(6)).toHex();
  return `.escale-${temporaryTag(owner)}-${random}.tmp`;
}

/** What the names of a client's temporary files have in common. */
export function temporaryTag(owner: string): string {
  return hash("sha256", owner, "hex").slice(0, 8);
}

const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)/i;
// deno-lint-ignore no-control-regex -- control characters are what is looked for
const WINDOWS_FORBIDDEN = /[\u0000-\u001f<>:"|?*\\]/;

/**
 * Says why a file cannot have this name on a system, whatever its file system, or `undefined` if it may. On Windows
 * `\` would be a separator, `:` open a stream of another file, and a device's name open the device.
 */
export function whyNotHere(
  path: RelativePath,
  os: typeof Deno.build.os = Deno.build.os,
): string | undefined {
  if (os !== "windows") return undefined;
  for (const part of path.split("/")) {
    const forbidden = WINDOWS_FORBIDDEN.exec(part)?.[0];
    if (forbidden !== undefined) return `Windows has no names with ${JSON.stringify(forbidden)}`;
    if (/[. ]$/.test(part)) return "Windows drops a final dot or blank of a name";
    if (WINDOWS_DEVICE.test(part)) return `"${part}" is a device on Windows`;
  }
  return undefined;
}

/** How {@linkcode twinOf} looks at a file system. Paths are relative to the repository. */
export interface NameLook {
  readonly exists: (path: string) => boolean;
  readonly list: (folder: string) => Iterable<string>;
}

/**
 * The path under which another file or folder stands in the way of `path`, where the file system takes names for
 * equal that differ in case or Unicode form; `undefined` if none does. The result ends with the part that differs, or
 * with the part itself where something goes by it that is listed under a name of no likeness (`LONGNA~1` on Windows).
 */
export function twinOf(path: string, look: NameLook): string | undefined {
  let folder = "";
  for (const part of path.split("/")) {
    const here = joinPath(folder, part);
    if (!look.exists(here)) return undefined;
    const names = [...look.list(folder)];
    if (!names.includes(part)) {
      const twin = names.find((name) => foldName(name) === foldName(part));
      if (twin !== undefined) return joinPath(folder, twin);
      // Looked at again, as it may just have been removed.
      return look.exists(here) ? here : undefined;
    }
    folder = here;
  }
  return undefined;
}

function foldName(name: string): string {
  return name.normalize("NFC").toUpperCase().toLowerCase();
}
