import { BackendError, type BackendErrorCode, type BackendErrorDetails } from "../backend.ts";

/** A reply that says that a command failed. */
export class RcError extends BackendError {
  /** The reply's status; rclone has 404 for what is missing, 400 for a wrong question and 500 for all else. */
  readonly status: number;

  constructor(
    status: number,
    code: BackendErrorCode,
    { message, ...details }: BackendErrorDetails & { readonly message: string },
  ) {
    super(code, message, details);
    this.status = status;
  }
}

/** What storages say, since rclone hands on nothing but their words. The first that fits counts. */
const SIGNS: readonly (readonly [RegExp, BackendErrorCode])[] = [
  [/entity ?too ?large|too large object/i, "full"],
  [/no space left|quota|insufficient.?storage|storage.?full|disk full|\b507\b/i, "full"],
  [
    /file ?name too long|name (is )?too long|invalid (file)?name|can't use .* in name/i,
    "invalid-name",
  ],
  [
    /permission denied|access.?denied|forbidden|unauthori[sz]ed|\b40[13]\b|not permitted/i,
    "denied",
  ],
  [/unable to authenticate|couldn't login|invalid_grant|token expired|\b530\b/i, "denied"],
  [/didn't find section in config file|didn't find backend called/i, "not-found"],
];

const LOGIN_HINT =
  'Check the remote with "rclone lsd", or log in anew with "rclone config reconnect"';

/** The error for a command that failed with `status`, of which rclone says `text`. */
export function replyError(action: string, { status, text }: {
  readonly status: number;
  readonly text: string;
}): RcError {
  const message = `Cannot ${action}: rclone says: ${oneLine(text)}`;
  if (status === 404) return new RcError(status, "not-found", { message });
  const code = SIGNS.find(([sign]) => sign.test(text))?.[1];
  if (code === "denied") return new RcError(status, code, { message, hint: LOGIN_HINT });
  if (code !== undefined) return new RcError(status, code, { message });
  // The storage may be out of reach for a while; a question that rclone does not take stays wrong.
  return new RcError(status, status >= 500 ? "unavailable" : "protocol", { message });
}

/** What failed on the way to rclone, as a {@linkcode BackendError}. */
export function networkError(action: string, thrown: unknown): BackendError {
  if (thrown instanceof BackendError) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof Deno.errors.NotCapable) {
    const message = `Cannot ${action}: this program may not connect to rclone: ${text}`;
    return new BackendError("denied", message, { cause: thrown });
  }
  const message = `Cannot ${action}: rclone was ended or does not answer: ${text}`;
  return new BackendError("unavailable", message, { cause: thrown });
}

/** The error for an object that is not there. */
export function notFound(action: string): BackendError {
  return new BackendError("not-found", `Cannot ${action}: there is no such object`);
}

/** rclone quotes names, and in a name there may be anything: what a terminal would obey becomes a blank. */
function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu, " ").trim().replace(/\.$/, "")
    .slice(0, 500);
}
