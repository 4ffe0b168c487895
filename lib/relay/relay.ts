import type { ByteSource } from "../../backends/backend.ts";
import type { EscaleError } from "../errors.ts";
import type { RelativePath } from "../path.ts";
import type { LockMode } from "./lock_text.ts";
import type { RelayRecord } from "./metadata.ts";

export type { ByteSource, OpenBackend } from "../../backends/backend.ts";

/**
 * The contract between the engine and a layout of the relay. A layout knows how records and contents stand on the
 * storage and how they are locked; it decides nothing about versions.
 */

/** What stands where a resource's record should be. */
export type RecordView =
  | { readonly kind: "absent" }
  /** It cannot be read, or its seal is missing or wrong: never trusted. */
  | { readonly kind: "unreadable"; readonly why: string; readonly seal?: "wrong" | "missing" }
  | { readonly kind: "present"; readonly record: RelayRecord; readonly text: string };

/** How a lock that is not held by this process looks from here. */
export type LockView =
  | { readonly kind: "held"; readonly owner: string; readonly unchangedS: number }
  /** Left by an earlier run of this client, or by a client that is gone: to be taken over and repaired. */
  | { readonly kind: "leftover"; readonly owner: string }
  /** Another process is alive under this client's name. */
  | { readonly kind: "twin" }
  /** The storage has no place for it, as where its name is too long or a file stands in place of its folder. */
  | { readonly kind: "failed"; readonly cause: unknown }
  /** Nobody holds it, but what stands there waits for its pullers: nothing can be put before they came. */
  | { readonly kind: "busy" };

/** One resource as it stands on the relay. */
export interface RelayEntry {
  readonly resource: RelativePath;
  readonly record: RecordView;
  /** Size of the stored content, encrypted if it is; `undefined` if no content stands. */
  readonly storedBytes: number | undefined;
  /** When the content was stored, by the storage's clock, milliseconds since 1970. */
  readonly storedMs?: number | undefined;
  readonly lock: LockView | undefined;
  /** The content is an object of its own, which {@linkcode Transaction.check} can read back. */
  readonly canCheck?: true;
  /** Stands, with others, in something that this client has yet to acknowledge as a whole. */
  readonly isOwed?: boolean;
}

/** The relay as it stands, as far as this client synchronises it. */
export interface Survey {
  readonly entries: RelayEntries;
  /** Bytes of all objects on the relay. */
  readonly usedBytes: number;
  /**
   * Stands for all that the entries are made of, where nobody is at work and nothing is refused. Absent otherwise, and
   * where that cannot be told cheaply.
   */
  readonly sign?: string;
  /** Where this can be told cheaply: which resources needed nothing when they were looked at last. */
  readonly quiet?: QuietNotes;
  /** What cannot be read, or is refused, of what holds several records. */
  readonly problems?: readonly { readonly where: string; readonly error: EscaleError }[];
}

/** All resources on a relay. An entry may be made only when it is asked for. */
export interface RelayEntries extends ReadonlyMap<RelativePath, RelayEntry> {
  /** How many contents stand. */
  readonly contents: number;
  /** The entries whose contents stand. */
  standing(): Iterable<RelayEntry>;
  /** The entries that are locked, or wait for pullers. */
  locked(): Iterable<RelayEntry>;
}

/** Remembers, until their records may have changed, resources that need nothing. */
export interface QuietNotes {
  /** Whether the resource was noted with this mark, and stands as it stood then. */
  isQuiet(resource: RelativePath, mark: number): boolean;
  note(resource: RelativePath, mark: number): void;
}

/** The outcome of reading a content back. */
export type ContentCheck = "whole" | "damaged" | "absent";

/** Plain content: in one piece if it is small. */
export type PlainContent = Uint8Array | ReadableStream<Uint8Array>;

/** Something to be done to one resource, as far as batches go by it. */
export interface BatchItem {
  readonly resource: RelativePath;
  readonly sizeBytes: number;
}

/** A set of locked resources. Everything else that a client does to the relay happens inside one. */
export interface Transaction extends AsyncDisposable {
  /** The resources whose locks were got, read again under them. */
  readonly entries: ReadonlyMap<RelativePath, RelayEntry>;
  /** The others, and why. */
  readonly refused: ReadonlyMap<RelativePath, LockView>;
  /** What was put and could not be sent after all, and why; known once it is confirmed. */
  readonly left: ReadonlyMap<RelativePath, unknown>;

