import { EscaleError, messageOf } from "../errors.ts";
import { printable } from "../path.ts";

/** How often, and after which pause, a lock is tried for that others only look at. */
const [LOOKERS, PAUSE_MS] = [50, 4];

/** A file that is locked and holds the number of this process, until disposed of or until the process ends, however. */
export class PidFile implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #isHeld = true;

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * Takes the file at `path`. One that a process has left that ended without giving it back is taken over, since its
   * lock ended with that process.
   *
   * @throws {EscaleError} `locked` if a living process holds it; `denied` if it cannot be made
   */
  static take(path: string): PidFile {
    for (;;) {
      const file = openLocked(path);
      // Its last holder may have removed the file between the two calls.
      if (isStill(path, file)) {
        file.truncateSync(0);
        file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
        return new PidFile(path, file);
      }
      file.close();
    }
  }

  [Symbol.dispose](): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    try {
      Deno.removeSync(this.#path);
    } catch {
      // A file that stays is stale by its lock, and taken over.
    }
    this.#file.close();
  }
}

/** The number of the living process that holds the file at `path`, 0 if it cannot be read; `undefined` without one. */
export function holderOf(path: string): number | undefined {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { read: true });
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw cannot("read", path, cause);
  }
  using open = file;
  if (open.tryLockSync(false)) return undefined;
  try {
    return Number.parseInt(Deno.readTextFileSync(path), 10) || 0;
  } catch {
    return 0;
  }
}

function openLocked(path: string): Deno.FsFile {
  let file: Deno.FsFile | undefined;
  try {
    file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o644 });
    if (lockAlone(file)) return file;
  } catch (cause) {
    file?.close();
    throw cannot("make", path, cause);
  }
  file.close();
  const pid = holderOf(path);
  const by = pid === undefined || pid === 0 ? "another process" : `process ${pid}`;
  throw new EscaleError("locked", `Cannot run: ${by} already runs the clients of this file`, {
    hint: 'Stop it with "escalectl stop", or see what it does with "escalectl status"',
  });
}

/** Locks the file unless a process holds it. One that only looks whether somebody does is in the way for a moment. */
function lockAlone(file: Deno.FsFile): boolean {
  for (let attempt = 0; attempt < LOOKERS; attempt++) {
    if (file.tryLockSync(true)) return true;
    if (!file.tryLockSync(false)) return false;
    file.unlockSync();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
  }
  return false;
}

/** Whether `file` is the one that stands at `path`. */
function isStill(path: string, file: Deno.FsFile): boolean {
  try {
    const [there, held] = [Deno.statSync(path), file.statSync()];
    return there.ino === held.ino && there.dev === held.dev;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw cause;
  }
}

function cannot(verb: string, path: string, cause: unknown): EscaleError {
  const message = `Cannot ${verb} the pid file "${printable(path)}": ${messageOf(cause)}`;
  return new EscaleError("denied", message, { cause });
}
