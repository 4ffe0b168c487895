import type { ErrorCode } from "../errors.ts";
import type { ClientResult, RoundSummary } from "../sync/events.ts";
import type { Outlook } from "../sync/outlook.ts";

/** How the clients of one configuration file are, or were when their process last wrote it down. */
export interface StatusDocument {
  readonly version: 1;
  readonly configFile: string;
  readonly pid: number;
  readonly startedMs: number;
  /** When this was so, milliseconds since 1970. */
  readonly atMs: number;
  readonly logFile?: string;
  /** The arguments that mean the same to another process. */
  readonly args: readonly string[];
  /** Why the configuration as it stands in its file is not in force. */
  readonly configProblem?: { readonly message: string; readonly sinceMs: number };
  readonly clients: readonly ClientStatus[];
}

/**
 * What a client is doing: `starting` before its first round, `working` in a round that moves something, `idle` after
 * one, `silent` if it gives no sign of life, `restarting` while it waits to be started again, `ended`.
 */
export type ClientState = "starting" | "working" | "idle" | "silent" | "restarting" | "ended";

/** How one client is. Times are milliseconds since 1970. */
export interface ClientStatus {
  readonly name: string;
  readonly clientName: string;
  readonly localPath: string;
  readonly state: ClientState;
  readonly sinceMs: number;
  /** When it was heard of last. */
  readonly heardMs: number;
  /** When it is started again, if it is `restarting`. */
  readonly nextMs?: number;
  /** The user keeps it from synchronising. */
  readonly isSuspended?: true;
  /** How it has ended last, while it is `restarting` or `ended`. */
  readonly result?: ClientResult;
  readonly restarts: number;
  readonly lastRound?: RoundSummary & { readonly endedMs: number };
  readonly outlook?: Outlook & { readonly atMs: number };
  readonly quotaBytes?: number;
  /** Since the process was started. */
  readonly pushed: number;
  readonly pulled: number;
  readonly transfers: readonly TransferStatus[];
  readonly problems: readonly ProblemStatus[];
  readonly problemCount: number;
}

/** A transfer on its way. */
export interface TransferStatus {
  readonly action: "push" | "pull";
  readonly path: string;
  readonly doneBytes: number;
  readonly sizeBytes: number;
  readonly startedMs: number;
  readonly heardMs: number;
}

/** Something that the user should look at; without a path it is about the client as a whole. */
export interface ProblemStatus {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly path?: string;
  readonly sinceMs: number;
}
