import { sep } from "node:path";
import { isAbsence } from "./_failure.ts";
import type { FileStamp } from "./state.ts";

/** What stands at a place. */
export type Look =
  | {
    readonly kind: "file";
    readonly stamp: FileStamp;
    /** A symbolic link stands there; all the rest is of the file inside the repository to which it leads. */
    readonly isLink: boolean;
    /** The permission bits; `undefined` where there are none. */
    readonly mode: number | undefined;
  }
  | { readonly kind: "folder" }
  | { readonly kind: "absent" }
  | { readonly kind: "other"; readonly why: string };

/**
 * Looks at the full path `place` below `root`, without regard to links above it.
 *
 * @throws the system's error if it does not let us look
 */
export function lookAt(root: string, place: string): Look {
  try {
    const info = Deno.lstatSync(place);
    if (info.isFile) return lookOf(info, false);
    if (info.isSymlink) return lookThrough(root, place);
    if (info.isDirectory) return { kind: "folder" };
    return { kind: "other", why: "it is neither a file nor a folder" };
  } catch (cause) {
    if (isAbsence(cause)) return { kind: "absent" };
    throw cause;
  }
}

/** The stamp of a file. Deno tells the time of the last change in whole seconds, and on some systems not at all. */
export function stampOf(info: Deno.FileInfo): FileStamp {
  const modifiedMs = info.mtime?.getTime() ?? 0;
  return {
    sizeBytes: info.size,
    modifiedMs,
    changedMs: info.ctime?.getTime() ?? modifiedMs,
    inode: info.ino ?? 0,
  };
}

function lookOf(info: Deno.FileInfo, isLink: boolean): Look {
  const isModal = Deno.build.os !== "windows";
  const mode = isModal && info.mode !== null ? info.mode & 0o777 : undefined;
  return { kind: "file", stamp: stampOf(info), isLink, mode };
}

function lookThrough(root: string, link: string): Look {
  try {
    const target = Deno.realPathSync(link);
    if (!isBelow(Deno.realPathSync(root), target)) return otherLink("leads out of the repository");
    const info = Deno.lstatSync(target);
    if (info.isFile) return lookOf(info, true);
    return otherLink(info.isDirectory ? "leads to a folder" : "does not lead to a file");
  } catch (cause) {
    if (isAbsence(cause)) return otherLink("leads nowhere");
    if (cause instanceof Deno.errors.FilesystemLoop) return otherLink("leads back to itself");
    return otherLink("cannot be followed");
  }
}

function otherLink(what: string): Look {
  return { kind: "other", why: `it is a symbolic link that ${what}` };
}

function isBelow(folder: string, place: string): boolean {
  return place.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
