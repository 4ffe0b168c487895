import type { ErrorCode } from "../errors.ts";
import type { ClientResult } from "../sync/events.ts";

/** The exit statuses of both programs. Scripts must take any other status as a failure. */
export type ExitStatus = 0 | 1 | 2 | 3 | 10 | 11 | 12 | 130;

const MEANINGS: Readonly<Record<ExitStatus, string>> = {
  0: "done",
  1: "failed",
  2: "the command line is wrong",
  3: "some files were skipped",
  10: "no configuration or no repository",
  11: "locked by another client",
  12: "wrong key",
  130: "interrupted",
};

/** The exit statuses as a table for people. */
export const EXIT_STATUS_HELP: string = [
  "Exit status:",
  ...Object.entries(MEANINGS).map(([status, meaning]) => `  ${status.padEnd(20)} ${meaning}`),
].join("\n");

/** Stopped by a signal. */
export const INTERRUPTED: ExitStatus = 130;

const STATUS_OF_CODE: Readonly<Record<ErrorCode, ExitStatus>> = {
  "usage": 2,
  "no-config": 10,
  "no-repository": 10,
  "locked": 11,
  "wrong-key": 12,
  "config": 1,
  "corrupt": 1,
  "refused": 1,
  "changed": 1,
  "full": 1,
  "denied": 1,
  "relay": 1,
  "twin": 1,
  "unsupported": 1,
  "internal": 1,
};

/** The most severe first: what only the user can mend stands before what may pass by itself. */
const BY_SEVERITY: readonly ExitStatus[] = [INTERRUPTED, 2, 12, 10, 1, 11, 3];

/** The status for an error that ended the program or a client. */
export function statusOfCode(code: ErrorCode): ExitStatus {
  return STATUS_OF_CODE[code];
}

/** The status for how a client ended. */
export function statusOfResult({ outcome, error }: ClientResult): ExitStatus {
  switch (outcome) {
    case "done":
      return 0;
    case "skipped":
      return 3;
    case "locked":
      return 11;
    case "stopped":
      return INTERRUPTED;
    case "failed":
      return statusOfCode(error?.code ?? "internal");
    default:
      return outcome satisfies never;
  }
}

/** The one status that stands for several clients; 0 if all are done. */
export function mostSevere(statuses: readonly ExitStatus[]): ExitStatus {
  return BY_SEVERITY.find((status) => statuses.includes(status)) ?? 0;
}
