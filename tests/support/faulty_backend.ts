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
  type SpaceInfo,
} from "../../backends/backend.ts";

export type Verb =
  | "list"
  | "stat"
  | "get"
  | "read"
  | "put"
  | "create"
  | "remove"
  | "makeFolder"
  | "removeFolder"
  | "flush"
  | "space";

/** A call that reached a {@linkcode FaultyBackend}. */
export interface Call {
  readonly verb: Verb;
  /** The object or folder; `""` where there is none. */
  readonly name: string;
  /** 1 for the first call of all. */
  readonly nth: number;
  /** 1 for the first call of this verb. */
  readonly nthOfVerb: number;
}

/** What goes wrong with a call. */
export type Fault =
  & (
    /** It fails, and has no effect. */
    | { readonly kind: "fail" }
    /** It has its effect, and fails. */
    | { readonly kind: "lose-reply" }
    /** It waits until its signal aborts or {@linkcode FaultyBackend.release} is called; then it goes on. */
    | { readonly kind: "stall" }
    /**
     * The content of a get or put, or a listing, ends with an error after so many bytes or objects. A put leaves nothing,
     * or those bytes under its name if `leavesPart`. Other calls just fail.
     */
    | { readonly kind: "cut"; readonly after: number; readonly leavesPart?: boolean }
    /** Only so many bytes are read or put, and nobody is told. Calls without content are as always. */
    | { readonly kind: "short"; readonly after: number }
    /** A call that only looks answers as the one before it on the same name did; at first, that nothing is there. */
    | { readonly kind: "stale" }
    /** A listing has each object twice. */
    | { readonly kind: "double" }
    /** A call that changes something fails, and has its effect so many calls later. */
    | { readonly kind: "late"; readonly calls: number }
  )
  & {
    /** What the call throws; by default a retryable {@linkcode BackendError} `unavailable`. */
    readonly error?: Error;
    /** The client's process ends with this call: it and all later ones throw a {@linkcode Crash}. */
    readonly dies?: boolean;
  };

/** Stands for the end of the client's process. Nothing may catch it but the test. */
export class Crash extends Error {
  override readonly name: string = "Crash";
}

/** Chooses the fault of each call; `undefined` for none. */
export type Decide = (call: Call) => Fault | undefined;

/** The same fault for the n-th call of all, from 1. */
export function onCall(nth: number, fault: Fault): Decide {
  return (call) => call.nth === nth ? fault : undefined;
}

/** The same fault for the n-th call of one verb, from 1. */
export function onVerb(verb: Verb, nth: number, fault: Fault): Decide {
  return (call) => call.verb === verb && call.nthOfVerb === nth ? fault : undefined;
}

/** A backend whose calls fail as a test wants, and are counted. */
export class FaultyBackend implements Backend {
  readonly traits: BackendTraits;
  readonly watch?: (changed: () => void, signal: AbortSignal) => void;
  /** All calls so far, in their order. */
  readonly calls: Call[] = [];
  readonly #counts = new Map<Verb, number>();
  readonly #inner: Backend;
  readonly #decide: Decide;
  readonly #wait: (() => Promise<void>) | undefined;
  /** What was seen last, for stale answers. */
  readonly #listed = new Map<string, readonly ObjectInfo[]>();
  readonly #looked = new Map<string, ObjectInfo | undefined>();
  readonly #read = new Map<string, Uint8Array>();
  /** Effects that are yet to come, by the number of the call before which they do. */
  readonly #late = new Map<number, () => Promise<unknown>>();
  #stalled = Promise.withResolvers<void>();
  #isDead = false;

  /** `wait` is awaited at the beginning of each call. */
  constructor(
    inner: Backend,
    decide: Decide = () => undefined,
    options: { readonly wait?: () => Promise<void> } = {},
  ) {
    this.traits = inner.traits;
    this.#inner = inner;
    this.#decide = decide;
    this.#wait = options.wait;
    if (inner.watch !== undefined) this.watch = inner.watch.bind(inner);
  }

  /** How many calls there were, of one verb or of all. */
  count(verb?: Verb): number {
    return verb === undefined ? this.calls.length : this.#counts.get(verb) ?? 0;
  }

