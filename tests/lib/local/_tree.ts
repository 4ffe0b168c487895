import { compileFilter, type Filter, type FilterSettings } from "../../../lib/local/filter.ts";
import { EscaleError } from "../../../lib/errors.ts";
import { parseRelativePath, type RelativePath } from "../../../lib/path.ts";
import { skip } from "../../support/skip.ts";

/** Runs `work` with a new folder that is removed afterwards; `inMemory`, where there is such, for many files. */
export async function withTree(
  work: (root: string) => void | Promise<void>,
  options: { readonly inMemory?: boolean } = {},
): Promise<void> {
  const root = Deno.realPathSync(Deno.makeTempDirSync(options.inMemory ? memoryFolder() : {}));
  try {
    await work(root);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

function memoryFolder(): Deno.MakeTempOptions {
  try {
    return Deno.statSync("/dev/shm").isDirectory ? { dir: "/dev/shm" } : {};
  } catch {
    return {};
  }
}

/** Writes files, with their folders: path to content. */
export function plant(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    const place = `${root}/${path}`;
    Deno.mkdirSync(place.slice(0, place.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(place, content);
  }
}

/** All that stands below `root`, hidden or not, sorted: files with their content, folders with a final `/`. */
export function treeOf(root: string, folder = ""): Record<string, string> {
  const entries = [...Deno.readDirSync(`${root}/${folder}`)];
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  const tree: Record<string, string> = {};
  for (const { name, isDirectory, isSymlink } of entries) {
    const path = folder + name;
    if (isDirectory) Object.assign(tree, { [`${path}/`]: "" }, treeOf(root, `${path}/`));
    else if (isSymlink) tree[path] = `-> ${Deno.readLinkSync(`${root}/${path}`)}`;
    else tree[path] = Deno.readTextFileSync(`${root}/${path}`);
  }
  return tree;
}

export const NO_SETTINGS: FilterSettings = {
  fileTypes: [],
  include: [],
  exclude: [],
  includeDirectories: [],
  excludeDirectories: [],
};

/** The filter that lets everything pass. */
export const NO_FILTER: Filter = compileFilter(NO_SETTINGS);

/** A check for `assert.throws` and `assert.rejects`: an {@linkcode EscaleError} of this code whose message fits. */
export function failing(code: string, message: RegExp = /./): (thrown: unknown) => boolean {
  return (thrown) => {
    if (!(thrown instanceof EscaleError)) throw thrown;
    if (thrown.code === code && message.test(thrown.message)) return true;
    throw new Error(`Got ${thrown.code} "${thrown.message}", not ${code} ${message}`);
  };
}

/** A stream of the given chunks, and whether it was cancelled. */
export function streamOf(...chunks: readonly (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return ReadableStream.from(
    chunks.map((chunk) => typeof chunk === "string" ? encoder.encode(chunk) : chunk),
  );
}

/** The bytes of a stream as text. */
export async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream).text();
}

export const path: (text: string) => RelativePath = parseRelativePath;

/** How {@linkcode runProgram} runs. */
export interface ProgramOptions {
  /** Deno's permissions; all by default. */
  readonly permissions?: readonly string[];
  /** Permissions of the file system count, though the tests may run as root. */
  readonly isUnprivileged?: boolean;
}

/** What a program left. `isDone`: it ended by itself and without an error. */
export interface ProgramResult {
  readonly output: string;
  readonly isDone: boolean;
}

/** Runs a module's text in a process of its own. `undefined`, the reason printed, where that is not possible. */
export async function runProgram(
  code: string,
  options: ProgramOptions = {},
): Promise<ProgramResult | undefined> {
  const { permissions = ["-A"], isUnprivileged = false } = options;
  if (isUnprivileged && Deno.build.os === "windows") {
    return void skip("Windows has other permissions");
  }
  const drop = isUnprivileged && Deno.uid() === 0
    ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    : [];
  const deno = [Deno.execPath(), "run", "--no-prompt", "--no-lock", "--no-config", "--ext=ts"];
  const [program = "", ...args] = [...drop, ...deno, ...permissions, "-"];
  try {
    const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped" }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(code));
    await writer.close();
    const { stdout, success } = await child.output();
    return { output: new TextDecoder().decode(stdout), isDone: success };
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return void skip("there is no setpriv");
    throw cause;
  }
}

/** The import of a module of `lib/local` in the text of a program. */
export function importOf(names: string, file: string): string {
  const url = new URL(`../../../lib/local/${file}`, import.meta.url).href;
  return `import { ${names} } from ${JSON.stringify(url)};\n`;
}

/** Mounts a small file system in memory for `work`. Prints the reason where that is not possible. */
export async function withSmallDisk(
  options: string,
  work: (root: string) => void | Promise<void>,
): Promise<void> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return void skip("only root can mount a disk");
  const root = Deno.makeTempDirSync();
  const mount = (...args: string[]) => new Deno.Command("mount", { args }).outputSync();
  if (!mount("-t", "tmpfs", "-o", options, "tmpfs", root).success) {
    Deno.removeSync(root);
    return void skip("mounting is not allowed here");
  }
  try {
    await work(root);
  } finally {
    new Deno.Command("umount", { args: [root] }).outputSync();
    Deno.removeSync(root);
  }
}
