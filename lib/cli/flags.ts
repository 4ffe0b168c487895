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

/** What the command line of `escale -i` asks for. */
export interface WizardFlags {
  readonly configFile: string | undefined;
  /** The section to ask about. */
  readonly section: string | undefined;
  /** Files whose sections are taken over. */
  readonly imports: readonly string[];
  /** Answers, each `OPTION=VALUE`. */
  readonly answers: readonly string[];
  /** Nobody is asked. */
  readonly takesDefaults: boolean;
  /** Absent: it is asked for. */
  readonly isExpert: boolean | undefined;
  /** The relay is tried. */
  readonly tries: boolean;
}

/** A command line, understood: what to do, or the text that was asked for. */
export type Parsed<Flags> =
  | { readonly kind: "run"; readonly flags: Flags }
  | { readonly kind: "wizard"; readonly flags: WizardFlags }
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
    .option("-i, --interactive [file]", "make or change the configuration; take sections from FILE")
    .option("--import <file>", "with -i, take the sections of this file over", collect)
    .option("--set <option=value>", "with -i, answer a question beforehand", collect)
    .option("-y, --yes", "with -i, take what is proposed for all that is not set")
    .option("--expert", "with -i, ask for every option")
    .option("--no-try", "with -i, do not try the relay")
    .addHelpText("after", `\n${EXIT_STATUS_HELP}`);
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
  const options = program.opts<
    WizardOptions & {
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
    }
  >();
  if (options.quiet && options.verbose) {
    throw new EscaleError("usage", 'Options "--quiet" and "--verbose" contradict each other');
  }
  if (options.daemon && (options.once || options.dryRun)) {
    throw new EscaleError("usage", 'Option "--daemon" contradicts "--once" and "--dry-run"', {
      hint: HELP_HINT,
    });
  }
  if (options.interactive !== undefined || options.import !== undefined) {
    return { kind: "wizard", flags: wizardFlags(options) };
  }
  const lone = WIZARD_ONLY.find(([name, unset]) => options[name] !== unset);
  if (lone !== undefined) {
    throw new EscaleError("usage", `Option "${lone[2]}" is for making a configuration`, {
      hint: 'Give "-i" too',
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

interface WizardOptions {
  config?: string;
  section?: string[];
  interactive?: string | true;
  import?: string[];
  set?: string[];
  yes?: true;
  expert?: true;
  try: boolean;
}

const WIZARD_ONLY = [
  ["set", undefined, "--set"],
  ["yes", undefined, "--yes"],
  ["expert", undefined, "--expert"],
  ["try", true, "--no-try"],
] as const;

/** Flags that say how clients run, and so are not for the wizard. */
const RUN_ONLY = ["daemon", "restart", "once", "dryRun", "json", "quiet", "verbose"] as const;

function wizardFlags(
  options: WizardOptions & Readonly<Partial<Record<(typeof RUN_ONLY)[number], unknown>>>,
): WizardFlags {
  const other = RUN_ONLY.find((name) => options[name] !== undefined);
  const { section = [], interactive, import: imports = [] } = options;
  if (other !== undefined || section.length > 1) {
    const flag = other === undefined ? "--section" : `--${other === "dryRun" ? "dry-run" : other}`;
    const why = other === undefined ? "twice" : "";
    throw new EscaleError("usage", `Option "-i" cannot stand with "${flag}" ${why}`.trimEnd(), {
      hint: HELP_HINT,
    });
  }
  return {
    configFile: options.config,
    section: section[0],
    imports: typeof interactive === "string" ? [interactive, ...imports] : imports,
    answers: options.set ?? [],
    takesDefaults: options.yes === true,
    isExpert: options.expert ?? (options.yes === true ? false : undefined),
    tries: options.try,
  };
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
