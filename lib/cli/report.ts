import type { Section } from "../config/section.ts";
import type { ErrorCode } from "../errors.ts";
import type { LogLevel } from "../log.ts";
import type { ClientEvent, ClientResult } from "../sync/events.ts";
import type { ExitStatus } from "./exit.ts";

/** An error as it is shown. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** Tells the user what happens. */
export interface Report {
  /** Something that the user should look at. */
  warn(message: string, hint?: string): void;
  /** The error that ends the program. */
  error(failure: Failure): void;
  event(section: Section, event: ClientEvent): void;
  /** How a client has ended. */
  result(section: Section, result: ClientResult): void;
  /** The last call, with the status that the program exits with. */
  end(status: ExitStatus): void;
}

/** How much is told: 0 errors and warnings, 1 changes too, 2 details. */
export type Verbosity = 0 | 1 | 2;

/** What both kinds of report go by. */
export interface ReportOptions {
  /** For all clients; absent: each section's own. */
  readonly verbosity: Verbosity | undefined;
}

const VERBOSITY_OF_LEVEL: Readonly<Record<LogLevel, number>> = {
  error: 0,
  warn: 0,
  info: 1,
  debug: 2,
  trace: 3,
};

/** Whether an event is told at a verbosity. */
export function isTold(event: ClientEvent, verbosity: number): boolean {
  switch (event.kind) {
    case "beat":
    case "outlook":
      return false;
    case "problem":
      return true;
    case "log":
      return VERBOSITY_OF_LEVEL[event.level] <= verbosity;
    case "action":
      return verbosity >= (event.action === "agree" || event.action === "acknowledge" ? 2 : 1);
    case "transfer":
    case "mended":
    case "round":
      return verbosity >= 2;
    default:
      return event satisfies never;
  }
}