  /**
   * Publishes a version: the record, then the content. If it fails, what it did is undone when the transaction ends.
   *
   * @throws {EscaleError} `locked` if the lock was lost
   */
  put(resource: RelativePath, record: RelayRecord, content: ByteSource): Promise<void>;

  /** Writes a record without touching the content. @throws {EscaleError} `locked` */
  putRecord(resource: RelativePath, record: RelayRecord): Promise<void>;

  /**
   * Makes what was put durable, reads each record and content's size back, and says which of them stand as they were
   * put. Until then a put counts as unfinished.
   */
  confirm(): Promise<ReadonlySet<RelativePath>>;

  /**
   * Hands the plain contents of resources to `take`, in an order of the layout's choice and several at a time where it
   * can. A stream errors with `corrupt` or `wrong-key` before it ends if the content is not authentic.
   *
   * `take` opens the content when it is ready for it, and gets the error there if it cannot be opened. What `take`
   * throws ends the call.
   *
   * @returns the contents that turned out not to be authentic, or not to be there, when `take` may have had them
   * already: what it made of them is void
   */
  receive(
    resources: readonly RelativePath[],
    take: (resource: RelativePath, content: () => Promise<PlainContent>) => Promise<void>,
  ): Promise<ReadonlyMap<RelativePath, EscaleError>>;

  /**
   * Adds this client to the version's pullers; removes the content first if `removeContent`. A layout that acknowledges
   * versions together notes it, and does so by itself in {@linkcode Transaction.commit}.
   *
   * @returns whether it is done
   */
  acknowledge(
    resource: RelativePath,
    options: { readonly removeContent: boolean },
  ): Promise<boolean>;

  /** Notes that this client has no need of the version, where versions are acknowledged together. */
  pass(resource: RelativePath): void;

  /** Reads a content back and compares it with its record. */
  check(resource: RelativePath): Promise<ContentCheck>;

  /** Removes the content, where everyone has it. */
  removeContent(resource: RelativePath): Promise<void>;

  /**
   * Removes the record, so that whoever has the version sends it again, then any content that stands. May wait for
   * {@linkcode Transaction.commit}. `isLost`: this client had the file, and it is gone.
   */
  withdraw(resource: RelativePath, options?: { readonly isLost: boolean }): Promise<void>;

  /**
   * Carries out what was only noted. Called once, after all else has succeeded.
   *
   * @returns how many acknowledgements it made
   * @throws {EscaleError} `locked`; `refused` if all records of a page would go that this client has lost
   */
  commit(): Promise<number>;
}

/** A relay repository in one layout. */
export interface Relay extends AsyncDisposable {
  /** Lists the relay and reads the records that are new since the last time. */
  survey(options?: { readonly signal?: AbortSignal }): Promise<Survey>;

  /**
   * Looks whether the relay stands as it stood when a survey gave this sign, and reads no more than that takes.
   *
   * @returns the bytes of all objects; `undefined` if it does not stand so, or that cannot be told
   */
  recognise?(
    sign: string,
    options?: { readonly signal?: AbortSignal },
  ): Promise<{ readonly usedBytes: number } | undefined>;

  /**
   * Locks as many of `resources` as it can without waiting, takes over locks that were left behind, and repairs what
   * they covered.
   */
  open(
    resources: readonly RelativePath[],
    options: { readonly mode: LockMode; readonly signal?: AbortSignal },
  ): Promise<Transaction>;

  /**
   * Takes over locks that were left behind where resources are locked together, and repairs what stands there without
   * use. Called after {@linkcode Relay.survey}.
   *
   * @returns what was repaired: then the relay is to be surveyed anew
   */
  repair(options?: { readonly signal?: AbortSignal }): Promise<readonly string[]>;

  /**
   * Cuts what is to be pulled, pushed or requested (locked in mode `w`) into the parts that are locked and done
   * together, in their order.
   */
  batches<T extends BatchItem>(items: readonly T[], use: LockMode | "request"): Iterable<T[]>;

  /** Why the layout cannot hold a resource of this name, a clause; `undefined` if it can. */
  whyNotHeld(resource: RelativePath): string | undefined;

  /** Whether this client's key opens a content: `gone` if it is not there, or nothing would show a wrong key. */
  tryKey(resource: RelativePath): Promise<"opens" | "fails" | "gone">;

  /** Whether {@linkcode watch} does anything on this storage. */
  readonly canWatch: boolean;

  /** Calls `changed` soon after something on the relay may have changed. A hint. */
  watch(changed: () => void, signal: AbortSignal): void;
}
