/**
 * Builds what is released, below `dist/`.
 *
 * `deno task bundle [DIR]` packs the entries and all that they import into few files, each loaded when it is wanted;
 * `deno run` takes it from there with the flags of the tasks. It needs no network once the runtime has its packages.
 *
 * `deno task compile [TARGET]...` makes the programs of each target of that bundle, with the permissions of the tasks.
 * The runtime downloads its own binaries for that.
 */
import { fileURLToPath } from "node:url";

import configuration from "../deno.json" with { type: "json" };

/** The systems that programs are released for, by the names of their archives. */
export const TARGETS = {
  "linux-x64": "x86_64-unknown-linux-gnu",
  "linux-arm64": "aarch64-unknown-linux-gnu",
  "macos-x64": "x86_64-apple-darwin",
  "macos-arm64": "aarch64-apple-darwin",
  "windows-x64": "x86_64-pc-windows-msvc",
} as const;

/** The name of a system in {@linkcode TARGETS}. */
export type Target = keyof typeof TARGETS;

/** The modules that start something: the programs, and the workers, which bundling would not find by itself. */
const ENTRIES = ["main.ts", "ctl.ts", "lib/daemon/worker_entry.ts", "lib/archive/bzip2_worker.ts"];

const PROGRAMS = { escale: "main.js", escalectl: "ctl.js" } as const;

/** What a program needs besides its own module. */
const WORKERS = {
  escale: ["lib/daemon/worker_entry.js", "lib/archive/bzip2_worker.js"],
  escalectl: [],
} as const;

const root = new URL("../", import.meta.url);

/** The flags under which a program runs, released or not: those of its task, and the unstable features it uses. */
export function runtimeFlags(program: keyof typeof PROGRAMS): readonly string[] {
  const flags = configuration.tasks[program].split(" ").filter((word) => word.startsWith("-"));
  return [...flags, ...configuration.unstable.map((name) => `--unstable-${name}`)];
}

/** Bundles all entries into the folder `directory`. @throws {Error} if that fails */
export async function bundle(directory: string): Promise<void> {
  await run([
    "bundle",
    "--quiet",
    "--frozen",
    "--code-splitting",
    "--outdir",
    directory,
    ...ENTRIES,
  ]);
}

/** The command that makes one program of the bundle below `from`, as a file in the folder `to`. */
export function compileArguments(
  program: keyof typeof PROGRAMS,
  options: { readonly target: Target; readonly from: string; readonly to: string },
): readonly string[] {
  const { target, from, to } = options;
  return [
    ...["compile", "--quiet", "--no-check", "--frozen", "--target", TARGETS[target]],
    ...runtimeFlags(program),
    ...WORKERS[program].flatMap((worker) => ["--include", `${from}/${worker}`]),
    ...["--output", `${to}/${program}${target.startsWith("windows") ? ".exe" : ""}`],
    `${from}/${PROGRAMS[program]}`,
  ];
}

async function compile(targets: readonly Target[]): Promise<void> {
  await bundle("dist/bundle");
  for (const target of targets) {
    const to = `dist/escale-${target}`;
    for (const program of ["escale", "escalectl"] as const) {
      await run(compileArguments(program, { target, from: "dist/bundle", to }));
    }
    for (const name of ["README.md", "CHANGELOG.md", "LICENSE"]) {
      await Deno.copyFile(new URL(name, root), new URL(`${to}/${name}`, root));
    }
  }
}

async function run(args: readonly string[]): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], cwd: fileURLToPath(root) });
  const { code } = await command.spawn().status;
  if (code !== 0) throw new Error(`"deno ${args[0]}" ended with status ${code}`);
}

function isTarget(name: string): name is Target {
  return Object.hasOwn(TARGETS, name);
}

async function main([what, ...rest]: readonly string[]): Promise<void> {
  if (what === "bundle") return await bundle(rest[0] ?? "dist/bundle");
  const names = rest.length === 0 ? Object.keys(TARGETS) : rest;
  const unknown = names.find((name) => !isTarget(name));
  if (what !== "compile" || unknown !== undefined) {
    const known = Object.keys(TARGETS).join(", ");
    throw new Error(`Cannot build "${unknown ?? what}": it should be one of ${known}`);
  }
  await compile(names.filter(isTarget));
}

if (import.meta.main) await main(Deno.args);
