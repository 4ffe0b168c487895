import { systemEnvironment } from "../../config/environment.ts";
import { loadConfiguration } from "../../config/load.ts";
import { runFiles } from "../../config/paths.ts";
import type { Configuration, Section } from "../../config/section.ts";
import { canLimitWorkers } from "../../daemon/sandbox.ts";
import { makeFolder } from "../../daemon/small_file.ts";
import { isMailAddress } from "../../daemon/smtp.ts";
import { type StartHelper, workerStarter } from "../../daemon/start_worker.ts";
import { EscaleError, isAbort, messageOf } from "../../errors.ts";
import { printable } from "../../path.ts";
import { describe } from "../../relay/failure.ts";
import { askForCredentials } from "../credentials.ts";
import { startDetached } from "../detach.ts";
import type { ExitStatus } from "../exit.ts";
import { argumentsOf, type RunFlags } from "../flags.ts";
import { HumanReport } from "../human_report.ts";
import { JsonReport } from "../json_report.ts";
import type { Output } from "../output.ts";
import type { Report } from "../report.ts";
import { chooseSections, findFile } from "../sections.ts";
import { serve } from "../serve.ts";
import { systemTerminal } from "../terminal.ts";

/** What running clients takes from the program. */
export interface RunContext {
  readonly output: Output;
  /** The main module of a client's worker. */
  readonly workerEntry: URL;
  /** How another process of this program is started. */
  readonly escale: readonly [string, ...string[]];
  /** Starts what a client's relay needs beside its worker. */
  readonly startHelper: StartHelper;
  /** Ends the program at once. */
  readonly exit: (status: ExitStatus) => void;
}

/**
 * Runs the clients of a configuration file, until they have ended or a signal came, or starts a process that does, and
 * returns the exit status.
 *
 * @throws {EscaleError} `no-config`, `config`, `usage`, `locked`, `denied` if no client was started
 */
export async function run(flags: RunFlags, context: RunContext): Promise<ExitStatus> {
  const first = makeReport(flags, context.output);
  const file = flags.configFile ?? findFile((message) => first.warn(message));
  const read = () => withRestarts(loadConfiguration(file), flags);
  const configured = read();
  const chosen = chooseSections(configured, flags.sections);
  if (flags.daemon === "detach") return await detach(configured, { ...context, flags });
  const fillIn = askForCredentials(chosen, systemTerminal());
  const load = () => fillIn(read());
  const configuration = fillIn(configured);
  const sections = chooseSections(configuration, flags.sections);
  const isLimited = await canLimitWorkers();
  return await serve(configuration, {
    flags,
    load,
    console: makeReport(flags, context.output, { hasLabels: sections.length > 1 }),
    output: context.output,
    startWorker: workerStarter(context.workerEntry, {
      isLimited,
      startHelper: withCodes(context.startHelper),
    }),
    exit: context.exit,
    warnings: [
      ...configuration.warnings.map((warning) => [warning] as const),
      ...(Deno.uid() === 0 ? [ROOT_WARNING] : []),
      ...(isLimited ? [] : [LIMIT_WARNING]),
      ...addressWarnings(sections),
    ],
  });
}

/** What a storage throws, as an error of the client that needs it. */
function withCodes(startHelper: StartHelper): StartHelper {
  return async (relay, options) => {
    try {
      return await startHelper(relay, options);
    } catch (thrown) {
      if (isAbort(thrown) || thrown instanceof EscaleError) throw thrown;
      const { code, hint } = describe(thrown);
      const hints = hint === undefined ? {} : { hint };
      throw new EscaleError(code, messageOf(thrown), { ...hints, cause: thrown });
    }
  };
}

const ROOT_WARNING = ["Running as the super user", "Run escale as the owner of the files"] as const;
const LIMIT_WARNING = [
  "Clients run with all the permissions of the program",
  'Give the flag "--unstable-worker-options" to the runtime to keep them apart',
] as const;

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

/** What is no address is a text to the configuration; here it would be a mail that never comes. */
function addressWarnings(sections: readonly Section[]): readonly (readonly [string])[] {
  const addresses = new Set(sections.flatMap(({ maintainer }) => maintainer ?? []));
  return [...addresses].filter((address) => !isMailAddress(address)).map((address) => [
    `Option "maintainer" is "${printable(address)}": should be a mail address`,
  ]);
}

/** `-r` counts for every client, whatever is configured. */
function withRestarts(configuration: Configuration, { restartS }: RunFlags): Configuration {
  if (restartS === undefined) return configuration;
  const sections = configuration.sections.map((section) => ({ ...section, keepAliveS: restartS }));
  return { ...configuration, keepAliveS: restartS, sections };
}

async function detach(
  { file, warnings }: Configuration,
  { flags, output, escale }: RunContext & { readonly flags: RunFlags },
): Promise<ExitStatus> {
  const report = makeReport(flags, output);
  for (const warning of warnings) report.warn(warning);
  const files = runFiles(file, systemEnvironment().home);
  makeFolder(files.folder);
  const started = await startDetached(escale, {
    args: argumentsOf(file, flags),
    errors: files.log,
  });
  const text = `Started escale as process ${started.pid}; its log is "${started.logFile}"\n`;
  const value = { kind: "started", ...started };
  output.out(flags.json ? `${JSON.stringify(value)}\n` : text);
  report.end(0);
  return 0;
}
