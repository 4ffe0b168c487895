import {
  type Backend,
  BackendError,
  type BackendTraits,
  type ByteSource,
  type CallOptions,
  type FolderName,
  type ObjectInfo,
  type ObjectName,
  parseObjectName,
  type SpaceInfo,
} from "./backend.ts";

/** What a {@linkcode MemoryStore} is like. Without options it is the best storage there can be. */
export interface MemoryOptions {
  /** Where the store is weaker: it then really behaves so. */
  readonly traits?: Partial<BackendTraits>;
  /** Whether objects have tags; they do by default. */
  readonly hasTags?: boolean;
  /** The store's clock, milliseconds since 1970. By default each reading is a millisecond after the one before. */
  readonly now?: () => number;
  /** The most bytes that all objects may have together. */
  readonly capacityBytes?: number;
}

/** A state of an object. */
export interface Version {
  /** `undefined` if the object was removed. */
  readonly bytes: Uint8Array | undefined;
  /** By the store's clock. */
  readonly writtenMs: number;
  /** Grows with each write to the store. */
  readonly serial: number;
  readonly writer: Backend;
}

const BEST_TRAITS: BackendTraits = {
  exclusiveCreate: true,
  exclusiveFolder: true,
  atomicReplace: true,
  timePrecisionMs: 1,
  listingLagMs: 0,
  knowsSpace: true,
};

const CHUNK_BYTES = 64 * 1024;

/** What several memory backends share: the server, as it were. */
export class MemoryStore {
  /** What the store's backends say of it. */
  readonly traits: BackendTraits;
  /** As in {@linkcode MemoryOptions}. */
  readonly hasTags: boolean;
  /** As in {@linkcode MemoryOptions}; infinite by default. */
  readonly capacityBytes: number;
  /** Folders exist until they are removed, as in a file system. */
  readonly folders: Set<ObjectName> = new Set();
  /** Called after each change. */
  readonly watchers: Set<() => void> = new Set();
  readonly #now: () => number;
  readonly #versions = new Map<ObjectName, readonly Version[]>();
  #serial = 0;

  /** An empty store. */
  constructor(options: MemoryOptions = {}) {
    this.traits = { ...BEST_TRAITS, ...options.traits };
    this.hasTags = options.hasTags ?? true;
    this.capacityBytes = options.capacityBytes ?? Infinity;
    this.#now = options.now ?? countingClock();
  }

  /** The names of all objects that stand or stood, as far as a lagging reader may still see them. */
  names(): ObjectName[] {
    return [...this.#versions.keys()];
  }

  /** What stands under `name`, whoever may see it yet. */
  latest(name: ObjectName): Uint8Array | undefined {
    return this.#versions.get(name)?.at(-1)?.bytes;
  }

  /** What `reader` sees under `name`: what it wrote itself at once, what others wrote after the listing lag. */
  seenBy(reader: Backend, name: ObjectName): (Version & { bytes: Uint8Array }) | undefined {
    const versions = this.#versions.get(name) ?? [];
    const lagMs = this.traits.listingLagMs;
    const visibleMs = lagMs === 0 ? Infinity : this.#now() - lagMs;
    const seen = versions.findLast((it) => it.writer === reader || it.writtenMs <= visibleMs);
    return seen?.bytes === undefined ? undefined : { ...seen, bytes: seen.bytes };
  }

  /** Stores or, without `bytes`, removes an object. @throws {BackendError} `exists` or `full` */
  write(writer: Backend, name: ObjectName, bytes: Uint8Array | undefined): void {
    if (bytes !== undefined) this.#makeRoom(name, bytes.length);
    const writtenMs = this.#now();
    const before = this.#versions.get(name) ?? [];
    const visibleMs = writtenMs - this.traits.listingLagMs;
    const firstSeen = before.findLastIndex((it) => it.writtenMs <= visibleMs);
    const kept = this.traits.listingLagMs === 0 ? [] : before.slice(Math.max(firstSeen, 0));
    if (bytes === undefined && kept.length === 0) this.#versions.delete(name);
    else this.#versions.set(name, [...kept, { bytes, writtenMs, serial: ++this.#serial, writer }]);
    this.notify();
  }

  /** Makes `folder` and those above it. @throws {BackendError} `exists` if one is an object */
  makeFolders(folder: FolderName): void {
    if (folder === "" || this.folders.has(folder)) return;
    this.makeFolders(folderOf(folder));
    if (this.latest(folder) !== undefined) throw occupied(folder, "an object");
    this.folders.add(folder);
  }

  /** How many bytes the objects have together, one left out. */
  usedBytes(without?: ObjectName): number {
    return this.names().filter((name) => name !== without)
      .reduce((sum, name) => sum + (this.latest(name)?.length ?? 0), 0);
  }

  /** Tells the watchers of a change. */
  notify(): void {
    for (const changed of this.watchers) queueMicrotask(changed);
  }

  #makeRoom(name: ObjectName, sizeBytes: number): void {
    if (this.folders.has(name)) throw occupied(name, "a folder");
    if (this.capacityBytes < Infinity && this.usedBytes(name) + sizeBytes > this.capacityBytes) {
      throw new BackendError("full", `Cannot write ${JSON.stringify(name)}: the store is full`);
    }
    this.makeFolders(folderOf(name));
  }
}

