import { Crash } from "./faulty_backend.ts";

/** What of its unsynced work a crash takes with it. */
export type Loss =
  /** Nothing: the process alone ends. */
  | "nothing"
  /** The contents of files that were not synced, while their names stand. */
  | "contents"
  /** Those, and the names in folders that were not synced. */
  | "all";

/** Where a call stands in what it does. */
export type When = "before" | "after";

/** What a {@linkcode MortalDisk} watches. */
export interface MortalPlaces {
  /** The repository. */
  readonly root: string;
  /** The state database. */
  readonly state: string;
  /** An unused folder in the same file system. */
  readonly vault: string;
}

type Hook = (nth: number, when: When) => void;

/**
 * The disk of a client that may die at each call that changes something in its repository. From {@linkcode die} on all
 * its calls throw; what its unwinding still brings about is undone by {@linkcode bury}, with what the crash took.
 *
 * Removals through `node:fs` cannot be met; they come between the moments after one call and before the next.
 */
export class MortalDisk implements Disposable {
  /** How many calls there were. */
  calls = 0;
  readonly #places: MortalPlaces;
  readonly #hook: Hook;
  readonly #real = {
    openSync: Deno.openSync,
    linkSync: Deno.linkSync,
    renameSync: Deno.renameSync,
    mkdirSync: Deno.mkdirSync,
    removeSync: Deno.removeSync,
    chmodSync: Deno.chmodSync,
  };
  readonly #realHandle = {
    writeSync: Deno.FsFile.prototype.writeSync,
    write: Deno.FsFile.prototype.write,
    utimeSync: Deno.FsFile.prototype.utimeSync,
    sync: Deno.FsFile.prototype.sync,
  };
  /** The paths of open files. */
  readonly #open = new WeakMap<Deno.FsFile, string>();
  /** Second names, in the vault, of files whose contents are not synced, by their paths when they were opened. */
  readonly #unsynced = new Map<string, string>();
  /** How to take back what was done to the names in a folder since it was synced. */
  readonly #undo = new Map<string, (() => void)[]>();
  #kept = 0;
  #death: { readonly loss: Loss; readonly putBack: () => void } | undefined;

  constructor(places: MortalPlaces, hook: Hook) {
    this.#places = places;
    this.#hook = hook;
    Deno.mkdirSync(places.vault, { recursive: true });
    this.#install();
  }

  get isDead(): boolean {
    return this.#death !== undefined;
  }

  /** The client dies now. Throws nothing. */
  die(loss: Loss): void {
    if (this.#death !== undefined) return;
    const tree = this.#copyTree();
    const state = ["", "-wal"].map((suffix) => ({
      file: this.#places.state + suffix,
      bytes: readIfThere(this.#places.state + suffix),
    }));
    this.#death = {
      loss,
      putBack: () => {
        tree();
        removeIfThere(`${this.#places.state}-shm`);
        for (const { file, bytes } of state) {
          if (bytes === undefined) removeIfThere(file);
          else Deno.writeFileSync(file, bytes);
        }
      },
    };
  }

  /** Puts back what stood when the client died, less what was lost. To be called when it holds nothing open any more. */
  bury(): void {
    const death = this.#death;
    this[Symbol.dispose]();
    if (death === undefined) return;
    death.putBack();
    if (death.loss === "nothing") return;
    if (death.loss === "all") {
      for (const undo of this.#undo.values()) undo.reverse().forEach((each) => each());
    }
    for (const second of this.#unsynced.values()) Deno.truncateSync(second, 0);
  }

  [Symbol.dispose](): void {
    Object.assign(Deno, this.#real);
    Object.assign(Deno.FsFile.prototype, this.#realHandle);
  }

  #install(): void {
    const real = this.#real;
    Object.assign(Deno, {
      openSync: (path: string, options: Deno.OpenOptions = {}) => {
        if (options.write !== true) {
          const handle = real.openSync(path, options);
          this.#open.set(handle, path);
          return handle;
        }
        let handle: Deno.FsFile | undefined;
        try {
          return this.#call(path, () => {
            handle = real.openSync(path, options);
            this.#open.set(handle, path);
            if (this.#isMine(path)) {
              this.#unsynced.set(path, this.#keep(path));
              this.#noteUndo(path, () => removeIfThere(path));
            }
            return handle;
          });
        } catch (cause) {
          handle?.close();
          throw cause;
        }
      },
      linkSync: (from: string, to: string) =>
        this.#call(to, () => {
          real.linkSync(from, to);
          this.#noteUndo(to, () => removeIfThere(to));
        }),
      renameSync: (from: string, to: string) =>
        this.#call(to, () => {
          const [moved, replaced] = [this.#keep(from), this.#keepIfThere(to)];
          real.renameSync(from, to);
          this.#noteUndo(to, () => {
            removeIfThere(to);
            if (replaced !== undefined) real.linkSync(replaced, to);
            removeIfThere(from);
            real.linkSync(moved, from);
          });
        }),
      mkdirSync: (path: string, options: Deno.MkdirOptions = {}) =>
        this.#call(path, () => {
          real.mkdirSync(path, options);
          this.#noteUndo(path, () => removeIfThere(path, { recursive: true }));
        }),
      removeSync: (path: string, options: Deno.RemoveOptions = {}) =>
        this.#call(path, () => real.removeSync(path, options)),
      chmodSync: (path: string, mode: number) => this.#call(path, () => real.chmodSync(path, mode)),
    });
    this.#installHandle();
  }

  #installHandle(): void {
    const real = this.#realHandle;
    const call = <T>(handle: Deno.FsFile, effect: () => T): T =>
      this.#call(this.#open.get(handle) ?? "", effect);
    const synced = (handle: Deno.FsFile) => this.#noteSynced(this.#open.get(handle) ?? "");
    Object.assign(Deno.FsFile.prototype, {
      writeSync(this: Deno.FsFile, bytes: Uint8Array) {
        return call(this, () => real.writeSync.call(this, bytes));
      },
      // At a stretch, so that a history takes the same course each time.
      write(this: Deno.FsFile, bytes: Uint8Array) {
        return attempt(() => call(this, () => real.writeSync.call(this, bytes)));
      },
      utimeSync(this: Deno.FsFile, accessed: number | Date, modified: number | Date) {
        return call(this, () => real.utimeSync.call(this, accessed, modified));
      },
      sync(this: Deno.FsFile) {
        return attempt(() => call(this, () => synced(this)));
      },
    });
  }

  #call<T>(path: string, effect: () => T): T {
    if (!this.#isMine(path)) return effect();
    if (this.isDead) throw new Crash(`a call on "${path}" after the crash`);
    const nth = ++this.calls;
    this.#at(nth, "before");
    const result = effect();
    this.#at(nth, "after");
    return result;
  }

  #at(nth: number, when: When): void {
    this.#hook(nth, when);
    if (this.isDead) throw new Crash(`${when} call ${nth} on the disk`);
  }

  #isMine(path: string): boolean {
    return path === this.#places.root || path.startsWith(`${this.#places.root}/`);
  }

  #noteUndo(path: string, undo: () => void): void {
    if (!this.#isMine(path)) return;
    const folder = path.slice(0, path.lastIndexOf("/"));
    this.#undo.set(folder, [...this.#undo.get(folder) ?? [], undo]);
  }

  #noteSynced(path: string): void {
    this.#unsynced.delete(path);
    this.#undo.delete(path.replace(/\/$/, ""));
  }

  /** Another name, in the vault, for the file at `path`. */
  #keep(path: string): string {
    const second = `${this.#places.vault}/${++this.#kept}`;
    this.#real.linkSync(path, second);
    return second;
  }

  #keepIfThere(path: string): string | undefined {
    try {
      return this.#keep(path);
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return undefined;
      throw cause;
    }
  }

  /** Keeps what stands in the repository; the result puts it back as it was, the same files. */
  #copyTree(): () => void {
    const { root } = this.#places;
    const folders: string[] = [];
    const files: { readonly path: string; readonly second: string }[] = [];
    const visit = (folder: string) => {
      for (const { name, isDirectory } of Deno.readDirSync(folder)) {
        const path = `${folder}/${name}`;
        if (!isDirectory) files.push({ path, second: this.#keep(path) });
        else {
          folders.push(path);
          visit(path);
        }
      }
    };
    visit(root);
    return () => {
      for (const { name } of [...Deno.readDirSync(root)]) {
        Deno.removeSync(`${root}/${name}`, { recursive: true });
      }
      for (const folder of folders) Deno.mkdirSync(folder);
      for (const { path, second } of files) Deno.linkSync(second, path);
    };
  }
}

function attempt<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return Deno.readFileSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw cause;
  }
}

function removeIfThere(path: string, options: Deno.RemoveOptions = {}): void {
  try {
    Deno.removeSync(path, options);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
  }
}
