import { EscaleError } from "../errors.ts";
import type { Misfits } from "../local/misfits.ts";
import type { QuietMarks } from "../local/quiet_marks.ts";
import type { AccessModifiers, State } from "../local/state.ts";
import type { LocalFile } from "../local/scan.ts";
import type { Stager } from "../local/write.ts";
import type { Log } from "../log.ts";
import type { RelativePath } from "../path.ts";
import type { Checksums } from "../relay/checksum.ts";
import { isOfOneFile } from "../relay/failure.ts";
import type { Relay, Transaction } from "../relay/relay.ts";
import type { Comparer } from "./compare.ts";
import type { ActionName, ClientEvent } from "./events.ts";
import type { Action, Rules } from "./plan.ts";
import type { Problems } from "./problems.ts";

/** What a client works with in every round. */
export interface Workshop {
  readonly root: string;
  readonly state: State;
  readonly relay: Relay;
  readonly stager: Stager;
  readonly checksums: Checksums;
  readonly quiet: QuietMarks;
  /** The file of a resource is always looked for through this. */
  readonly misfits: Misfits;
  readonly comparer: Comparer;
  readonly problems: Problems;
  readonly log: Log;
  /** A warning that is said once a run. */
  readonly warnOnce: (event: string) => void;
  readonly emit: (event: ClientEvent) => void;
  /** How often this run has requested each file in vain. */
  readonly requests: Map<RelativePath, number>;
  readonly signal: AbortSignal;
  readonly settings: WorkshopSettings;
  /** Whether an absent file is none of this client's business: a filter excludes it, or it may be there unseen. */
  readonly leavesAlone: (resource: RelativePath) => boolean;
  readonly nowMs: () => number;
}

/** The settings of a section that the engine goes by. */
export interface WorkshopSettings {
  readonly client: string;
  /** As in {@linkcode Rules}. */
  readonly sibling: string | undefined;
  readonly pullerCount: number;
  /** Whether times are recorded and restored. */
  readonly timestamps: boolean;
  /** Whether equal content is transferred all the same (`pull overwrite`). */
  readonly pullOverwrite: boolean;
  readonly maxTransfers: number;
  /** The relay's content proves that the key is right, or there is no encryption. */
  readonly isKeyProven: () => boolean;
  readonly noteKeyProven: () => void;
  /** Without a seal nothing shows that a content belongs to its name (`legacy peers = no` with encryption). */
  readonly requiresSeals: boolean;
  /** Whether decrypting shows that content is whole. */
  readonly cipherAuthenticates: boolean;
  /** Seconds since this machine started. */
  readonly uptimeS: () => number;
  /** What may be done with a resource. A conflict copy has the access modifiers of its original, unless it has own. */
  readonly rulesFor: (
    resource: RelativePath,
    access: (resource: RelativePath) => AccessModifiers | undefined,
  ) => Rules;
}

/** One resource and what was decided about it. */
export interface Planned {
  readonly resource: RelativePath;
  readonly action: Action;
  readonly file: LocalFile | undefined;
  readonly sizeBytes: number;
}

/** What a round did so far. */
export interface Tally {
  pushed: number;
  pulled: number;
  conflicts: number;
  /** Other exchanges with the relay or the state: acknowledgements, agreements, requests, repairs. */
  settled: number;
  /** Files whose turn comes later. */
  waiting: number;
  /** Of these, the ones that another client has locked. */
  locked: number;
  problems: number;
}

/** A round that did nothing yet. */
export function newTally(): Tally {
  return { pushed: 0, pulled: 0, conflicts: 0, settled: 0, waiting: 0, locked: 0, problems: 0 };
}

/** Whether anything moved, so that the next round follows at once. */
export function hasMoved(tally: Tally): boolean {
  return tally.pushed + tally.pulled + tally.conflicts + tally.settled > 0;
}

/** Tells the user what was done with a file. */
export function tell(
  workshop: Workshop,
  action: ActionName,
  about: { readonly path: string; readonly sizeBytes?: number; readonly detail?: string },
): void {
  workshop.emit({ kind: "action", action, ...about });
}

/** Counts the resources of a transaction whose locks were not got. */
export function noteRefused(
  { refused }: Pick<Transaction, "refused">,
  workshop: Workshop,
  tally: Tally,
): void {
  for (const [resource, view] of refused) {
    if (view.kind === "failed") {
      leaveForLater(resource, view.cause, workshop, tally);
    } else {
      tally.waiting++;
      if (view.kind !== "busy") tally.locked++;
    }
  }
}

/** A file that could not be handled now; the round goes on unless the relay itself is at fault. */
export function leaveForLater(
  resource: RelativePath,
  cause: unknown,
  workshop: Workshop,
  tally: Tally,
): void {
  if (!isOfOneFile(cause)) throw cause;
  if (cause instanceof EscaleError && (cause.code === "changed" || cause.code === "locked")) {
    tally.waiting++;
    workshop.log.debug("left for later", { path: resource, why: cause.message });
    return;
  }
  tally.problems++;
  workshop.problems.add(resource, cause);
}
