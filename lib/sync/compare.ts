import { type DigestAlgorithm } from "../crypto/digest.ts";
import { digestFile, isSettled, sameStamp } from "../local/repository.ts";
import type { LocalFile } from "../local/scan.ts";
import type { ResourceState, State } from "../local/state.ts";
import type { RelativePath } from "../path.ts";
import { type Checksums, identityOf } from "../relay/checksum.ts";
import type { RelayRecord } from "../relay/metadata.ts";
import type { RelayEntry } from "../relay/relay.ts";
import type { LocalVersion, Situation } from "./plan.ts";

/** A situation together with what it was read from. */
export interface Compared {
  readonly situation: Situation;
  readonly file: LocalFile | undefined;
  /** Digest of the local file's content, by this client's algorithm. */
  readonly digest: string | undefined;
  readonly state: ResourceState;
}

/** How many freshly computed digests are noted in the database at a time. */
const NOTE_AT_ONCE = 500;

/**
 * Compares local files with what is remembered and with the relay, by content. A file is read only if its stamp is not
 * the one that its digest is remembered with.
 */
export class Comparer {
  readonly #root: string;
  readonly #state: State;
  readonly #checksums: Checksums;
  /** Digests of files whose stamps are too fresh to be remembered; they hold for one round. */
  readonly #fresh = new Map<string, { readonly file: LocalFile; readonly digest: string }>();
  readonly #unsaved = new Map<
    RelativePath,
    { readonly file: LocalFile; readonly digest: string }
  >();

  constructor(root: string, options: { readonly state: State; readonly checksums: Checksums }) {
    this.#root = root;
    this.#state = options.state;
    this.#checksums = options.checksums;
  }

  /**
   * Compares one resource.
   *
   * @throws {EscaleError} `changed` if the file changes while it is read
   */
  async compare(
    resource: RelativePath,
    options: {
      readonly file: LocalFile | undefined;
      readonly entry: RelayEntry | undefined;
      readonly signal?: AbortSignal;
    },
  ): Promise<Compared> {
    const { file, entry } = options;
    const state = this.#state.resource(resource);
    const record = entry?.record.kind === "present" ? entry.record.record : undefined;
    const digest = file && await this.#digest(file, { state, ...options });
    const local = file && digest !== undefined
      ? await this.#localVersion(file, { digest, state, record, ...options })
      : undefined;
    return {
      file,
      digest,
      state,
      situation: {
        local,
        agreed: state.agreed,
        intended: state.intended,
        refused: state.refused,
        record,
        contentStands: entry?.storedBytes !== undefined,
      },
    };
  }

  /** Writes the digests computed since the last time to the database. */
  save(): void {
    if (this.#unsaved.size === 0) return;
    this.#state.transaction(() => {
      for (const [resource, { file, digest }] of this.#unsaved) {
        this.#state.change(resource, { hashed: { stamp: file, digest } });
      }
    });
    this.#unsaved.clear();
  }

  /** Forgets what held for one round only. */
  endRound(): void {
    this.save();
    this.#fresh.clear();
  }

  async #digest(
    file: LocalFile,
    options: { readonly state: ResourceState; readonly signal?: AbortSignal },
  ): Promise<string> {
    const { hashed } = options.state;
    if (hashed !== undefined && sameStamp(hashed.stamp, file)) return hashed.digest;
    const fresh = this.#fresh.get(file.path) ?? this.#unsaved.get(file.path);
    if (fresh !== undefined && sameStamp(fresh.file, file)) return fresh.digest;
    const lookedAtMs = Date.now();
    const digest = await this.#hash(file, this.#checksums.algorithm, options);
    if (isSettled(file, lookedAtMs)) {
      this.#unsaved.set(file.path, { file, digest });
      if (this.#unsaved.size >= NOTE_AT_ONCE) this.save();
    } else {
      this.#fresh.set(file.path, { file, digest });
    }
    return digest;
  }

  async #localVersion(
    file: LocalFile,
    options: {
      readonly digest: string;
      readonly state: ResourceState;
      readonly record: RelayRecord | undefined;
      readonly signal?: AbortSignal;
    },
  ): Promise<LocalVersion> {
    const { digest, state, record } = options;
    const timeS = Math.floor(file.modifiedMs / 1000);
    const { checksum } = this.#checksums.toRecord(digest);
    return {
      id: identityOf({ checksum, timeS }),
      timeS,
      equalsAgreed: state.agreed !== undefined && state.agreed.digest === digest,
      equalsRecord: record !== undefined && await this.#equals(file, { ...options, record }),
    };
  }

  async #equals(
    file: LocalFile,
    options: {
      readonly digest: string;
      readonly state: ResourceState;
      readonly record: RelayRecord;
      readonly signal?: AbortSignal;
    },
  ): Promise<boolean> {
    const { digest, state, record } = options;
    if (state.agreed !== undefined && state.agreed.id === identityOf(record)) {
      return state.agreed.digest === digest;
    }
    if (record.sizeBytes !== undefined && record.sizeBytes !== file.sizeBytes) return false;
    const algorithm = this.#checksums.algorithmOf(record);
    // Without a checksum to compare, 0.7 goes by the time in whole seconds, and there is nothing else to go by.
    if (algorithm === undefined) return record.timeS === Math.floor(file.modifiedMs / 1000);
    const own = this.#checksums.algorithm;
    const comparable = algorithm.name === own.name
      ? digest
      : await this.#hash(file, algorithm, options);
    return this.#checksums.matches(record, comparable);
  }

  #hash(
    file: LocalFile,
    algorithm: DigestAlgorithm,
    options: { readonly signal?: AbortSignal },
  ): Promise<string> {
    const { signal } = options;
    return digestFile(
      this.#root,
      file,
      algorithm.runtimeName,
      signal === undefined ? {} : { signal },
    );
  }
}