/** A client's way to `store`: the reference for what a backend does. */
export function openMemory(store: MemoryStore): Backend {
  return new MemoryBackend(store);
}

class MemoryBackend implements Backend {
  readonly traits: BackendTraits;
  readonly #store: MemoryStore;
  readonly #closing = new AbortController();

  constructor(store: MemoryStore) {
    this.#store = store;
    this.traits = store.traits;
  }

  async *list(
    folder: FolderName,
    { recursive = false, signal }: CallOptions & { readonly recursive?: boolean } = {},
  ): AsyncGenerator<ObjectInfo> {
    const prefix = folder === "" ? "" : `${folder}/`;
    for (const name of this.#store.names()) {
      signal?.throwIfAborted();
      if (!name.startsWith(prefix)) continue;
      if (!recursive && name.includes("/", prefix.length)) continue;
      const info = await this.stat(name);
      if (info !== undefined) yield info;
    }
  }

  stat(name: ObjectName, { signal }: CallOptions = {}): Promise<ObjectInfo | undefined> {
    return this.#call(signal, () => {
      const seen = this.#store.seenBy(this, name);
      if (seen === undefined) return undefined;
      const precisionMs = this.traits.timePrecisionMs;
      return {
        name,
        sizeBytes: seen.bytes.length,
        ...precisionMs === undefined
          ? {}
          : { modifiedMs: Math.floor(seen.writtenMs / precisionMs) * precisionMs },
        ...this.#store.hasTags ? { tag: String(seen.serial) } : {},
      };
    });
  }

  get(name: ObjectName, { signal }: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return this.#call(signal, () => streamOf(this.#find("get", name), signal));
  }

  read(
    name: ObjectName,
    { maxBytes, signal }: CallOptions & { readonly maxBytes: number },
  ): Promise<Uint8Array> {
    return this.#call(signal, () => {
      const bytes = this.#find("read", name);
      if (bytes.length <= maxBytes) return bytes.slice();
      throw new BackendError(
        "too-large",
        `Cannot read ${
          JSON.stringify(name)
        }: it has ${bytes.length} bytes, at most ${maxBytes} are taken`,
      );
    });
  }

  async put(name: ObjectName, source: ByteSource, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const bytes = await gather(name, source, signal);
    if (!this.traits.atomicReplace && this.#store.latest(name) !== undefined) {
      this.#store.write(this, name, undefined);
      await othersRun();
    }
    this.#store.write(this, name, bytes);
  }

  async create(
    name: ObjectName,
    bytes: Uint8Array,
    { signal }: CallOptions = {},
  ): Promise<boolean> {
    signal?.throwIfAborted();
    if (this.#store.latest(name) !== undefined || this.#store.folders.has(name)) return false;
    if (!this.traits.exclusiveCreate) await othersRun();
    this.#store.write(this, name, bytes.slice());
    return true;
  }

  remove(name: ObjectName, { signal }: CallOptions = {}): Promise<boolean> {
    return this.#call(signal, () => {
      if (this.#store.latest(name) === undefined) return false;
      this.#store.write(this, name, undefined);
      return true;
    });
  }

  async makeFolder(name: ObjectName, { signal }: CallOptions = {}): Promise<boolean> {
    signal?.throwIfAborted();
    if (this.#store.latest(name) !== undefined || this.#store.folders.has(name)) return false;
    if (!this.traits.exclusiveFolder) await othersRun();
    this.#store.makeFolders(name);
    this.#store.notify();
    return true;
  }

  removeFolder(name: ObjectName, { signal }: CallOptions = {}): Promise<boolean> {
    return this.#call(signal, () => {
      if (!this.#store.folders.has(name)) return false;
      const isInside = (it: ObjectName) => it.startsWith(`${name}/`);
      const objects = this.#store.names().filter((it) => this.#store.latest(it) !== undefined);
      if ([...this.#store.folders, ...objects].some(isInside)) {
        throw new BackendError("exists", `Cannot remove ${JSON.stringify(name)}: it is not empty`);
      }
      this.#store.notify();
      return this.#store.folders.delete(name);
    });
  }

  flush({ signal }: CallOptions = {}): Promise<void> {
    return this.#call(signal, () => {});
  }

  space({ signal }: CallOptions = {}): Promise<SpaceInfo> {
    return this.#call(signal, () => {
      if (!this.traits.knowsSpace) return {};
      const usedBytes = this.#store.usedBytes();
      const freeBytes = this.#store.capacityBytes - usedBytes;
      return freeBytes === Infinity ? { usedBytes } : { usedBytes, freeBytes };
    });
  }

  watch(changed: () => void, signal: AbortSignal): void {
    const ending = AbortSignal.any([signal, this.#closing.signal]);
    if (ending.aborted) return;
    this.#store.watchers.add(changed);
    ending.addEventListener("abort", () => this.#store.watchers.delete(changed), { once: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    return Promise.resolve();
  }

  #call<T>(signal: AbortSignal | undefined, body: () => T): Promise<T> {
    return new Promise((resolve) => {
      signal?.throwIfAborted();
      resolve(body());
    });
  }

  #find(verb: string, name: ObjectName): Uint8Array {
    const seen = this.#store.seenBy(this, name);
    if (seen !== undefined) return seen.bytes;
    throw new BackendError(
      "not-found",
      `Cannot ${verb} ${JSON.stringify(name)}: there is no such object`,
    );
  }
}

