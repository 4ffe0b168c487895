import { createHash } from "node:crypto";
import type { RelativePath } from "../path.ts";
import type { FileStamp } from "./state.ts";

/** A file of the repository. One behind a symbolic link has the stamp of the file it leads to. */
export interface LocalFile extends FileStamp {
  readonly path: RelativePath;
}

/** The numbers of a stamp. */
const WIDTH = 4;
/** Files whose paths are hashed at a time. */
const HASHED_AT_ONCE = 1024;

/**
 * The files of a scan by their paths, or by the resources that they stand for, in ascending order. They are held in columns, and each is made when it is asked
 * for: a million take some 100 MB. Asking for them in order is fast.
 */
export class ScannedFiles implements ReadonlyMap<RelativePath, LocalFile> {
  readonly #paths: RelativePath[] = [];
  #stamps = new Float64Array(64 * WIDTH);
  /** The paths of files that stand for other names than their own. */
  readonly #places = new Map<RelativePath, RelativePath>();
  /** Where the path that was asked for last stands, or would stand. */
  #at = 0;

  /** Puts a file after all others, behind whose paths its own must come. */
  append({ path, sizeBytes, modifiedMs, changedMs, inode }: LocalFile): void {
    const offset = this.#paths.length * WIDTH;
    if (offset === this.#stamps.length) {
      const larger = new Float64Array(2 * offset);
      larger.set(this.#stamps);
      this.#stamps = larger;
    }
    this.#paths.push(path);
    this.#stamps[offset] = sizeBytes;
    this.#stamps[offset + 1] = modifiedMs;
    this.#stamps[offset + 2] = changedMs;
    this.#stamps[offset + 3] = inode;
  }

  get size(): number {
    return this.#paths.length;
  }

  has(path: RelativePath): boolean {
    return this.#find(path) !== undefined;
  }

  get(path: RelativePath): LocalFile | undefined {
    const index = this.#find(path);
    return index === undefined ? undefined : this.#file(index, path);
  }

  keys(): ArrayIterator<RelativePath> {
    return this.#paths.values();
  }

  *values(): Generator<LocalFile, undefined> {
    for (const [index, path] of this.#paths.entries()) yield this.#file(index, path);
    return undefined;
  }

  *entries(): Generator<[RelativePath, LocalFile], undefined> {
    for (const [index, path] of this.#paths.entries()) yield [path, this.#file(index, path)];
    return undefined;
  }

  [Symbol.iterator](): Generator<[RelativePath, LocalFile], undefined> {
    return this.entries();
  }

  forEach(
    visit: (
      file: LocalFile,
      path: RelativePath,
      map: ReadonlyMap<RelativePath, LocalFile>,
    ) => void,
  ): void {
    for (const [path, file] of this) visit(file, path, this);
  }

  /** Digest of all paths and stamps. */
  digest(): string {
    const hash = createHash("sha256");
    for (let start = 0; start < this.size; start += HASHED_AT_ONCE) {
      const end = Math.min(start + HASHED_AT_ONCE, this.size);
      // No path has a NUL.
      hash.update(`${this.#paths.slice(start, end).join("\0")}\0`);
      hash.update(this.#stamps.subarray(start * WIDTH, end * WIDTH));
    }
    return hash.digest("hex");
  }

  /** The same files with some of them under other names, while their own paths stay what they are. */
  renamed(names: ReadonlyMap<RelativePath, RelativePath>): ScannedFiles {
    const moved: LocalFile[] = [];
    const files = new ScannedFiles();
    for (const [from, to] of names) {
      const file = this.get(from);
      if (file === undefined) continue;
      moved.push({ ...file, path: to });
      files.#places.set(to, from);
    }
    moved.sort((a, b) => a.path < b.path ? -1 : 1);
    let next = 0;
    for (const file of this.values()) {
      if (names.has(file.path)) continue;
      for (let one = moved[next]; one && one.path < file.path; one = moved[++next]) {
        files.append(one);
      }
      files.append(file);
    }
    for (const file of moved.slice(next)) files.append(file);
    return files;
  }

  #file(index: number, path: RelativePath): LocalFile {
    const offset = index * WIDTH;
    return {
      path: this.#places.get(path) ?? path,
      sizeBytes: this.#stamps[offset] ?? 0,
      modifiedMs: this.#stamps[offset + 1] ?? 0,
      changedMs: this.#stamps[offset + 2] ?? 0,
      inode: this.#stamps[offset + 3] ?? 0,
    };
  }

  #find(path: RelativePath): number | undefined {
    for (const near of [this.#at, this.#at + 1]) {
      if (this.#paths[near] === path) return this.#at = near;
    }
    let [low, high] = [0, this.#paths.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#paths[middle] ?? "") < path) low = middle + 1;
      else high = middle;
    }
    this.#at = low;
    return this.#paths[low] === path ? low : undefined;
  }
}
