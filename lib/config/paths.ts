import { createHash } from "node:crypto";
import { basename, dirname, extname, join } from "node:path";

import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";

/** The configuration file to use when none is named. */
export interface FoundFile {
  readonly file: string;
  readonly warnings: readonly string[];
}

/** The places where a configuration file is looked for, the first that exists counts. */
export function configurationFiles(home: string): readonly string[] {
  return [
    join(home, ".config", "escale", "escale.conf"),
    join(home, ".escale", "escale.conf"),
    "/etc/escale.conf",
  ];
}

/**
 * Finds the configuration file of the user whose home is `home`; a warning tells of further ones.
 *
 * @throws {EscaleError} `no-config` if there is none
 */
export function findConfigurationFile(
  home: string,
  { isFile }: { readonly isFile: (path: string) => boolean },
): FoundFile {
  const places = configurationFiles(home);
  const [file, ...others] = places.filter((place) => isFile(place));
  if (file === undefined) {
    const looked = places.map((place) => `"${printable(place)}"`).join(", ");
    throw new EscaleError("no-config", `Cannot find a configuration file: looked for ${looked}`, {
      hint: 'Run "escale -i" to make one, or pass one with "-c FILE"',
    });
  }
  const warnings = others.map((other) =>
    `"${printable(other)}" is not read, since "${printable(file)}" exists`
  );
  return { file, warnings };
}

/**
 * The folder for what clients keep between runs. `configFile` is absolute, as is `home`. Files of the user's standard
 * places and of `/etc` have theirs in the caches that belong there, others beside them.
 */
export function cacheFolder(configFile: string, home: string): string {
  const folder = dirname(configFile);
  const name = basename(configFile, extname(configFile));
  if (folder === join(home, ".config", "escale")) return join(home, ".cache", "escale", name);
  if (folder === join(home, ".escale")) return join(folder, "cache", name);
  if (folder === "/etc") return join("/var/cache/escale", name);
  return join(folder, extname(configFile) === "" ? `${name}.cache` : name);
}

/** The path of the file that holds the process number of the clients of `configFile`. */
export function pidFile(configFile: string): string {
  const folder = dirname(configFile);
  const name = `${basename(configFile, extname(configFile))}.pid`;
  return join(folder === "/etc" ? "/var/run" : folder, name);
}

/** What the clients of one configuration file, running together, leave for others to find. */
export interface RunFiles {
  /** The folder of all but the first. */
  readonly folder: string;
  /** The process number, locked while the process lives. */
  readonly pid: string;
  /** How the clients are, as JSON. */
  readonly status: string;
  /** How to speak with the process; nobody else may read it. */
  readonly control: string;
  /** What was mailed and is to be mailed to the maintainer. */
  readonly notices: string;
  /** The log, where none is configured and there is no terminal to write to. */
  readonly log: string;
}

/** The {@linkcode RunFiles} of `configFile`, which is absolute, as is `home`. */
export function runFiles(configFile: string, home: string): RunFiles {
  const folder = cacheFolder(configFile, home);
  const inCache = (name: string) => join(folder, name);
  return {
    folder,
    pid: pidFile(configFile),
    status: inCache(".status.json"),
    control: inCache(".control.json"),
    notices: inCache(".notices.json"),
    log: inCache(".escale.log"),
  };
}

/** The path of the state database of a section; the name is made as 0.7 made those of its caches. */
export function statePath(section: string, place: { configFile: string; home: string }): string {
  const digest = createHash("sha224").update(section).digest("hex");
  return join(cacheFolder(place.configFile, place.home), `.st${digest}.db`);
}
