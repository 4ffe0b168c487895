import { BackendError, type FolderName, type ObjectName, parseObjectName } from "../backend.ts";

const TEMPORARY = /^\.escale-[0-9a-f]{16}\.tmp$/;

/** A new name for a put under way. It starts with `.` and has none of the relay's endings, so every client ignores it. */
export function temporaryName(folder: FolderName): ObjectName {
  const random = crypto.getRandomValues(new Uint8Array(8)).toHex();
  return inFolder(folder, `.escale-${random}.tmp`);
}

/** Whether a file's own name is one of {@linkcode temporaryName}. */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY.test(name);
}

/** The object `name` in `folder`. @throws {BackendError} `invalid-name` if there can be none */
export function inFolder(folder: FolderName, name: string): ObjectName {
  return parseObjectName(folder === "" ? name : `${folder}/${name}`);
}

/** The folder that holds `name`. */
export function folderOf(name: ObjectName): FolderName {
  const slash = name.lastIndexOf("/");
  return slash < 0 ? "" : parseObjectName(name.slice(0, slash));
}

/** The folders that hold `name`, from the top. */
export function foldersAbove(name: ObjectName): ObjectName[] {
  const parts = name.split("/").slice(0, -1);
  return parts.map((_, i) => parseObjectName(parts.slice(0, i + 1).join("/")));
}

/** Says why no server can hold an object of that name, or `undefined` if one may. */
export function whyNotName(name: string): string | undefined {
  // RFC 959 ends commands by a line end and has no way to quote one.
  if (/[\r\n\0]/.test(name)) return "a line break cannot be sent in a command";
  const own = name.split("/").find(isTemporaryName);
  return own === undefined ? undefined : `${JSON.stringify(own)} is kept for temporary files`;
}

// deno-lint-ignore no-control-regex -- control characters are what is looked for
const EASILY_CHANGED = /[\u0000-\u001f\u007f]| (?:\/|$)/;

/** Whether some servers, pure-ftpd among them, would change the name without a word: a tab, a final blank. */
export function isEasilyChanged(name: string): boolean {
  return EASILY_CHANGED.test(name);
}

/** How names are written on the wire. */
export interface NameCoding {
  /** @throws {BackendError} `invalid-name` if the encoding has no such character */
  encode(text: string): Uint8Array;
  /** What cannot be decoded becomes U+FFFD. */
  decode(bytes: Uint8Array): string;
  /** `undefined` if `bytes` cannot be decoded, and so encoded back. */
  decodeName(bytes: Uint8Array): string | undefined;
}

/**
 * The coding of that name, as the runtime knows it; UTF-8 by default.
 *
 * @throws {BackendError} `unsupported` for an encoding of several bytes a character that is not UTF-8
 */
export function codingOf(encoding = "utf-8"): NameCoding {
  const decoder = new TextDecoder(encoding, { ignoreBOM: true });
  const strict = new TextDecoder(encoding, { ignoreBOM: true, fatal: true });
  const decode = (bytes: Uint8Array) => decoder.decode(bytes);
  const decodeName = (bytes: Uint8Array) => {
    try {
      return strict.decode(bytes);
    } catch {
      return undefined;
    }
  };
  if (decoder.encoding === "utf-8") {
    const encoder = new TextEncoder();
    return { encode: (text) => encoder.encode(text), decode, decodeName };
  }
  const codes = new Map<string, number>();
  for (let code = 0; code < 256; code++) codes.set(decode(Uint8Array.of(code)), code);
  if (codes.size < 200 || codes.get("A") !== 0x41) {
    throw new BackendError(
      "unsupported",
      `the encoding "${encoding}" has several bytes a character`,
      { hint: "Use UTF-8, which most servers speak" },
    );
  }
  return {
    decode,
    decodeName,
    encode: (text) => {
      return Uint8Array.from(text, (character) => {
        const code = codes.get(character);
        if (code !== undefined && character !== "\ufffd") return code;
        throw new BackendError(
          "invalid-name",
          `the encoding "${encoding}" has no character ${JSON.stringify(character)}`,
        );
      });
    },
  };
}
