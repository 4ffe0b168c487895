/** A file as the file system describes it, without its content. Times in milliseconds since 1970. */
export interface FileStamp {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly changedMs: number;
  readonly inode: number;
}

/**
 * The last version whose content this client durably held and whose exchange it completed. `id` is the version's
 * identity as its record gives it, `digest` the digest of its content as this client computes it.
 */
export interface Agreed {
  readonly id: string;
  readonly digest: string;
  readonly base: readonly string[];
  readonly pusher: string;
  readonly timeS: number | undefined;
  /** The version came from another client, so that a conservative client may let it be replaced. */
  readonly byPull: boolean;
  /** Who had acknowledged it when its record was last seen. */
  readonly pullers: readonly string[];
}

/** All that is remembered of one resource. */
export interface ResourceState {
  /** The file when it was last hashed, and the digest that came out. */
  readonly hashed: { readonly stamp: FileStamp; readonly digest: string } | undefined;
  readonly agreed: Agreed | undefined;
  /** Identities that this client has begun to push since `agreed` was set. */
  readonly intended: readonly string[];
  /** A version that was not let in (conservative mode, no write access). */
  readonly refused: string | undefined;
  /** The record as last read, and the sign of the relay object that it was read from. */
  readonly record: { readonly sign: string; readonly text: string } | undefined;
}

/** What is remembered of a resource never seen before. */
export const UNKNOWN_RESOURCE: ResourceState = {
  hashed: undefined,
  agreed: undefined,
  intended: [],
  refused: undefined,
  record: undefined,
};

/** A change to what is remembered of a resource; what is not named stays. `null` forgets. */
export interface ResourceChange {
  readonly hashed?: ResourceState["hashed"];
  readonly agreed?: Agreed;
  readonly intended?: readonly string[];
  readonly refused?: string | null;
  readonly record?: { readonly sign: string; readonly text: string } | null;
}

/** A resource's access modifiers; `undefined` where none is set. */
export interface AccessModifiers {
  readonly read: boolean | undefined;
  readonly write: boolean | undefined;
}
