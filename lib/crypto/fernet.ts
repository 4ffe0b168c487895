import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  type Hmac,
  timingSafeEqual,
} from "node:crypto";
import { concatBytes } from "../bytes.ts";
import { EscaleError } from "../errors.ts";
import { codeAtOnce, type Coder, streamThrough } from "./_coder.ts";
import type { Cipher, CipherOptions } from "./_contract.ts";

const VERSION = 0x80;
const IV_BYTES = 16;
/** Version, time of 8 bytes, initialisation vector. */
const HEADER_BYTES = 1 + 8 + IV_BYTES;
const BLOCK_BYTES = 16;
const TAG_BYTES = 32;
const KEY_BYTES = 32;

/**
 * Fernet, a token of base64url text: version, time, initialisation vector, content encrypted with AES-128-CBC and
 * padded as PKCS 7 says, HMAC-SHA-256 of all before it (github.com/fernet/spec). The time is not judged: contents do
 * not expire.
 *
 * @throws {EscaleError} `config` as {@linkcode parseFernetKey}
 */
export function fernetCipher(passphrase: Uint8Array, options: CipherOptions): Cipher {
  const key = parseFernetKey(passphrase);
  const encryptor = () =>
    new Encryptor(key, fernetHeader(options.now(), options.randomBytes(IV_BYTES)));
  const decryptor = () => new Decryptor(key);
  return {
    name: "fernet",
    authenticates: true,
    encryptedSize: (plainBytes) => {
      const paddedBytes = BLOCK_BYTES * (Math.floor(plainBytes / BLOCK_BYTES) + 1);
      return 4 * Math.ceil((HEADER_BYTES + paddedBytes + TAG_BYTES) / 3);
    },
    decryptedSize: () => undefined,
    encrypt: () => streamThrough(encryptor),
    decrypt: () => streamThrough(decryptor),
    encryptBytes: (plain) => codeAtOnce(encryptor(), plain),
    decryptBytes: (encrypted) => codeAtOnce(decryptor(), encrypted),
  };
}

/**
 * The 32 bytes of a Fernet key: 16 that sign, 16 that encrypt. White space and both alphabets of base64 are accepted, as
 * Python does, but nothing else that it skips.
 *
 * @throws {EscaleError} `config` if the passphrase is anything else
 */
export function parseFernetKey(passphrase: Uint8Array): Uint8Array {
  const text = new TextDecoder().decode(passphrase).replace(/[\t-\r ]/g, "");
  if (!/^[\w+/-]{43}=$/.test(text)) {
    throw new EscaleError(
      "config",
      `Cannot use the passphrase for "fernet": it should be the base64 of ${KEY_BYTES} bytes, 44 characters`,
      { hint: 'Let "escale -i" make a passphrase and give it to every client of the relay' },
    );
  }
  return Uint8Array.fromBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
}

function signer(key: Uint8Array): Hmac {
  return createHmac("sha256", key.subarray(0, BLOCK_BYTES));
}

function fernetHeader(timeS: number, iv: Uint8Array): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  header[0] = VERSION;
  new DataView(header.buffer).setBigUint64(1, BigInt(timeS));
  header.set(iv, HEADER_BYTES - IV_BYTES);
  return header;
}

class Encryptor implements Coder {
  readonly #aes;
  readonly #hmac: Hmac;
  /** Token bytes that wait for company: base64 takes three at a time. */
  #pending: Uint8Array;

