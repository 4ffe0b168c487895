import assert from "node:assert/strict";
import type { Backend, BackendTraits, ObjectName } from "../../../backends/backend.ts";
import { parseObjectName } from "../../../backends/backend.ts";
import { MemoryStore, openMemory } from "../../../backends/memory.ts";
import { EscaleError } from "../../../lib/errors.ts";
import { silentLog } from "../../../lib/log.ts";
import { type HeldLock, type LockMemory, Locks } from "../../../lib/relay/lock.ts";
import type { LockView } from "../../../lib/relay/relay.ts";
import { sourceOf } from "../../support/sources.ts";

/** The lock that all are after. */
export const NAME: ObjectName = parseObjectName("d/.f.lock");
/** Its guard, where folders are what is exclusive. */
export const GUARD: ObjectName = parseObjectName("d/.f.guard");
/** Relays by what is exclusive on them. */
export const TRAITS: Readonly<Record<string, Partial<BackendTraits>>> = {
  "exclusive create": { exclusiveFolder: false },
  "exclusive create and folders": {},
  "exclusive folders only": { exclusiveCreate: false },
  "nothing exclusive": { exclusiveCreate: false, exclusiveFolder: false },
};
/** The lock timeout of all clients. */
export const TIMEOUT_S = 10_000;

/** What a client remembers, in memory. */
export class Memory implements LockMemory {
  readonly locks: Map<string, string> = new Map();
  readonly sightings: Map<string, { text: string; uptimeS: number }> = new Map();

  ownLocks(): ReadonlyMap<string, string> {
    return new Map(this.locks);
  }
  noteLock(name: string, nonce: string): void {
    this.locks.set(name, nonce);
  }
  forgetLock(name: string): void {
    this.locks.delete(name);
  }
  sightingNames(): string[] {
    return [...this.sightings.keys()];
  }
  sighting(name: string): { readonly text: string; readonly uptimeS: number } | undefined {
    return this.sightings.get(name);
  }
  noteSighting(name: string, seen: { text: string; uptimeS: number } | undefined): void {
    if (seen === undefined) this.sightings.delete(name);
    else this.sightings.set(name, seen);
  }
  transaction<T>(work: () => T): T {
    return work();
  }
}

/** A relay with clients that lock on it, on one clock. */
export class Place implements AsyncDisposable {
  readonly store: MemoryStore;
  uptimeS = 1_000_000;
  readonly #open = new AsyncDisposableStack();
  #nonces = 0;

  constructor(traits: Partial<BackendTraits> = {}) {
    this.store = new MemoryStore({ traits });
  }

  client(
    client: string,
    options: {
      readonly memory?: LockMemory;
      readonly backend?: Backend;
      readonly legacyPeers?: boolean;
    } = {},
  ): Locks {
    return this.#open.use(
      new Locks({
        backend: options.backend ?? openMemory(this.store),
        client,
        memory: options.memory ?? new Memory(),
        lockTimeoutS: TIMEOUT_S,
        legacyPeers: options.legacyPeers ?? true,
        uptimeS: () => this.uptimeS,
        nonce: () => (++this.#nonces).toString(16).padStart(32, "0"),
        // Long enough that every write under way is done.
        wait: () => new Promise((resolve) => setTimeout(resolve, 0)),
        log: silentLog,
      }),
    );
  }

  text(name: ObjectName = NAME): string | undefined {
    const bytes = this.store.latest(name);
    return bytes && new TextDecoder().decode(bytes);
  }

  async put(text: string): Promise<void> {
    await openMemory(this.store).put(NAME, sourceOf(new TextEncoder().encode(text)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open.disposeAsync();
  }
}

/** Tries to get the lock once: it, or how it looks. */
export async function acquire(
  locks: Locks,
  mode: "r" | "w" = "w",
): Promise<HeldLock | LockView> {
  const { held, refused } = await locks.acquire([NAME], { mode });
  const [lock] = held;
  if (lock !== undefined) {
    assert.equal(refused.size, 0);
    return lock;
  }
  return refused.get(NAME) ?? assert.fail("neither held nor refused");
}

/** Asserts that the lock was got. */
export function assertHeld(got: HeldLock | LockView): asserts got is HeldLock {
  assert.ok("nonce" in got, `refused: ${JSON.stringify(got)}`);
}

/** Asserts that the lock was not got. */
export function assertRefused(got: HeldLock | LockView, kind: LockView["kind"] = "held"): void {
  assert.ok("kind" in got, "it was held");
  assert.equal(got.kind, kind);
}

/** Whether the lock's loss was told. */
export function isLocked(thrown: unknown): boolean {
  return thrown instanceof EscaleError && thrown.code === "locked";
}

/** Intervals that run when a test says so. */
export class FakeIntervals implements Disposable {
  readonly callbacks: (() => void)[] = [];
  readonly periodsMs: number[] = [];
  readonly #setInterval = globalThis.setInterval;
  readonly #clearInterval = globalThis.clearInterval;

  constructor() {
    const set = (callback: () => void, periodMs: number) => {
      this.periodsMs.push(periodMs);
      return this.callbacks.push(callback);
    };
    Object.assign(globalThis, { setInterval: set, clearInterval: () => {} });
  }

  /** Lets every interval's time come once, and what follows from it. */
  async tick(): Promise<void> {
    this.callbacks.forEach((callback) => callback());
    await new Promise((resolve) => setTimeout(resolve, 0));
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, {
      setInterval: this.#setInterval,
      clearInterval: this.#clearInterval,
    });
  }
}
