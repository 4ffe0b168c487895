import { basename, dirname, join } from "node:path";

import { failureOf } from "./_failure.ts";

/** The owner alone may read and write. */
const PRIVATE = 0o600;

/**
 * Makes a file that only its owner can read; it appears when it is complete and durable, and replaces nothing.
 *
 * @throws {EscaleError} `changed` if there is something of that name; `denied`, `full`
 */
export function createPrivateFile(path: string, bytes: Uint8Array): void {
  const temporary = join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}.new`);
  try {
    try {
      using handle = Deno.openSync(temporary, { write: true, createNew: true, mode: PRIVATE });
      for (let from = 0; from < bytes.length;) from += handle.writeSync(bytes.subarray(from));
      handle.syncSync();
      placeNew(temporary, path);
    } finally {
      removeIfThere(temporary);
    }
  } catch (cause) {
    throw failureOf(cause, "make the file", path);
  }
}

function placeNew(temporary: string, path: string): void {
  try {
    Deno.linkSync(temporary, path);
  } catch (cause) {
    if (isThere(path)) throw cause;
    // A file system without hard links.
    Deno.renameSync(temporary, path);
  }
}

/** Lets only the owner read an existing file. @throws {EscaleError} `denied` */
export function makePrivate(path: string): void {
  if (Deno.build.os === "windows") return;
  try {
    Deno.chmodSync(path, PRIVATE);
  } catch (cause) {
    throw failureOf(cause, "take from others the right to read", path);
  }
}

/**
 * Makes a folder and those above it that are missing, and returns the new ones, the topmost first.
 *
 * @throws {EscaleError} `denied`, `full`; then none is left
 */
export function makeFolders(path: string, mode = 0o755): readonly string[] {
  const missing: string[] = [];
  for (let at = path; !isThere(at); at = dirname(at)) missing.unshift(at);
  const made: string[] = [];
  try {
    for (const folder of missing) {
      Deno.mkdirSync(folder, { mode });
      made.push(folder);
    }
    return made;
  } catch (cause) {
    removeFolders(made);
    throw failureOf(cause, "make the folder", path);
  }
}

/** Removes what {@linkcode makeFolders} made, as far as it is empty. */
export function removeFolders(made: readonly string[]): void {
  for (const folder of made.toReversed()) {
    try {
      Deno.removeSync(folder);
    } catch {
      // Somebody put something there: it is theirs now.
      return;
    }
  }
}

/** Removes a file, if there is one. */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw failureOf(cause, "remove", path);
  }
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw failureOf(cause, "look at", path);
  }
}
