import type { Section } from "../config/section.ts";
import { EscaleError, messageOf } from "../errors.ts";
import { compileFilter } from "../local/filter.ts";
import { resolveInside, sameStamp, statFile } from "../local/repository.ts";
import { scanRepository } from "../local/scan.ts";
import { baseOf, printable, type RelativePath } from "../path.ts";
import { originalName } from "./conflict_name.ts";

/** A conflict copy in a repository. */
export interface ConflictCopy {
  readonly path: RelativePath;
  /** The file that it is a copy of. */
  readonly original: RelativePath;
  readonly originalStands: boolean;
  /** Whose version it is. */
  readonly client: string;
  /** When that version was made, milliseconds since 1970. */
  readonly timeMs: number;
  readonly sizeBytes: number;
}

const MARKED = /\.conflict-(.+)-(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-[0-9a-f]{8,128}/is;

/** The conflict copies of a client's repository, in the order of their originals. @throws {EscaleError} `no-repository` */
export async function listConflicts(
  { localPath, filters }: Section,
  signal: AbortSignal,
): Promise<readonly ConflictCopy[]> {
  const { files } = await scanRepository(localPath, { filter: compileFilter(filters), signal });
  const copies: ConflictCopy[] = [];
  for (const { path, sizeBytes } of files.values()) {
    const original = originalName(path);
    if (original === path) continue;
    const [, client = "", ...stamp] = MARKED.exec(baseOf(path)) ?? [];
    const [year = 0, month = 1, ...rest] = stamp.map(Number);
    const [day = 1, hour = 0, minute = 0, second = 0] = rest;
    const timeMs = Date.UTC(year, month - 1, day, hour, minute, second);
    const originalStands = files.has(original) || statFile(localPath, original) !== undefined;
    copies.push({ path, original, originalStands, client, timeMs, sizeBytes });
  }
  return copies.sort((a, b) => a.path < b.path ? -1 : 1);
}

/**
 * Ends a conflict: `use` gives the copy the name of its original, whose content is gone here with that; `drop` removes the
 * copy. What others hold stays with them: deletions are not passed on.
 *
 * @throws {EscaleError} `usage` if that is no conflict copy of this repository; `changed`, `denied`, `refused`
 */
export function resolveConflict(
  { localPath }: Section,
  path: RelativePath,
  choice: "use" | "drop",
): void {
  const original = originalName(path);
  const file = original === path ? undefined : statFile(localPath, path);
  if (file === undefined) {
    const why = original === path ? "its name is not that of one" : "there is no such file";
    throw new EscaleError("usage", `"${printable(path)}" is no conflict copy: ${why}`, {
      hint: 'Run "escalectl conflicts" to list them',
    });
  }
  const place = resolveInside(localPath, path);
  const target = resolveInside(localPath, original);
  const before = statFile(localPath, original);
  try {
    if (choice === "drop") {
      if (before === undefined) throw lastOne(path, original);
      return Deno.removeSync(place);
    }
    const now = statFile(localPath, path);
    if (now === undefined || !sameStamp(now, file)) {
      throw new EscaleError("changed", `Left "${printable(path)}" alone: it has just changed`);
    }
    Deno.renameSync(place, target);
  } catch (cause) {
    if (cause instanceof EscaleError) throw cause;
    throw new EscaleError("denied", `Cannot end the conflict: ${messageOf(cause)}`, {
      path,
      cause,
    });
  }
}

function lastOne(path: RelativePath, original: RelativePath): EscaleError {
  return new EscaleError(
    "refused",
    `Left "${printable(path)}" alone: "${
      printable(original)
    }" is gone, so that it may be the last version`,
    { path, hint: "Use --use to give it that name, or remove it by hand" },
  );
}
