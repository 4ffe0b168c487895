import type { Section } from "../config/section.ts";
import { isAbort } from "../errors.ts";
import type { CompressorSource } from "../sync/client.ts";
import type { ClientEvent, ClientResult } from "../sync/events.ts";
import { BEAT_MS, failedBy, type FromWorker, type Job, type ToWorker } from "./messages.ts";

/** What a client gets from its worker. */
export interface Surroundings {
  readonly emit: (event: ClientEvent) => void;
  /** Aborts when the client is to stop. */
  readonly signal: AbortSignal;
  readonly compressors: CompressorSource;
}

/** Runs a client to its end. */
export type RunClient = (
  section: Section,
  surroundings: Surroundings,
  job: Job,
) => Promise<ClientResult>;

/** The worker's side of the channel to its supervisor; the global scope of a worker is one. */
export interface WorkerScope {
  onmessage: ((message: MessageEvent<ToWorker>) => void) | null;
  onunhandledrejection: ((event: PromiseRejectionEvent) => void) | null;
  postMessage(message: FromWorker): void;
}

/**
 * Serves one client in this isolate: waits for `start`, runs the client, sends its events, a sign of life every
 * {@linkcode BEAT_MS} and its result. Whatever the client throws, also in a promise that nobody awaits, becomes a
 * failed result.
 */
export function serveClient(scope: WorkerScope, runClient: RunClient): void {
  const stop = new AbortController();
  const asked: ((ports: readonly MessagePort[]) => void)[] = [];
  const compressors: CompressorSource = {
    open() {
      scope.postMessage({ kind: "compressors", wanted: true });
      return new Promise((resolve) => asked.push(resolve));
    },
    release: () => scope.postMessage({ kind: "compressors", wanted: false }),
  };
  const emit = (event: ClientEvent) => scope.postMessage({ kind: "event", event });
  const finish = (result: ClientResult) => scope.postMessage({ kind: "result", result });
  const fail = (thrown: unknown) => {
    if (stop.signal.aborted && isAbort(thrown)) return finish({ outcome: "stopped" });
    const stack = thrown instanceof Error ? thrown.stack : undefined;
    emit({ kind: "log", level: "debug", event: "client failed", fields: { stack } });
    finish(failedBy(thrown));
  };

  scope.onunhandledrejection = (event) => {
    event.preventDefault();
    fail(event.reason);
  };
  scope.onmessage = async ({ data }) => {
    if (data.kind === "stop") return stop.abort();
    if (data.kind === "compressors") return asked.shift()?.(data.ports);
    const beat = setInterval(() => emit({ kind: "beat" }), BEAT_MS);
    try {
      const surroundings = { emit, signal: stop.signal, compressors };
      finish(await runClient(data.section, surroundings, data.job));
    } catch (thrown) {
      fail(thrown);
    } finally {
      clearInterval(beat);
    }
  };
}
