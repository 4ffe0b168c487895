import type { Section } from "../config/section.ts";
import { EscaleError } from "../errors.ts";
import { compileFilter } from "../local/filter.ts";
import { statFile } from "../local/repository.ts";
import { checkRoot } from "../local/root.ts";
import { type Scan, scanRepository } from "../local/scan.ts";
import type { State } from "../local/state.ts";
import { isRelativePath, printable } from "../path.ts";

const ROOT_FACT = "root";

/** What a look at a repository's new place showed. */
export interface Rebased {
  readonly files: number;
  /** Files that the client had and that are not there: they count as deleted here. */
  readonly missing: number;
}

/**
 * Makes sure that a folder is what a client's repository has become, before its path is changed in the configuration.
 * Files that the client had and that are missing there would count as deleted here, so they have to be accepted.
 *
 * @param moved the section with the new path
 * @throws {EscaleError} `no-repository` if there is no such folder; `refused` if files are missing
 */
export async function lookAtMoved(
  section: Section,
  moved: Section,
  options: {
    readonly state: State;
    readonly acceptsMissing: boolean;
    readonly signal: AbortSignal;
  },
): Promise<Rebased & { readonly scan: Scan }> {
  const { state, signal } = options;
  const filter = compileFilter(moved.filters);
  const scan = await scanRepository(moved.localPath, { filter, signal });
  const hasOld = isFolder(section.localPath);
  const missing: string[] = [];
  const misfits = state.misfits();
  for (const name of state.agreedNames()) {
    if (!isRelativePath(name) || !filter.acceptsFile(name)) continue;
    const place = misfits.get(name) ?? name;
    if (scan.files.has(place)) continue;
    if (hasOld && statFile(section.localPath, place) === undefined) continue;
    missing.push(name);
  }
  const [first] = missing;
  if (first !== undefined && !options.acceptsMissing) {
    const count = missing.length === 1 ? "" : ` and ${missing.length - 1} others are`;
    throw new EscaleError(
      "refused",
      `Cannot take "${printable(moved.localPath)}" for the repository: "${printable(first)}"${
        count || " is"
      } missing there`,
      { hint: "Move the files there, or use --accept-missing: they then count as deleted here" },
    );
  }
  return { scan, files: scan.files.size, missing: missing.length };
}

/** Remembers the folder, so that the client knows it when it starts. */
export function rememberRoot({ localPath }: Section, scan: Scan, state: State): void {
  state.setFact(ROOT_FACT, JSON.stringify(checkRoot(localPath, undefined, scan)));
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
