import { BackendError } from "../backend.ts";

/** A connection that ended before its answer did. */
const CUT_OFF: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ERR_CUT_OFF",
]);

/** What the runtime says of a certificate, and what that means. */
const CERTIFICATE_PROBLEMS: readonly (readonly [RegExp, string])[] = [
  [
    /UnknownIssuer|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|unable to (get|verify)|self[- ]signed/i,
    "nobody that this machine trusts signed it",
  ],
  [/expired|CERT_HAS_EXPIRED/i, "it has expired"],
  [/NotValidYet|NOT_YET_VALID/i, "it is not valid yet"],
  [/NotValidForName|ALTNAME|does not match/i, "it is for another host name"],
  [/Revoked/i, "it was revoked"],
  [/invalid peer certificate|certificate verify failed/i, "it does not verify"],
];

const UNREACHABLE: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "nobody listens there"],
  ["EHOSTUNREACH", "there is no way to the host"],
  ["ENETUNREACH", "there is no way to the network"],
  ["ENOTFOUND", "there is no host of that name"],
  ["EAI_AGAIN", "the host's name cannot be looked up now"],
  ["ETIMEDOUT", "the connection timed out"],
]);

/** A call whose fate is not known: it may be carried out, now or soon. */
export class AmbiguousError extends BackendError {}

/** A call whose connection was cut: a server that was still at work on it is done soon. */
export class CutError extends AmbiguousError {}

/** What is thrown where a connection ends before its answer. */
export function cutOff(): Error {
  return Object.assign(new Error("the connection was cut"), { code: "ERR_CUT_OFF" });
}

/** Whether `thrown` says that a connection ended before its answer. */
export function isCutOff(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && CUT_OFF.has(String(thrown.code));
}

/** The error for a server that does not answer. */
export function tooLate(action: string, timeoutMs: number): BackendError {
  const text = `the server did not answer within ${timeoutMs / 1000} s`;
  return new AmbiguousError("unavailable", `Cannot ${action}: ${text}`);
}

/** What failed on the way to the server, as a {@linkcode BackendError}. */
export function networkError(action: string, thrown: unknown): BackendError {
  if (thrown instanceof BackendError) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  if (thrown instanceof Deno.errors.NotCapable || code === "EACCES" || code === "EPERM") {
    const message = `Cannot ${action}: this program may not connect there: ${text}`;
    return new BackendError("denied", message, { cause: thrown });
  }
  const problem = CERTIFICATE_PROBLEMS.find(([sign]) => sign.test(code) || sign.test(text))?.[1];
  if (problem !== undefined) return certificateError(action, problem, thrown);
  const reason = UNREACHABLE.get(code);
  if (reason !== undefined) {
    return new BackendError("unavailable", `Cannot ${action}: ${reason}`, { cause: thrown });
  }
  return new CutError("unavailable", `Cannot ${action}: ${text}`, { cause: thrown });
}

function certificateError(action: string, problem: string, cause: unknown): BackendError {
  return new BackendError(
    "denied",
    `Cannot ${action}: the server's certificate does not hold: ${problem}`,
    {
      hint: "Name the file of who signed it in the environment variable NODE_EXTRA_CA_CERTS, or " +
        'set "verify ssl = no" to accept any',
      cause,
    },
  );
}
