import { createHmac, hkdfSync } from "node:crypto";
import { EscaleError } from "../errors.ts";

/** A key for one purpose, of 32 bytes. Made only by {@linkcode deriveKey}. */
export type DerivedKey = Uint8Array & { readonly __brand: "DerivedKey" };

/** What seals of records are made with. */
export const SEAL_PURPOSE = "escale seal 1";
/** What keyed checksums are made with. */
export const CHECKSUM_PURPOSE = "escale checksum 1";

const KEY_BYTES = 32;
const LENGTH_BYTES = 8;

/**
 * Derives the key for one purpose from a secret: HKDF-SHA-256 (RFC 5869) without salt, `purpose` as its info. Keys for
 * different purposes tell nothing of each other nor of the secret.
 */
export function deriveKey(secret: Uint8Array, purpose: string): DerivedKey {
  return new Uint8Array(hkdfSync("sha256", secret, "", purpose, KEY_BYTES)) as DerivedKey;
}

/**
 * The HMAC-SHA-256 of a list of parts, as 64 hexadecimal digits. Each part is preceded by its length as 8 big-endian
 * bytes, so that no two lists give the same message; a text counts as its UTF-8 bytes.
 *
 * @throws {EscaleError} `internal` if a text is not valid Unicode, since UTF-8 cannot tell such texts apart
 */
export function hmacHex(key: DerivedKey, parts: readonly (string | Uint8Array)[]): string {
  const hmac = createHmac("sha256", key);
  for (const part of parts) {
    const bytes = bytesOf(part);
    const length = new DataView(new ArrayBuffer(LENGTH_BYTES));
    length.setBigUint64(0, BigInt(bytes.length));
    hmac.update(length).update(bytes);
  }
  return hmac.digest("hex");
}

function bytesOf(part: string | Uint8Array): Uint8Array {
  if (typeof part !== "string") return part;
  if (!part.isWellFormed()) {
    throw new EscaleError("internal", "Cannot sign a text that is not valid Unicode");
  }
  return new TextEncoder().encode(part);
}
