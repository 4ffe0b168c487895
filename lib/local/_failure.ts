import { type ErrorCode, EscaleError, isAbort, messageOf } from "../errors.ts";
import { printable } from "../path.ts";

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: "full",
  EDQUOT: "full",
  ENOENT: "changed",
  EEXIST: "changed",
  ENOTDIR: "changed",
  EISDIR: "changed",
  ELOOP: "changed",
  EBUSY: "changed",
  ETXTBSY: "changed",
  ENAMETOOLONG: "refused",
  EILSEQ: "refused",
  EINVAL: "refused",
  EFBIG: "refused",
};

/**
 * What to throw for a failure of the file system: an {@linkcode EscaleError} whose code follows from the system's,
 * `denied` if nothing fits better. What is one already, or an abort, stays as it is.
 *
 * @param attempt what was tried, a verb: `write`
 */
export function failureOf(cause: unknown, attempt: string, path: string): unknown {
  if (cause instanceof EscaleError || isAbort(cause)) return cause;
  const code = CODES[systemCodeOf(cause) ?? ""] ?? "denied";
  const why = code === "full" ? "no space is left on its disk" : reasonOf(cause);
  return new EscaleError(code, `Cannot ${attempt} "${printable(path)}": ${why}`, { path, cause });
}

/** What the system says, without the call and the place, which may be that of a temporary file. */
function reasonOf(cause: unknown): string {
  return messageOf(cause).replace(/(?: \(os error \d+\))?: \w+ '.*$/s, "");
}

/** The error for a file that is not what it was. */
export function changedError(path: string, what: string): EscaleError {
  return new EscaleError("changed", `Left "${printable(path)}" alone: ${what}`, { path });
}

/** The error for a path that is not to be read or written. */
export function refusedError(path: string, why: string): EscaleError {
  return new EscaleError("refused", `Refused "${printable(path)}": ${why}`, { path });
}

/** The system's name for an error, as `ENOENT`. */
export function systemCodeOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !("code" in cause)) return undefined;
  return typeof cause.code === "string" ? cause.code : undefined;
}

/** Whether `cause` says that nothing stands at a path. */
export function isAbsence(cause: unknown): boolean {
  return cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory;
}
