import { EscaleError, messageOf } from "../errors.ts";
import { printable } from "../path.ts";

/** Makes a folder that nobody else may look into, unless it is there. @throws {EscaleError} `denied` if that fails */
export function makeFolder(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const message = `Cannot make the folder "${printable(path)}": ${messageOf(cause)}`;
    throw new EscaleError("denied", message, { cause });
  }
}

/**
 * Replaces the small file at `path` as a whole, so that a reader sees the old or the new one; nobody else may read it.
 * Not made durable: these files tell of a running process.
 *
 * @throws as the system does
 */
export function replaceFile(path: string, text: string): void {
  const temporary = `${path}.new`;
  Deno.writeTextFileSync(temporary, text, { mode: 0o600 });
  Deno.renameSync(temporary, path);
}

/** The text of a file; `undefined` if there is none. @throws as the system does */
export function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw cause;
  }
}
