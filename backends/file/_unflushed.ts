import { closeSync, fsync as fsyncCallback, openSync } from "node:fs";
import { promisify } from "node:util";
import type { FolderName, ObjectName } from "../backend.ts";
import { fileError, saysAbsent, systemCodeOf } from "./_errors.ts";
import { folderOf } from "./_names.ts";
import { READ_FLAGS } from "./_read.ts";

const fsync = promisify(fsyncCallback);

/** What a file system says that cannot synchronise a folder, as some network shares. */
const NO_SYNC: ReadonlySet<string | undefined> = new Set([
  "EINVAL",
  "ENOSYS",
  "ENOTSUP",
  "EOPNOTSUPP",
]);

const IS_WINDOWS = Deno.build.os === "windows";

/** How many files are synchronised at a time; more gain nothing on a local disk. */
const SYNCS_AT_A_TIME = 32;

/** What was changed since the last flush, and has yet to reach the disk. */
export class Unflushed {
  #files = new Set<ObjectName>();
  #folders = new Set<FolderName>();
  #latest: Promise<void> = Promise.resolve();

  /** An object was written. */
  written(name: ObjectName): void {
    this.#files.add(name);
    this.#folders.add(folderOf(name));
  }

  /** A folder was made for an object. */
  changed(name: ObjectName): void {
    this.#folders.add(folderOf(name));
  }

  /**
   * Makes it all durable: the files first, then the folders that name them. What fails, or is left when the signal
   * aborts, stays for the next time.
   *
   * @throws {BackendError} if the disk refuses
   */
  flush(pathOf: (name: FolderName) => string, signal: AbortSignal | undefined): Promise<void> {
    // What an earlier flush has in hand must be durable too before this one ends.
    const flushed = this.#latest.then(() => this.#flush({ pathOf, signal }));
    this.#latest = flushed.catch(() => {});
    return flushed;
  }

  async #flush(options: SyncOptions): Promise<void> {
    await syncAll(this.#files, options);
    // Windows cannot open a folder, and writes its entries by itself.
    if (IS_WINDOWS) this.#folders.clear();
    await syncAll(this.#folders, options);
  }
}

interface SyncOptions {
  readonly pathOf: (name: FolderName) => string;
  readonly signal: AbortSignal | undefined;
}

async function syncAll<T extends FolderName>(names: Set<T>, options: SyncOptions): Promise<void> {
  const queue = [...names].values();
  let failure: unknown;
  async function work(): Promise<void> {
    for (const name of queue) {
      if (failure !== undefined) return;
      try {
        options.signal?.throwIfAborted();
        // Taken out first: a write during the sync puts it in again.
        names.delete(name);
        await sync(name, options);
      } catch (thrown) {
        names.add(name);
        failure ??= thrown;
      }
    }
  }
  await Promise.all(Array.from({ length: SYNCS_AT_A_TIME }, work));
  if (failure !== undefined) throw failure;
}

async function sync(name: FolderName, { pathOf }: SyncOptions): Promise<void> {
  try {
    // Windows synchronises only what is open for writing.
    const descriptor = openSync(pathOf(name), IS_WINDOWS ? "r+" : READ_FLAGS);
    try {
      await fsync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (thrown) {
    if (saysAbsent(thrown) || NO_SYNC.has(systemCodeOf(thrown))) return;
    throw fileError(`flush ${JSON.stringify(name)}`, thrown);
  }
}
