import { readFileSync, statSync } from "node:fs";
import { homedir, hostname } from "node:os";

/** What loading a configuration takes from the machine; tests give their own. */
export interface Environment {
  /** The user's home folder, absolute. */
  readonly home: string;
  readonly hostName: string;
  /** A variable of the environment; `undefined` if it is not set, or may not be read. */
  readonly variable: (name: string) => string | undefined;
  /** Whether there is a regular file at `path`. @throws if that cannot be told */
  readonly isFile: (path: string) => boolean;
  /** Reads a whole file. @throws if that fails */
  readonly readFile: (path: string) => Uint8Array;
  /** The permission bits of a file, `undefined` where files have none or there is no such file. */
  readonly fileMode: (path: string) => number | undefined;
}

/** The machine as it is. Needs the permissions to read, and to ask for the home folder and the host's name. */
export function systemEnvironment(): Environment {
  return {
    home: homedir(),
    hostName: hostname(),
    variable,
    isFile,
    readFile: (path) => readFileSync(path),
    fileMode,
  };
}

function variable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotCapable) return undefined;
    throw thrown;
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
    // A long secret is no path; neither is one with "/" after the name of a file.
    if (code === "ENAMETOOLONG" || code === "ENOTDIR") return false;
    throw thrown;
  }
}

function fileMode(path: string): number | undefined {
  if (Deno.build.os === "windows") return undefined;
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : stat.mode & 0o777;
}
