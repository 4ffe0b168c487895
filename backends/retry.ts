import { setTimeout } from "node:timers/promises";
import {
  type Backend,
  BackendError,
  type BackendTraits,
  type ByteSource,
  type CallOptions,
  type CreateOptions,
  type FolderName,
  type ObjectInfo,
  type ObjectName,
  type PutOptions,
  type SpaceInfo,
} from "./backend.ts";

/** How {@linkcode withRetries} waits. */
export interface RetryOptions {
  /** How often a call is attempted at most; 5 by default. */
  readonly attempts?: number;
  /** The wait after the first failure, milliseconds; it doubles with each further one. 250 by default. */
  readonly firstWaitMs?: number;
  /** The longest wait that is chosen here, milliseconds; a storage may ask for more. 10 s by default. */
  readonly longestWaitMs?: number;
  /** No further attempt begins when a call has taken this long, milliseconds; 60 s by default. */
  readonly totalMs?: number;
  /** A number from 0 up to 1; `Math.random` by default. */
  readonly random?: () => number;
  /** A clock that never goes back, milliseconds; `performance.now` by default. */
  readonly now?: () => number;
  /** Waits, and throws the signal's reason if it aborts. */
  readonly sleep?: (waitMs: number, signal: AbortSignal | undefined) => Promise<void>;
  /** Gets one line for each failure that is followed by another attempt. */
  readonly trace?: (line: string) => void;
}

/**
 * `backend` with calls attempted again that failed for a passing reason ({@linkcode BackendError.retryable}).
 *
 * A failed call may have had its effect, its reply being lost. So a create that is attempted again says true if what
 * stands is its own bytes, which must be those of no other caller; of nothing it says that they are its own if they are
 * empty. A remove says true if the object is gone by then. A makeFolder cannot know who made a folder that is there by
 * then, and fails. Of get only the opening is attempted again. A listing begins anew and leaves out what it has given.
 */
export function withRetries(backend: Backend, options: RetryOptions = {}): Backend {
  return new RetryingBackend(backend, {
    attempts: 5,
    firstWaitMs: 250,
    longestWaitMs: 10_000,
    totalMs: 60_000,
    random: Math.random,
    now: () => performance.now(),
    sleep: waitFor,
    trace: () => {},
    ...options,
  });
}

class RetryingBackend implements Backend {
  readonly traits: BackendTraits;
  readonly watch?: (changed: () => void, signal: AbortSignal) => void;
  readonly #inner: Backend;
  readonly #options: Required<RetryOptions>;

  constructor(inner: Backend, options: Required<RetryOptions>) {
    this.traits = inner.traits;
    this.#inner = inner;
    this.#options = options;
    if (inner.watch !== undefined) this.watch = inner.watch.bind(inner);
  }

  async *list(
    folder: FolderName,
    options: CallOptions & { readonly recursive?: boolean } = {},
  ): AsyncGenerator<ObjectInfo> {
    const given = new Set<ObjectName>();
    const patience = new Patience(this.#options, options.signal);
    for (;;) {
      try {
        for await (const info of this.#inner.list(folder, options)) {
          if (given.has(info.name)) continue;
          given.add(info.name);
          yield info;
        }
        return;
      } catch (thrown) {
        await patience.bear(thrown);
      }
    }
  }

  stat(name: ObjectName, options: CallOptions = {}): Promise<ObjectInfo | undefined> {
    return this.#attempt(options, () => this.#inner.stat(name, options));
  }

  get(name: ObjectName, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return this.#attempt(options, () => this.#inner.get(name, options));
  }

  read(
    name: ObjectName,
    options: CallOptions & { readonly maxBytes: number },
  ): Promise<Uint8Array> {
    return this.#attempt(options, () => this.#inner.read(name, options));
  }

  put(name: ObjectName, source: ByteSource, options: PutOptions = {}): Promise<void> {
    return this.#attempt(options, () => this.#inner.put(name, source, options));
  }

  create(name: ObjectName, bytes: Uint8Array, options: CreateOptions = {}): Promise<boolean> {
    return this.#attempt(options, async (failure) => {
      if (failure === undefined) return await this.#inner.create(name, bytes, options);
      // A server may still be at work on the attempt before, so it is looked at before it is written to.
      const isOwn = await this.#lookWhose(name, bytes, options);
      if (isOwn !== undefined) return isOwn;
      if (await this.#inner.create(name, bytes, options)) return true;
      return await this.#lookWhose(name, bytes, options) ?? false;
    });
  }

