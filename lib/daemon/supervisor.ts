import type { Section } from "../config/section.ts";
import { EscaleError } from "../errors.ts";
import type { ClientEvent, ClientResult } from "../sync/events.ts";
import { BEAT_MS, failedBy, type Job } from "./messages.ts";
import type { StartWorker } from "./start_worker.ts";

/** How long a worker may be silent before that is reported. */
export const SILENCE_MS = 30_000;
/** How long clients have to stop. */
export const STOP_MS = 10_000;
/** The longest wait before a failed client is started again, unless `keep alive` is longer. */
export const MAX_WAIT_MS = 3_600_000;

/** Timers; each call returns what cancels it. */
export interface Timers {
  after(ms: number, callback: () => void): () => void;
  every(ms: number, callback: () => void): () => void;
}

/** What the supervisor works with. */
export interface SupervisorContext {
  readonly startWorker: StartWorker;
  readonly emit: (section: Section, event: ClientEvent) => void;
  /** Is told how a client has ended for good, while others may still run. */
  readonly ended: (section: Section, result: ClientResult) => void;
  /** Is told what becomes of a client besides its events and its end. */
  readonly change?: (section: Section, change: ClientChange) => void;
  /** Aborts when all clients are to stop. */
  readonly signal: AbortSignal;
  readonly timers?: Timers;
}

/** What becomes of a client while it is supervised. */
export type ClientChange =
  | { readonly kind: "started" }
  /** It failed and is started again after a wait. */
  | { readonly kind: "failed"; readonly result: ClientResult; readonly waitMs: number }
  | { readonly kind: "silent"; readonly silentMs: number };

/** The timers of the runtime. */
export const systemTimers: Timers = {
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  every(ms, callback) {
    const timer = setInterval(callback, ms);
    return () => clearInterval(timer);
  },
};

/**
 * Runs a client for each section until all have ended, and returns how, in the order of the sections: as
 * {@linkcode Supervisor} does.
 */
export function supervise(
  sections: readonly Section[],
  job: Job,
  context: SupervisorContext,
): Promise<readonly ClientResult[]> {
  const supervisor = new Supervisor(job, context);
  for (const section of sections) supervisor.start(section);
  return supervisor.finished();
}

/**
 * Runs clients, each in a worker of its own. A client that fails is started again after `keep alive`, unless it was to
 * run once. When the signal aborts, or a client is stopped, it has {@linkcode STOP_MS} to stop by itself. One that is
 * silent is reported and left alone.
 */
export class Supervisor {
  readonly #job: Job;
  readonly #context: Context;
  readonly #running = new Map<string, RunningClient>();
  /** By name in the order of their first start; without a result: it runs, or was stopped. */
  readonly #results = new Map<string, ClientResult | undefined>();
  readonly #changes = new Set<Promise<unknown>>();

  constructor(job: Job, context: SupervisorContext) {
    this.#job = job;
    this.#context = { timers: systemTimers, change: () => {}, ...context };
  }

  /** Starts a client, unless one of its name runs. */
  start(section: Section): void {
    const { name } = section;
    if (this.#running.has(name)) return;
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#context.signal, stop.signal]);
    this.#results.set(name, undefined);
    const ended = keepRunning(section, this.#job, { ...this.#context, signal }).then((result) => {
      this.#running.delete(name);
      if (!stop.signal.aborted) this.#results.set(name, result);
      this.#context.ended(section, result);
    });
    this.#running.set(name, { section, stop, ended });
  }

  /** Stops a client and waits for its end; does nothing if it does not run. Its result does not count. */
  async stop(name: string): Promise<void> {
    const client = this.#running.get(name);
    client?.stop.abort();
    await client?.ended;
  }