  /** Lets all stalled calls go on. */
  release(): void {
    this.#stalled.resolve();
    this.#stalled = Promise.withResolvers();
  }

  async *list(
    folder: FolderName,
    options: CallOptions & { readonly recursive?: boolean } = {},
  ): AsyncGenerator<ObjectInfo> {
    const fault = await this.#enter("list", folder);
    if (fault?.kind === "stall") await this.#stall(options.signal);
    if (fault?.kind === "fail") throw this.#failure(fault, "list", folder);
    const key = `${folder} ${options.recursive ?? false}`;
    if (fault?.kind === "stale") return yield* this.#listed.get(key) ?? [];
    let left = fault?.kind === "cut" ? fault.after : Infinity;
    const listed: ObjectInfo[] = [];
    for await (const info of this.#inner.list(folder, options)) {
      if (left-- <= 0) break;
      listed.push(info);
      yield info;
      if (fault?.kind === "double") yield info;
    }
    this.#listed.set(key, listed);
    if (isFailing(fault)) throw this.#failure(fault, "list", folder);
  }

  async stat(name: ObjectName, options: CallOptions = {}): Promise<ObjectInfo | undefined> {
    return await this.#call("stat", name, options, async (fault) => {
      if (fault?.kind === "stale") return this.#looked.get(name);
      const info = await this.#inner.stat(name, options);
      this.#looked.set(name, info);
      return info;
    });
  }

  async get(name: ObjectName, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const fault = await this.#enter("get", name);
    if (fault?.kind === "stall") await this.#stall(options.signal);
    if (fault?.kind === "fail") throw this.#failure(fault, "get", name);
    const content = await this.#inner.get(name, options);
    if (fault?.kind === "short") return cutStream(content, fault.after, undefined);
    if (!isFailing(fault)) return content;
    const failure = this.#failure(fault, "get", name);
    if (fault.kind === "cut") return cutStream(content, fault.after, failure);
    await content.cancel();
    throw failure;
  }

  read(
    name: ObjectName,
    options: CallOptions & { readonly maxBytes: number },
  ): Promise<Uint8Array> {
    return this.#call("read", name, options, async (fault) => {
      if (fault?.kind === "stale") return this.#read.get(name) ?? nothing(name);
      const bytes = await this.#inner.read(name, options);
      this.#read.set(name, bytes);
      return fault?.kind === "short" ? bytes.subarray(0, fault.after) : bytes;
    });
  }

  async put(name: ObjectName, source: ByteSource, options: CallOptions = {}): Promise<void> {
    const fault = await this.#enter("put", name);
    if (fault?.kind === "stall") await this.#stall(options.signal);
    if (fault?.kind === "fail") throw this.#failure(fault, "put", name);
    if (fault?.kind === "short") {
      return await this.#inner.put(name, await partOf(source, fault.after), options);
    }
    if (fault?.kind === "late") {
      const whole = await partOf(source, source.sizeBytes);
      this.#putOff(fault.calls, () => this.#inner.put(name, whole));
      throw this.#failure(fault, "put", name);
    }
    if (fault?.kind !== "cut") {
      await this.#inner.put(name, source, options);
      if (fault?.kind === "lose-reply") throw this.#failure(fault, "put", name);
      return;
    }
    const failure = this.#failure(fault, "put", name);
    if (fault.leavesPart === true) await this.#inner.put(name, await partOf(source, fault.after));
    else await this.#inner.put(name, cutSource(source, fault.after, failure), options);
    throw failure;
  }

  create(name: ObjectName, bytes: Uint8Array, options: CreateOptions = {}): Promise<boolean> {
    return this.#call("create", name, options, () => this.#inner.create(name, bytes, options));
  }

  remove(name: ObjectName, options: CallOptions = {}): Promise<boolean> {
    return this.#call("remove", name, options, () => this.#inner.remove(name, options));
  }

  makeFolder(name: ObjectName, options: CallOptions = {}): Promise<boolean> {
    return this.#call("makeFolder", name, options, () => this.#inner.makeFolder(name, options));
  }

  removeFolder(name: ObjectName, options: CallOptions = {}): Promise<boolean> {
    return this.#call("removeFolder", name, options, () => this.#inner.removeFolder(name, options));
  }

  flush(options: CallOptions = {}): Promise<void> {
    return this.#call("flush", "", options, () => this.#inner.flush(options));
  }

  space(options: CallOptions = {}): Promise<SpaceInfo> {
    return this.#call("space", "", options, () => this.#inner.space(options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    for (const effect of this.#late.values()) await effect().catch(() => {});
    await this.#inner[Symbol.asyncDispose]();
  }

  async #call<T>(
    verb: Verb,
    name: string,
    { signal }: CallOptions,
    effect: (fault: Fault | undefined) => Promise<T>,
  ): Promise<T> {
    const fault = await this.#enter(verb, name);
    if (fault?.kind === "stall") await this.#stall(signal);
    if (!isFailing(fault)) return await effect(fault);
    if (fault.kind === "lose-reply") await effect(fault);
    if (fault.kind === "late") this.#putOff(fault.calls, () => effect(undefined));
    throw this.#failure(fault, verb, name);
  }

  #putOff(calls: number, effect: () => Promise<unknown>): void {
    this.#late.set(this.count() + calls, effect);
  }

  /** Counts a call, and says what is to go wrong with it. */
  async #enter(verb: Verb, name: string): Promise<Fault | undefined> {
    if (this.#isDead) throw new Crash(`${verb} "${name}" after the crash`);
    const call = { verb, name, nth: this.count() + 1, nthOfVerb: this.count(verb) + 1 };
    this.calls.push(call);
    this.#counts.set(verb, call.nthOfVerb);
    const fault = this.#decide(call);
    if (fault?.dies === true) this.#isDead = true;
    await this.#wait?.();
    const late = this.#late.get(call.nth);
    this.#late.delete(call.nth);
    // What a server does late it may also fail to do.
    await late?.().catch(() => {});
    return fault;
  }

  #failure(fault: Fault, verb: Verb, name: string): Error {
    if (fault.dies === true) return new Crash(`${fault.kind} at ${verb} "${name}"`);
    return fault.error ??
      new BackendError("unavailable", `Cannot ${verb} "${name}": ${fault.kind} was asked for`);
  }

  async #stall(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const aborted = Promise.withResolvers<void>();
    const abort = () => aborted.reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      await Promise.race([this.#stalled.promise, aborted.promise]);
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }
}

