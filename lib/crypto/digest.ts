import { createHash } from "node:crypto";
import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";

/** A checksum algorithm. */
export interface DigestAlgorithm {
  /** Its name in configuration files and records, as Python's hashlib spells it. */
  readonly name: string;
  /** Its name in the runtime. */
  readonly runtimeName: string;
  /** How many hexadecimal digits its checksums have. */
  readonly hexLength: number;
}

/** What is known of a content that was read whole. */
export interface ContentDigest {
  readonly sizeBytes: number;
  /** Hexadecimal digits, in lower case. */
  readonly checksum: string;
}

/** The algorithms that can be used, by name. */
export const DIGEST_ALGORITHMS: readonly DigestAlgorithm[] = [
  algorithm("sha512", "sha512", 512),
  algorithm("sha256", "sha256", 256),
  algorithm("sha384", "sha384", 384),
  algorithm("sha224", "sha224", 224),
  algorithm("sha512_256", "sha512-256", 256),
  algorithm("sha512_224", "sha512-224", 224),
  algorithm("sha3_512", "sha3-512", 512),
  algorithm("sha3_384", "sha3-384", 384),
  algorithm("sha3_256", "sha3-256", 256),
  algorithm("sha3_224", "sha3-224", 224),
  algorithm("blake2b", "blake2b512", 512),
  algorithm("blake2s", "blake2s256", 256),
  algorithm("sm3", "sm3", 256),
  algorithm("ripemd160", "ripemd160", 160),
  algorithm("sha1", "sha1", 160),
  algorithm("md5", "md5", 128),
  algorithm("md5-sha1", "md5-sha1", 288),
];

/**
 * Finds an algorithm by its name in hashlib ("sha3_256", "blake2b") or in OpenSSL ("SHA-512", "SHA2-256",
 * "BLAKE2b512"), in any case.
 *
 * @throws {EscaleError} `config` if there is none, or if its checksums have no fixed length (SHAKE)
 */
export function parseAlgorithm(text: string): DigestAlgorithm {
  const wanted = essence(text);
  const found = DIGEST_ALGORITHMS.find(({ name, runtimeName }) =>
    essence(name) === wanted || essence(runtimeName) === wanted
  );
  if (found !== undefined) return found;
  const why = wanted.startsWith("shake")
    ? "its checksums have no length of their own"
    : "there is no such algorithm here";
  const names = DIGEST_ALGORITHMS.map(({ name }) => name).join(", ");
  throw new EscaleError("config", `Cannot use the checksum "${printable(text)}": ${why}`, {
    hint: `Use one of ${names}`,
  });
}

/** The checksum of a content in memory, hexadecimal. */
export function digestHex(algorithm: DigestAlgorithm, content: Uint8Array): string {
  return createHash(algorithm.runtimeName).update(content).digest("hex");
}

/** Counts and hashes a content as it passes. */
export class DigestObserver {
  readonly #hash;
  #sizeBytes = 0;

  constructor(algorithm: DigestAlgorithm) {
    this.#hash = createHash(algorithm.runtimeName);
  }

  /** Takes the next bytes of the content. */
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#sizeBytes += bytes.length;
  }

  /** A stream that hands on what is written to it, unchanged, after {@linkcode DigestObserver.update}. */
  stream(): TransformStream<Uint8Array, Uint8Array> {
    return new TransformStream({
      transform: (chunk, controller) => {
        this.update(chunk);
        controller.enqueue(chunk);
      },
    });
  }

  /** Size and checksum of all that came. Called once, after the last byte. */
  finish(): ContentDigest {
    return { sizeBytes: this.#sizeBytes, checksum: this.#hash.digest("hex") };
  }
}

function algorithm(name: string, runtimeName: string, bits: number): DigestAlgorithm {
  return { name, runtimeName, hexLength: bits / 4 };
}

/** A name without case and separators, and without the "2" of OpenSSL's "SHA2-". */
function essence(text: string): string {
  return text.toLowerCase().replace(/^sha2-/, "sha").replace(/[-_/]/g, "");
}
