import { basename, dirname, join } from "node:path";
import { failureOf } from "./_failure.ts";

/** A file's new content, which stands beside it under a hidden name until it is put in its place. */
export interface Replacement extends Disposable {
  /**
   * Puts it in the file's place and returns the path of a copy of what stood there.
   *
   * @throws {EscaleError} `denied`, `full`; the file is then as it was
   */
  commit(): string;
}

/**
 * Prepares a new content for the text file at `path`: its mode is kept, a symbolic link stays one. Disposed of before it
 * is committed, nothing is left.
 *
 * @throws {EscaleError} `denied`, `full` if it cannot be written there
 */
export function prepareReplacement(path: string, text: string, suffix: string): Replacement {
  const attempt = <T>(verb: string, work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      throw failureOf(cause, verb, path);
    }
  };
  const file = attempt("find", () => Deno.realPathSync(path));
  const mode = attempt("look at", () => Deno.statSync(file).mode ?? 0o600) & 0o777;
  const temporary = join(dirname(file), `.${basename(file)}.${crypto.randomUUID()}.new`);
  attempt("replace", () => writeDurably(temporary, new TextEncoder().encode(text), mode));
  let isDone = false;
  return {
    commit: () =>
      attempt("replace", () => {
        const copy = freeName(file + suffix);
        writeDurably(copy, Deno.readFileSync(file), mode);
        Deno.renameSync(temporary, file);
        isDone = true;
        return copy;
      }),
    [Symbol.dispose]() {
      if (!isDone) Deno.removeSync(temporary);
      isDone = true;
    },
  };
}

function writeDurably(file: string, bytes: Uint8Array, mode: number): void {
  using handle = Deno.openSync(file, { write: true, createNew: true, mode });
  for (let from = 0; from < bytes.length;) from += handle.writeSync(bytes.subarray(from));
  handle.syncSync();
  // The umask may have taken bits away.
  if (Deno.build.os !== "windows") Deno.chmodSync(file, mode);
}

function freeName(wanted: string): string {
  for (let at = 0;; at++) {
    const name = at === 0 ? wanted : `${wanted}.${at}`;
    try {
      Deno.lstatSync(name);
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return name;
      throw cause;
    }
  }
}
