import { EscaleError } from "../errors.ts";
import { isRelativePath, joinPath, type RelativePath, whyNotRelativePath } from "../path.ts";
import { failureOf, isAbsence } from "./_failure.ts";
import { lookAt } from "./_look.ts";
import type { Filter } from "./filter.ts";
import { TEMPORARY_NAME } from "./names.ts";
import { ScannedFiles } from "./scanned_files.ts";

export type { LocalFile } from "./scanned_files.ts";

/** Something that is not synchronised although its name is not hidden and no filter excludes it. */
export interface Skipped {
  readonly path: string;
  /** A clause, as "it is a symbolic link that leads nowhere". */
  readonly reason: string;
}

/** What stood in a repository. */
export interface Scan {
  readonly files: ScannedFiles;
  readonly skipped: readonly Skipped[];
  /** Paths at and below which a file may stand unseen, so that its absence here says nothing: all that was skipped. */
  readonly unreadable: readonly string[];
  /** Temporary files, of this client or another. */
  readonly leftovers: readonly string[];
  /** When the scan began, milliseconds since 1970. */
  readonly scannedMs: number;
}

/** How to scan. */
export interface ScanOptions {
  readonly filter: Filter;
  readonly signal?: AbortSignal;
  /** The longest time of work at a stretch, milliseconds; default 50. Only the listing of one folder may exceed it. */
  readonly yieldEveryMs?: number;
}

/** Whether a file may stand at `path` although the scan does not list it. Filters are not considered. */
export function mayHide(scan: Pick<Scan, "unreadable">, path: string): boolean {
  return scan.unreadable.some((hidden) => path === hidden || path.startsWith(`${hidden}/`));
}

/**
 * Lists the files of the repository at `root`. Names that start with `.` are left out without a word.
 *
 * @throws {EscaleError} `no-repository` if `root` is missing or not a folder, `denied` if it cannot be read
 */
export async function scanRepository(root: string, options: ScanOptions): Promise<Scan> {
  const { signal, yieldEveryMs = 50 } = options;
  const walk = new Walk(root, options.filter);
  let sliceEndMs = performance.now() + yieldEveryMs;
  signal?.throwIfAborted();
  for (const _ of walk.steps()) {
    if (performance.now() < sliceEndMs) continue;
    await new Promise((resume) => setTimeout(resume, 0));
    signal?.throwIfAborted();
    sliceEndMs = performance.now() + yieldEveryMs;
  }
  const { files, skipped, unreadable, leftovers, scannedMs } = walk;
  return { files, skipped, unreadable, leftovers, scannedMs };
}

/** Files between two looks at the clock. */
const FILES_A_STEP = 64;

/** What stands in a folder, in the order of walking, and what of it comes next. */
interface Listed {
  readonly folder: string;
  readonly entries: readonly Deno.DirEntry[];
  next: number;
}

class Walk implements Scan {
  readonly scannedMs: number = Date.now();
  readonly files: ScannedFiles = new ScannedFiles();
  readonly skipped: Skipped[] = [];
  readonly unreadable: string[] = [];
  readonly leftovers: string[] = [];
  readonly #root: string;
  readonly #filter: Filter;
  /** The folder that is being walked through, and those above it. */
  readonly #open: Listed[] = [];

  constructor(root: string, filter: Filter) {
    this.#root = root;
    this.#filter = filter;
  }

  /** Walks on; pauses now and then. */
  *steps(): Generator<void> {
    let count = 0;
    this.#enter("");
    for (let listed = this.#open.at(-1); listed !== undefined; listed = this.#open.at(-1)) {
      const entry = listed.entries[listed.next++];
      if (entry === undefined) this.#open.pop();
      else if (entry.name.startsWith(".")) this.#noteHidden(listed.folder, entry.name);
      else this.#take(joinPath(listed.folder, entry.name), entry);
      if (entry === undefined || ++count % FILES_A_STEP === 0) yield;
    }
  }

  #enter(folder: string): void {
    this.#open.push({ folder, entries: inOrder(this.#list(folder)), next: 0 });
  }

  #list(folder: string): Deno.DirEntry[] {
    try {
      return [...Deno.readDirSync(`${this.#root}/${folder}`)];
    } catch (cause) {
      if (folder === "") throw noRepository(this.#root, cause);
      if (isAbsence(cause)) this.#noteAbsence(folder);
      else this.#skip(folder, "it cannot be read");
      return [];
    }
  }

  #noteHidden(folder: string, name: string): void {
    if (TEMPORARY_NAME.test(name)) this.leftovers.push(joinPath(folder, name));
  }

  #take(path: string, entry: Deno.DirEntry): void {
    if (!isRelativePath(path)) {
      this.#skip(path, whyNotRelativePath(path) ?? "its name cannot be used");
      return;
    }
    const lists = this.#filter.listsFile(path);
    if (entry.isDirectory) {
      if (this.#filter.entersFolder(path)) this.#enter(path);
    } else if (lists || entry.isSymlink && this.#filter.entersFolder(path)) {
      this.#takeFile(path, lists);
    }
  }

  /** A link that filters exclude as a file is looked at all the same: files may be known below it. */
  #takeFile(path: RelativePath, lists: boolean): void {
    try {
      const look = lookAt(this.#root, `${this.#root}/${path}`);
      if (look.kind === "other") this.#skip(path, look.why);
      else if (look.kind === "absent") this.#noteAbsence(path);
      else if (look.kind === "file" && lists) this.files.append({ path, ...look.stamp });
    } catch {
      this.#skip(path, "it cannot be looked at");
    }
  }

  /** The listing shows what is not valid Unicode with U+FFFD in it, and nothing stands under that name. */
  #noteAbsence(path: string): void {
    if (path.includes("\ufffd")) this.#skip(path, "its name may not be valid Unicode");
  }

  #skip(path: string, reason: string): void {
    this.skipped.push({ path, reason });
    this.unreadable.push(path);
  }
}

/** The order in which what stands in a folder is walked through, so that paths come in ascending order. */
function inOrder(entries: readonly Deno.DirEntry[]): readonly Deno.DirEntry[] {
  const byKey = new Map<string, Deno.DirEntry>();
  for (const entry of entries) byKey.set(entry.isDirectory ? `${entry.name}/` : entry.name, entry);
  return [...byKey.keys()].sort().flatMap((key) => byKey.get(key) ?? []);
}

function noRepository(root: string, cause: unknown): unknown {
  if (!isAbsence(cause)) return failureOf(cause, "read the repository", root);
  return new EscaleError("no-repository", `Cannot read the repository "${root}": no such folder`, {
    hint: "Mount its disk, or correct the local path in the configuration",
    cause,
  });
}
