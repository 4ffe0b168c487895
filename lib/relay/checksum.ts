import { type DigestAlgorithm, parseAlgorithm } from "../crypto/digest.ts";
import { type DerivedKey, hmacHex } from "../crypto/keys.ts";
import { EscaleError } from "../errors.ts";
import type { RelativePath } from "../path.ts";
import type { RelayRecord } from "./metadata.ts";

/** Marks a checksum that is an HMAC of the digest, so that it confirms no guessed content. */
const KEYED_SUFFIX = "-keyed";
const KEYED_HEX_LENGTH = 64;

/** How this client writes checksums, and what it needs to read those of others. */
export interface ChecksumOptions {
  /** What this client hashes its files with. */
  readonly algorithm: DigestAlgorithm;
  /** Whether records get a checksum at all (`checksum = no`). */
  readonly isRecorded: boolean;
  /** Key of keyed checksums; absent without encryption. */
  readonly key: DerivedKey | undefined;
  /** Whether this client's own checksums are keyed (`legacy peers = no` with encryption). */
  readonly isKeyed: boolean;
}

/** The checksums on a relay: from digests of content to what a record says, and back. */
export class Checksums {
  readonly #options: ChecksumOptions;

  constructor(options: ChecksumOptions) {
    this.#options = options;
  }

  /** The algorithm this client hashes its files with. */
  get algorithm(): DigestAlgorithm {
    return this.#options.algorithm;
  }

  /** What a record of this client says of content with this digest. */
  toRecord(digest: string): Pick<RelayRecord, "checksum" | "algorithm"> {
    const { algorithm, isRecorded, isKeyed, key } = this.#options;
    if (!isRecorded) return { checksum: undefined, algorithm: undefined };
    if (!isKeyed || key === undefined) return { checksum: digest, algorithm: algorithm.name };
    return {
      checksum: hmacHex(key, [algorithm.name, digest]),
      algorithm: algorithm.name + KEYED_SUFFIX,
    };
  }

  /** The algorithm that a record's content is verified with; `undefined` if it cannot be verified. */
  algorithmOf(record: RelayRecord): DigestAlgorithm | undefined {
    if (record.checksum === undefined) return undefined;
    const { name, isKeyed } = this.#method(record);
    if (isKeyed && this.#options.key === undefined) return undefined;
    const algorithm = findAlgorithm(name);
    const hexLength = isKeyed ? KEYED_HEX_LENGTH : algorithm?.hexLength;
    return record.checksum.length === hexLength ? algorithm : undefined;
  }

  /** Whether content with this digest, made with {@linkcode algorithmOf}, is the record's. */
  matches(record: RelayRecord, digest: string): boolean {
    const algorithm = this.algorithmOf(record);
    if (algorithm === undefined) return false;
    const { key } = this.#options;
    const isKeyed = this.#method(record).isKeyed && key !== undefined;
    return record.checksum === (isKeyed ? hmacHex(key, [algorithm.name, digest]) : digest);
  }

  #method(record: RelayRecord): { readonly name: string; readonly isKeyed: boolean } {
    const named = record.algorithm ?? this.#options.algorithm.name;
    const isKeyed = named.endsWith(KEYED_SUFFIX);
    return { name: isKeyed ? named.slice(0, -KEYED_SUFFIX.length) : named, isKeyed };
  }
}

function findAlgorithm(name: string): DigestAlgorithm | undefined {
  try {
    return parseAlgorithm(name);
  } catch (cause) {
    if (cause instanceof EscaleError) return undefined;
    throw cause;
  }
}

/** A version's identity: its checksum, or where records have none its time. Never contains a colon or a blank. */
export function identityOf(record: Pick<RelayRecord, "checksum" | "timeS">): string {
  return record.checksum ?? `@${record.timeS ?? ""}`;
}

/** Makes and checks the seals of records (SEMANTICS, "Extra keys"). */
export interface Sealer {
  seal(resource: RelativePath, record: RelayRecord): string;
  isValid(resource: RelativePath, record: RelayRecord): boolean;
}

/** A {@linkcode Sealer}: HMAC-SHA-256 over resource, time, checksum, pusher, base and size, each as text. */
export function sealWith(key: DerivedKey): Sealer {
  const seal = (resource: RelativePath, record: RelayRecord): string => {
    const { timeS, checksum, pusher, base, sizeBytes } = record;
    const fields = [timeS, checksum, pusher, base.join(" "), sizeBytes];
    return hmacHex(key, [
      resource,
      ...fields.map((field) => field === undefined ? "" : `${field}`),
    ]);
  };
  return {
    seal,
    // The key is secret and the attacker gets no answer to time, but a plain comparison would invite the question.
    isValid: (resource, record) => equalInConstantTime(seal(resource, record), record.seal ?? ""),
  };
}

function equalInConstantTime(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return difference === 0;
}
