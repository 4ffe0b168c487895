import { mkdirSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import type { RelaySettings, Section } from "../config/section.ts";
import { EscaleError, messageOf } from "../errors.ts";
import { Compressors, threadStarter } from "./compressors.ts";
import { failedBy, type FromWorker, type Job, type ToWorker } from "./messages.ts";
import { needsHelper, permissionsFor } from "./sandbox.ts";

/** What becomes known of a worker: its messages to the supervisor, and that it ended without a result. */
export type WorkerReport =
  | Exclude<FromWorker, { readonly kind: "compressors" }>
  | { readonly kind: "died"; readonly message: string };

/** A worker that was started. */
export interface RunningWorker {
  /** Asks it to stop. */
  stop(): void;
  /**
   * Ends it; one that is in a synchronous call goes on until that returns. May be called again. A promise that is
   * returned settles when what was started for it has ended.
   */
  terminate(): unknown;
}

/** Starts a worker for a section. @throws {EscaleError} if it cannot be started */
export type StartWorker = (
  section: Section,
  job: Job,
  report: (report: WorkerReport) => void,
) => RunningWorker;

/** A program that a client's relay needs beside its worker, which may start none. Disposing ends it. */
export interface RelayHelper extends AsyncDisposable {
  /** The settings to reach the relay through it. */
  readonly relay: RelaySettings;
}

/** How a helper is started. */
export interface HelperOptions {
  /** A file of its own, in the folder of the section's state. */
  readonly recordFile: string;
  /** Is told that it ended, and is started again, and its last words. */
  readonly warn: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Starts the helper that a relay needs. @throws {EscaleError} if it cannot be started */
export type StartHelper = (relay: RelaySettings, options: HelperOptions) => Promise<RelayHelper>;

/**
 * Starts workers whose main module is `entry`, with the permissions of {@linkcode permissionsFor} if `isLimited`, else
 * with those of the program. Makes the folder for the section's state, which the worker may not, and starts the
 * program that its relay needs; that ends with the worker.
 */
export function workerStarter(
  entry: URL,
  { isLimited, startHelper }: {
    readonly isLimited: boolean;
    readonly startHelper?: StartHelper;
  },
): StartWorker {
  const compressors = new Compressors(threadStarter(entry, { isLimited }));
  const begin: StartWorker = (section, job, report) => {
    const worker = newWorker(entry, section, isLimited);
    const send = (message: ToWorker) => worker.postMessage(message);
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "compressors") serveCompressors(worker, compressors, data);
      else report(data);
    };
    worker.onerror = (event) => {
      // Else the error would end the whole program.
      event.preventDefault();
      report({ kind: "died", message: event.message });
    };
    send({ kind: "start", section, job });
    return {
      stop: () => send({ kind: "stop" }),
      terminate() {
        compressors.release(worker);
        worker.terminate();
      },
    };
  };
  return (section, job, report) => {
    makeStateFolder(section.statePath);
    if (startHelper === undefined || !needsHelper(section.relay)) {
      return begin(section, job, report);
    }
    const stop = new AbortController();
    const helper = startHelper(section.relay, {
      recordFile: `${section.statePath}.rclone`,
      warn: (text) => report(helperEnded(text)),
      signal: stop.signal,
    });
    return afterHelper(helper, {
      stop,
      report,
      begin: (relay) => begin({ ...section, relay }, job, report),
    });
  };
}

/** A worker that begins when its helper runs. */
function afterHelper(
  starting: Promise<RelayHelper>,
  { stop, report, begin }: {
    readonly stop: AbortController;
    readonly report: (report: WorkerReport) => void;
    readonly begin: (relay: RelaySettings) => RunningWorker;
  },
): RunningWorker {
  let worker: RunningWorker | undefined;
  starting.then(({ relay }) => {
    if (!stop.signal.aborted) worker = begin(relay);
    else report({ kind: "result", result: { outcome: "stopped" } });
  }).catch((thrown) => {
    const result = stop.signal.aborted ? { outcome: "stopped" as const } : failedBy(thrown);
    report({ kind: "result", result });
  });
  return {
    stop() {
      if (worker === undefined) stop.abort();
      else worker.stop();
    },
    async terminate() {
      stop.abort();
      await worker?.terminate();
      const helper = await starting.catch(() => undefined);
      await helper?.[Symbol.asyncDispose]();
    },
  };
}

function helperEnded(text: string): WorkerReport {
  const fields = { words: text };
  const event = "rclone has ended and is started again";
  return { kind: "event", event: { kind: "log", level: "warn", event, fields } };
}

function serveCompressors(
  worker: Worker,
  compressors: Compressors,
  { wanted }: { readonly wanted: boolean },
): void {
  if (!wanted) return compressors.release(worker);
  const ports = compressors.open(worker);
  const answer: ToWorker = { kind: "compressors", ports };
  worker.postMessage(answer, ports);
}

function newWorker(entry: URL, section: Section, isLimited: boolean): Worker {
  const limits = isLimited
    ? { deno: { permissions: permissionsFor(section, { realPath: realPathSoFar }) } }
    : {};
  try {
    return new Worker(entry, { type: "module", name: section.name, ...limits });
  } catch (cause) {
    throw new EscaleError(
      "denied",
      `Cannot start the client "${section.name}" with the permissions that it needs: ${
        messageOf(cause)
      }`,
      { hint: "Start the program with the permissions listed in its documentation", cause },
    );
  }
}

function makeStateFolder(statePath: string): void {
  const folder = dirname(statePath);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new EscaleError("denied", `Cannot make the folder "${folder}": ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** `path` with symbolic links resolved as far as it exists. */
function realPathSoFar(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const folder = dirname(path);
    return folder === path ? path : join(realPathSoFar(folder), basename(path));
  }
}
