import { EscaleError, messageOf } from "../errors.ts";
import { makeReport, run } from "./commands/run.ts";
import { type ExitStatus, statusOfCode } from "./exit.ts";
import { parseEscale, parseEscalectl, type RunFlags } from "./flags.ts";
import { systemOutput } from "./output.ts";
import type { Failure } from "./report.ts";

/** What a main module hands over. */
export interface Program {
  readonly version: string;
  /** The main module of a client's worker. */
  readonly workerEntry: URL;
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
};

/** Does what the arguments of `escale` say, and returns the exit status. Never throws. */
export async function escale(args: readonly string[], program: Program): Promise<ExitStatus> {
  const output = systemOutput();
  let flags = NO_FLAGS;
  try {
    const parsed = parseEscale(args, program.version);
    if (parsed.kind === "text") {
      output.out(parsed.text);
      return 0;
    }
    flags = parsed.flags;
    return await run(flags, { ...program, output });
  } catch (thrown) {
    const report = makeReport(flags, output);
    const failure = failureOf(thrown);
    const status = statusOfCode(failure.code);
    report.error(failure);
    report.end(status);
    return status;
  }
}

/** Does what the arguments of `escalectl` say, and returns the exit status. Never throws. */
export function escalectl(
  args: readonly string[],
  { version }: Pick<Program, "version">,
): ExitStatus {
  const output = systemOutput();
  try {
    output.out(parseEscalectl(args, version));
    return 0;
  } catch (thrown) {
    const failure = failureOf(thrown);
    makeReport(NO_FLAGS, output).error(failure);
    return statusOfCode(failure.code);
  }
}

function failureOf(thrown: unknown): Failure {
  if (thrown instanceof EscaleError) return thrown;
  if (thrown instanceof Deno.errors.NotCapable) {
    const hint = "Start the program with the permissions listed in its documentation";
    return { code: "denied", message: `Cannot start: ${messageOf(thrown)}`, hint };
  }
  return {
    code: "internal",
    message: `Stopped by an error that was not expected: ${messageOf(thrown)}`,
    hint: "Report this with what led to it",
  };
}
