/** Files and their size. */
export interface Amount {
  readonly files: number;
  readonly bytes: number;
}

/** A content that stands on the relay. */
export interface Standing {
  readonly path: string;
  readonly storedBytes: number;
  /** The client that pushed it, where its record tells. */
  readonly pusher?: string;
  /** The clients that have it, or do not want it, besides the pusher. */
  readonly have: readonly string[];
  /** How many clients are still to have it. */
  readonly lacking: number;
  /** No record tells of it. */
  readonly isOrphan?: true;
}

/** What another client has locked. */
export interface HeldLock {
  readonly path: string;
  readonly owner: string;
  /** How long its lock has not changed, as far as this client has seen, seconds. */
  readonly unchangedS: number;
}

/** How much of a list is told. */
export const MAX_LISTED = 50;

/** What a client sees at the beginning of a round. Lists are cut at {@linkcode MAX_LISTED}; counts are not. */
export interface Outlook {
  readonly toPush: Amount;
  readonly toPull: Amount;
  readonly localFiles: number;
  readonly relayFiles: number;
  /** Bytes of all objects on the relay. */
  readonly usedBytes: number;
  readonly conflictCopies: number;
  /** Resources whose names the local file system cannot hold, and where they stand. */
  readonly renamed: readonly { readonly path: string; readonly place: string }[];
  readonly renamedFiles: number;
  /** Files whose version on the relay was not let in here: conservative mode, or no write access. */
  readonly refused: readonly string[];
  readonly refusedFiles: number;
  readonly standing: readonly Standing[];
  readonly standingFiles: number;
  readonly locks: readonly HeldLock[];
  readonly lockedFiles: number;
}
