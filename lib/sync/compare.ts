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
  /**
   * Digests of files whose stamps are too fresh to be relied on: a change within the file system's clock tick would not
   * show in them. They hold for one round; the next one reads the file again.
   */
  readonly #fresh = new Map<RelativePath, { readonly file: LocalFile; readonly digest: string }>();
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
      /** What is remembered of it, if that has just been read. */
      readonly state?: ResourceState;
      /** The digest of the file, if it has just been read. */
      readonly digest?: string;
      /** A file that there is nothing to compare with is not read: it has no digest then, and no identity. */
      readonly isSketch?: boolean;
      readonly signal?: AbortSignal;
    },
  ): Promise<Compared> {
    const { file, entry } = options;
    const state = options.state ?? this.#state.resource(resource);
    const record = entry?.record.kind === "present" ? entry.record.record : undefined;
    const isAlone = entry?.storedBytes === undefined && record === undefined &&
      state.agreed === undefined && state.intended.length === 0;
    const isSketched = options.isSketch === true && isAlone;
    const digest = file && !isSketched
      ? await this.#digest(resource, file, { ...options, state })
      : undefined;
    const local = file &&
      (digest === undefined
        ? sketchOf(file)
        : await this.#localVersion(file, { ...options, digest, state, record }));
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

  /** Takes a digest that is known without reading the file, as of one that was just placed. */
  note(resource: RelativePath, file: LocalFile, digest: string): void {
    this.#remember(resource, { file, digest }, Date.now());
  }

  /** Forgets what held for one round only. */
  endRound(): void {
    this.save();
    this.#fresh.clear();
  }

  async #digest(
    resource: RelativePath,
    file: LocalFile,
    options: {
      readonly state: ResourceState;
      readonly digest?: string;
      readonly signal?: AbortSignal;
    },
  ): Promise<string> {
    const { hashed } = options.state;
    const isKnown = hashed !== undefined && sameStamp(hashed.stamp, file);
    if (isKnown && options.digest === undefined) return hashed.digest;
    const lookedAtMs = Date.now();
    const fresh = this.#unsaved.get(resource) ?? this.#fresh.get(resource);
    const isFresh = fresh !== undefined && sameStamp(fresh.file, file);
    if (isFresh && options.digest === undefined) return fresh.digest;
    const digest = options.digest ?? await this.#hash(file, this.#checksums.algorithm, options);
    this.#remember(resource, { file, digest }, lookedAtMs);
    return digest;
  }

  #remember(
    resource: RelativePath,
    known: { readonly file: LocalFile; readonly digest: string },
    lookedAtMs: number,
  ): void {
    if (!isSettled(known.file, lookedAtMs)) {
      this.#fresh.set(resource, known);
      return;
    }
    this.#unsaved.set(resource, known);
    if (this.#unsaved.size >= NOTE_AT_ONCE) this.save();
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

/** A file of which nothing need be known but that it is there. */
function sketchOf(file: LocalFile): LocalVersion {
  const timeS = Math.floor(file.modifiedMs / 1000);
  return { id: "", timeS, equalsRecord: false, equalsAgreed: false };
}
