import type { Cipher } from "./_contract.ts";

/** No encryption: contents pass as they are. */
export const plainCipher: Cipher = {
  name: "plain",
  authenticates: false,
  encryptedSize: (plainBytes) => plainBytes,
  decryptedSize: (encryptedBytes) => encryptedBytes,
  encrypt: () => new TransformStream(),
  decrypt: () => new TransformStream(),
  encryptBytes: (plain) => new Uint8Array(plain),
  decryptBytes: (encrypted) => new Uint8Array(encrypted),
};
