import type { Command } from "commander";

import type { OpenBackend } from "../../backends/backend.ts";
import { loadConfiguration } from "../config/load.ts";
import type { Configuration, Section } from "../config/section.ts";
import { newCommand } from "./command_line.ts";
import type { ExitStatus } from "./exit.ts";
import { HumanReport } from "./human_report.ts";
import { JsonReport } from "./json_report.ts";
import type { Output } from "./output.ts";
import type { Failure, Report } from "./report.ts";
import { chooseSection, chooseSections, findFile } from "./sections.ts";

/** What `escalectl` gets from its main module. */
export interface CtlProgram {
  readonly version: string;
  readonly openBackend: OpenBackend;
  /** How `escale` is started: a program and its first arguments. */
  readonly escale: readonly [string, ...string[]];
}

/** The options that every command has. */
export interface CommonOptions {
  readonly config?: string;
  readonly json?: true;
}

/** Makes a command; its action works with `ctl`. */
export type MakeCommand = (ctl: Ctl) => Command;

const LINE_EVERY_MS = 200;
const CLEAR = "\r\x1b[K";

/** What a command of `escalectl` works with: how it gets its input and where its results go. */
export class Ctl {
  readonly program: CtlProgram;
  readonly output: Output;
  /** Aborts when the user wants the command to end. */
  readonly signal: AbortSignal;
  #options: CommonOptions = {};
  #status: ExitStatus = 0;
  #drawnMs = -LINE_EVERY_MS;
  #isDrawn = false;

  constructor(
    program: CtlProgram,
    { output, signal }: { readonly output: Output; readonly signal: AbortSignal },
  ) {
    this.program = program;
    this.output = output;
    this.signal = signal;
  }

  /** Takes the options that every command has; called before its action. */
  begin(options: CommonOptions): void {
    this.#options = options;
  }

  get isJson(): boolean {
    return this.#options.json === true;
  }

  /** The status that the program ends with. */
  get status(): ExitStatus {
    return this.#status;
  }

  /** Sets the status that the program ends with, where the command goes on after a failure. */
  end(status: ExitStatus): void {
    this.#status = status;
  }

  /** The path of the configuration file: that of `-c`, or the first of the usual ones. @throws {EscaleError} `no-config` */
  configFile(): string {
    return this.#options.config ?? findFile((message) => this.warn(message));
  }

  /** Reads the configuration and shows its warnings. @throws {EscaleError} `no-config`, `config` */
  configuration(): Configuration {
    const configuration = loadConfiguration(this.configFile());
    for (const warning of configuration.warnings) this.warn(warning);
    return configuration;
  }

  /** The sections with these names, all without names. @throws {EscaleError} `usage`, `no-config`, `config` */
  sections(names: readonly string[]): readonly Section[] {
    return chooseSections(this.configuration(), names);
  }

  /** The section with this name, or the only one. @throws {EscaleError} `usage`, `no-config`, `config` */
  section(name: string | undefined): Section {
    return chooseSection(this.configuration(), name);
  }

  /** Gives a result: `value` as a line of JSON if that was asked for, else `text`, on standard output. */
  result(value: Readonly<Record<string, unknown>> & { readonly kind: string }, text: string): void {
    this.#clear();
    if (this.isJson) this.output.out(`${JSON.stringify(value)}\n`);
    else if (text !== "") this.output.out(`${text}\n`);
  }

  /** Tells of something that the user should look at. */
  warn(message: string, hint?: string): void {
    this.#clear();
    this.#report().warn(message, hint);
  }

  /** Shows the error that ended the command, or one after which it goes on. */
  error(failure: Failure): void {
    this.#clear();
    this.#report().error(failure);
  }

  /** Shows how far a long command has come: one line that the next takes the place of, on a terminal only. */
  progress(text: string): void {
    if (this.isJson || !this.output.isTerminal) return;
    const now = performance.now();
    if (now - this.#drawnMs < LINE_EVERY_MS) return;
    this.#drawnMs = now;
    this.#isDrawn = true;
    this.output.err(CLEAR + text.slice(0, this.output.columns() - 1));
  }

  /** The last call. */
  close(status: ExitStatus): void {
    this.#clear();
    if (this.isJson) this.output.out(`${JSON.stringify({ kind: "end", status })}\n`);
  }

  #clear(): void {
    if (!this.#isDrawn) return;
    this.#isDrawn = false;
    this.output.err(CLEAR);
  }

  #report(): Report {
    if (this.isJson) return new JsonReport(this.output, { verbosity: undefined });
    return new HumanReport(this.output, {
      verbosity: undefined,
      hasLabels: false,
      hasSummaries: false,
      nowMs: () => performance.now(),
    });
  }
}

/** Makes a command of `escalectl`, with the options that all have and at least one example in its help. */
export function ctlCommand(
  name: string,
  { summary, examples }: { readonly summary: string; readonly examples: readonly string[] },
): Command {
  const shown = examples.map((example) => `  $ ${example}`).join("\n");
  return newCommand(name)
    .description(summary)
    .option("-c, --config <file>", "configuration file to use instead of the default ones")
    .option("--json", "write results to standard output, one JSON object a line")
    .addHelpText("after", `\nExamples:\n${shown}`);
}
