/** Something that is mounted on a folder. Disposing it unmounts it, also while it is in use. */
export interface Unmountable extends AsyncDisposable {
  readonly path: string;
  unmount(): void;
}

/** A file system of its own. */
export interface Mount extends Unmountable {
  makeReadOnly(): void;
  makeWritable(): void;
}

/** Mounts a small file system in memory on the folder `path`; `undefined` where this process may not. */
export function mountTmpfs(path: string, size: string): Mount | undefined {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return undefined;
  if (!run("mount", ["-t", "tmpfs", "-o", `size=${size}`, "escale-test", path])) return undefined;
  const remount = (options: string) => {
    if (!run("mount", ["-o", `remount,${options}`, path])) {
      throw new Error(`Cannot remount "${path}"`);
    }
  };
  return {
    ...mounted(path),
    makeReadOnly: () => remount("ro"),
    makeWritable: () => remount("rw"),
  };
}

/** Mounts the folder `from` on the folder `path` as well; `undefined` where this process may not. */
export function mountBind(from: string, path: string): Unmountable | undefined {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return undefined;
  return run("mount", ["--bind", from, path]) ? mounted(path) : undefined;
}

function mounted(path: string): Unmountable {
  let isMounted = true;
  const unmount = () => {
    if (!isMounted) return;
    if (!run("umount", ["-l", path])) throw new Error(`Cannot unmount "${path}"`);
    isMounted = false;
  };
  return {
    path,
    unmount,
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
