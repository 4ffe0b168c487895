import { basename, dirname } from "node:path";
import { baseOf, folderOf, joinPath, printable, type RelativePath } from "../path.ts";
import { writeBytes, writeStream } from "./_content.ts";
import { syncFiles, syncFolders } from "./_durable.ts";
import { failureOf, isAbsence, refusedError } from "./_failure.ts";
import { lookFor, resolveFolders, sameContentStamp } from "./_inside.ts";
import { stampOf } from "./_look.ts";
import {
  type PlaceContext,
  type PlaceMoment,
  placeNew,
  removeQuietly,
  renameAside,
  replaceFile,
  twinHere,
} from "./_place.ts";
import { TEMPORARY_NAME, temporaryName, temporaryTag } from "./names.ts";
import { checkDevice } from "./root.ts";
import type { LocalFile, Scan } from "./scan.ts";
import type { FileStamp } from "./state.ts";

export type { PlaceMoment } from "./_place.ts";

/** A whole file under a hidden name in the folder where it is to be placed. */
export interface Staged {
  readonly path: RelativePath;
  /** Where it stands now. */
  readonly temporary: string;
  readonly sizeBytes: number;
}

/** How a {@linkcode Stager} works. */
export interface StagerOptions {
  /** The client, so that after a crash it knows its own temporary files; default one for all. */
  readonly owner?: string;
  /** Whether the file system takes names for equal that differ in case or Unicode form; found out by default. */
  readonly foldsNames?: boolean;
  /** Called at the moments of placing when others may interfere; for tests. */
  readonly at?: (moment: PlaceMoment, path: RelativePath) => void;
}

/** What is known of content to be staged. */
export interface StageOptions {
  readonly signal?: AbortSignal;
  /** The length that the content must have. */
  readonly sizeBytes?: number;
  /** The time to give the file, seconds since 1970. */
  readonly timeS?: number;
}

/** How many staged files are kept open at most: systems allow a process some hundreds. */
const MAX_OPEN = 200;
/** How long another client's temporary file must stand unchanged before it is taken for left over, milliseconds. */
const FOREIGN_LEFTOVER_MS = 24 * 60 * 60 * 1000;

/**
 * Writes files into a repository: staged under a hidden name in the target's folder, synced, then placed, so that a
 * file is only ever seen whole. Nothing is written through a symbolic link.
 */
export class Stager implements Disposable {
  readonly #root: string;
  readonly #tag: string;
  readonly #context: PlaceContext;
  #foldsNames: boolean | undefined;
  /** The file system that the root is on, once it is known. */
  #device: number | undefined;
  /** Folders, of absolute paths, in which a folder was made that is not yet synced. */
  readonly #grown: Set<string> = new Set();
  /** Staged files that are still open: until they are synced, which needs them open. */
  readonly #open: Map<string, Deno.FsFile> = new Map();
  /** Temporary files that have their final names. */
  readonly #placed: Set<string> = new Set();
  /** Folders whose names were found to be exact. */
  readonly #exact: Set<string> = new Set([""]);

