import type { Environment } from "../../../lib/config/environment.ts";

/** A file of a fake machine: its text or bytes, and its permission bits (600 if none are given). */
export type FakeFile = string | Uint8Array | { readonly content: string; readonly mode: number };

/** A machine that has nothing but these files. A file of mode 0 cannot be read. */
export function fakeEnvironment(
  files: Readonly<Record<string, FakeFile>> = {},
  overrides: Partial<Environment> = {},
): Environment {
  const modeOf = (path: string) => {
    const file = files[path];
    return typeof file === "object" && "mode" in file ? file.mode : 0o600;
  };
  return {
    home: "/home/me",
    hostName: "host",
    variable: () => undefined,
    isFile: (path) => Object.hasOwn(files, path),
    readFile: (path) => {
      const file = files[path];
      if (file === undefined || modeOf(path) === 0) throw new Error(`cannot open '${path}'`);
      if (file instanceof Uint8Array) return file;
      return new TextEncoder().encode(typeof file === "string" ? file : file.content);
    },
    fileMode: (path) => Object.hasOwn(files, path) ? modeOf(path) : undefined,
    ...overrides,
  };
}

/** The text of a golden file. */
export function readGolden(name: string): string {
  return Deno.readTextFileSync(new URL(`../../golden/${name}`, import.meta.url));
}
