import type { OpenBackend } from "../../backends/backend.ts";
import type { StartHelper } from "../daemon/start_worker.ts";
import { EscaleError, isAbort, messageOf } from "../errors.ts";
import { describe, firstFailure } from "../relay/failure.ts";
import { parseCommandLine } from "./command_line.ts";
import { Ctl, type CtlProgram } from "./ctl.ts";
import type { DetachAnswer } from "./detach.ts";
import { type ExitStatus, INTERRUPTED, statusOfCode } from "./exit.ts";
import { parseEscale, type RunFlags } from "./flags.ts";
import { systemOutput } from "./output.ts";
import type { Failure } from "./report.ts";
import { listenForSignals } from "./signals.ts";

/** What a main module hands over. */
export interface Program {
  readonly version: string;
  /** For trials while a configuration is made; clients open theirs in their workers. */
  readonly openBackend: OpenBackend;
  /** The main module of a client's worker. */
  readonly workerEntry: URL;
  /** How another process of `escale` is started: a program and its first arguments. */
  readonly escale: readonly [string, ...string[]];
  /** Starts what a client's relay needs beside its worker. */
  readonly startHelper: StartHelper;
  /** Ends the program at once. */
  readonly exit: (status: ExitStatus) => void;
}

const NO_FLAGS: RunFlags = {
  configFile: undefined,
  sections: [],
  once: false,
  dryRun: false,
  json: false,
  verbosity: undefined,
  daemon: "no",
};

/** Does what the arguments of `escale` say, and returns the exit status. Never throws. */
export async function escale(args: readonly string[], program: Program): Promise<ExitStatus> {
  const output = systemOutput();
  let flags = NO_FLAGS;
  try {
    const parsed = await parseEscale(args, program.version);
    if (parsed.kind === "text") {
      output.out(parsed.text);
      return 0;
    }
    // Loaded when they are wanted: each start pays for what is loaded, and scripts start often.
    if (parsed.kind === "wizard") {
      const { wizard } = await import("./commands/wizard.ts");
      return await wizard(parsed.flags, { ...program, output });
    }
    flags = parsed.flags;
    const { run } = await import("./commands/run.ts");
    return await run(flags, { ...program, output });
  } catch (thrown) {
    if (isAbort(thrown)) return INTERRUPTED;
    const failure = failureOf(thrown);
    const status = statusOfCode(failure.code);
    if (flags.daemon === "detached") {
      const answer: DetachAnswer = { error: failure };
      output.out(`${JSON.stringify(answer)}\n`);
      return status;
    }
    const { makeReport } = await import("./commands/run.ts");
    const report = makeReport(flags, output);
    report.error(failure);
    report.end(status);
    return status;
  }
}

/** Does what the arguments of `escalectl` say, and returns the exit status. Never throws. */
export async function escalectl(
  args: readonly string[],
  program: CtlProgram & { readonly exit: Program["exit"] },
): Promise<ExitStatus> {
  const output = systemOutput();
  const stop = new AbortController();
  using _signals = listenForSignals({
    stop: () => stop.abort(),
    kill: () => program.exit(INTERRUPTED),
  });
  const ctl = new Ctl(program, { output, signal: stop.signal });
  const status = await runCommand(args, ctl);
  ctl.close(status);
  return status;
}

async function runCommand(args: readonly string[], ctl: Ctl): Promise<ExitStatus> {
  try {
    const { ctlProgram } = await import("./commands/ctl_table.ts");
    const text = await parseCommandLine(ctlProgram(ctl), args);
    if (text !== undefined) ctl.output.out(text);
    return ctl.status;
  } catch (thrown) {
    if (ctl.signal.aborted && isAbort(thrown)) return INTERRUPTED;
    const failure = failureOf(thrown);
    ctl.error(failure);
    return statusOfCode(failure.code);
  }
}

function failureOf(thrown: unknown): Failure {
  const cause = firstFailure(thrown);
  const { code, hint } = describe(cause);
  const message = messageOf(cause);
  if (code !== "internal" || cause instanceof EscaleError) return { code, message, hint };
  if (cause instanceof Deno.errors.NotCapable) {
    const hint = "Start the program with the permissions listed in its documentation";
    return { code: "denied", message: `Cannot start: ${message}`, hint };
  }
  return {
    code: "internal",
    message: `Stopped by an error that was not expected: ${message}`,
    hint: "Report this with what led to it",
  };
}
