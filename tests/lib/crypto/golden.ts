import type { CipherName, CipherOptions } from "../../../lib/crypto/cipher.ts";

/** A row of golden/ciphers.json that holds a content. */
export interface ContentRow {
  readonly cipher: CipherName;
  readonly passphrase: string;
  readonly mode?: "OFB" | "CFB";
  readonly iv_hex?: string;
  readonly plain_base64: string;
  readonly cipher_base64: string;
}

/** A row of golden/ciphers.json that holds a failure. */
export interface RefusalRow {
  readonly cipher: string;
  readonly passphrase: string;
  readonly error: string;
}

const rows: readonly (ContentRow | RefusalRow)[] = JSON.parse(
  Deno.readTextFileSync(new URL("../../golden/ciphers.json", import.meta.url)),
);

/** The contents that a 0.7 client writes; CFB is never written on a relay. */
export const contentRows: readonly ContentRow[] = rows.filter((row) => "cipher_base64" in row)
  .filter((row) => row.mode !== "CFB");

/** What a 0.7 client refuses. */
export const refusalRows: readonly RefusalRow[] = rows.filter((row) => "error" in row);

/** A clock and random bytes that are the same each time. */
export const fixedOptions: CipherOptions = {
  now: () => 499162800,
  randomBytes: (count) => Uint8Array.from({ length: count }, (_, i) => i),
};