async function gather(
  name: ObjectName,
  source: ByteSource,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(source.sizeBytes);
  let end = 0;
  const sink = new WritableStream<Uint8Array>({
    write(chunk) {
      if (end + chunk.length > bytes.length) throw wrongLength(name, source, "longer");
      bytes.set(chunk, end);
      end += chunk.length;
    },
  });
  await source.open().pipeTo(sink, signal === undefined ? {} : { signal });
  if (end < bytes.length) throw wrongLength(name, source, "shorter");
  return bytes;
}

function streamOf(bytes: Uint8Array, signal?: AbortSignal): ReadableStream<Uint8Array> {
  let end = 0;
  return new ReadableStream({
    pull(controller) {
      signal?.throwIfAborted();
      if (end === bytes.length) return controller.close();
      controller.enqueue(bytes.slice(end, end + CHUNK_BYTES));
      end = Math.min(end + CHUNK_BYTES, bytes.length);
    },
  }, { highWaterMark: 0 });
}

function wrongLength(name: ObjectName, source: ByteSource, how: string): BackendError {
  return new BackendError(
    "protocol",
    `Cannot put ${
      JSON.stringify(name)
    }: its content is ${how} than the ${source.sizeBytes} bytes announced`,
  );
}

function occupied(name: ObjectName, what: string): BackendError {
  return new BackendError("exists", `Cannot write ${JSON.stringify(name)}: ${what} stands there`);
}

function folderOf(name: ObjectName): FolderName {
  const slash = name.lastIndexOf("/");
  return slash < 0 ? "" : parseObjectName(name.slice(0, slash));
}

/** Lets calls of other clients come between two steps. */
function othersRun(): Promise<void> {
  return Promise.resolve();
}

function countingClock(): () => number {
  let nowMs = 1_500_000_000_000;
  return () => nowMs++;
}
