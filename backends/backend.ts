/**
 * The contract between the relay protocol and a storage. A backend keeps named objects of bytes; it knows nothing of
 * placeholders, locks or pages. `tests/backends/conformance.ts` holds every backend to this file.
 */

/**
 * The name of an object, relative to the relay's folder: `/` between parts, no empty part, no `.` or `..`, no NUL.
 * Made only by {@linkcode parseObjectName}. Folders come and go with the objects in them: a put makes those that are
 * missing.
 */
export type ObjectName = string & { readonly __brand: "ObjectName" };

/** The name of a folder: as {@linkcode ObjectName}, or `""` for the relay's own folder. */
export type FolderName = ObjectName | "";

/** Says why `text` cannot name an object, or `undefined` if it can. */
export function whyNotObjectName(text: string): string | undefined {
  if (text.includes("\0")) return "it contains a NUL";
  if (!text.isWellFormed()) return "it is not valid Unicode";
  for (const part of text.split("/")) {
    if (part === "" || part === "." || part === "..") return `it has a part "${part}"`;
  }
  return undefined;
}

/**
 * The name of an object.
 *
 * @throws {BackendError} `invalid-name` if `text` cannot name an object
 */
export function parseObjectName(text: string): ObjectName {
  const why = whyNotObjectName(text);
  if (why !== undefined) {
    throw new BackendError("invalid-name", `Cannot use the name ${JSON.stringify(text)}: ${why}`);
  }
  return text as ObjectName;
}

/** One object as a listing shows it. */
export interface ObjectInfo {
  /** Relative to the relay's folder. */
  readonly name: ObjectName;
  /** As stored. */
  readonly sizeBytes: number;
  /** When the storage says the object was last written, milliseconds since 1970, by the storage's clock. */
  readonly modifiedMs?: number;
  /** Opaque; differs between any two versions of an object. Absent where the storage has nothing of the kind. */
  readonly tag?: string;
}

/** Content to be stored. May be opened again for a retry, and gives the same bytes each time. */
export interface ByteSource {
  /** Exactly what a stream of it gives. */
  readonly sizeBytes: number;
  /** The same content in one piece, where it is small and in memory anyway: saves a stream for each small object. */
  readonly bytes?: Uint8Array;
  /** A fresh stream of the content. */
  open(): ReadableStream<Uint8Array>;
}

/** What every call accepts. */
export interface CallOptions {
  /** Ends the call early; what was not finished is undone. */
  readonly signal?: AbortSignal;
}

/** What {@linkcode Backend.put} accepts. */
export interface PutOptions extends CallOptions {
  /** {@linkcode Backend.flush} may leave this object out: nothing is lost with it that could not be made again. */
  readonly isVolatile?: boolean;
}

/** What {@linkcode Backend.create} accepts. */
export interface CreateOptions extends CallOptions {
  /**
   * Nobody writes into the object in place, it is only ever replaced or removed: a storage may let several of the same
   * content share one place.
   */
  readonly isShareable?: boolean;
}

/** How storages differ, found by probing or declared. Callers branch on these, never on the protocol. */
export interface BackendTraits {
  /** {@linkcode Backend.create} succeeds for one of any number of callers at the same time. */
  readonly exclusiveCreate: boolean;
  /** {@linkcode Backend.makeFolder} succeeds for one of any number of callers at the same time. */
  readonly exclusiveFolder: boolean;
  /** {@linkcode Backend.put} replaces an object so that a reader sees the old one or the new one whole. */
  readonly atomicReplace: boolean;
  /** How coarse {@linkcode ObjectInfo.modifiedMs} is, milliseconds; `undefined` if the storage gives no times. */
  readonly timePrecisionMs: number | undefined;
  /** The longest time after which every client sees a finished write, milliseconds; 0 if at once. */
  readonly listingLagMs: number;
  /** The storage tells the free or used space. */
  readonly knowsSpace: boolean;
}

/** Space on the storage, in bytes, as far as it tells. */
export interface SpaceInfo {
  /** Taken by what stands on the storage. */
  readonly usedBytes?: number;
  /** Still to be had. */
  readonly freeBytes?: number;
}

/** A storage. Calls may overlap. A failed call throws a {@linkcode BackendError} and nothing else but an abort. */
export interface Backend extends AsyncDisposable {
  /** How this storage differs from others. */
  readonly traits: BackendTraits;

  /**
   * Lists the objects in `folder`, with those of the folders below it if `recursive`. A folder that does not exist is
   * empty, but the relay's own folder must exist. Temporary files of a put under way are not listed. Names that
   * cannot be an {@linkcode ObjectName}, symbolic links and special files are left out.
   *
   * @throws {BackendError} `not-found` if the relay's own folder is missing; `denied`, `unavailable`, `protocol`
   */
  list(
    folder: FolderName,
    options?: CallOptions & { readonly recursive?: boolean },
  ): AsyncIterable<ObjectInfo>;

  /** The object as a listing would show it, or `undefined` if there is none of that name. */
  stat(name: ObjectName, options?: CallOptions): Promise<ObjectInfo | undefined>;

  /**
   * Opens an object for reading. The stream errors with a {@linkcode BackendError} if the content ends early, and
   * ends only when the storage confirmed that it was whole. Cancelling it frees the connection.
   *
   * @throws {BackendError} `not-found`
   */
  get(name: ObjectName, options?: CallOptions): Promise<ReadableStream<Uint8Array>>;

