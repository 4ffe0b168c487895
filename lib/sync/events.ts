import type { ErrorCode } from "../errors.ts";
import type { LogFields, LogLevel } from "../log.ts";
import type { Outlook } from "./outlook.ts";

/** What can happen to one file. */
export type ActionName =
  | "push" // this client's version goes to the relay
  | "pull" // a version from the relay is placed here
  | "agree" // both sides hold the same content already; nothing moves
  | "acknowledge" // the relay is told that this client has, or does not want, a version
  | "conflict" // both sides changed: one version keeps the name, the other is kept beside it
  | "request" // the relay's record is removed so that whoever has the content sends it again
  | "repair"; // what an interrupted transfer left is undone

/** What a client tells its supervisor while it runs. Plain data: it crosses from one isolate to another. */
export type ClientEvent =
  | {
    readonly kind: "log";
    readonly level: LogLevel;
    readonly event: string;
    readonly fields: LogFields;
  }
  | { readonly kind: "beat" }
  /** A transfer has begun, moved on or ended (`doneBytes` equals `sizeBytes`). At most a few a second for each file. */
  | {
    readonly kind: "transfer";
    readonly action: "push" | "pull";
    readonly path: string;
    readonly doneBytes: number;
    readonly sizeBytes: number;
  }
  /** An action is finished, or, in a dry run, would be taken. */
  | {
    readonly kind: "action";
    readonly action: ActionName;
    readonly path: string;
    readonly sizeBytes?: number;
    readonly detail?: string;
    readonly planned?: true;
  }
  /** A file was left out, for now or for good; the client goes on. */
  | {
    readonly kind: "problem";
    readonly code: ErrorCode;
    readonly message: string;
    readonly path?: string;
    readonly hint?: string;
  }
  /** A file that had a problem no longer has it. */
  | { readonly kind: "mended"; readonly path: string }
  /** What is seen at the beginning of a round. */
  | { readonly kind: "outlook"; readonly outlook: Outlook }
  | { readonly kind: "round"; readonly summary: RoundSummary };

/** One round, counted. */
export interface RoundSummary {
  readonly ms: number;
  readonly localFiles: number;
  readonly relayFiles: number;
  readonly pushed: number;
  readonly pulled: number;
  readonly conflicts: number;
  /** Files with a problem in this round. */
  readonly problems: number;
  /** Files whose turn comes later: locked by another client, over the quota, over `max pending transfers`. */
  readonly waiting: number;
}

/** How a client ended. */
export interface ClientResult {
  /** `done`: all passed; `skipped`: some files had problems; `locked`: some stayed locked; `failed`: see `error`. */
  readonly outcome: "done" | "skipped" | "locked" | "failed" | "stopped";
  readonly error?: { readonly code: ErrorCode; readonly message: string; readonly hint?: string };
}
