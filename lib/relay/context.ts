import {
  type Backend,
  BackendError,
  type ByteSource,
  type ObjectName,
} from "../../backends/backend.ts";
import type { Compression } from "../archive/codec.ts";
import type { CompressBlock } from "../archive/bzip2_encode.ts";
import type { Cipher } from "../crypto/cipher.ts";
import type { Log } from "../log.ts";
import type { RelativePath } from "../path.ts";
import type { Checksums, Sealer } from "./checksum.ts";
import type { Locks } from "./lock.ts";
import { decodeText, MAX_RECORD_BYTES } from "./metadata.ts";
import type { QuietMemory } from "./quiet.ts";
import type { Versions } from "./versions.ts";

/** The text of a record and the sign of the object that it was read from. */
export interface ReadRecord {
  readonly sign: string;
  readonly text: string;
}

/** Where texts of records are kept from one survey to the next. */
export interface RecordCache {
  get(resource: RelativePath): ReadRecord | undefined;
  /** As {@linkcode get}, but faster for resources in ascending order. For one run through many of them. */
  reader(): (resource: RelativePath) => ReadRecord | undefined;
  /** Notes what was read, all at once. */
  note(reads: ReadonlyMap<RelativePath, ReadRecord>): void;
}

/** What a relay layout needs of its surroundings. */
export interface RelayContext {
  readonly backend: Backend;
  readonly client: string;
  readonly locks: Locks;
  readonly cipher: Cipher;
  readonly checksums: Checksums;
  /** Present with encryption on. */
  readonly sealer: Sealer | undefined;
  /** Records without a seal are refused (`legacy peers = no`). */
  readonly requireSeals: boolean;
  /** How the first format writes times. */
  readonly timeFormat: string;
  readonly pullerCount: number;
  readonly maxTransfers: number;
  readonly records: RecordCache;
  readonly versions: Versions;
  readonly quiet: QuietMemory;
  readonly log: Log;
}

/** A content of known size, held until it is disposed of. */
export interface Spooled extends ByteSource, Disposable {}

/** What the index layout needs besides. */
export interface IndexContext extends RelayContext {
  /** How many levels of folders make a page of their own; 0: there is one page. */
  readonly depth: number;
  /** How much plain content makes an update, in bytes. */
  readonly maxPageSizeBytes: number;
  readonly compression: Compression;
  readonly compressBzip2?: CompressBlock;
  /** Whether this client counts among pullers: all do but those that only upload. */
  readonly acknowledges: boolean;
  /** The client that only uploads what this one downloads: it has all that this one has, and is no puller of it. */
  readonly sibling: string | undefined;
  /** Whether all entries of a page may be removed to request files that were lost here. */
  readonly allowPageDeletion: boolean;
  /**
   * Holds a content whose size is not known beforehand. One at a time. `share` is the part of what it is made from that
   * has been read.
   */
  readonly spool: (content: ReadableStream<Uint8Array>, share?: () => number) => Promise<Spooled>;
  /** The last `TS` seen on each page. */
  readonly pageTimes: {
    get(page: string): number;
    note(page: string, ts: number): void;
  };
  /** Whole seconds since 1970. */
  readonly nowS: () => number;
  readonly isKeyProven: () => boolean;
}

/** Reads a small text; `undefined` if there is none, an unreadable one if it is too large to be a record. */
export async function readText(backend: Backend, name: ObjectName): Promise<string | undefined> {
  try {
    return decodeText(await backend.read(name, { maxBytes: MAX_RECORD_BYTES }));
  } catch (cause) {
    if (!(cause instanceof BackendError)) throw cause;
    if (cause.code === "not-found") return undefined;
    if (cause.code === "too-large") return "";
    throw cause;
  }
}
