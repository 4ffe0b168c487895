import { setTimeout } from "node:timers/promises";
import {
  type Backend,
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

/** What {@linkcode withLimits} allows. */
export interface LimitOptions {
  /** The most transfers at a time. */
  readonly maxTransfers: number;
  /** The most content put in a second, over all transfers, bytes. */
  readonly upBytesPerSecond?: number;
  /** The most content got in a second, over all transfers, bytes. */
  readonly downBytesPerSecond?: number;
  /** A clock that never goes back, milliseconds; `performance.now` by default. */
  readonly now?: () => number;
  /** Waits, and throws if the signal aborts. */
  readonly sleep?: (waitMs: number, signal: AbortSignal) => Promise<void>;
}

/**
 * `backend` with bounds on its transfers, which are puts and gets; a get lasts until its stream ends, errors or is
 * cancelled. Further transfers wait their turn, in the order of the calls. All other calls pass freely, so that a client
 * may look at a lock while all its transfers are under way. A put whose source is a get of the same backend needs two turns.
 */
export function withLimits(backend: Backend, options: LimitOptions): Backend {
  return new LimitedBackend(backend, options);
}

class LimitedBackend implements Backend {
  readonly traits: BackendTraits;
  readonly watch?: (changed: () => void, signal: AbortSignal) => void;
  readonly #inner: Backend;
  readonly #turns: Turns;
  readonly #up: Pace | undefined;
  readonly #down: Pace | undefined;

  constructor(inner: Backend, options: LimitOptions) {
    this.traits = inner.traits;
    this.#inner = inner;
    this.#turns = new Turns(options.maxTransfers);
    this.#up = paceOf(options.upBytesPerSecond, options);
    this.#down = paceOf(options.downBytesPerSecond, options);
    if (inner.watch !== undefined) this.watch = inner.watch.bind(inner);
  }

  list(
    folder: FolderName,
    options?: CallOptions & { readonly recursive?: boolean },
  ): AsyncIterable<ObjectInfo> {
    return this.#inner.list(folder, options);
  }

  stat(name: ObjectName, options?: CallOptions): Promise<ObjectInfo | undefined> {
    return this.#inner.stat(name, options);
  }

  async get(name: ObjectName, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const turn = await this.#turns.take(options.signal);
    try {
      const content = await this.#inner.get(name, options);
      return guarded(content, {
        ended: () => turn.end(),
        pace: this.#down,
        signal: options.signal,
      });
    } catch (thrown) {
      turn.end();
      throw thrown;
    }
  }

  read(
    name: ObjectName,
    options: CallOptions & { readonly maxBytes: number },
  ): Promise<Uint8Array> {
    return this.#inner.read(name, options);
  }

  async put(name: ObjectName, source: ByteSource, options: PutOptions = {}): Promise<void> {
    const turn = await this.#turns.take(options.signal);
    try {
      await this.#inner.put(name, this.#paced(source), options);
    } finally {
      turn.end();
    }
  }

  create(name: ObjectName, bytes: Uint8Array, options?: CreateOptions): Promise<boolean> {
    return this.#inner.create(name, bytes, options);
  }

  remove(name: ObjectName, options?: CallOptions): Promise<boolean> {
    return this.#inner.remove(name, options);
  }

  makeFolder(name: ObjectName, options?: CallOptions): Promise<boolean> {
    return this.#inner.makeFolder(name, options);
  }

  removeFolder(name: ObjectName, options?: CallOptions): Promise<boolean> {
    return this.#inner.removeFolder(name, options);
  }

  flush(options?: CallOptions): Promise<void> {
    return this.#inner.flush(options);
  }

  space(options?: CallOptions): Promise<SpaceInfo> {
    return this.#inner.space(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }

  #paced(source: ByteSource): ByteSource {
    const pace = this.#up;
    if (pace === undefined) return source;
    return {
      sizeBytes: source.sizeBytes,
      open: () => guarded(source.open(), { ended: () => {}, pace, signal: undefined }),
    };
  }
}

/** `content` with each chunk held to `pace`; calls `ended` once, however it ends. */
function guarded(
  content: ReadableStream<Uint8Array>,
  { ended, pace, signal }: {
    readonly ended: () => void;
    readonly pace: Pace | undefined;
    readonly signal: AbortSignal | undefined;
  },
): ReadableStream<Uint8Array> {
  const reader = content.getReader();
  const cancelled = new AbortController();
  const stopped = AbortSignal.any([cancelled.signal, ...signal === undefined ? [] : [signal]]);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) {
          await pace?.pass(value.length, stopped);
          return controller.enqueue(value);
        }
        controller.close();
      } catch (thrown) {
        controller.error(signal?.aborted ? signal.reason : thrown);
      }
      ended();
    },
    async cancel(reason) {
      cancelled.abort();
      try {
        await reader.cancel(reason);
      } finally {
        ended();
      }
    },
  }, { highWaterMark: 0 });
}

/** One of the transfers that may be under way. */
interface Turn {
  end(): void;
}

/** Hands out a bounded number of turns, first come, first served. */
class Turns {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  async take(signal: AbortSignal | undefined): Promise<Turn> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#wait(signal);
    let isMine = true;
    return {
      end: () => {
        if (!isMine) return;
        isMine = false;
        this.#handOn();
      },
    };
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiting.delete(go);
        reject(signal?.reason);
      };
      const go = () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      this.#waiting.add(go);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  #handOn(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

/** Spreads bytes over time. */
class Pace {
  readonly #bytesPerSecond: number;
  readonly #now: () => number;
  readonly #sleep: (waitMs: number, signal: AbortSignal) => Promise<void>;
  #freeAtMs = -Infinity;

  constructor(
    bytesPerSecond: number,
    { now = () => performance.now(), sleep = waitFor }: LimitOptions,
  ) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#now = now;
    this.#sleep = sleep;
  }

  /** Returns when the bytes before these have had their time. */
  async pass(sizeBytes: number, signal: AbortSignal): Promise<void> {
    const startMs = Math.max(this.#now(), this.#freeAtMs);
    this.#freeAtMs = startMs + sizeBytes / this.#bytesPerSecond * 1000;
    const waitMs = startMs - this.#now();
    if (waitMs > 0) await this.#sleep(waitMs, signal);
  }
}

function paceOf(bytesPerSecond: number | undefined, options: LimitOptions): Pace | undefined {
  return bytesPerSecond === undefined ? undefined : new Pace(bytesPerSecond, options);
}

async function waitFor(waitMs: number, signal: AbortSignal): Promise<void> {
  await setTimeout(waitMs, undefined, { signal });
}