  /**
   * Reads a small object whole.
   *
   * @throws {BackendError} `not-found`; `too-large`, before reading more, if it is longer than `maxBytes`
   */
  read(name: ObjectName, options: CallOptions & { readonly maxBytes: number }): Promise<Uint8Array>;

  /**
   * Stores the bytes of `source` under `name`, wholly or not at all, replacing any existing object and making missing
   * folders. May open `source` again to retry.
   *
   * @throws {BackendError} `full`, `denied`, `unavailable`, `invalid-name`; `protocol` if the stream is not
   * `source.sizeBytes` long. What the stream itself throws is thrown on as it is; then the object is as it was.
   */
  put(name: ObjectName, source: ByteSource, options?: PutOptions): Promise<void>;

  /**
   * Stores a small object only if there is none of that name, and says whether it did. Where
   * `traits.exclusiveCreate` is false this is a look followed by a put.
   */
  create(name: ObjectName, bytes: Uint8Array, options?: CreateOptions): Promise<boolean>;

  /** Removes an object and says whether there was one. Folders left empty may stay or go. */
  remove(name: ObjectName, options?: CallOptions): Promise<boolean>;

  /** Makes a folder and says whether it did; false if there is something of that name. Missing parents are made. */
  makeFolder(name: ObjectName, options?: CallOptions): Promise<boolean>;

  /** Removes an empty folder and says whether there was one. */
  removeFolder(name: ObjectName, options?: CallOptions): Promise<boolean>;

  /** Makes every earlier put that is not volatile survive a crash of the storage's machine, as far as it offers that. */
  flush(options?: CallOptions): Promise<void>;

  /** The space on the storage; empty if it does not tell. */
  space(options?: CallOptions): Promise<SpaceInfo>;

  /**
   * Calls `changed` soon after something below the relay's folder may have changed, until the signal aborts. A hint:
   * it may be late, spurious or missing. Absent where the storage has nothing of the kind.
   */
  watch?(changed: () => void, signal: AbortSignal): void;
}

/** Why a backend call failed, as far as a caller may branch on it. */
export type BackendErrorCode =
  | "not-found"
  | "exists"
  | "denied" // not allowed, or wrong credentials
  | "full" // no space left, or a quota
  | "unavailable" // not reachable, or not now
  | "protocol" // the storage does not keep to its protocol, or the content has another length than said
  | "invalid-name" // the storage cannot hold this name
  | "too-large" // larger than the caller takes
  | "unsupported";

/** Extra facts of a {@linkcode BackendError}. */
export interface BackendErrorDetails {
  /** Whether the same call may succeed a moment later. Set where the fact is known. */
  readonly retryable?: boolean;
  /** What the user can do next, one sentence without a final period. */
  readonly hint?: string;
  /** The shortest wait that the storage asked for, milliseconds. */
  readonly retryAfterMs?: number;
  /** What led to it. */
  readonly cause?: unknown;
}

/** A failed backend call. The message names the verb, the object and the storage's reply, never a secret. */
export class BackendError extends Error {
  /** The class. */
  override readonly name: string = "BackendError";
  /** What to branch on. */
  readonly code: BackendErrorCode;
  /** As {@linkcode BackendErrorDetails.retryable}; by default only what is `unavailable`. */
  readonly retryable: boolean;
  /** As {@linkcode BackendErrorDetails.hint}. */
  readonly hint: string | undefined;
  /** As {@linkcode BackendErrorDetails.retryAfterMs}. */
  readonly retryAfterMs: number | undefined;

  /** Makes an error with a message for the user. */
  constructor(code: BackendErrorCode, message: string, details: BackendErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = details.retryable ?? code === "unavailable";
    this.hint = details.hint;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** How to reach a storage: what the configuration says of it, already checked. Secrets are in it. */
export interface RelayAddress {
  /** Which backend, as `file` or `ftps`. */
  readonly protocol: string;
  /** Host name or address; for `rclone` the remote; absent for `file`. */
  readonly host?: string;
  /** Absent for the protocol's own. */
  readonly port?: number;
  /** The repository's folder at the storage; for `file` absolute on this machine. */
  readonly folder?: string;
  /** Who logs in. */
  readonly username?: string;
  /** A secret. */
  readonly password?: string;
  /** The client's own certificate, PEM. */
  readonly certificateFile?: string;
  /** The private key of that certificate, PEM. */
  readonly keyFile?: string;
  /** Whether the server's certificate must hold. */
  readonly verifyTls: boolean;
  /** The least, or with a number the only, version of TLS; `TLS` is the best that both speak. */
  readonly tlsVersion?: "TLS" | "TLSv1.2" | "TLSv1.3";
  /** The proxy on the way to the host, as `http://user:password@host:port`. */
  readonly proxy?: string;
  /** How the server writes names, if not in UTF-8. */
  readonly encoding?: string;
  /** The most transfers at a time. */
  readonly maxTransfers: number;
  /** The longest wait for an answer. */
  readonly timeoutMs: number;
  /** Passphrase for storages that encrypt by themselves. */
  readonly nativePassphrase?: string;
  /** Program to run, for storages that need one. */
  readonly program?: string;
}

/** What a backend gets besides its address. */
export interface BackendContext {
  /** One line of wire talk or a decision, secrets masked. */
  readonly trace?: (line: string) => void;
  /** Ends the opening early. */
  readonly signal?: AbortSignal;
}

/** Opens the storage at `address`. @throws {BackendError} if it cannot be reached or used */
export type OpenBackend = (address: RelayAddress, context?: BackendContext) => Promise<Backend>;
