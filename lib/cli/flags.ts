import { Command, CommanderError } from "commander";

import { EscaleError } from "../errors.ts";
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
}

/** A command line, understood: what to do, or the text that was asked for. */
export type Parsed<Flags> =
  | { readonly kind: "run"; readonly flags: Flags }
  | { readonly kind: "text"; readonly text: string };

const HELP_WIDTH = 80;

/**
 * Reads the command line of `escale`.
 *
 * @throws {EscaleError} `usage` if it is wrong
 */
export function parseEscale(args: readonly string[], version: string): Parsed<RunFlags> {
  const program = newCommand("escale", version)
    .description("Synchronises local folders through relays, as a configuration file says.")
    .option("-c, --config <file>", "configuration file to use instead of the default ones")
    .option("--section <name>", "run this section only; may be given again", collect)
    .option("--once", "end when every file has passed, or has failed")
    .option("--dry-run", "only show what would be done, once")
    .option("--json", "write what happens to standard output, one JSON object a line")
    .option("-q, --quiet", "show only warnings and errors")
    .option("-v, --verbose", "show details")
    .addHelpText("after", `\n${EXIT_STATUS_HELP}`);
  refuse(program, "-i", "--interactive");
  refuse(program, "-d", "--daemon");
  refuse(program, "-r", "--reset");
  const text = parse(program, args);
  if (text !== undefined) return { kind: "text", text };
  const options = program.opts<{
    config?: string;
    section?: string[];
    once?: true;
    dryRun?: true;
    json?: true;
    quiet?: true;
    verbose?: true;
  }>();
  if (options.quiet && options.verbose) {
    throw new EscaleError("usage", 'Options "--quiet" and "--verbose" contradict each other');
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
    },
  };
}

/**
 * Reads the command line of `escalectl`, which has no commands yet.
 *
 * @throws {EscaleError} `usage` if it asks for anything but help or the version
 */
export function parseEscalectl(args: readonly string[], version: string): string {
  const program = newCommand("escalectl", version)
    .description("Starts and stops clients of escale. Not available in this version.");
  const text = parse(program.argument("[command...]"), args);
  if (text !== undefined) return text;
  throw new EscaleError("usage", '"escalectl" has no commands in this version', {
    hint: "Run escale itself",
  });
}

function newCommand(name: string, version: string): Command {
  return new Command(name)
    .version(`${name} ${version}`, "-V, --version", "show the version")
    .helpOption("-h, --help", "show this help")
    .exitOverride();
}

/** Has `program` read `args`, and returns the text to show if help or version were asked for. */
function parse(program: Command, args: readonly string[]): string | undefined {
  let text = "";
  // Asked for itself, the package would look into the environment, which takes permissions.
  program.configureOutput({
    writeOut: (part) => text += part,
    writeErr: () => {},
    getOutHasColors: () => false,
    getErrHasColors: () => false,
    getOutHelpWidth: () => HELP_WIDTH,
    getErrHelpWidth: () => HELP_WIDTH,
  });
  try {
    program.parse(args, { from: "user" });
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return text;
    throw usageError(thrown, program.name());
  }
}

function usageError({ message }: CommanderError, name: string): EscaleError {
  const [first = "", guess] = message.replace(/^error: /, "").split("\n");
  const text = (first.charAt(0).toUpperCase() + first.slice(1)).replaceAll("'", '"');
  const hint = guess?.replace(/^\(Did you mean (.+)\?\)$/, 'Did you mean "$1"?');
  return new EscaleError("usage", text.replace(/\.$/, ""), {
    hint: hint ?? `Run "${name} --help"`,
  });
}

function collect(value: string, former: readonly string[] = []): readonly string[] {
  return [...former, value];
}

/** Documented options that come later are refused by name. */
function refuse(program: Command, short: string, long: string): void {
  program.addOption(program.createOption(`${short}, ${long}`).hideHelp());
  program.on(`option:${long.slice(2)}`, () => {
    throw new EscaleError("usage", `Option "${short}" is not available in this version`);
  });
}
