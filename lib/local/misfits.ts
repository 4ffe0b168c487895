import { hash } from "node:crypto";
import { isRelativePath, joinPath, type RelativePath } from "../path.ts";
import { refusedError } from "./_failure.ts";
import { lookFor, statFile } from "./_inside.ts";
import { twinHere } from "./_place.ts";
import { temporaryName, whyNotHere } from "./names.ts";
import type { LocalFile, Scan } from "./scan.ts";

/** Where the places of misfits are kept between runs. */
export interface MisfitStore {
  misfits(): ReadonlyMap<RelativePath, RelativePath>;
  noteMisfit(resource: RelativePath, place: RelativePath | undefined): void;
}

const MARK = ".renamed-";
const RENAMED = /\.renamed-[0-9a-f]{8,32}(?:\.[^./]{1,16})?(?:\/|$)/;
/** How many digits a renamed part has: more where a name with fewer is taken. */
const DIGITS = [8, 16, 24, 32];
/** What a renamed part keeps of its name, in UTF-16 units: with what is added it fits everywhere. */
const MAX_STEM = 60;
// deno-lint-ignore no-control-regex -- control characters are what is looked for
const UNFIT = /[\u0000-\u001f<>:"|?*\\]/g;

/**
 * Knows which files stand under other names than their resources have, since this file system cannot hold those: it
 * takes another file's name for equal, or has no such names, or a folder stands there, or a file where a folder is
 * needed. They are kept, and never pushed back.
 */
export class Misfits {
  readonly #root: string;
  readonly #store: MisfitStore;
  readonly #places: Map<RelativePath, RelativePath>;
  /** The renamed places: no other resource can have their names here. */
  readonly #taken: Set<string>;
  /** The file system takes names for equal that differ in case or Unicode form. */
  readonly #foldsNames: boolean;

  constructor(root: string, store: MisfitStore, options: { readonly foldsNames: boolean }) {
    this.#root = root;
    this.#store = store;
    this.#places = new Map(store.misfits());
    this.#taken = new Set(this.#places.values());
    this.#foldsNames = options.foldsNames;
  }

  /** How many resources stand under other names. */
  get size(): number {
    return this.#places.size;
  }

  /** The resources that stand under other names, with these. */
  get all(): ReadonlyMap<RelativePath, RelativePath> {
    return this.#places;
  }

  has(resource: RelativePath): boolean {
    return this.#places.has(resource);
  }

  /** Where the file of a resource stands, or would stand, as far as is known. */
  placeOf(resource: RelativePath): RelativePath {
    return this.#places.get(resource) ?? resource;
  }

  /** As {@linkcode statFile}, of the resource's place, and never of a twin that has its name here. */
  stat(resource: RelativePath): LocalFile | undefined {
    const place = this.placeOf(resource);
    if (place === resource && this.#taken.has(place)) return undefined;
    const file = statFile(this.#root, place);
    return file && this.#foldsNames && twinHere(this.#root, file.path) !== undefined
      ? undefined
      : file;
  }

  /**
   * Where a resource that does not stand here is to be placed: under its own name if that can be, else under a
   * renamed one, which is noted.
   *
   * @throws {EscaleError} `refused` if all such names are taken
   */
  findPlace(resource: RelativePath): RelativePath {
    const known = this.#places.get(resource);
    if (known !== undefined) return known;
    const place = this.#fit(resource, (path) => lookFor(this.#root, path).kind === "absent");
    if (place === undefined) {
      throw refusedError(resource, "all names that it could be given here are taken");
    }
    if (place !== resource) this.#note(resource, place);
    return place;
  }

  /**
   * The files of a scan by resource, instead of by place. A place whose resource was forgotten, as with a lost state, is
   * found among the resources that the relay has; it is none if the relay has a file of that very name. A misfit whose
   * own name has become free, and was taken by hand, is none any more.
   */
  apply(scan: Scan, relay: Pick<ReadonlyMap<RelativePath, unknown>, "has" | "keys">): Scan {
    this.#recognise(scan, relay);
    if (this.#places.size === 0) return scan;
    const moves = new Map<RelativePath, RelativePath>();
    for (const [resource, place] of [...this.#places]) {
      const isTaken = scan.files.has(resource) && !this.#taken.has(resource);
      if (isTaken) this.#note(resource, undefined);
      else moves.set(place, resource);
    }
    return { ...scan, files: scan.files.renamed(moves) };
  }

  #recognise(
    scan: Scan,
    relay: Pick<ReadonlyMap<RelativePath, unknown>, "has" | "keys">,
  ): void {
    const strays = new Set<string>();
    for (const path of scan.files.keys()) {
      const isRenamed = path.includes(MARK) && RENAMED.test(path);
      if (isRenamed && !this.#taken.has(path) && !relay.has(path)) strays.add(path);
    }
    if (strays.size === 0) return;
    for (const resource of relay.keys()) {
      if (scan.files.has(resource) || this.#places.has(resource)) continue;
      const place = this.#fit(resource, (path) => strays.has(path));
      if (place !== undefined && place !== resource) this.#note(resource, place);
    }
  }

  #note(resource: RelativePath, place: RelativePath | undefined): void {
    this.#store.noteMisfit(resource, place);
    const before = this.#places.get(resource);
    if (before !== undefined) this.#taken.delete(before);
    if (place === undefined) this.#places.delete(resource);
    else this.#places.set(resource, place);
    if (place !== undefined) this.#taken.add(place);
  }

  /** The resource itself if its name can be had, else the first of its renamed places that will do. */
  #fit(
    resource: RelativePath,
    willDo: (place: RelativePath) => boolean,
  ): RelativePath | undefined {
    let place = "";
    let original = "";
    for (const part of resource.split("/")) {
      original = joinPath(original, part);
      const folder = place;
      const isGood = (path: string) => {
        if (original !== resource) return this.#fits(path, "folder");
        if (path === resource) return this.#fits(path, "file");
        return isRelativePath(path) && this.#fits(path, "file") && willDo(path);
      };
      const names = [part, ...renamedParts(part, original)];
      const good = names.map((name) => joinPath(folder, name)).find(isGood);
      if (good === undefined) return undefined;
      place = good;
    }
    return isRelativePath(place) ? place : undefined;
  }

  /** Whether the last part of a path can be had for a file or a folder. */
  #fits(path: string, kind: "file" | "folder"): boolean {
    if (!isRelativePath(path) || whyNotHere(path) !== undefined) return false;
    if (this.#taken.has(path)) return false;
    const standing = lookFor(this.#root, path).kind;
    if (standing === "absent") return true;
    if (standing !== kind) return false;
    return !this.#foldsNames || twinHere(this.#root, path) === undefined;
  }
}

/** Names that fit everywhere and are this path's alone, with ever more digits: `photo.renamed-1a2b3c4d.jpg`. */
function renamedParts(part: string, path: string): string[] {
  const digits = hash("sha256", path, "hex");
  const dot = part.lastIndexOf(".");
  const hasExtension = dot > 0 && part.length - dot <= 17 && !/[. ]$/.test(part);
  const [stem, extension] = hasExtension ? [part.slice(0, dot), part.slice(dot)] : [part, ""];
  const short = [...stem].slice(0, MAX_STEM).join("").replaceAll(UNFIT, "_");
  return DIGITS.map((count) =>
    `${short}${MARK}${digits.slice(0, count)}${extension.replaceAll(UNFIT, "_")}`
  );
}

/**
 * Whether the file system at `root` takes names for equal that differ in case, found out with a hidden file; where none
 * can be made, what is usual on this system.
 */
export function foldsNames(root: string, options: { readonly owner: string }): boolean {
  const name = temporaryName(options.owner);
  try {
    Deno.writeFileSync(`${root}/${name}`, new Uint8Array(), { createNew: true });
  } catch {
    return usuallyFoldsNames();
  }
  try {
    Deno.lstatSync(`${root}/${name.toUpperCase()}`);
    return true;
  } catch {
    return false;
  } finally {
    Deno.removeSync(`${root}/${name}`);
  }
}

/** Whether file systems of this system usually do. */
export function usuallyFoldsNames(): boolean {
  return Deno.build.os === "darwin" || Deno.build.os === "windows";
}
