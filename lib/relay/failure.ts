import { BackendError } from "../../backends/backend.ts";
import { type ErrorCode, EscaleError } from "../errors.ts";

/** What went wrong first, where giving back what was held failed too and that was thrown in its place. */
export function firstFailure(thrown: unknown): unknown {
  return thrown instanceof SuppressedError ? firstFailure(thrown.suppressed) : thrown;
}

/** The code and hint of anything that was thrown. */
export function describe(
  thrown: unknown,
): { readonly code: ErrorCode; readonly hint: string | undefined } {
  if (thrown instanceof EscaleError) return { code: thrown.code, hint: thrown.hint };
  if (!(thrown instanceof BackendError)) return { code: "internal", hint: undefined };
  switch (thrown.code) {
    case "full":
    case "denied":
      return { code: thrown.code, hint: thrown.hint };
    case "invalid-name":
      return { code: "refused", hint: thrown.hint };
    default:
      return { code: "relay", hint: thrown.hint };
  }
}

/** Whether a failure is of one file, so that the others go on; else the relay or this program is at fault. */
export function isOfOneFile(thrown: unknown): boolean {
  if (thrown instanceof EscaleError) {
    return !["internal", "twin", "relay", "no-repository"].includes(thrown.code);
  }
  if (!(thrown instanceof BackendError)) return false;
  return ["denied", "full", "invalid-name", "not-found", "too-large", "exists"].includes(
    thrown.code,
  );
}
