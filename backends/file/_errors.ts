import { BackendError, type BackendErrorCode } from "../backend.ts";

interface Reason {
  readonly code: BackendErrorCode;
  readonly text: string;
  readonly retryable?: boolean;
}

const REASONS: ReadonlyMap<string, Reason> = new Map([
  ["ENOENT", { code: "unavailable", text: "it or its folder was removed meanwhile" }],
  ["EEXIST", { code: "exists", text: "something of that name stands there" }],
  ["EISDIR", { code: "exists", text: "a folder of that name stands there" }],
  ["ENOTDIR", { code: "exists", text: "an object stands where a folder is needed" }],
  ["ENOTEMPTY", { code: "exists", text: "the folder is not empty" }],
  ["ENOSPC", { code: "full", text: "no space is left" }],
  ["EDQUOT", { code: "full", text: "the quota is used up" }],
  ["EFBIG", { code: "full", text: "it is larger than the file system takes" }],
  ["EACCES", { code: "denied", text: "permission denied" }],
  ["EPERM", { code: "denied", text: "operation not permitted" }],
  ["EROFS", { code: "denied", text: "the file system is read-only" }],
  ["ENAMETOOLONG", { code: "invalid-name", text: "the name is too long for the file system" }],
  ["EINVAL", { code: "invalid-name", text: "the file system cannot hold the name" }],
  ["EILSEQ", { code: "invalid-name", text: "the file system cannot hold the name" }],
  ["EIO", { code: "unavailable", text: "input/output error" }],
  ["ESTALE", { code: "unavailable", text: "the network share forgot the file" }],
]);

/** Codes that may be gone a moment later, beside those of {@linkcode REASONS}. */
const PASSING: ReadonlySet<string> = new Set([
  "EAGAIN",
  "EBUSY",
  "EHOSTDOWN",
  "EINTR",
  "EMFILE",
  "ENFILE",
  "ENOMEM",
  "ENOTCONN",
  "ETIMEDOUT",
]);

/** The system's code of a failed call, such as `ENOENT`; `undefined` if `thrown` is something else. */
export function systemCodeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if (thrown instanceof Deno.errors.NotCapable) return "EACCES";
  return "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
}

/** Whether `thrown` says that nothing stands under the name, or that no such name can exist. */
export function saysAbsent(thrown: unknown): boolean {
  const code = systemCodeOf(thrown);
  return code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP" || code === "ENAMETOOLONG";
}

/** What failed while `action` was attempted, as a {@linkcode BackendError}. */
export function fileError(action: string, thrown: unknown): BackendError {
  if (thrown instanceof BackendError) return thrown;
  const systemCode = systemCodeOf(thrown) ?? "";
  const reason = REASONS.get(systemCode);
  if (reason !== undefined) {
    return new BackendError(reason.code, `Cannot ${action}: ${reason.text}`, { cause: thrown });
  }
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new BackendError("unavailable", `Cannot ${action}: ${text}`, {
    retryable: PASSING.has(systemCode),
    cause: thrown,
  });
}

/** Calls `body`, and throws what it throws as a {@linkcode BackendError} about `action`. */
export function attempt<T>(action: string, body: () => T): T {
  try {
    return body();
  } catch (thrown) {
    throw fileError(action, thrown);
  }
}
