import { BackendError, type BackendErrorCode } from "../backend.ts";

const GET_IT = "Install drive from https://github.com/odeke-em/drive, or set " +
  '"drive binary" to where it is; or use "protocol = rclone" with a remote of type "drive"';

/** What drive and Google say. The first that fits counts. */
const SIGNS: readonly (readonly [RegExp, BackendErrorCode, isRetryable?: boolean])[] = [
  [/rate ?limit|too many requests|Error 429|dailyLimit/i, "unavailable", true],
  [/quota.*exceeded|storageQuota|noPrompt is set yet for quota/i, "full"],
  [/message corrupt or incorrect password|unexpected EOF.*decrypt|unknown decrypter/i, "denied"],
  [/flag provided but not defined|^Usage(:| of )/m, "unsupported"],
  [/Error 404|notFound|doesn't exist|doesnot exist|does not exist/i, "not-found"],
  [/Error 403|forbidden|insufficient.*permission|GoogleDoc\/Sheet/i, "denied"],
];

/** What says that nobody is logged in at the mount point. */
const NO_LOGIN =
  /no drive context found|credentials\.json|invalid_grant|cannot fetch token|Error 401|authError/i;

/** What failed a run of drive. */
export interface Failure {
  /** What it wrote to say so. */
  readonly text: string;
  /** Where "drive init" was run, or should be. */
  readonly mount: string;
}

/** The error for a run of drive that failed. */
export function failureOf(action: string, { text, mount }: Failure): BackendError {
  const words = oneLine(text);
  const message = `Cannot ${action}: drive says: ${words}`;
  if (NO_LOGIN.test(text)) {
    const hint = `Log in with "drive init ${mount}"; Google refuses most new logins of drive: ` +
      'else use "protocol = rclone" with a remote of type "drive"';
    return new BackendError("denied", message, { hint });
  }
  const [, code = "unavailable", retryable] = SIGNS.find(([sign]) => sign.test(text)) ?? [];
  const hint = hintFor(code, text);
  return new BackendError(code, message, {
    ...(retryable === undefined ? {} : { retryable }),
    ...(hint === undefined ? {} : { hint }),
  });
}

function hintFor(code: BackendErrorCode, text: string): string | undefined {
  if (code === "unsupported") return "Use drive 0.3.9 or newer";
  if (/incorrect password/.test(text)) {
    return 'Set "passphrase" to what the other clients have, or use an empty folder';
  }
  return undefined;
}

/** The error for a program that cannot be started. */
export function cannotStart(
  program: string,
  { mount, cause }: { readonly mount: string; readonly cause: unknown },
): BackendError {
  const text = cause instanceof Error ? cause.message : String(cause);
  if (/No such cwd/.test(text)) {
    return new BackendError("not-found", `Cannot use "${mount}": there is no such folder`, {
      hint: `Make it with "drive init ${mount}"`,
      cause,
    });
  }
  const why = cause instanceof Deno.errors.NotFound ? "there is no such program" : text;
  return new BackendError("unsupported", `Cannot start drive as "${program}": ${why}`, {
    hint: GET_IT,
    cause,
  });
}

/** The error for an object that is not there. */
export function notFound(action: string): BackendError {
  return new BackendError("not-found", `Cannot ${action}: there is no such object`);
}

/** Some text in one line, without colours. */
export function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex -- drive colours its errors
  const plain = text.replace(/\u001b\[\d+m/g, "").replace(/\s+/g, " ").trim();
  return plain.replace(/\.$/, "").slice(0, 500) || "nothing";
}
