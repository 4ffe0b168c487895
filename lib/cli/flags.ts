import { type Command, Option } from "commander";

import { EscaleError } from "../errors.ts";
import { collect, newProgram, parseCommandLine } from "./command_line.ts";
import { DETACHED_FLAG } from "./detach.ts";
import { EXIT_STATUS_HELP } from "./exit.ts";
import type { Verbosity } from "./report.ts";

/** What the command line of `escale` asks for. */
export interface RunFlags {
  readonly configFile: string | undefined;
  /** The sections to run; all if empty. */
  readonly sections: readonly string[];
  readonly once: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly verbosity: Verbosity | undefined;
  /** `detach`: starts another process that runs on its own; `detached`: this is that one. */
  readonly daemon: "no" | "detach" | "detached";
  /** Restarts clients that fail after so many seconds at least; absent: as configured. */
  readonly restartS?: number;
}

/** A command line, understood: what to do, or the text that was asked for. */
export type Parsed<Flags> =
  | { readonly kind: "run"; readonly flags: Flags }
  | { readonly kind: "text"; readonly text: string };

/** The command line of `escale`. */
export function escaleProgram(version: string): Command {
  const program = newProgram("escale", version)
    .description("Synchronises local folders through relays, as a configuration file says.")
    .option("-c, --config <file>", "configuration file to use instead of the default ones")
    .option("--section <name>", "run this section only; may be given again", collect)
    .option("-d, --daemon", "run in the background; see escalectl")
    .option("-r, --restart [seconds]", "start clients again that fail; by default after 60 s")
    .addOption(new Option(DETACHED_FLAG).hideHelp())
    .option("--once", "end when every file has passed, or has failed")
    .option("--dry-run", "only show what would be done, once")
    .option("--json", "write what happens to standard output, one JSON object a line")
    .option("-q, --quiet", "show only warnings and errors")
    .option("-v, --verbose", "show details")
    .addHelpText("after", `\n${EXIT_STATUS_HELP}`);
  refuse(program, "-i", "--interactive");
  return program;
}

/**
 * Reads the command line of `escale`.
 *
 * @throws {EscaleError} `usage` if it is wrong
 */
export async function parseEscale(
  args: readonly string[],
  version: string,
): Promise<Parsed<RunFlags>> {
  const program = escaleProgram(version);
  const text = await parseCommandLine(program, args);
  if (text !== undefined) return { kind: "text", text };
  const options = program.opts<{
    config?: string;
    section?: string[];
    daemon?: true;
    detached?: true;
    restart?: string | true;
    once?: true;
    dryRun?: true;
    json?: true;
    quiet?: true;
    verbose?: true;
  }>();
  if (options.quiet && options.verbose) {
    throw new EscaleError("usage", 'Options "--quiet" and "--verbose" contradict each other');
  }
  if (options.daemon && (options.once || options.dryRun)) {
    throw new EscaleError("usage", 'Option "--daemon" contradicts "--once" and "--dry-run"', {
      hint: HELP_HINT,
    });
  }
  return {
    kind: "run",
    flags: {
      configFile: options.config,
      sections: options.section ?? [],
      once: options.once ?? options.dryRun ?? false,
      dryRun: options.dryRun ?? false,
      json: options.json ?? false,
      verbosity: options.quiet ? 0 : options.verbose ? 2 : undefined,
      daemon: options.detached ? "detached" : options.daemon ? "detach" : "no",
      ...(options.restart === undefined ? {} : { restartS: parseRestart(options.restart) }),
    },
  };
}

/** The arguments that mean the same to another process, which runs in another folder. */
export function argumentsOf(configFile: string, flags: RunFlags): readonly string[] {
  return [
    ...["-c", configFile],
    ...flags.sections.flatMap((name) => ["--section", name]),
    ...(flags.restartS === undefined ? [] : ["--restart", String(flags.restartS)]),
    ...(flags.json ? ["--json"] : []),
    ...(flags.verbosity === 0 ? ["--quiet"] : []),
    ...(flags.verbosity === 2 ? ["--verbose"] : []),
  ];
}

const HELP_HINT = 'Run "escale --help"';
const RESTART_S = 60;
/** The longest wait that a timer of the runtime can do. */
const MAX_RESTART_S = 2_147_483;

function parseRestart(text: string | true): number {
  if (text === true) return RESTART_S;
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && seconds >= 1 && seconds <= MAX_RESTART_S) return seconds;
  const range = `a number of seconds from 1 to ${MAX_RESTART_S}`;
  throw new EscaleError("usage", `Option "--restart" is "${text}": should be ${range}`);
}

/** Documented options that come later are refused by name. */
function refuse(program: Command, short: string, long: string): void {
  program.addOption(program.createOption(`${short}, ${long}`).hideHelp());
  program.on(`option:${long.slice(2)}`, () => {
    throw new EscaleError("usage", `Option "${short}" is not available in this version`);
  });
}
