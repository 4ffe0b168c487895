import { EscaleError } from "../errors.ts";
import { blowfishCipher } from "./blowfish.ts";
import type { Cipher, CipherName, CipherOptions } from "./_contract.ts";
import { fernetCipher, parseFernetKey } from "./fernet.ts";
import { plainCipher } from "./plain.ts";

export type { Cipher, CipherName, CipherOptions } from "./_contract.ts";

/**
 * Opens the cipher of that name with a passphrase, which is taken byte by byte as it stands in its file. Whatever is
 * thrown shows nothing of it.
 *
 * @throws {EscaleError} `config` if the passphrase cannot be a key of this cipher; `unsupported` for
 * "blowfish.blowfish"
 */
export function openCipher(
  name: CipherName,
  passphrase: Uint8Array,
  options: CipherOptions,
): Cipher {
  switch (name) {
    case "plain":
      return plainCipher;
    case "fernet":
      return fernetCipher(passphrase, options);
    case "blowfish":
    case "blowfish.cryptography":
      return blowfishCipher(name, passphrase, options);
    case "blowfish.blowfish":
      throw new EscaleError(
        "unsupported",
        'Cannot use "blowfish.blowfish": its contents differ from those of "blowfish": how is not known here',
        {
          hint: 'Set encryption to "fernet" on every client of the relay and push the files again',
        },
      );
    default:
      return name satisfies never;
  }
}

/**
 * The secret that two clients with the same key share, to derive further keys from. It is the same for all the ways in
 * which a passphrase file may write one Fernet key, and else the passphrase.
 *
 * @throws {EscaleError} `config` if the passphrase cannot be a Fernet key
 */
export function cipherSecret(name: CipherName, passphrase: Uint8Array): Uint8Array {
  return name === "fernet" ? parseFernetKey(passphrase) : passphrase;
}
