import { BackendError, type BackendErrorCode } from "../backend.ts";
import type { Answer } from "./_answer.ts";
import { AmbiguousError } from "./_errors.ts";

/** The reason that a status gives. */
const STATUSES: ReadonlyMap<number, readonly [BackendErrorCode, string]> = new Map([
  [401, ["denied", "the server asks who is there"]],
  [403, ["denied", "the server does not allow it"]],
  [404, ["not-found", "there is no such object"]],
  [405, ["denied", "the server does not allow it"]],
  [407, ["denied", "the proxy asks who is there"]],
  [408, ["unavailable", "the server waited too long for the request"]],
  [410, ["not-found", "there is no such object"]],
  [413, ["full", "the server takes nothing so large"]],
  [414, ["invalid-name", "the name is too long for the server"]],
  [423, ["unavailable", "it is locked on the server"]],
  [429, ["unavailable", "the server asks for fewer requests"]],
  [507, ["full", "no space is left"]],
]);

/** Statuses after which a request may have been, or be about to be, carried out. */
const AMBIGUOUS: ReadonlySet<number> = new Set([408, 500, 502, 504]);

/** The error for an answer's status, which is not what was hoped for. */
export function statusError(answer: Answer): BackendError {
  const { status, call: { action } } = answer;
  const [code, text] = STATUSES.get(status) ??
    [status >= 500 ? "unavailable" : "protocol", "the server cannot do it"];
  const message = `Cannot ${action}: ${text} (status ${status})`;
  const retryAfterMs = retryAfter(answer);
  const details = {
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(status === 501 || status === 505 ? { retryable: false } : {}),
    ...(status === 413 ? { hint: "Raise the server's limit for the size of a request" } : {}),
  };
  return AMBIGUOUS.has(status)
    ? new AmbiguousError(code, message, details)
    : new BackendError(code, message, details);
}

/** How long the server asks to wait: a number of seconds, or a time by its own clock; milliseconds. */
function retryAfter(answer: Answer): number | undefined {
  const text = answer.header("retry-after");
  if (text === undefined) return undefined;
  if (/^\d{1,7}$/.test(text)) return Number(text) * 1000;
  const now = Date.parse(answer.header("date") ?? "");
  const waitMs = Date.parse(text) - (Number.isFinite(now) ? now : Date.now());
  return Number.isFinite(waitMs) && waitMs > 0 ? waitMs : undefined;
}
