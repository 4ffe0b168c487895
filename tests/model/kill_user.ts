import { inodeOf, isFull, openIfThere, readAll, writeAll } from "./kill_files.ts";
import { digestOf, listBelow, type Oracle } from "./kill_world.ts";

/** Somebody who works in a client's repository, and tells the oracle what becomes of each content. */
export class User {
  readonly name: string;
  readonly folder: string;
  /** Paths that the user removed, so that they may be missing here. */
  readonly removed: Set<string> = new Set();
  /** Where files are moved out of the repository's way, on the same file system. */
  readonly #desk: string;
  readonly #oracle: Oracle;
  #count = 0;

  constructor(
    name: string,
    { folder, oracle }: { readonly folder: string; readonly oracle: Oracle },
  ) {
    this.name = name;
    this.folder = folder;
    this.#desk = `${folder}-desk`;
    this.#oracle = oracle;
    Deno.mkdirSync(this.#desk);
  }

  /** Writes `bytes` to a new place and gives it the name, as careful programs do. */
  save(path: string, bytes: Uint8Array): void {
    const fresh = this.#onDesk();
    if (!writeIfItFits(fresh, bytes)) return;
    this.#oracle.make(digestOf(bytes), `${this.name}:${path}`);
    this.#putOver(fresh, path);
  }

  /** Writes `bytes` over what stands, in two pieces; nothing is promised if the file is replaced meanwhile. */
  async overwrite(path: string, bytes: Uint8Array, pause: () => Promise<void>): Promise<void> {
    const place = `${this.folder}/${path}`;
    using handle = openIfThere(place);
    if (handle === undefined) return this.save(path, bytes);
    const before = digestOf(readAll(handle));
    handle.truncateSync(0);
    handle.seekSync(0, Deno.SeekMode.Start);
    this.#oracle.spend(before, `${this.name} overwrote ${path}:`);
    const half = bytes.subarray(0, bytes.length >> 1);
    try {
      writeAll(handle, half);
      await pause();
      writeAll(handle, bytes.subarray(half.length));
    } catch (cause) {
      if (!isFull(cause)) throw cause;
      return;
    }
    if (handle.statSync().ino === inodeOf(place)) {
      this.#oracle.make(digestOf(bytes), `${this.name}:${path}`);
    }
  }

  remove(path: string): void {
    this.#take(path, "removed");
    this.removed.add(path);
  }

  rename(from: string, to: string): void {
    const aside = this.#moveAway(from);
    if (aside === undefined) return;
    this.removed.add(from);
    this.#putIfFree(aside, to);
  }

  /** Renames a folder with all that is in it, if nothing has the new name. */
  renameFolder(from: string, to: string): void {
    try {
      Deno.renameSync(`${this.folder}/${from}`, `${this.folder}/${to}`);
    } catch {
      // There is no such folder now, or the other one is in use.
      return;
    }
    for (const path of listBelow(`${this.folder}/${to}`)) {
      this.removed.add(`${from}/${path}`);
      this.removed.delete(`${to}/${path}`);
    }
  }

  makeFolder(path: string): void {
    Deno.mkdirSync(`${this.folder}/${path}`, { recursive: true });
  }

  /** Moves all that stands in the repository to a new folder elsewhere and returns its place. */
  moveAllAway(): string {
    const aside = this.#onDesk();
    Deno.mkdirSync(aside);
    for (const { name } of [...Deno.readDirSync(this.folder)]) {
      // What the client removes meanwhile is its own.
      this.#try(() => Deno.renameSync(`${this.folder}/${name}`, `${aside}/${name}`));
    }
    return aside;
  }

  /** Puts the files back that stand in a folder elsewhere, or copies of them as a backup has: without what is hidden. */
  putBack(
    aside: string,
    { isCopy, replaces }: { readonly isCopy: boolean; readonly replaces: boolean },
  ): void {
    for (const path of listBelow(aside)) {
      let place = `${aside}/${path}`;
      if (isCopy) {
        if (isHidden(path)) continue;
        place = this.#onDesk();
        Deno.copyFileSync(`${aside}/${path}`, place);
      }
      if (replaces) this.#putOver(place, path);
      else this.#putIfFree(place, path);
    }
    Deno.removeSync(aside, { recursive: true });
  }

  /** Digests of all files that are not hidden, by path; `undefined` if one goes meanwhile. */
  tree(): Map<string, string> | undefined {
    try {
      return new Map(
        this.paths().map((path) => [path, digestOf(Deno.readFileSync(`${this.folder}/${path}`))]),
      );
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return undefined;
      throw cause;
    }
  }

  paths(): string[] {
    return listBelow(this.folder).filter((path) => !isHidden(path));
  }

  /** Gives what stands at a place a name in the repository, replacing what has it. */
  #putOver(place: string, path: string): void {
    for (;;) {
      this.#take(path, "replaced");
      // The client may place a version meanwhile, which is replaced too.
      if (this.#name(place, path)) return;
    }
  }

  /** Gives what stands at a place a free name in the repository, else throws it away. */
  #putIfFree(place: string, path: string): void {
    if (this.#name(place, path)) return;
    const digest = digestOf(Deno.readFileSync(place));
    this.#oracle.spend(digest, `${this.name} threw away, since ${path} stood:`);
    Deno.removeSync(place);
  }

  /** Takes what stands at a path away for good. */
  #take(path: string, how: string): void {
    const aside = this.#moveAway(path);
    if (aside === undefined) return;
    this.#oracle.spend(digestOf(Deno.readFileSync(aside)), `${this.name} ${how} ${path}:`);
    Deno.removeSync(aside);
  }

  #moveAway(path: string): string | undefined {
    const aside = this.#onDesk();
    return this.#try(() => Deno.renameSync(`${this.folder}/${path}`, aside)) ? aside : undefined;
  }

  /** @returns whether what was to be moved was there */
  #try(move: () => void): boolean {
    try {
      move();
      return true;
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return false;
      throw cause;
    }
  }

  /** @returns whether the name was free */
  #name(place: string, path: string): boolean {
    const target = `${this.folder}/${path}`;
    Deno.mkdirSync(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    try {
      Deno.linkSync(place, target);
    } catch (cause) {
      if (cause instanceof Deno.errors.AlreadyExists) return false;
      throw cause;
    }
    Deno.removeSync(place);
    this.removed.delete(path);
    return true;
  }

  #onDesk(): string {
    return `${this.#desk}/${this.#count++}`;
  }
}

function isHidden(path: string): boolean {
  return path.split("/").some((part) => part.startsWith("."));
}

/** Writes a new file; nothing is left if the disk is full. */
function writeIfItFits(place: string, bytes: Uint8Array): boolean {
  try {
    Deno.writeFileSync(place, bytes);
    return true;
  } catch (cause) {
    if (!isFull(cause)) throw cause;
    Deno.removeSync(place);
    return false;
  }
}
