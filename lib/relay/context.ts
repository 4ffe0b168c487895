import { type Backend, BackendError, type ObjectName } from "../../backends/backend.ts";
import type { Cipher } from "../crypto/cipher.ts";
import type { Log } from "../log.ts";
import type { RelativePath } from "../path.ts";
import type { Checksums, Sealer } from "./checksum.ts";
import type { Locks } from "./lock.ts";
import { decodeText, MAX_RECORD_BYTES } from "./metadata.ts";

/** The text of a record and the sign of the object that it was read from. */
export interface ReadRecord {
  readonly sign: string;
  readonly text: string;
}

/** Where texts of records are kept from one survey to the next. */
export interface RecordCache {
  get(resource: RelativePath): ReadRecord | undefined;
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
  readonly log: Log;
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
