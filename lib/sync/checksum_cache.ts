import type { Section } from "../config/section.ts";
import { parseAlgorithm } from "../crypto/digest.ts";
import { EscaleError } from "../errors.ts";
import { compileFilter } from "../local/filter.ts";
import { isSettled } from "../local/repository.ts";
import { scanRepository } from "../local/scan.ts";
import type { State } from "../local/state.ts";
import { Checksums } from "../relay/checksum.ts";
import { isOfOneFile } from "../relay/failure.ts";
import { Comparer } from "./compare.ts";

/** What a client without checksums on its records hashes its own files with. */
const DEFAULT_ALGORITHM = "sha512";
const FORGET_AT_ONCE = 500;

/** What filling the cache came to. */
export interface FilledCache {
  readonly files: number;
  /** Files whose checksum was not known, or no longer right. */
  readonly read: number;
  /** Files changed so recently that a further change might not show: the client reads them again. */
  readonly fresh: number;
  readonly problems: readonly { readonly path: string; readonly error: unknown }[];
}

/**
 * Computes the checksums of all files of a client's repository that are not known yet and keeps them, so that its next
 * start need not. A file that cannot be read is noted and the others go on.
 *
 * @throws {EscaleError} `no-repository`, `denied`; an abort ends it, and what was computed is kept
 */
export async function fillChecksumCache(
  section: Section,
  options: {
    readonly state: State;
    readonly signal: AbortSignal;
    readonly progress: (done: { readonly files: number; readonly of: number }) => void;
  },
): Promise<FilledCache> {
  const { state, signal, progress } = options;
  const filter = compileFilter(section.filters);
  const { files } = await scanRepository(section.localPath, { filter, signal });
  const comparer = new Comparer(section.localPath, { state, checksums: checksumsOf(section) });
  const problems: { path: string; error: unknown }[] = [];
  let [done, read, fresh] = [0, 0, 0];
  try {
    for (const file of files.values()) {
      signal.throwIfAborted();
      progress({ files: done++, of: files.size });
      const before = state.resource(file.path).hashed?.digest;
      try {
        const { digest } = await comparer.compare(file.path, { file, entry: undefined, signal });
        if (digest !== before) read++;
        if (!isSettled(file, Date.now())) fresh++;
      } catch (error) {
        if (!isOfOneFile(error)) throw error;
        problems.push({ path: file.path, error });
      }
    }
  } finally {
    comparer.save();
  }
  return { files: files.size, read, fresh, problems };
}

/**
 * Forgets all checksums of files that a client keeps, and nothing else: it computes them anew when it looks next.
 *
 * @returns how many were forgotten
 */
export async function clearChecksumCache(
  section: Section,
  { state, signal }: { readonly state: State; readonly signal: AbortSignal },
): Promise<number> {
  const names = new Set<string>(state.agreedNames());
  for (const name of await localNames(section, signal)) names.add(name);
  const known = [...names].filter((name) => state.resource(name).hashed !== undefined);
  for (let from = 0; from < known.length; from += FORGET_AT_ONCE) {
    signal.throwIfAborted();
    state.transaction(() => {
      for (const name of known.slice(from, from + FORGET_AT_ONCE)) {
        state.change(name, { hashed: undefined });
      }
    });
  }
  return known.length;
}

/** The files that stand there, whatever the filters say now; none if the repository is away. */
async function localNames({ localPath }: Section, signal: AbortSignal): Promise<Iterable<string>> {
  const filter = { acceptsFile: () => true, listsFile: () => true, entersFolder: () => true };
  try {
    return (await scanRepository(localPath, { filter, signal })).files.keys();
  } catch (cause) {
    if (cause instanceof EscaleError && cause.code === "no-repository") return [];
    throw cause;
  }
}

function checksumsOf(section: Section): Checksums {
  return new Checksums({
    algorithm: parseAlgorithm(section.checksum?.algorithm ?? DEFAULT_ALGORITHM),
    isRecorded: section.checksum !== undefined,
    key: undefined,
    isKeyed: false,
  });
}
