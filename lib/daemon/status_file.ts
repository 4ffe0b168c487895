import { readIfThere, replaceFile } from "./small_file.ts";
import type { StatusDocument } from "./status.ts";
import type { Timers } from "./supervisor.ts";

/** How often the file is written at most. */
export const WRITE_EVERY_MS = 1_000;

/** Keeps a status in a file, which others read whole at any time. What the disk does not take is left out. */
export class StatusFile implements Disposable {
  readonly #path: string;
  readonly #document: () => StatusDocument;
  readonly #timers: Timers;
  #cancel: (() => void) | undefined;

  constructor(
    path: string,
    { document, timers }: { readonly document: () => StatusDocument; readonly timers: Timers },
  ) {
    this.#path = path;
    this.#document = document;
    this.#timers = timers;
  }

  /** Notes that there is something new; it is written within {@linkcode WRITE_EVERY_MS}. */
  touch(): void {
    this.#cancel ??= this.#timers.after(WRITE_EVERY_MS, () => this.write());
  }

  /** Writes the file now. Never throws. */
  write(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    try {
      replaceFile(this.#path, `${JSON.stringify(this.#document())}\n`);
    } catch {
      // A full disk, most likely: the clients say so, and the next second may have space.
    }
  }

  [Symbol.dispose](): void {
    this.write();
  }
}

/** Reads the status in a file; `undefined` if there is none that can be read and is of this version. */
export function readStatus(path: string): StatusDocument | undefined {
  try {
    const text = readIfThere(path);
    if (text === undefined) return undefined;
    const document: StatusDocument = JSON.parse(text);
    return document.version === 1 && Array.isArray(document.clients) ? document : undefined;
  } catch {
    return undefined;
  }
}
