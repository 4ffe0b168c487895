/** What went wrong, as far as a caller may branch on it. Nobody matches on message text. */
export type ErrorCode =
  | "usage" // the command line is wrong
  | "config" // a configuration file is wrong
  | "no-config" // there is no configuration file
  | "no-repository" // the local repository is missing, emptied, or on another file system
  | "locked" // another client holds what is needed
  | "wrong-key" // the passphrase does not fit what stands on the relay
  | "corrupt" // data does not verify
  | "refused" // a name, size or record from outside that is not acceptable
  | "changed" // a file changed while it was read or replaced
  | "full" // no space left, here or on the relay
  | "denied" // no permission, here or on the relay
  | "relay" // the relay cannot be used
  | "twin" // a second client runs under the same name
  | "unsupported" // not possible here
  | "internal"; // a bug

/** Extra facts of an {@linkcode EscaleError}. */
export interface ErrorDetails {
  /** What the user can do next, one sentence without a final period. */
  readonly hint?: string;
  /** The file the error is about, relative to the repository. */
  readonly path?: string;
  readonly cause?: unknown;
}

/** An error with a code to branch on, a message to read and, where there is one, a way out. */
export class EscaleError extends Error {
  override readonly name: string = "EscaleError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly path: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.path = details.path;
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Whether `thrown` is the end of a cancelled operation and not a failure. */
export function isAbort(thrown: unknown): boolean {
  return thrown instanceof DOMException && thrown.name === "AbortError";
}