  remove(name: ObjectName, options: CallOptions = {}): Promise<boolean> {
    return this.#attempt(options, async (failure) => {
      return await this.#inner.remove(name, options) || failure !== undefined;
    });
  }

  makeFolder(name: ObjectName, options: CallOptions = {}): Promise<boolean> {
    return this.#attempt(options, async (failure) => {
      if (await this.#inner.makeFolder(name, options)) return true;
      if (failure === undefined) return false;
      throw new BackendError(
        "unavailable",
        `Cannot tell who made the folder ${JSON.stringify(name)}: ${failure.message}`,
        { retryable: false, cause: failure },
      );
    });
  }

  removeFolder(name: ObjectName, options: CallOptions = {}): Promise<boolean> {
    return this.#attempt(options, async (failure) => {
      return await this.#inner.removeFolder(name, options) || failure !== undefined;
    });
  }

  flush(options: CallOptions = {}): Promise<void> {
    return this.#attempt(options, () => this.#inner.flush(options));
  }

  space(options: CallOptions = {}): Promise<SpaceInfo> {
    return this.#attempt(options, () => this.#inner.space(options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }

  /** Calls `call` until it succeeds, with the failure before; gives up as the options say. */
  async #attempt<T>(
    { signal }: CallOptions,
    call: (failure: BackendError | undefined) => Promise<T>,
  ): Promise<T> {
    const patience = new Patience(this.#options, signal);
    let failure: BackendError | undefined;
    for (;;) {
      try {
        return await call(failure);
      } catch (thrown) {
        failure = await patience.bear(thrown);
      }
    }
  }

  /** Whether what stands under `name` is `bytes`, and so was written by us; `undefined` if nothing stands. */
  async #lookWhose(
    name: ObjectName,
    bytes: Uint8Array,
    { signal }: CallOptions,
  ): Promise<boolean | undefined> {
    try {
      const options = { maxBytes: bytes.length, ...signal === undefined ? {} : { signal } };
      const standing = await this.#inner.read(name, options);
      if (bytes.length === 0 || standing.length !== bytes.length) return false;
      return standing.every((byte, i) => byte === bytes[i]);
    } catch (thrown) {
      if (!(thrown instanceof BackendError)) throw thrown;
      if (thrown.code === "not-found") return undefined;
      if (thrown.code === "too-large") return false;
      throw thrown;
    }
  }
}

/** How much one call has borne so far. */
class Patience {
  readonly #options: Required<RetryOptions>;
  readonly #signal: AbortSignal | undefined;
  readonly #startMs: number;
  #failures = 0;

  constructor(options: Required<RetryOptions>, signal: AbortSignal | undefined) {
    this.#options = options;
    this.#signal = signal;
    this.#startMs = options.now();
  }

  /** Waits until the next attempt and gives the failure, or throws it if there is to be no other attempt. */
  async bear(thrown: unknown): Promise<BackendError> {
    const { attempts, totalMs, now, sleep, trace } = this.#options;
    if (!(thrown instanceof BackendError) || !thrown.retryable) throw thrown;
    this.#failures++;
    const waitMs = this.#nextWaitMs(thrown.retryAfterMs ?? 0);
    const passedMs = now() - this.#startMs;
    if (this.#failures >= attempts || passedMs + waitMs > totalMs) throw thrown;
    trace(`${thrown.message}; attempt ${this.#failures + 1} in ${Math.round(waitMs)} ms`);
    await sleep(waitMs, this.#signal);
    return thrown;
  }

  /** Between half the doubled wait and the whole, so that clients that failed together part. */
  #nextWaitMs(askedMs: number): number {
    const { firstWaitMs, longestWaitMs, random } = this.#options;
    const wholeMs = Math.min(longestWaitMs, firstWaitMs * 2 ** (this.#failures - 1));
    return Math.max(askedMs, wholeMs / 2 + random() * wholeMs / 2);
  }
}

async function waitFor(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await setTimeout(waitMs, undefined, signal === undefined ? {} : { signal });
  } catch (thrown) {
    // Node's own error says only that there was an abort.
    signal?.throwIfAborted();
    throw thrown;
  }
}
