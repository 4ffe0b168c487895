import { folderOf, joinPath, printable, type RelativePath } from "../path.ts";
import { failureOf, isAbsence, refusedError } from "./_failure.ts";
import { type Look, lookAt } from "./_look.ts";
import { whyNotHere } from "./names.ts";
import type { LocalFile } from "./scan.ts";
import type { FileStamp } from "./state.ts";

/**
 * How long after its last change a file is taken for settled, milliseconds. FAT rounds times to 2 s, and Deno tells
 * the time of change in whole seconds; the rest is the kernel's clock tick (10 ms at most) with a margin.
 */
export const CLOCK_GRANULARITY_MS: number = 2_050;

/**
 * The place of `path` in the file system, after looking at every folder above it: none may be a symbolic link. Whatever
 * is missing may be missing.
 *
 * @throws {EscaleError} `refused` if a folder is a link or no folder, if a link stands at the path itself that does not
 * lead to a file of the repository, or if this system has no such names; `denied` if it does not let us look
 */
export function resolveInside(root: string, path: RelativePath): string {
  const place = resolveFolders(root, path);
  const look = lookFor(root, path);
  if (look.kind === "other") throw refusedError(path, look.why);
  return place;
}

/** As {@linkcode resolveInside}, without a look at the path itself. */
export function resolveFolders(root: string, path: RelativePath): string {
  const why = whyNotHere(path) ?? whyNotFolders(root, folderOf(path));
  if (why !== undefined) throw refusedError(path, why);
  return `${root}/${path}`;
}

/** What stands at `path`, without regard to its folders. @throws {EscaleError} `denied` if it cannot be looked at */
export function lookFor(root: string, path: RelativePath): Look {
  try {
    return lookAt(root, `${root}/${path}`);
  } catch (cause) {
    throw failureOf(cause, "look at", path);
  }
}

/**
 * The file at `path` as the scan would report it, or `undefined` if it would not.
 *
 * @throws {EscaleError} `denied` if the system does not let us look
 */
export function statFile(root: string, path: RelativePath): LocalFile | undefined {
  if (whyNotHere(path) !== undefined) return undefined;
  if (whyNotFolders(root, folderOf(path)) !== undefined) return undefined;
  const look = lookFor(root, path);
  return look.kind === "file" ? { path, ...look.stamp } : undefined;
}

/** Whether two looks show the same file, unchanged in between as far as the file system tells. */
export function sameStamp(a: FileStamp, b: FileStamp): boolean {
  return a.changedMs === b.changedMs && sameContentStamp(a, b);
}

/** As {@linkcode sameStamp}, where the file has been renamed or linked in between, which counts as a change of it. */
export function sameContentStamp(a: FileStamp, b: FileStamp): boolean {
  return a.sizeBytes === b.sizeBytes && a.modifiedMs === b.modifiedMs && a.inode === b.inode;
}

/**
 * Whether a change after the look is sure to show in the stamp. Only the time of change counts: it cannot be set by
 * hand, and a write always sets it, so that a file dated into the future settles like any other.
 */
export function isSettled(stamp: FileStamp, lookedAtMs: number): boolean {
  return lookedAtMs - stamp.changedMs >= CLOCK_GRANULARITY_MS;
}

/** Says why files below `folder` are out of bounds; what is missing does not matter. */
function whyNotFolders(root: string, folder: string): string | undefined {
  if (folder === "") return undefined;
  let above = "";
  for (const part of folder.split("/")) {
    above = joinPath(above, part);
    try {
      const info = Deno.lstatSync(`${root}/${above}`);
      if (info.isSymlink) return `its folder "${printable(above)}" is a symbolic link`;
      if (!info.isDirectory) return `"${printable(above)}" is a file, not a folder`;
    } catch (cause) {
      if (isAbsence(cause)) return undefined;
      throw failureOf(cause, "look at", above);
    }
  }
  return undefined;
}
