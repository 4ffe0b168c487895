import { BackendError, type ObjectName } from "../../backends/backend.ts";
import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";
import type { LockView } from "./relay.ts";

/** A lock of which no more is known than that it is not ours. */
export const HELD_BY_UNKNOWN: LockView = { kind: "held", owner: "", unchangedS: 0 };

/** What has no place on the storage is of that one file; all other failures are of the relay, and are thrown on. */
export function failedOf(cause: unknown): LockView {
  const isOfName = cause instanceof BackendError &&
    (cause.code === "invalid-name" || cause.code === "exists");
  if (isOfName) return { kind: "failed", cause };
  throw cause;
}

/** Something that cannot be read has the lock's name. */
export function noLock(name: ObjectName): LockView {
  const cause = new EscaleError(
    "refused",
    `Cannot make the lock "${printable(name)}": something that is no lock has its name`,
    { hint: "Remove it from the relay" },
  );
  return { kind: "failed", cause };
}
