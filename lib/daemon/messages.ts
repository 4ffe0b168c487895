import type { Section } from "../config/section.ts";
import { EscaleError, messageOf } from "../errors.ts";
import type { ClientEvent, ClientResult } from "../sync/events.ts";

/** How a client is to run. */
export interface Job {
  /** Until all has passed or cannot pass, instead of for ever. */
  readonly once: boolean;
  /** Only tell what would be done; implies `once`. */
  readonly dryRun: boolean;
}

/** What the supervisor sends to a worker. `start` is the first, and comes once. */
export type ToWorker =
  | { readonly kind: "start"; readonly section: Section; readonly job: Job }
  /** Ports to threads that compress, as asked for. */
  | { readonly kind: "compressors"; readonly ports: readonly MessagePort[] }
  /** Finish or undo what is in hand, then send the result. */
  | { readonly kind: "stop" };

/** What a worker sends to the supervisor. `result` is the last. */
export type FromWorker =
  | { readonly kind: "event"; readonly event: ClientEvent }
  /** Asks for threads that compress, or has no more use for them. */
  | { readonly kind: "compressors"; readonly wanted: boolean }
  | { readonly kind: "result"; readonly result: ClientResult };

/** How often a worker gives a sign of life. */
export const BEAT_MS = 5_000;

/** The result of a client that was ended by `thrown`; what is no {@linkcode EscaleError} is a bug. */
export function failedBy(thrown: unknown): ClientResult {
  const message = messageOf(thrown);
  if (!(thrown instanceof EscaleError)) {
    return { outcome: "failed", error: { code: "internal", message } };
  }
  const { code, hint } = thrown;
  const error = { code, message, ...(hint === undefined ? {} : { hint }) };
  return { outcome: "failed", error };
}
