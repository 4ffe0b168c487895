import { type FolderName, type ObjectInfo, type ObjectName, parseObjectName } from "../backend.ts";
import { attempt, saysAbsent } from "./_errors.ts";
import { type Folders, lookAt } from "./_folders.ts";
import { isTemporaryName } from "./_names.ts";
import type { Slices } from "./_slices.ts";

/** A temporary file untouched for this long has no living writer, milliseconds. */
const LEFT_OVER_MS = 24 * 60 * 60 * 1000;

/** A file as a listing shows it. */
export function infoOf(name: ObjectName, info: Deno.FileInfo): ObjectInfo {
  const modifiedMs = info.mtime?.getTime() ?? 0;
  return {
    name,
    sizeBytes: info.size,
    modifiedMs,
    tag: `${info.ino ?? 0}-${modifiedMs}-${info.size}`,
  };
}

/** As {@linkcode Backend.list}, of a folder that is there. Removes temporary files that dead processes left. */
export async function* walk(
  folders: Folders,
  folder: FolderName,
  { recursive, signal, slices }: {
    readonly recursive: boolean;
    readonly signal: AbortSignal | undefined;
    readonly slices: Slices;
  },
): AsyncGenerator<ObjectInfo> {
  const pending: FolderName[] = [folder];
  for (let here = pending.pop(); here !== undefined; here = pending.pop()) {
    for (const entry of entriesOf(folders, here)) {
      const pause = slices.next();
      if (pause !== undefined) {
        await pause;
        signal?.throwIfAborted();
      }
      const name = parseObjectName(here === "" ? entry.name : `${here}/${entry.name}`);
      if (isTemporaryName(entry.name)) {
        if (entry.isFile) removeLeftOver(folders.pathOf(name));
      } else if (entry.isDirectory) {
        if (recursive) pending.push(name);
      } else if (entry.isFile) {
        const info = attempt(`list ${JSON.stringify(name)}`, () => lookAt(folders.pathOf(name)));
        if (info?.isFile === true) yield infoOf(name, info);
      }
    }
  }
}

function entriesOf(folders: Folders, folder: FolderName): Iterable<Deno.DirEntry> {
  try {
    return Deno.readDirSync(folders.pathOf(folder));
  } catch (thrown) {
    return attempt(`list ${JSON.stringify(folder)}`, () => {
      // The folder was removed after it was seen, which is well, or the whole relay is gone, which is not.
      folders.checkRoot("not-found");
      if (saysAbsent(thrown)) return [];
      throw thrown;
    });
  }
}

function removeLeftOver(path: string): void {
  try {
    const info = Deno.lstatSync(path);
    const ageMs = Date.now() - (info.mtime?.getTime() ?? Date.now());
    if (info.isFile && ageMs > LEFT_OVER_MS) Deno.removeSync(path);
  } catch {
    // It took its name meanwhile, or belongs to another user: a listing goes on either way.
  }
}