/** Faults of which the caller is told. */
function isFailing(fault: Fault | undefined): fault is Fault {
  return fault !== undefined && !["stall", "short", "stale", "double"].includes(fault.kind);
}

function nothing(name: string): never {
  throw new BackendError("not-found", `Cannot read "${name}": a stale answer was asked for`);
}

function cutSource(source: ByteSource, after: number, failure: Error): ByteSource {
  return { sizeBytes: source.sizeBytes, open: () => cutStream(source.open(), after, failure) };
}

/** The first `after` bytes of `content`, then `failure`, or the end if there is none. */
function cutStream(
  content: ReadableStream<Uint8Array>,
  after: number,
  failure: Error | undefined,
): ReadableStream<Uint8Array> {
  const reader = content.getReader();
  let left = after;
  return new ReadableStream({
    async pull(controller) {
      const end = () => failure ? controller.error(failure) : controller.close();
      if (left === 0) {
        end();
        return await reader.cancel(failure);
      }
      const { done, value } = await reader.read();
      if (done) return end();
      controller.enqueue(value.subarray(0, left));
      left -= Math.min(left, value.length);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/** The first bytes of `source` as a source of its own. */
async function partOf(source: ByteSource, sizeBytes: number): Promise<ByteSource> {
  const parts: Uint8Array[] = [];
  let left = Math.min(sizeBytes, source.sizeBytes);
  for await (const chunk of source.open()) {
    parts.push(chunk.subarray(0, left));
    left -= Math.min(left, chunk.length);
    if (left === 0) break;
  }
  const taken = parts.reduce((sum, part) => sum + part.length, 0);
  return { sizeBytes: taken, open: () => ReadableStream.from(parts) };
}
