import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { failureOf } from "./_failure.ts";

/** What was found of a folder. */
export interface FolderProbe {
  /** Free space of its file system; `undefined` if it does not tell. */
  readonly freeBytes: number | undefined;
}

/**
 * Makes sure that a folder can be listed and written.
 *
 * @throws {EscaleError} `denied`, `full`, `changed` if not
 */
export async function probeFolder(path: string): Promise<FolderProbe> {
  const temporary = `${path}/.escale-doctor-${crypto.randomUUID().slice(0, 8)}`;
  try {
    for (const _ of Deno.readDirSync(path)) break;
    Deno.writeFileSync(temporary, new Uint8Array(1), { createNew: true });
    Deno.removeSync(temporary);
  } catch (cause) {
    throw failureOf(cause, "use the folder", path);
  }
  return { freeBytes: await freeBytes(path) };
}

/** The permission bits of a file and its folder that let others read them; 0 if none do. */
export function openToOthers(file: string): number {
  if (Deno.build.os === "windows") return 0;
  try {
    const folder = Deno.statSync(dirname(file)).mode ?? 0;
    const mode = Deno.statSync(file).mode ?? 0;
    return (folder & 0o005) === 0 ? 0 : mode & 0o044;
  } catch {
    return 0;
  }
}

async function freeBytes(path: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
