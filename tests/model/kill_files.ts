/** What a user's program does with files, and what may go wrong there. */

/** Opens what stands at a place for reading and writing; `undefined` if nothing does. */
export function openIfThere(place: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(place, { read: true, write: true });
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw cause;
  }
}

export function inodeOf(place: string): number | null | undefined {
  try {
    return Deno.lstatSync(place).ino;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw cause;
  }
}

export function readAll(handle: Deno.FsFile): Uint8Array {
  const bytes = new Uint8Array(handle.statSync().size);
  for (let at = 0; at < bytes.length;) {
    const count = handle.readSync(bytes.subarray(at));
    if (count === null) return bytes.subarray(0, at);
    at += count;
  }
  return bytes;
}

export function writeAll(handle: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += handle.writeSync(bytes.subarray(at));
}

/** Whether the disk had no space left for it. */
export function isFull(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ENOSPC";
}

/** Removes all that stands in a folder, while others work in it. */
export function emptyFolder(folder: string): void {
  for (;;) {
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
    if (names.length === 0) return;
    for (const name of names) {
      try {
        Deno.removeSync(`${folder}/${name}`, { recursive: true });
      } catch {
        // It is gone already, or something was made in it meanwhile: the next look shows it.
      }
    }
  }
}
