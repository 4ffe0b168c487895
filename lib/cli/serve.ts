import { systemEnvironment } from "../config/environment.ts";
import { runFiles } from "../config/paths.ts";
import type { Configuration } from "../config/section.ts";
import {
  type AnswerRequest,
  type ControlAnswer,
  type ControlRequest,
  ControlServer,
} from "../daemon/control.ts";
import { Fleet } from "../daemon/fleet.ts";
import type { StartWorker } from "../daemon/start_worker.ts";
import { Supervisor } from "../daemon/supervisor.ts";
import { EscaleError, messageOf } from "../errors.ts";
import { allReports } from "./all_reports.ts";
import type { DetachAnswer } from "./detach.ts";
import { type ExitStatus, INTERRUPTED, mostSevere, statusOfResult } from "./exit.ts";
import { argumentsOf, type RunFlags } from "./flags.ts";
import type { Output } from "./output.ts";
import { Presence } from "./presence.ts";
import { ProgramLog } from "./program_log.ts";
import type { Report } from "./report.ts";
import { listenForSignals } from "./signals.ts";

/** What is run, and what it is told through. */
export interface ServeContext {
  readonly flags: RunFlags;
  /** Reads the configuration anew. */
  readonly load: () => Configuration;
  /** What the user sees; nobody does in the background. */
  readonly console: Report;
  readonly output: Output;
  readonly startWorker: StartWorker;
  readonly exit: (status: ExitStatus) => void;
  /** What to tell at the start, once there is a log. */
  readonly warnings: readonly (readonly [message: string, hint?: string])[];
}

/**
 * Runs the clients of a configuration until none runs any more, or a signal came, and returns the exit status. Others can
 * see how they are and ask for changes, unless another process of this configuration is there already.
 *
 * @throws {EscaleError} `locked`, `denied` if nothing was started
 */
export async function serve(
  configuration: Configuration,
  context: ServeContext,
): Promise<ExitStatus> {
  const { flags, output } = context;
  const { home, hostName } = systemEnvironment();
  const files = runFiles(configuration.file, home);
  const isDetached = flags.daemon === "detached";
  let control: ControlServer | undefined;
  await using held = new AsyncDisposableStack();
  // The last to go: whoever waits for the end of this process sees it by that.
  held.defer(() => control?.[Symbol.dispose]());
  const log = new ProgramLog({
    byDefault: isDetached ? files.log : undefined,
    verbosity: flags.verbosity,
    isJson: isDetached && flags.json,
  });
  const report = allReports(isDetached ? [log] : [context.console, log]);
  const warn = (thrown: unknown) => report.warn(messageOf(thrown));
  const args = argumentsOf(configuration.file, flags);
  const facts = { args, hostName, logFile: () => log.path, warn };
  const presence = appear(() => new Presence(files, configuration, facts), { flags, report });
  if (presence !== undefined) {
    held.use(presence);
    held.use(log);
    log.apply(configuration);
    log.note(`escale started as process ${Deno.pid}`);
  }
  for (const [message, hint] of context.warnings) report.warn(message, hint);

  const stop = new AbortController();
  const crew = { ...context, report, log, presence, signal: stop.signal };
  const supervisor = makeSupervisor(crew);
  const fleet = makeFleet(supervisor, crew);
  const answer = async (request: ControlRequest): Promise<ControlAnswer> => {
    log.note([`asked to ${request.command}`, ...request.names].join(" "));
    const answered = flags.once
      ? answerOnce(request, { stop, supervisor })
      : await fleet.answer(request);
    if (!answered.ok) report.error(answered);
    if (request.command === "reload") {
      presence?.reloaded(answered.ok ? undefined : answered.message);
    }
    presence?.write();
    return answered;
  };
  using _signals = listenForSignals({
    stop: () => stop.abort(),
    kill: () => context.exit(INTERRUPTED),
    // A terminal that goes away sends the same signal; what runs there ends with it.
    reload: Deno.stdin.isTerminal()
      ? () => stop.abort()
      : () => void answer({ command: "reload", names: [] }),
  });
  if (presence !== undefined) control = openControl(files.control, { answer, flags, report });
  fleet.begin(configuration);
  presence?.write();
  if (isDetached) sayReady(output, log.path ?? "");
  await supervisor.finished();
  await control?.shutDown();
  // A command that came at the very end may have started some again.
  const results = await supervisor.finished();
  await presence?.settle();
  const status = mostSevere(results.map(statusOfResult));
  report.end(status);
  return status;
}

/** Who listens to clients. */
type Crew = ServeContext & {
  readonly report: Report;
  readonly log: ProgramLog;
  readonly presence: Presence | undefined;
  readonly signal: AbortSignal;
};

function makeSupervisor({ flags, startWorker, report, presence, signal }: Crew): Supervisor {
  return new Supervisor(flags, {
    startWorker,
    emit(section, event) {
      report.event(section, event);
      presence?.event(section, event);
    },
    ended(section, result) {
      report.result(section, result);
      presence?.ended(section, result);
    },
    change: (section, change) => presence?.change(section, change),
    signal,
  });
}

function makeFleet(supervisor: Supervisor, { flags, load, report, log, presence }: Crew): Fleet {
  const loaded = (configuration: Configuration) => {
    for (const warning of configuration.warnings) report.warn(warning);
    // Without presence another process writes the log.
    if (presence !== undefined) log.apply(configuration);
  };
  const removed = (name: string) => presence?.removed(name);
  return new Fleet({ supervisor, load, loaded, removed }, flags.sections);
}

/** The presence of this process, unless there is none because another one is there, or it cannot be written. */
function appear(
  open: () => Presence,
  { flags, report }: { readonly flags: RunFlags; readonly report: Report },
): Presence | undefined {
  if (flags.dryRun) return undefined;
  try {
    return open();
  } catch (thrown) {
    if (flags.daemon === "detached" || !(thrown instanceof EscaleError)) throw thrown;
    if (thrown.code !== "locked") report.warn(thrown.message, thrown.hint);
    else if (!flags.once) {
      report.warn(
        "Another escale runs clients of this file: escalectl sees only that one",
        'Name the clients for each with "--section", or run them in one process',
      );
    }
    return undefined;
  }
}

function openControl(
  file: string,
  { answer, flags, report }: {
    readonly answer: AnswerRequest;
    readonly flags: RunFlags;
    readonly report: Report;
  },
): ControlServer | undefined {
  try {
    return ControlServer.open(file, answer);
  } catch (thrown) {
    if (!(thrown instanceof EscaleError)) throw thrown;
    if (!flags.once) {
      report.warn(thrown.message, "Signals work all the same: SIGTERM to stop, SIGHUP to reload");
    }
    return undefined;
  }
}

/** What runs once is stopped as by a signal, so that nobody takes it for done; nothing is started in it. */
function answerOnce(
  { command }: ControlRequest,
  { stop, supervisor }: { readonly stop: AbortController; readonly supervisor: Supervisor },
): ControlAnswer {
  if (command === "stop") {
    const names = supervisor.running().map(({ name }) => name);
    stop.abort();
    return { ok: true, names };
  }
  return {
    ok: false,
    code: "locked",
    message: `Cannot ${command} clients: process ${Deno.pid} runs them once`,
    hint: "Wait until it has ended, or stop it first",
  };
}

function sayReady(output: Output, logFile: string): void {
  const answer: DetachAnswer = { pid: Deno.pid, logFile };
  output.out(`${JSON.stringify(answer)}\n`);
}
