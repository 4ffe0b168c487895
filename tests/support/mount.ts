/** A file system of its own. Disposing it unmounts it. */
export interface Mount extends AsyncDisposable {
  readonly path: string;
  makeReadOnly(): void;
  makeWritable(): void;
  unmount(): void;
}

/** Mounts a small file system in memory on the folder `path`; `undefined` where this process may not. */
export function mountTmpfs(path: string, size: string): Mount | undefined {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return undefined;
  if (!run("mount", ["-t", "tmpfs", "-o", `size=${size}`, "escale-test", path])) return undefined;
  let isMounted = true;
  const unmount = () => {
    if (!isMounted) return;
    if (!run("umount", ["-l", path])) throw new Error(`Cannot unmount "${path}"`);
    isMounted = false;
  };
  const remount = (options: string) => {
    if (!run("mount", ["-o", `remount,${options}`, path])) {
      throw new Error(`Cannot remount "${path}"`);
    }
  };
  return {
    path,
    unmount,
    makeReadOnly: () => remount("ro"),
    makeWritable: () => remount("rw"),
    [Symbol.asyncDispose]() {
      unmount();
      return Promise.resolve();
    },
  };
}

function run(command: string, args: readonly string[]): boolean {
  try {
    return new Deno.Command(command, { args: [...args] }).outputSync().success;
  } catch {
    return false;
  }
}