  constructor(root: string, options: StagerOptions = {}) {
    this.#root = root;
    const owner = options.owner ?? "";
    this.#tag = temporaryTag(owner);
    this.#foldsNames = options.foldsNames;
    this.#context = {
      root,
      hide: (place) => `${dirname(place)}/${temporaryName(owner)}`,
      at: options.at ?? (() => {}),
    };
  }

  /** Says which file system the root is on: from now on nothing is written to another one, as after its disk is unmounted. */
  keepTo(device: number): void {
    this.#device = device;
  }

  /** Makes sure that the root is where it is kept to. @throws {EscaleError} `no-repository`, `denied` */
  checkRoot(): void {
    if (this.#device !== undefined) checkDevice(this.#root, this.#device);
  }

  /**
   * Writes `content` beside its target, making missing folders, and sets its time. If that fails nothing is left but
   * the folders, and a stream is cancelled. What the stream itself throws is thrown on as it is.
   *
   * @throws {EscaleError} `full`, `denied`; `corrupt` if the length is not `sizeBytes`; `refused` if a link, a folder
   * or a file where a folder is needed stands in the way, or another name for the same place; `no-repository` if the
   * root is on another file system than it is kept to
   */
  async stage(
    path: RelativePath,
    content: ReadableStream<Uint8Array> | Uint8Array,
    options: StageOptions = {},
  ): Promise<Staged> {
    let temporary: string | undefined;
    try {
      options.signal?.throwIfAborted();
      this.checkRoot();
      temporary = this.#context.hide(resolveFolders(this.#root, path));
      const handle = this.#create(path, temporary);
      this.#open.set(temporary, handle);
      this.#checkTwins(path, temporary);
      const sizeBytes = content instanceof Uint8Array
        ? writeBytes(handle, content, { path, ...options })
        : await writeStream(handle, content, { path, ...options });
      if (this.#open.size > MAX_OPEN) this.#close(temporary);
      return { path, temporary, sizeBytes };
    } catch (cause) {
      if (temporary !== undefined) this.#remove(temporary);
      if (!(content instanceof Uint8Array)) await content.cancel(cause).catch(() => {});
      throw cause;
    }
  }

  /** Makes staged files durable. @throws {EscaleError} `full`, `denied`, `changed` for the first that fails */
  async sync(staged: readonly Staged[], options: { signal?: AbortSignal } = {}): Promise<void> {
    await syncFiles(staged, {
      takeOpen: (temporary) => this.#takeOpen(temporary),
      signal: options.signal,
    });
  }

  /**
   * Gives a staged file its name. With `expected` it replaces the file that has that stamp, keeping its mode; without,
   * it takes a free name and replaces nothing.
   *
   * @returns the file as placed; its stamp never stands for what another program has written since
   * @throws {EscaleError} `changed` if another file stands there than expected, which is then as it was: the staged
   * file may stand or be gone, and is discarded either way; `refused`, `denied`, `no-repository`
   */
  place(staged: Staged, expected: FileStamp | undefined): LocalFile {
    const { path, temporary } = staged;
    this.#close(temporary);
    // What is unmounted after this takes the temporary file with it, so that there is nothing to rename.
    this.checkRoot();
    const before = statTemporary(staged);
    if (expected === undefined) placeNew(this.#context, path, temporary);
    else replaceFile(this.#context, path, temporary, expected);
    this.#placed.add(temporary);
    return this.#known(path, before);
  }

  /** Makes the names of placed files durable, and those of new folders. @throws {EscaleError} `full`, `denied` */
  async syncFolders(
    staged: readonly Staged[],
    options: { signal?: AbortSignal } = {},
  ): Promise<void> {
    const grown = [...this.#grown];
    const placed = staged.map(({ temporary }) => dirname(temporary));
    await syncFolders(new Set([...placed, ...grown]), options.signal);
    for (const folder of grown) this.#grown.delete(folder);
  }

  /** Removes staged files that have not been placed. */
  discard(staged: Staged | readonly Staged[]): void {
    for (const { temporary } of [staged].flat()) this.#remove(temporary);
  }

  /**
   * Moves the file that has the stamp `expected` from `path` to `conflictPath`, where nothing may stand: `taken` says
   * that something does. At every moment the file has one of the two names, or both.
   *
   * @throws {EscaleError} `changed` if the file is not as expected: then it is left where it was; `refused`, `denied`
   */
  keepAside(
    path: RelativePath,
    conflictPath: RelativePath,
    expected: FileStamp,
  ): LocalFile | "taken" {
    const names = { from: path, to: conflictPath };
    if (renameAside(this.#context, names, expected) === "taken") return "taken";
    return this.#known(conflictPath, expected);
  }

  /**
   * Removes the temporary files that `scan` met: this client's own, which an earlier run left, and those of others that
   * have not changed for a day. To be called before anything is staged.
   */
  cleanLeftovers(scan: Pick<Scan, "leftovers" | "scannedMs">): void {
    for (const path of scan.leftovers) {
      const place = `${this.#root}/${path}`;
      const isOwn = TEMPORARY_NAME.exec(baseOf(path))?.[1] === this.#tag;
      if (isOwn || isUnchangedSince(place, scan.scannedMs - FOREIGN_LEFTOVER_MS)) {
        removeQuietly(place);
      }
    }
  }

  /** Closes what is open. What is staged stays, for the next run to find and remove. */
  [Symbol.dispose](): void {
    for (const temporary of [...this.#open.keys()]) this.#close(temporary);
  }

  #takeOpen(temporary: string): Deno.FsFile | undefined {
    const handle = this.#open.get(temporary);
    this.#open.delete(temporary);
    return handle;
  }

  #close(temporary: string): void {
    this.#takeOpen(temporary)?.close();
  }

  #remove(temporary: string): void {
    this.#close(temporary);
    if (!this.#placed.delete(temporary)) removeQuietly(temporary);
  }

  /** A replaced file's mode is kept, since its owner may have closed it to others; a new file follows the umask. */
  #create(path: RelativePath, temporary: string): Deno.FsFile {
    const standing = lookFor(this.#root, path);
    if (standing.kind === "folder") throw refusedError(path, "a folder of that name stands there");
    if (standing.kind === "other") throw refusedError(path, standing.why);
    const mode = standing.kind === "file" ? standing.mode : undefined;
    let handle: Deno.FsFile | undefined;
    try {
      handle = this.#createIn(folderOf(path), temporary, mode ?? 0o666);
      // The umask may have taken bits away; what cannot be read could not be synchronised.
      if (mode !== undefined) Deno.chmodSync(temporary, mode | 0o400);
      return handle;
    } catch (cause) {
      handle?.close();
      throw failureOf(cause, "write", path);
    }
  }

  #createIn(folder: string, temporary: string, mode: number): Deno.FsFile {
    const options = { write: true, createNew: true, mode };
    try {
      return Deno.openSync(temporary, options);
    } catch (cause) {
      // A missing repository is not made: its disk may not be mounted.
      if (!isAbsence(cause) || folder === "") throw cause;
      this.#makeFolders(folder);
      return Deno.openSync(temporary, options);
    }
  }

  #makeFolders(folder: string): void {
    let above = "";
    for (const part of folder.split("/")) {
      const parent = above;
      above = joinPath(above, part);
      try {
        Deno.mkdirSync(`${this.#root}/${above}`);
        this.#grown.add(`${this.#root}/${parent}`);
      } catch (cause) {
        if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
      }
    }
  }

  /** Where names fold, a folder of another name would take the file. The temporary file shows whether they do. */
  #checkTwins(path: RelativePath, temporary: string): void {
    this.#foldsNames ??= Deno.build.os === "darwin" || foldsCase(temporary);
    const folder = folderOf(path);
    if (!this.#foldsNames || this.#exact.has(folder)) return;
    const twin = twinHere(this.#root, folder);
    if (twin === undefined) this.#exact.add(folder);
    else throw refusedError(path, `"${printable(twin)}" has that name on this file system`);
  }

  /** The file as it stands, unless something has written to it since: then as it was. */
  #known(path: RelativePath, stamp: FileStamp): LocalFile {
    const now = lookFor(this.#root, path);
    const isSame = now.kind === "file" && sameContentStamp(now.stamp, stamp);
    return { path, ...(isSame ? now.stamp : stamp) };
  }
}

function statTemporary({ path, temporary }: Staged): FileStamp {
  try {
    return stampOf(Deno.lstatSync(temporary));
  } catch (cause) {
    throw failureOf(cause, "place", path);
  }
}

function isUnchangedSince(place: string, timeMs: number): boolean {
  try {
    return stampOf(Deno.lstatSync(place)).changedMs < timeMs;
  } catch {
    return false;
  }
}

function foldsCase(temporary: string): boolean {
  const name = basename(temporary).toUpperCase();
  try {
    Deno.lstatSync(`${dirname(temporary)}/${name}`);
    return true;
  } catch {
    return false;
  }
}