  constructor(key: Uint8Array, header: Uint8Array) {
    this.#aes = createCipheriv(
      "aes-128-cbc",
      key.subarray(BLOCK_BYTES),
      header.subarray(HEADER_BYTES - IV_BYTES),
    );
    this.#hmac = signer(key).update(header);
    this.#pending = header;
  }

  update(piece: Uint8Array): Uint8Array<ArrayBuffer> {
    const encrypted = this.#aes.update(piece);
    this.#hmac.update(encrypted);
    const token = concatBytes(this.#pending, encrypted);
    const ready = token.length - token.length % 3;
    this.#pending = token.subarray(ready);
    return base64(token.subarray(0, ready));
  }

  end(): Uint8Array<ArrayBuffer> {
    const encrypted = this.#aes.final();
    const tag = this.#hmac.update(encrypted).digest();
    return base64(concatBytes(this.#pending, encrypted, tag));
  }

  [Symbol.dispose](): void {
    release(this.#aes);
  }
}

class Decryptor implements Coder {
  readonly #key: Uint8Array;
  readonly #hmac: Hmac;
  #aes: ReturnType<typeof createDecipheriv> | undefined;
  /** Characters that may be the last ones, which alone may be padded. */
  #text: Uint8Array = new Uint8Array(0);
  /** Token bytes that may belong to the header or to the tag. */
  #pending: Uint8Array = new Uint8Array(0);
  #encryptedBytes = 0;

  constructor(key: Uint8Array) {
    this.#key = key;
    this.#hmac = signer(key);
  }

  update(piece: Uint8Array): Uint8Array<ArrayBuffer> {
    const text = concatBytes(this.#text, piece);
    const ready = Math.max(0, 4 * Math.ceil(text.length / 4) - 4);
    this.#text = text.subarray(ready);
    return this.#take(fromBase64(text.subarray(0, ready), 0));
  }

  end(): Uint8Array<ArrayBuffer> {
    const padding = countPadding(this.#text);
    const output = this.#take(fromBase64(this.#text, padding));
    const aes = this.#aes;
    if (aes === undefined || this.#pending.length < TAG_BYTES || this.#encryptedBytes === 0) {
      throw notAToken("it ends too early");
    }
    if (this.#encryptedBytes % BLOCK_BYTES !== 0) {
      throw notAToken("its length is wrong");
    }
    if (!timingSafeEqual(this.#hmac.digest(), this.#pending)) {
      throw new EscaleError(
        "wrong-key",
        "Cannot decrypt the content with fernet: its authenticator does not match: " +
          "either it was encrypted with another passphrase or it was changed since",
      );
    }
    return concatBytes(output, this.#endAes(aes));
  }

  [Symbol.dispose](): void {
    if (this.#aes !== undefined) release(this.#aes);
  }

  #take(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const token = concatBytes(this.#pending, bytes);
    const body = this.#aes === undefined ? this.#takeHeader(token) : token;
    const ready = Math.max(0, body.length - TAG_BYTES);
    this.#pending = body.subarray(ready);
    if (this.#aes === undefined || ready === 0) return new Uint8Array(0);
    const encrypted = body.subarray(0, ready);
    this.#hmac.update(encrypted);
    this.#encryptedBytes += ready;
    return concatBytes(this.#aes.update(encrypted));
  }

  /** What follows the header, or all of `token` while the header is not complete. */
  #takeHeader(token: Uint8Array): Uint8Array {
    if (token.length > 0 && token[0] !== VERSION) {
      throw notAToken(`its version is ${token[0]}: it should be ${VERSION}`);
    }
    if (token.length < HEADER_BYTES) return token;
    const header = token.subarray(0, HEADER_BYTES);
    this.#hmac.update(header);
    this.#aes = createDecipheriv(
      "aes-128-cbc",
      this.#key.subarray(BLOCK_BYTES),
      header.subarray(HEADER_BYTES - IV_BYTES),
    );
    return token.subarray(HEADER_BYTES);
  }

  #endAes(aes: ReturnType<typeof createDecipheriv>): Uint8Array {
    try {
      return aes.final();
    } catch (cause) {
      throw notAToken("its padding is wrong", cause);
    }
  }
}

/** The runtime holds a cipher until it is ended. */
function release(aes: { final(): Uint8Array }): void {
  try {
    aes.final();
  } catch {
    // Ended before, or never to be ended well: either way it is free now.
  }
}

function notAToken(why: string, cause?: unknown): EscaleError {
  return new EscaleError(
    "corrupt",
    `Cannot decrypt the content with fernet: it is not a whole token: ${why}`,
    { cause },
  );
}

function base64(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(bytes.toBase64({ alphabet: "base64url" }));
}

/** Decodes text of which the last `padding` characters are "=", and is strict about it. */
function fromBase64(text: Uint8Array, padding: number): Uint8Array {
  const expected = Math.floor(text.length / 4) * 3 - padding;
  const bytes = decodeOrNothing(new TextDecoder("latin1").decode(text));
  // The decoder skips white space: then fewer bytes come out than should.
  if (bytes === undefined || text.length % 4 !== 0 || bytes.length !== expected) {
    throw notAToken("it is not base64url text");
  }
  return bytes;
}

function decodeOrNothing(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text, { alphabet: "base64url", lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}

function countPadding(text: Uint8Array): number {
  return text.length - text.findLastIndex((character) => character !== 0x3d) - 1;
}
