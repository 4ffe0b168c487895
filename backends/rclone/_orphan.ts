import { parseEndpoint } from "./_endpoint.ts";
import { Wire } from "./_http.ts";
import { Rc } from "./_rc.ts";

/** How long an orphan may take to reply, milliseconds. */
const QUIT_MS = 2_000;

/**
 * A file that tells how to end an rclone whose program was killed. It is locked by the program that runs it: an rclone
 * that is told of and whose file is not locked is an orphan. Disposing removes it.
 */
export class OrphanRecord implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #isOpen = true;

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * Takes the file, and ends the orphan that it tells of; `undefined` if another living program holds it, or if there
   * is no place for it, as before a client's first run.
   */
  static async take(path: string): Promise<OrphanRecord | undefined> {
    const file = openRecord(path);
    if (file === undefined) return undefined;
    const record = new OrphanRecord(path, file);
    if (!file.tryLockSync(true)) {
      file.close();
      return undefined;
    }
    try {
      await endOrphan(Deno.readTextFileSync(path));
      return record;
    } catch (thrown) {
      record[Symbol.dispose]();
      throw thrown;
    }
  }

  /** Tells of the rclone that answers at `endpoint`, written as a URL. */
  write(endpoint: string): void {
    this.#file.truncateSync(0);
    this.#file.seekSync(0, Deno.SeekMode.Start);
    this.#file.writeSync(new TextEncoder().encode(endpoint));
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      Deno.removeSync(this.#path);
    } catch {
      // One that stays tells of an rclone that has ended: nobody answers with its password.
    }
    this.#file.close();
  }
}

function openRecord(path: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return undefined;
    if (thrown instanceof Deno.errors.PermissionDenied) return undefined;
    throw thrown;
  }
}

/** Asks with a password that only the orphan knows, so that nobody else is ended. */
async function endOrphan(text: string): Promise<void> {
  const endpoint = parseEndpoint(text.trim());
  if (endpoint === undefined) return;
  using wire = new Wire(endpoint, { timeoutMs: QUIT_MS, maxConnections: 1, trace: () => {} });
  const options = { action: "end an rclone that was left over", signal: undefined };
  // It may have ended by itself, and ends before it replies.
  await new Rc(wire).call("core/quit", {}, options).catch(() => {});
}
