/** The names of ciphers in the option `encryption`; "blowfish.blowfish" is known only to be refused. */
export type CipherName =
  | "plain"
  | "fernet"
  | "blowfish"
  | "blowfish.cryptography"
  | "blowfish.blowfish";

/** What a cipher needs from outside. */
export interface CipherOptions {
  /** The current time in whole seconds since 1970, UTC. */
  readonly now: () => number;
  /** That many bytes that nobody can guess. */
  readonly randomBytes: (countBytes: number) => Uint8Array;
}

/** An opened cipher with its key. Its streams are independent of each other and hold a bounded part of the content. */
export interface Cipher {
  readonly name: CipherName;
  /** Whether decryption notices a changed content or another key. */
  readonly authenticates: boolean;

  /** The exact size of the encrypted content, in bytes. */
  encryptedSize(plainBytes: number): number;

  /**
   * The exact size of the decrypted content, in bytes; `undefined` if it cannot be known from the encrypted size or if
   * no content has that encrypted size.
   */
  decryptedSize(encryptedBytes: number): number | undefined;

  /** Encrypts what is written to it, with a fresh initialisation vector. */
  encrypt(): TransformStream<Uint8Array, Uint8Array>;

  /**
   * Decrypts what is written to it. Bytes come out before they are known to be authentic: nothing of them may be
   * published before the stream ended without an error.
   *
   * The stream fails with an EscaleError: `corrupt` if the content is not of the cipher's form, `wrong-key` if its
   * authenticator does not match, which another key and a changed content both cause.
   */
  decrypt(): TransformStream<Uint8Array, Uint8Array>;

  /** {@linkcode Cipher.encrypt} of a small content at once. */
  encryptBytes(plain: Uint8Array): Uint8Array<ArrayBuffer>;

  /** {@linkcode Cipher.decrypt} of a small content at once; throws what the stream would fail with. */
  decryptBytes(encrypted: Uint8Array): Uint8Array<ArrayBuffer>;
}
