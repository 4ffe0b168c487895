import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("./folding_fs.py", import.meta.url));
const START_MS = 10_000;

/** A folder whose file system takes names for equal that differ in case or Unicode form. Disposing it unmounts it. */
export interface FoldingFolder extends AsyncDisposable {
  readonly path: string;
}

/**
 * Mounts such a file system, as macOS and Windows have it, on the folder `path`, which is kept in the folder `store`.
 *
 * @throws {Error} with what the program said, if it cannot
 */
export async function mountFolding(
  { path, store }: { readonly path: string; readonly store: string },
): Promise<FoldingFolder> {
  const before = Deno.statSync(path).dev;
  const child = new Deno.Command("python3", {
    args: [PROGRAM, store, path],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let hasEnded = false;
  const ended = child.output().then(({ stderr }) => {
    hasEnded = true;
    return new TextDecoder().decode(stderr);
  });
  const deadlineMs = performance.now() + START_MS;
  while (Deno.statSync(path).dev === before) {
    if (hasEnded || performance.now() > deadlineMs) {
      if (!hasEnded) child.kill("SIGKILL");
      throw new Error(`Cannot mount "${path}": ${await ended}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      new Deno.Command("umount", { args: ["-l", path] }).outputSync();
      await ended;
    },
  };
}
