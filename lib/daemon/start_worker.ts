import { mkdirSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import type { Section } from "../config/section.ts";
import { EscaleError, messageOf } from "../errors.ts";
import { Compressors, threadStarter } from "./compressors.ts";
import type { FromWorker, Job, ToWorker } from "./messages.ts";
import { permissionsFor } from "./sandbox.ts";

/** What becomes known of a worker: its messages to the supervisor, and that it ended without a result. */
export type WorkerReport =
  | Exclude<FromWorker, { readonly kind: "compressors" }>
  | { readonly kind: "died"; readonly message: string };

/** A worker that was started. */
export interface RunningWorker {
  /** Asks it to stop. */
  stop(): void;
  /** Ends it; one that is in a synchronous call goes on until that returns. May be called again. */
  terminate(): void;
}

/** Starts a worker for a section. @throws {EscaleError} if it cannot be started */
export type StartWorker = (
  section: Section,
  job: Job,
  report: (report: WorkerReport) => void,
) => RunningWorker;

/**
 * Starts workers whose main module is `entry`, with the permissions of {@linkcode permissionsFor} if `isLimited`, else
 * with those of the program. Makes the folder for the section's state, which the worker may not.
 */
export function workerStarter(
  entry: URL,
  { isLimited }: { readonly isLimited: boolean },
): StartWorker {
  const compressors = new Compressors(threadStarter(entry, { isLimited }));
  return (section, job, report) => {
    makeStateFolder(section.statePath);
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
