import { concatBytes } from "../bytes.ts";
import { EscaleError } from "../errors.ts";
import {
  type Block,
  encryptBlock,
  expandKey,
  type KeySchedule,
  MAX_KEY_BYTES,
  MIN_KEY_BYTES,
} from "./_blowfish_block.ts";
import { codeAtOnce, type Coder, streamThrough } from "./_coder.ts";
import type { Cipher, CipherName, CipherOptions } from "./_contract.ts";

const IV_BYTES = 8;

/**
 * Blowfish in OFB mode: 8 random bytes of initialisation vector, then the content exclusive-ored with the key stream, no
 * padding. The key is the passphrase's bytes. Nothing is authenticated: another key or a changed content gives other
 * bytes and no error, so the caller must compare a checksum.
 *
 * @throws {EscaleError} `config` if the passphrase is too short or too long
 */
export function blowfishCipher(
  name: CipherName,
  passphrase: Uint8Array,
  options: CipherOptions,
): Cipher {
  if (passphrase.length < MIN_KEY_BYTES || passphrase.length > MAX_KEY_BYTES) {
    throw new EscaleError(
      "config",
      `Cannot use the passphrase for "${name}": it has ${passphrase.length} bytes: ` +
        `it should have ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES}`,
      { hint: "A line end at the end of a passphrase file counts as a part of it" },
    );
  }
  const schedule = expandKey(passphrase);
  const encryptor = () => new Encryptor(schedule, options.randomBytes(IV_BYTES));
  const decryptor = () => new Decryptor(schedule);
  return {
    name,
    authenticates: false,
    encryptedSize: (plainBytes) => plainBytes + IV_BYTES,
    decryptedSize: (encryptedBytes) =>
      encryptedBytes < IV_BYTES ? undefined : encryptedBytes - IV_BYTES,
    encrypt: () => streamThrough(encryptor),
    decrypt: () => streamThrough(decryptor),
    encryptBytes: (plain) => codeAtOnce(encryptor(), plain),
    decryptBytes: (encrypted) => codeAtOnce(decryptor(), encrypted),
  };
}

class Encryptor implements Coder {
  readonly #keyStream: KeyStream;
  #iv: Uint8Array | undefined;

  constructor(schedule: KeySchedule, iv: Uint8Array) {
    this.#keyStream = new KeyStream(schedule, iv);
    this.#iv = iv;
  }

  update(piece: Uint8Array): Uint8Array<ArrayBuffer> {
    const encrypted = this.#keyStream.applyTo(piece);
    return this.#iv === undefined ? encrypted : concatBytes(this.#takeIv(), encrypted);
  }

  end(): Uint8Array<ArrayBuffer> {
    return this.#takeIv();
  }

  [Symbol.dispose](): void {}

  #takeIv(): Uint8Array<ArrayBuffer> {
    const iv = concatBytes(this.#iv ?? new Uint8Array(0));
    this.#iv = undefined;
    return iv;
  }
}

class Decryptor implements Coder {
  readonly #schedule: KeySchedule;
  #head = new Uint8Array(0);
  #keyStream: KeyStream | undefined;

  constructor(schedule: KeySchedule) {
    this.#schedule = schedule;
  }

  update(piece: Uint8Array): Uint8Array<ArrayBuffer> {
    if (this.#keyStream !== undefined) return this.#keyStream.applyTo(piece);
    this.#head = concatBytes(this.#head, piece);
    if (this.#head.length < IV_BYTES) return new Uint8Array(0);
    this.#keyStream = new KeyStream(this.#schedule, this.#head.subarray(0, IV_BYTES));
    return this.#keyStream.applyTo(this.#head.subarray(IV_BYTES));
  }

  end(): Uint8Array<ArrayBuffer> {
    if (this.#keyStream !== undefined) return new Uint8Array(0);
    throw new EscaleError(
      "corrupt",
      `Cannot decrypt the content with blowfish: it has ${this.#head.length} bytes: ` +
        `it should have at least ${IV_BYTES}`,
    );
  }

  [Symbol.dispose](): void {}
}

/** The endless key stream of one initialisation vector. */
class KeyStream {
  readonly #schedule: KeySchedule;
  readonly #block: Block;
  /** The bytes of the present block that are not used yet, the last ones. */
  #unusedBytes = 0;

  constructor(schedule: KeySchedule, iv: Uint8Array) {
    const words = new DataView(iv.buffer, iv.byteOffset, IV_BYTES);
    this.#schedule = schedule;
    this.#block = { left: words.getInt32(0), right: words.getInt32(4) };
  }

  /** `bytes`, exclusive-ored with the next bytes of the key stream. */
  applyTo(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const output = new Uint8Array(bytes);
    const head = Math.min(this.#unusedBytes, output.length);
    const tail = output.length - (output.length - head) % 8;
    this.#applyToPart(output.subarray(0, head));
    this.#applyToBlocks(new DataView(output.buffer, head, tail - head));
    this.#applyToPart(output.subarray(tail));
    return output;
  }

  #applyToBlocks(words: DataView): void {
    const block = this.#block;
    for (let i = 0; i < words.byteLength; i += 8) {
      encryptBlock(this.#schedule, block);
      words.setInt32(i, words.getInt32(i) ^ block.left);
      words.setInt32(i + 4, words.getInt32(i + 4) ^ block.right);
    }
  }

  /** Less than a block, within the present one or at the start of the next. */
  #applyToPart(part: Uint8Array): void {
    for (let i = 0; i < part.length; i++) {
      if (this.#unusedBytes === 0) {
        encryptBlock(this.#schedule, this.#block);
        this.#unusedBytes = 8;
      }
      const word = this.#unusedBytes > 4 ? this.#block.left : this.#block.right;
      this.#unusedBytes -= 1;
      part[i] = (part[i] ?? 0) ^ (word >>> 8 * (this.#unusedBytes % 4));
    }
  }
}