  /** The sections of the clients that run. */
  running(): readonly Section[] {
    return [...this.#running.values()].map(({ section }) => section);
  }

  /** Does what `change` does; as long as it has not, the clients count as not finished. */
  async during<T>(change: () => Promise<T>): Promise<T> {
    const changing = change();
    this.#changes.add(changing);
    try {
      return await changing;
    } finally {
      this.#changes.delete(changing);
    }
  }

  /** Waits until no client runs, and returns how they have ended, in the order of their start. */
  async finished(): Promise<readonly ClientResult[]> {
    while (this.#running.size > 0 || this.#changes.size > 0) {
      const ends = [...this.#running.values()].map(({ ended }) => ended);
      await Promise.allSettled([...ends, ...this.#changes]);
    }
    return [...this.#results.values()].filter((result) => result !== undefined);
  }
}

interface RunningClient {
  readonly section: Section;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

type Context = Required<SupervisorContext>;

async function keepRunning(section: Section, job: Job, context: Context): Promise<ClientResult> {
  const { signal, emit } = context;
  let failures = 0;
  while (true) {
    let hasWorked = false;
    const listen = (from: Section, event: ClientEvent) => {
      hasWorked ||= event.kind === "round";
      emit(from, event);
    };
    const result = await runInWorker(section, job, { ...context, emit: listen }).catch(failedBy);
    const { keepAliveS } = section;
    if (!mayRecover(result) || job.once || keepAliveS === undefined || signal.aborted) {
      return result;
    }
    failures = hasWorked ? 1 : failures + 1;
    const waitMs = restartDelayMs(keepAliveS * 1_000, failures);
    if (result.error !== undefined) emit(section, { kind: "problem", ...result.error });
    const fields = { seconds: waitMs / 1_000 };
    emit(section, { kind: "log", level: "warn", event: "client is started again", fields });
    context.change(section, { kind: "failed", result, waitMs });
    await wait(waitMs, context);
    if (signal.aborted) return result;
  }
}

/** Whether another start may go better: it failed, or another process runs the same client for now. */
function mayRecover({ outcome, error }: ClientResult): boolean {
  return outcome === "failed" || (outcome === "locked" && error !== undefined);
}

/** How long to wait after so many failures in a row: twice as long each time, up to an hour. */
export function restartDelayMs(keepAliveMs: number, failures: number): number {
  return Math.max(keepAliveMs, Math.min(keepAliveMs * 2 ** (failures - 1), MAX_WAIT_MS));
}

async function wait(ms: number, { signal, timers }: Context): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  using cleanup = new DisposableStack();
  cleanup.defer(timers.after(ms, resolve));
  cleanup.defer(onAbort(signal, resolve));
  await promise;
}

async function runInWorker(section: Section, job: Job, context: Context): Promise<ClientResult> {
  const { startWorker, emit, signal, timers } = context;
  if (signal.aborted) return { outcome: "stopped" };
  const { promise, resolve } = Promise.withResolvers<ClientResult>();
  await using cleanup = new AsyncDisposableStack();

  let silentMs = 0;
  const worker = startWorker(section, job, (report) => {
    silentMs = 0;
    if (report.kind === "event") emit(section, report.event);
    else resolve(report.kind === "result" ? report.result : deathOf(section, report.message));
  });
  cleanup.defer(async () => void await worker.terminate());
  context.change(section, { kind: "started" });

  // Missed beats are counted, not the time without them, so that a program that was stopped and continued (SIGSTOP)
  // does not take its clients for dead.
  cleanup.defer(timers.every(BEAT_MS, () => {
    silentMs += BEAT_MS;
    if (silentMs !== SILENCE_MS) return;
    const fields = { seconds: SILENCE_MS / 1_000 };
    context.change(section, { kind: "silent", silentMs });
    emit(section, { kind: "log", level: "warn", event: "client does not answer", fields });
  }));

  cleanup.defer(onAbort(signal, () => {
    worker.stop();
    cleanup.defer(timers.after(STOP_MS, () => resolve(lateness(section))));
  }));
  return await promise;
}

/** Calls `callback` when the signal aborts; returns what takes that back. */
function onAbort(signal: AbortSignal, callback: () => void): () => void {
  signal.addEventListener("abort", callback, { once: true });
  return () => signal.removeEventListener("abort", callback);
}

function deathOf({ name }: Section, message: string): ClientResult {
  return failedBy(new EscaleError("internal", `Client "${name}" ended unexpectedly: ${message}`));
}

function lateness({ name }: Section): ClientResult {
  const message = `Client "${name}" was ended: it did not stop within ${STOP_MS / 1_000} s`;
  return failedBy(new EscaleError("internal", message));
}
