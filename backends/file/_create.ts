import { unlinkSync } from "node:fs";
import type { ObjectName } from "../backend.ts";
import { systemCodeOf } from "./_errors.ts";
import type { Folders } from "./_folders.ts";
import { folderOf } from "./_names.ts";

/** What `link` says where the file system has no hard links, or none from there. */
const NO_LINKS: ReadonlySet<string | undefined> = new Set([
  "EPERM",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
  "EINVAL",
  "EMLINK",
  "EXDEV",
]);

/** An object that was made to be shared. */
interface Shared {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly inode: number | null;
}

/**
 * Makes objects only where there are none: a complete temporary file gets the name as a link, which is exclusive on
 * every file system that has links.
 */
export class Creator {
  readonly #folders: Folders;
  /** The latest shareable object: the next one of the same content is one more link to it. */
  #latest: Shared | undefined;

  constructor(folders: Folders) {
    this.#folders = folders;
  }

  /** As {@linkcode Backend.create}. */
  create(name: ObjectName, bytes: Uint8Array, { isShareable }: { isShareable: boolean }): boolean {
    const path = this.#folders.pathOf(name);
    return this.#folders.within(folderOf(name), () => {
      if (!isShareable) return this.#make(name, path, bytes);
      const isShared = this.#share(path, bytes);
      if (isShared !== undefined) return isShared;
      const isMade = this.#make(name, path, bytes);
      if (isMade) this.#latest = { path, bytes, inode: inodeOf(path) };
      return isMade;
    });
  }

  /** One more name for the latest object; `undefined` if that cannot be made. */
  #share(path: string, bytes: Uint8Array): boolean | undefined {
    const latest = this.#latest;
    if (latest === undefined || latest.inode === null || !areEqual(latest.bytes, bytes)) {
      return undefined;
    }
    try {
      const isLinked = linkNew(latest.path, path);
      if (isLinked !== true) return isLinked;
    } catch (thrown) {
      // The latest is removed already; or it is the folder that is gone.
      if (systemCodeOf(thrown) !== "ENOENT") throw thrown;
      this.#latest = undefined;
      return undefined;
    }
    if (inodeOf(path) === latest.inode) return true;
    // Another client has replaced the latest: what was linked is its object.
    removeQuietly(path);
    this.#latest = undefined;
    return undefined;
  }

  #make(name: ObjectName, path: string, bytes: Uint8Array): boolean {
    const temporary = this.#folders.temporaryFor(name);
    try {
      Deno.writeFileSync(temporary, bytes, { createNew: true });
      return linkNew(temporary, path) ?? writeNew(path, bytes);
    } finally {
      removeQuietly(temporary);
    }
  }
}

/** Gives `from` the name `path` too and says whether it did; `undefined` if there are no links. */
function linkNew(from: string, path: string): boolean | undefined {
  try {
    Deno.linkSync(from, path);
    return true;
  } catch (thrown) {
    const code = systemCodeOf(thrown);
    // NFS may have made the link and lost the reply: whether both are one file is the truth (open(2), O_EXCL).
    if (code === "EEXIST") return isSameFile(Deno.lstatSync(from), path);
    if (NO_LINKS.has(code)) return undefined;
    throw thrown;
  }
}

function inodeOf(path: string): number | null {
  return Deno.lstatSync(path).ino;
}

function isSameFile({ ino, dev }: Deno.FileInfo, path: string): boolean {
  try {
    const info = Deno.lstatSync(path);
    return ino !== null && info.ino === ino && info.dev === dev;
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return false;
    throw thrown;
  }
}

/** Writes a file where links cannot be made; it is seen empty for a moment. */
function writeNew(path: string, bytes: Uint8Array): boolean {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { write: true, createNew: true });
  } catch (thrown) {
    if (systemCodeOf(thrown) === "EEXIST") return false;
    throw thrown;
  }
  try {
    using opened = file;
    let rest = bytes;
    while (rest.length > 0) rest = rest.subarray(opened.writeSync(rest));
    return true;
  } catch (thrown) {
    removeQuietly(path);
    throw thrown;
  }
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** Removes a file that was never published. If that fails, a later listing does it. */
export function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The error that led here matters, or the file has its name already.
  }
}
