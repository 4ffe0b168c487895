import { fileURLToPath } from "node:url";

import { commandOf } from "../support/program.ts";
import configuration from "../../deno.json" with { type: "json" };

/** The entry points, and `escale` with clients that only play their part. */
export type ProgramName = "escale" | "escalectl" | "fake escale";

const MAIN_MODULES: Readonly<Record<ProgramName, string>> = {
  "escale": "../../main.ts",
  "escalectl": "../../ctl.ts",
  "fake escale": "./_fake_escale.ts",
};

const TASK_FLAGS = configuration.tasks.escale.split(" ").filter((word) => word.startsWith("-"));

/** How a program ended. */
export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A home folder of its own, removed when disposed of. */
export class Home implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<Home> {
    return new Home(await Deno.realPath(await Deno.makeTempDir({ prefix: "escale-home-" })));
  }

  /** Writes a file below the home folder, and returns its path. */
  async write(name: string, text: string): Promise<string> {
    const path = `${this.path}/${name}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(path, text);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** How a program is run. */
export interface ProgramOptions extends Pick<Deno.CommandOptions, "stdin" | "stdout" | "stderr"> {
  readonly home: Home;
  /** For the runtime under the sources; by default what the environment names is run, else the task. */
  readonly flags?: readonly string[];
}

/** Makes a program ready to be started at home. */
export async function prepare(
  program: ProgramName,
  args: readonly string[],
  { home, flags, ...options }: ProgramOptions,
): Promise<Deno.Command> {
  const isReal = program !== "fake escale" && flags === undefined;
  const [command = "", ...own] = isReal ? commandOf(program) : sources(program, flags);
  return new Deno.Command(command, {
    args: [...own, ...args],
    env: { HOME: home.path, USERPROFILE: home.path, DENO_DIR: await denoDir(), NO_COLOR: "1" },
    cwd: home.path,
    ...options,
  });
}

function sources(program: ProgramName, flags: readonly string[] = TASK_FLAGS): readonly string[] {
  const main = fileURLToPath(new URL(MAIN_MODULES[program], import.meta.url));
  return [Deno.execPath(), "run", ...flags, main];
}

/** Runs a program to its end. */
export async function runProgram(
  program: ProgramName,
  args: readonly string[],
  options: ProgramOptions,
): Promise<Ended> {
  const { code, stdout, stderr } = await (await prepare(program, args, options)).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { status: code, stdout: text(stdout), stderr: withoutRoot(text(stderr)) };
}

/** Standard error without what only the super user is told. */
function withoutRoot(stderr: string): string {
  return stderr.replace(/^escale: warning: Running as the super user\nescale: hint: .*\n/m, "");
}

/** Where the runtime keeps packages, which does not move with the home folder. */
async function denoDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const info: { readonly denoDir: string } = JSON.parse(new TextDecoder().decode(stdout));
  return info.denoDir;
}
