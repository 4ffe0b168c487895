import { printable } from "../path.ts";
import type { Environment } from "./environment.ts";
import type { OptionName } from "./option_types.ts";
import type { Problems } from "./problems.ts";
import type { CipherName } from "./section.ts";
import type { Settings } from "./settings.ts";
import { type PathBase, resolvePath } from "./values.ts";

/** What reading secrets needs. */
export interface SecretsContext {
  readonly configFile: string;
  readonly environment: Environment;
  readonly base: PathBase;
  readonly problems: Problems;
}

/** Who logs in at the relay. */
export interface Credentials {
  readonly username?: string;
  readonly password?: string;
}

interface Secret {
  readonly bytes: Uint8Array;
  readonly isFromFile: boolean;
}

/**
 * The bytes of `passphrase`: those of the file if there is one of that name, else of the option itself. Reports what
 * is wrong, never showing the value, and then returns `undefined`.
 */
export function readPassphrase(
  settings: Settings,
  { cipher, ...context }: SecretsContext & { readonly cipher: CipherName },
): Uint8Array | undefined {
  const secret = readSecret("passphrase", settings, context);
  const line = settings.given("passphrase")?.line;
  if (secret === undefined || line === undefined) return undefined;
  const problem = whyNotPassphrase(secret.bytes, cipher);
  if (problem === undefined) return secret.bytes;
  context.problems.error(line, `option "passphrase" does not fit ${cipher}: ${problem}`);
  return undefined;
}

/** User name and password. A file may hold both, parted by the first `:`, in its only line. */
export function readCredentials(settings: Settings, context: SecretsContext): Credentials {
  const username = settings.text("username");
  const user = username === undefined ? {} : { username };
  const secret = readSecret("password", settings, context);
  const line = settings.given("password")?.line;
  if (secret === undefined || line === undefined) return user;
  const text = decode(secret.bytes)?.replace(/\r?\n$/, "");
  if (text === undefined || text === "" || /[\r\n\0]/.test(text)) {
    context.problems.error(
      line,
      'option "password": should be, or name a file of, one line of text',
    );
    return user;
  }
  const colon = text.indexOf(":");
  if (!secret.isFromFile || colon < 0) return { ...user, password: text };
  // With the name known from elsewhere, a colon may be part of the password.
  if (username !== undefined && text.slice(0, colon) !== username) {
    return { username, password: text };
  }
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function readSecret(
  name: OptionName,
  settings: Settings,
  context: SecretsContext,
): Secret | undefined {
  const text = settings.text(name);
  const line = settings.given(name)?.line;
  if (text === undefined || line === undefined) return undefined;
  const { environment, base, problems } = context;
  const path = text.includes("\n") ? undefined : resolvePath(text, base);
  const file = path !== undefined && "value" in path ? String(path.value) : undefined;
  try {
    if (file !== undefined && environment.isFile(file)) {
      warnIfReadable(file, line, context);
      return { bytes: environment.readFile(file), isFromFile: true };
    }
  } catch {
    // The system's message shows the path, which may be the secret itself.
    problems.error(line, `option "${name}" may name a file, which cannot be read`);
    return undefined;
  }
  if (/^(~|\.{0,2}\/|[A-Za-z]:\\)/.test(text)) {
    const detail =
      "is written as a path, but there is no such file; put a secret like that into one";
    problems.error(line, `option "${name}" ${detail}`);
    return undefined;
  }
  warnIfReadable(context.configFile, line, context);
  return { bytes: new TextEncoder().encode(text), isFromFile: false };
}

function warnIfReadable(file: string, line: number, context: SecretsContext): void {
  const { environment, problems } = context;
  const mode = environment.fileMode(file) ?? 0;
  if ((mode & 0o044) === 0) return;
  const detail = "holds a secret and can be read by other users: should have mode 600";
  problems.warn(line, `"${printable(file)}" ${detail}`);
}

function whyNotPassphrase(bytes: Uint8Array, cipher: CipherName): string | undefined {
  if (cipher === "fernet") {
    // As Python reads a key: white space does not count, and either alphabet of Base64 will do.
    const isKey = /^[\w+/-]{43}=$/.test((decode(bytes) ?? "").replace(/[\t-\r ]/g, ""));
    return isKey ? undefined : "should be 32 bytes in URL-safe Base64, which are 44 characters";
  }
  if (cipher.startsWith("blowfish")) {
    const { length } = bytes;
    return length >= 4 && length <= 56 ? undefined : "should be from 4 to 56 bytes long";
  }
  return bytes.length === 0 ? "should not be empty" : undefined;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
