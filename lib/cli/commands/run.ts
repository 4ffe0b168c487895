import { systemEnvironment } from "../../config/environment.ts";
import { loadConfiguration } from "../../config/load.ts";
import { findConfigurationFile } from "../../config/paths.ts";
import type { Configuration, Section } from "../../config/section.ts";
import { canLimitWorkers } from "../../daemon/sandbox.ts";
import { workerStarter } from "../../daemon/start_worker.ts";
import { supervise } from "../../daemon/supervisor.ts";
import { EscaleError } from "../../errors.ts";
import { printable } from "../../path.ts";
import { type ExitStatus, INTERRUPTED, mostSevere, statusOfResult } from "../exit.ts";
import type { RunFlags } from "../flags.ts";
import { HumanReport } from "../human_report.ts";
import { JsonReport } from "../json_report.ts";
import type { Output } from "../output.ts";
import type { Report } from "../report.ts";
import { listenForSignals } from "../signals.ts";

/** What running clients takes from the program. */
export interface RunContext {
  readonly output: Output;
  /** The main module of a client's worker. */
  readonly workerEntry: URL;
  /** Ends the program at once. */
  readonly exit: (status: ExitStatus) => void;
}

/**
 * Runs the clients of a configuration file, until they have ended or a signal came, and returns the exit status.
 *
 * @throws {EscaleError} `no-config`, `config`, `usage` if no client was started
 */
export async function run(flags: RunFlags, context: RunContext): Promise<ExitStatus> {
  const first = makeReport(flags, context.output);
  const configuration = loadConfiguration(flags.configFile ?? findFile(first));
  const sections = chooseSections(configuration, flags.sections);
  const report = makeReport(flags, context.output, { hasLabels: sections.length > 1 });
  for (const warning of configuration.warnings) report.warn(warning);
  if (Deno.uid() === 0) {
    report.warn("Running as the super user", "Run escale as the owner of the files");
  }
  const isLimited = await canLimitWorkers();
  if (!isLimited) {
    report.warn(
      "Clients run with all the permissions of the program",
      'Give the flag "--unstable-worker-options" to the runtime to keep them apart',
    );
  }

  const stop = new AbortController();
  using _signals = listenForSignals({
    stop: () => stop.abort(),
    kill: () => context.exit(INTERRUPTED),
  });
  const results = await supervise(sections, flags, {
    startWorker: workerStarter(context.workerEntry, { isLimited }),
    emit: (section, event) => report.event(section, event),
    ended: (section, result) => report.result(section, result),
    signal: stop.signal,
  });
  const status = mostSevere(results.map(statusOfResult));
  report.end(status);
  return status;
}

/** The report that the flags ask for. */
export function makeReport(
  { json, verbosity, once }: RunFlags,
  output: Output,
  { hasLabels = false }: { readonly hasLabels?: boolean } = {},
): Report {
  if (json) return new JsonReport(output, { verbosity });
  const nowMs = () => performance.now();
  return new HumanReport(output, { verbosity, hasLabels, hasSummaries: once, nowMs });
}

function findFile(report: Report): string {
  const environment = systemEnvironment();
  const { file, warnings } = findConfigurationFile(environment.home, environment);
  for (const warning of warnings) report.warn(warning);
  return file;
}

function chooseSections(
  { file, sections }: Configuration,
  names: readonly string[],
): readonly Section[] {
  const unknown = names.find((name) => sections.every((section) => section.name !== name));
  if (unknown !== undefined) {
    const known = sections.map(({ name }) => `"${printable(name)}"`).join(", ");
    const message = `There is no section "${printable(unknown)}" in "${printable(file)}"`;
    throw new EscaleError("usage", message, { hint: `Choose from ${known}` });
  }
  return names.length === 0 ? sections : sections.filter(({ name }) => names.includes(name));
}
