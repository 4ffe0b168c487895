import { type Backend, type ObjectName, parseObjectName } from "../../backends/backend.ts";
import { EscaleError } from "../errors.ts";
import { placeOf } from "./parts.ts";

/** What a storage was found to do. */
export interface StorageProbe {
  /** How long a listing of the relay's folder took. */
  readonly listMs: number;
  /** How long it took to put a small object and read it back. */
  readonly writeMs: number;
  /** Of so many rounds in which several callers wanted one object, or folder, how many had one winner. */
  readonly exclusiveCreates: Rounds;
  readonly exclusiveFolders: Rounds;
  /** Of so many reads while an object was replaced, how many saw the former or the new one whole. */
  readonly wholeReads: Rounds;
  /** By how much the storage's clock is ahead of ours; `undefined` if it tells no times. */
  readonly clockAheadMs: number | undefined;
  /** How long after a put a listing showed it. */
  readonly listedAfterMs: number;
}

/** Trials and successes. */
export interface Rounds {
  readonly good: number;
  readonly of: number;
}

/** How a storage is tried. */
export interface ProbeOptions {
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

const ROUNDS = 10;
const RACERS = 4;
const READS = 12;
const REPLACED_BYTES = 100_000;
/** A listing that lacks an object for so long is taken for one that never shows it. */
const MAX_LISTING_MS = 30_000;
const POLL_MS = 100;

/**
 * Tries what a storage can do, with hidden objects that clients ignore, and removes them again.
 *
 * @throws {EscaleError} `corrupt` if it does not keep what is put
 * @throws {BackendError} if it cannot be listed or written at all
 */
export async function probeStorage(backend: Backend, options: ProbeOptions): Promise<StorageProbe> {
  const prefix = `.escale-doctor-${crypto.randomUUID().slice(0, 8)}`;
  const probe = new Probe(backend, prefix, options);
  try {
    const listMs = await probe.list();
    const { writeMs, clockAheadMs } = await probe.write();
    return {
      ...{ listMs, writeMs, clockAheadMs },
      listedAfterMs: await probe.listedAfter(),
      exclusiveCreates: await probe.race("create"),
      exclusiveFolders: await probe.race("folder"),
      wholeReads: await probe.replace(),
    };
  } finally {
    await probe.clean();
  }
}

/** The layout of a relay in use; `empty`: nobody has put anything there. */
export type FoundLayout = "empty" | "placeholder" | "index";

/**
 * Finds out whether a storage can be listed, written and read, with one hidden object that is removed again, and what
 * layout the relay on it has.
 *
 * @throws as {@linkcode probeStorage}
 */
export async function tryStorage(backend: Backend, options: ProbeOptions): Promise<FoundLayout> {
  const prefix = `.escale-trial-${crypto.randomUUID().slice(0, 8)}`;
  const probe = new Probe(backend, prefix, options);
  try {
    const layout = await probe.layout();
    await probe.write();
    return layout;
  } finally {
    await probe.clean();
  }
}

class Probe {
  readonly #backend: Backend;
  readonly #prefix: string;
  readonly #options: ProbeOptions;
  readonly #objects = new Set<ObjectName>();
  readonly #folders = new Set<ObjectName>();

  constructor(backend: Backend, prefix: string, options: ProbeOptions) {
    this.#backend = backend;
    this.#prefix = prefix;
    this.#options = options;
  }

  async list(): Promise<number> {
    const { nowMs, signal } = this.#options;
    const startMs = nowMs();
    for await (const _ of this.#backend.list("", { signal }));
    return nowMs() - startMs;
  }

  async layout(): Promise<FoundLayout> {
    const { signal } = this.#options;
    for await (const { name } of this.#backend.list("", { signal, recursive: true })) {
      const place = placeOf(name);
      if (place.kind === "part") return place.layout;
    }
    return "empty";
  }

  async write(): Promise<Pick<StorageProbe, "writeMs" | "clockAheadMs">> {
    const { nowMs, signal } = this.#options;
    const name = this.#object("write");
    const bytes = crypto.getRandomValues(new Uint8Array(1000));
    const startMs = nowMs();
    await this.#put(name, bytes);
    const read = await this.#backend.read(name, { maxBytes: bytes.length, signal });
    const endMs = nowMs();
    if (!equal(read, bytes)) {
      throw new EscaleError("corrupt", "What was read back from the relay is not what was put");
    }
    const info = await this.#backend.stat(name, { signal });
    const middleMs = (startMs + endMs) / 2;
    const clockAheadMs = info?.modifiedMs === undefined ? undefined : info.modifiedMs - middleMs;
    return { writeMs: endMs - startMs, clockAheadMs };
  }

  async listedAfter(): Promise<number> {
    const { nowMs, signal, wait } = this.#options;
    const name = this.#object("list");
    await this.#put(name, new Uint8Array(1));
    const startMs = nowMs();
    while (nowMs() - startMs < MAX_LISTING_MS) {
      for await (const info of this.#backend.list("", { signal })) {
        if (info.name === name) return nowMs() - startMs;
      }
      await wait(POLL_MS, signal);
    }
    return Infinity;
  }

  /** Has several callers want the same name at the same time. */
  async race(what: "create" | "folder"): Promise<Rounds> {
    const { signal } = this.#options;
    let good = 0;
    for (let round = 0; round < ROUNDS; round++) {
      signal.throwIfAborted();
      const name = parseObjectName(`${this.#prefix}-${what}-${round}`);
      (what === "create" ? this.#objects : this.#folders).add(name);
      const racers = Array.from(
        { length: RACERS },
        (_, at) =>
          what === "create"
            ? this.#backend.create(name, new Uint8Array([at + 1]), { signal })
            : this.#backend.makeFolder(name, { signal }),
      );
      const outcomes = await Promise.allSettled(racers);
      const winners = outcomes.filter((it) => it.status === "fulfilled" && it.value).length;
      if (winners === 1) good++;
    }
    return { good, of: ROUNDS };
  }

  /** Reads an object again and again while it is replaced. */
  async replace(): Promise<Rounds> {
    const { signal } = this.#options;
    const name = this.#object("replace");
    const versions = [1, 2].map((value) => new Uint8Array(REPLACED_BYTES).fill(value));
    const [first, second] = versions;
    if (first === undefined || second === undefined) return { good: 0, of: 0 };
    await this.#put(name, first);
    let isDone = false;
    const replacing = (async () => {
      for (let at = 0; at < ROUNDS && !signal.aborted; at++) {
        await this.#put(name, at % 2 === 0 ? second : first);
      }
    })().finally(() => isDone = true);
    let [good, of] = [0, 0];
    while (!isDone && of < READS) {
      of++;
      const read = await this.#backend.read(name, { maxBytes: 2 * REPLACED_BYTES, signal })
        .catch(() => undefined);
      if (read !== undefined && versions.some((version) => equal(version, read))) good++;
    }
    await replacing;
    return { good, of };
  }

  async clean(): Promise<void> {
    for (const name of this.#objects) await this.#backend.remove(name);
    for (const name of this.#folders) await this.#backend.removeFolder(name);
  }

  #object(what: string): ObjectName {
    const name = parseObjectName(`${this.#prefix}-${what}`);
    this.#objects.add(name);
    return name;
  }

  #put(name: ObjectName, bytes: Uint8Array): Promise<void> {
    const open = () => ReadableStream.from([bytes]);
    const { signal } = this.#options;
    return this.#backend.put(name, { sizeBytes: bytes.length, bytes, open }, { signal });
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
