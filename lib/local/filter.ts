import { baseOf, folderOf, type RelativePath } from "../path.ts";
import { compilePattern, parseFileTypes, type Pattern } from "../pattern.ts";

/** What a client synchronises, as its section says; empty lists let everything pass. Patterns as in `lib/pattern.ts`. */
export interface FilterSettings {
  /** Extensions, with or without the initial dot, case counts. Only the last one of a name is looked at. */
  readonly fileTypes: readonly string[];
  /** Patterns of base names; one must match. */
  readonly include: readonly string[];
  /** Patterns of base names; none may match. */
  readonly exclude: readonly string[];
  /** Patterns of folders, relative to the repository; one must match a file's folder. */
  readonly includeDirectories: readonly string[];
  /** Patterns of folders; none may match a file's folder or one above it. */
  readonly excludeDirectories: readonly string[];
}

/** The compiled form of {@linkcode FilterSettings}. What is accepted is also listed, and its folders are entered. */
export interface Filter {
  /** Whether a file that arrives is let in: its base name and its folder, which is `""` at the top, must pass. */
  acceptsFile(path: RelativePath): boolean;
  /** Whether a file that stands here is synchronised: as above, but no directory pattern applies at the top. */
  listsFile(path: RelativePath): boolean;
  /** Whether files below `folder` may be listed, once the folders above it were entered. */
  entersFolder(folder: string): boolean;
}

/** @throws {EscaleError} `config` if a pattern is wrong */
export function compileFilter(settings: FilterSettings): Filter {
  const acceptsName = compileNames(settings);
  const includes = settings.includeDirectories.map(compilePattern);
  const excludes = settings.excludeDirectories.map(compilePattern);
  const leadsOn = settings.includeDirectories.map(compileLead);

  const acceptsFolder = (folder: string): boolean => {
    if (includes.length > 0 && !matchesAny(includes, folder)) return false;
    for (let above = folder;; above = folderOf(above)) {
      if (matchesAny(excludes, above)) return false;
      if (!above.includes("/")) return true;
    }
  };
  return {
    acceptsFile: (path) => acceptsName(baseOf(path)) && acceptsFolder(folderOf(path)),
    listsFile: (path) => {
      const folder = folderOf(path);
      return acceptsName(baseOf(path)) && (folder === "" || acceptsFolder(folder));
    },
    entersFolder: (folder) => {
      if (matchesAny(excludes, folder)) return false;
      return includes.length === 0 || matchesAny(includes, folder) || matchesAny(leadsOn, folder);
    },
  };
}

function compileNames(settings: FilterSettings): Pattern {
  const types = new Set(parseFileTypes(settings.fileTypes));
  const includes = settings.include.map(compilePattern);
  const excludes = settings.exclude.map(compilePattern);
  return (name) => {
    if (types.size > 0 && !types.has(extensionOf(name))) return false;
    if (includes.length > 0 && !matchesAny(includes, name)) return false;
    return !matchesAny(excludes, name);
  };
}

function matchesAny(tests: readonly Pattern[], name: string): boolean {
  return tests.some((test) => test(name));
}

/** With its dot; empty if there is none. */
function extensionOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? name.slice(dot) : "";
}

/** Whether a folder below the given one may match: what precedes a plain pattern's first `*` decides it. */
function compileLead(pattern: string): Pattern {
  if (pattern.startsWith("/")) return () => true;
  const star = pattern.indexOf("*");
  const start = star < 0 ? pattern : pattern.slice(0, star);
  return (folder) =>
    start.startsWith(`${folder}/`) || (star >= 0 && `${folder}/`.startsWith(start));
}
