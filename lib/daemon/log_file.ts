import { EscaleError, messageOf } from "../errors.ts";
import { printable } from "../path.ts";

/** A log file is put aside when the next line would make it larger. */
const MAX_BYTES = 10 * 1024 * 1024;
const encoder = new TextEncoder();

/** How a log file is kept. */
export interface LogFileOptions {
  /** How many former files are kept, as `NAME.1` (the latest), `NAME.2` and so on. */
  readonly rotate: number;
  readonly maxBytes?: number;
}

/**
 * A log file with one writer. Lines are appended whole. What the disk does not take is counted and told of once it
 * takes something again: the work goes on.
 */
export class LogFile implements Disposable {
  readonly path: string;
  readonly #rotate: number;
  readonly #maxBytes: number;
  #file: Deno.FsFile | undefined;
  #sizeBytes = 0;
  #lost = 0;

  /** Opens or makes the file at `path`, and its folder. @throws {EscaleError} `denied` if that fails */
  constructor(path: string, { rotate, maxBytes = MAX_BYTES }: LogFileOptions) {
    this.path = path;
    this.#rotate = rotate;
    this.#maxBytes = maxBytes;
    try {
      const folder = path.slice(0, Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")));
      if (folder !== "") Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
      this.#open();
    } catch (cause) {
      const message = `Cannot open the log file "${printable(path)}": ${messageOf(cause)}`;
      throw new EscaleError("denied", message, {
        hint: 'Change "log file" in the configuration, or make its folder writable',
        cause,
      });
    }
  }

  /** Appends a line, which has no end of line. Never throws. */
  write(line: string): void {
    const lost = this.#lost === 0 ? "" : `(${this.#lost} lines could not be written)\n`;
    const bytes = encoder.encode(`${lost}${line}\n`);
    try {
      if (this.#sizeBytes > 0 && this.#sizeBytes + bytes.length > this.#maxBytes) this.#turn();
      const file = this.#file ?? this.#open();
      let rest = bytes;
      while (rest.length > 0) rest = rest.subarray(file.writeSync(rest));
      this.#sizeBytes += bytes.length;
      this.#lost = 0;
    } catch {
      this.#lost++;
    }
  }

  /** Opens the file anew, as after another program has put it aside. Never throws. */
  reopen(): void {
    this.#close();
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #open(): Deno.FsFile {
    const file = Deno.openSync(this.path, { append: true, create: true, mode: 0o600 });
    this.#file = file;
    this.#sizeBytes = file.statSync().size;
    return file;
  }

  #close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** Puts the file aside. The last first, so that a crash in between loses none; where that fails it grows on. */
  #turn(): void {
    this.#close();
    try {
      if (this.#rotate === 0) return Deno.removeSync(this.path);
      for (let number = this.#rotate - 1; number >= 1; number--) {
        renameIfThere(`${this.path}.${number}`, `${this.path}.${number + 1}`);
      }
      renameIfThere(this.path, `${this.path}.1`);
    } catch {
      // A folder that takes no new names, as one may have after it was made read-only.
    }
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    Deno.renameSync(from, to);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
  }
}
