import { BackendError, type BackendErrorCode } from "../backend.ts";
import { type Reply, ReplyError } from "./_reply.ts";

/*
 * Inside this folder a message says only what is so; `about` puts in front, once, what was attempted.
 */

/** `thrown` as the failure of `action`. */
export function about(action: string, thrown: unknown): BackendError {
  const { code, message, retryable, hint, retryAfterMs, cause } = connectionError(thrown);
  return new BackendError(code, `Cannot ${action}: ${message}`, {
    retryable,
    ...(hint === undefined ? {} : { hint }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** What a server's negative answer means. */
export function replyError(reply: Reply, hint?: string): BackendError {
  const { code, retryable } = meaningOf(reply);
  return new BackendError(code, `the server answers ${shown(reply)}`, {
    retryable,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** An answer for a message, control characters escaped and cut to a line. */
export function shown({ code, lines }: Reply): string {
  const text = lines.join(" ").trim().slice(0, 300);
  return JSON.stringify(`${code} ${text}`);
}

/** Whatever was thrown, as a {@linkcode BackendError}: what is none comes from a connection that broke. */
export function connectionError(thrown: unknown): BackendError {
  if (thrown instanceof BackendError) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof ReplyError) {
    return new BackendError("protocol", `the server does not speak FTP: ${text}`, {
      cause: thrown,
    });
  }
  const code = thrown instanceof Deno.errors.NotCapable ? "denied" : "unavailable";
  return new BackendError(code, text, { cause: thrown });
}

function meaningOf({ code }: Reply): { code: BackendErrorCode; retryable: boolean } {
  switch (code) {
    case 452:
    case 552:
      return { code: "full", retryable: false };
    case 530:
    case 532:
    case 534:
    case 550:
    case 553:
      return { code: "denied", retryable: false };
    case 500:
    case 501:
    case 502:
    case 503:
    case 504:
      return { code: "protocol", retryable: false };
    default:
      // Of the four hundreds all may pass (RFC 959, section 4.2.1): 421, 425, 426, 450, 451.
      return code < 500
        ? { code: "unavailable", retryable: true }
        : { code: "protocol", retryable: false };
  }
}
