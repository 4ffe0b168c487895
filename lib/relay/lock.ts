import { BackendError, type ObjectName } from "../../backends/backend.ts";
import { EscaleError } from "../errors.ts";
import {
  BEAT_MS,
  type HeldLock,
  type LockContext,
  STALE_S,
  TRUST_S,
  TWIN_WATCH_S,
} from "./lock_context.ts";
import {
  formatLock,
  type LockMode,
  nonceOf,
  parseOrUnclaimed,
  parseOrUndefined,
} from "./lock_text.ts";
import { failedOf, HELD_BY_UNKNOWN, noLock } from "./lock_view.ts";
import { decodeText, MAX_RECORD_BYTES } from "./metadata.ts";
import { guardName, takerName } from "./names.ts";
import { inParallel } from "./parallel.ts";
import type { LockView } from "./relay.ts";
import { Sightings } from "./sightings.ts";

export {
  BEAT_MS,
  type HeldLock,
  type LockContext,
  type LockMemory,
  STALE_S,
} from "./lock_context.ts";

/** How many locks are written or removed at a time. What a storage bears it knows itself, so these only wait in line. */
const LOCKS_AT_ONCE = 32;

interface Holding extends HeldLock {
  readonly mode: LockMode;
  beat: number;
}

/** What is known of a lock that is ours. */
interface Seen {
  /** When its present text was about to be written, by the machine's uptime. */
  readonly writtenS: number;
  /** Of the object that stood there, if the storage has tags and it was read. */
  readonly tag: string | undefined;
}

const encoder = new TextEncoder();

/** The locks of one client on one relay (FORMAT.md, "Lock"; SEMANTICS, "Locks"). */
export class Locks implements AsyncDisposable {
  readonly #context: LockContext;
  readonly #held = new Map<ObjectName, Holding>();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #sightings: Sightings;
  readonly #seen = new WeakMap<HeldLock, Seen>();
  /** Whether the storage has tags; supposed until seen. */
  #hasTags = true;
  #beating: Promise<void> = Promise.resolve();

  constructor(context: LockContext) {
    this.#context = context;
    this.#sightings = new Sightings(context.memory, context.uptimeS);
    this.#timer = setInterval(() => {
      this.#beating = this.#beating.then(() => this.#beatAll());
    }, BEAT_MS);
  }

  /** Tries to get each lock without waiting for its holder. Says which it got, and how the others look. */
  async acquire(
    names: readonly ObjectName[],
    options: { readonly mode: LockMode; readonly signal?: AbortSignal },
  ): Promise<{ held: HeldLock[]; refused: Map<ObjectName, LockView> }> {
    const { backend, memory, nonce, legacyPeers, uptimeS } = this.#context;
    const known = memory.ownLocks();
    const common = nonce();
    const seen: Seen = { writtenS: uptimeS(), tag: undefined };
    const wanted = names.map((name): Holding => ({
      name,
      // With one text for all of them a storage can make them of one file.
      nonce: legacyPeers ? nonce() : common,
      mode: options.mode,
      taken: undefined,
      beat: 0,
    }));
    memory.transaction(() => {
      for (const { name, nonce } of wanted) {
        memory.noteLock(name, withNonce(known.get(name), nonce));
      }
    });
    const refused = new Map<ObjectName, LockView>();
    const got = new Map<ObjectName, Holding>();
    await inParallel(wanted, LOCKS_AT_ONCE, async (lock) => {
      options.signal?.throwIfAborted();
      const one = await this.#write(lock, known.get(lock.name)).catch(failedOf);
      if ("kind" in one) refused.set(lock.name, one);
      else got.set(lock.name, one);
    });
    const written = wanted.flatMap(({ name }) => got.get(name) ?? []);
    const held = backend.traits.exclusiveCreate || backend.traits.exclusiveFolder
      ? written
      : await this.#readBack(written, refused, options.signal);
    for (const lock of held) {
      this.#held.set(lock.name, lock);
      this.#seen.set(lock, seen);
    }
    memory.transaction(() => {
      for (const lock of held) memory.noteLock(lock.name, lock.nonce);
      for (const name of refused.keys()) {
        const before = known.get(name);
        if (before === undefined) memory.forgetLock(name);
        else memory.noteLock(name, before);
      }
    });
    return { held, refused };
  }

  /** @throws {EscaleError} `locked` unless the lock that stands is this one */
  async check(lock: HeldLock): Promise<void> {
    if (!this.#isTrusted(lock)) await this.#lookAgain(lock);
  }

  async #lookAgain(lock: HeldLock): Promise<void> {
    const text = await this.#foreignText(lock);
    if (text === undefined) return;
    this.#held.delete(lock.name);
    this.#seen.delete(lock);
    throw new EscaleError(
      "locked",
      `Lost the lock "${lock.name}": ${
        text === null ? "it is gone" : "another client took it over"
      }`,
    );
  }

  /** Gives locks back. One that is no longer ours is left to its holder. */
  async release(locks: readonly HeldLock[]): Promise<void> {
    const { backend, log, memory } = this.#context;
    const gone: HeldLock[] = [];
    // One that cannot be given back now must not look alive: the next round finds it and undoes it.
    for (const lock of locks) this.#held.delete(lock.name);
    // A beat under way would write a lock again that was just removed.
    await this.#beating;
    try {
      await inParallel(locks, LOCKS_AT_ONCE, async (lock) => {
        if (this.#isTrusted(lock) || await this.#foreignText(lock) === undefined) {
          await backend.remove(lock.name);
          if (this.#usesGuard) await backend.removeFolder(guardName(lock.name));
        } else log.warn("lost a lock while it was held", { lock: lock.name });
        gone.push(lock);
      });
    } finally {
      memory.transaction(() => gone.forEach((lock) => memory.forgetLock(lock.name)));
    }
  }

  #isTrusted(lock: HeldLock): boolean {
    const { backend, legacyPeers, uptimeS } = this.#context;
    // Else one who is slow to write after it looked writes over a lock that stands by then.
    if (legacyPeers || !backend.traits.exclusiveFolder) return false;
    const ageS = uptimeS() - (this.#seen.get(lock)?.writtenS ?? -Infinity);
    return ageS >= 0 && ageS < TRUST_S;
  }

  /** What stands in the place of a lock that was ours: `undefined` if it still is, `null` if nothing stands there. */
  async #foreignText(lock: HeldLock): Promise<string | null | undefined> {
    const { backend } = this.#context;
    const seen = this.#seen.get(lock);
    const tag = this.#hasTags ? (await backend.stat(lock.name))?.tag : undefined;
    if (tag === undefined || tag !== seen?.tag) {
      const text = await this.#read(lock.name);
      if (text === undefined) return null;
      if (nonceOf(text) !== lock.nonce) return text;
      this.#hasTags = tag !== undefined;
    }
    this.#seen.set(lock, { writtenS: seen?.writtenS ?? -Infinity, tag });
    return undefined;
  }

  /** Stops beating for a lock and leaves it standing: what it covers is to be repaired by whoever comes next. */
  abandon(lock: HeldLock): void {
    this.#held.delete(lock.name);
  }

  /** How a lock that a listing shows looks from here; `undefined` if it is gone or held by this process. */
  async look(name: ObjectName): Promise<LockView | undefined> {
    if (this.#held.has(name)) return undefined;
    const text = await this.#read(name);
    if (text === undefined) {
      this.#sightings.forget(name);
      return undefined;
    }
    return this.#judge(name, text, this.#context.memory.ownLocks().get(name));
  }

  /** Forgets when others' locks were first seen, but for those that still stand. */
  forgetOthers(standing: ReadonlySet<ObjectName>): void {
    this.#sightings.settle(standing);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    this.#sightings.save();
  }

  get #usesGuard(): boolean {
    const { traits } = this.#context.backend;
    return !traits.exclusiveCreate && traits.exclusiveFolder;
  }

  /** Writes the lock if nobody holds it, or takes over what was left. */
  async #write(lock: Holding, known: string | undefined): Promise<Holding | LockView> {
    const { backend } = this.#context;
    if (this.#usesGuard && !await this.#makeGuard(guardName(lock.name))) {
      const text = await this.#read(lock.name);
      if (text === undefined) return await this.#guardAlone(guardName(lock.name));
      this.#sightings.forget(guardName(lock.name));
      return await this.#takeOver(lock, text, known);
    }
    if (await this.#create(lock)) return lock;
    let text = await this.#read(lock.name);
    if (text === undefined) {
      // It was given back at this moment, or is none.
      if (await this.#create(lock)) return lock;
      text = await this.#read(lock.name);
    }
    const got = text === undefined ? noLock(lock.name) : await this.#takeOver(lock, text, known);
    if (this.#usesGuard && "kind" in got) await backend.removeFolder(guardName(lock.name));
    return got;
  }

  #create(lock: Holding): Promise<boolean> {
    const { backend, legacyPeers } = this.#context;
    return backend.create(lock.name, this.#textOf(lock), { isShareable: !legacyPeers });
  }

  /**
   * Replaces a lock that was left behind by one of our own, and only then may anything be undone. Of several that try,
   * the one whose text stands in the end has it.
   */
  async #takeOver(
    lock: Holding,
    text: string,
    known: string | undefined,
  ): Promise<Holding | LockView> {
    const { backend, log, memory, wait } = this.#context;
    const view = this.#judge(lock.name, text, known);
    if (view.kind !== "leftover") return view;
    const taken: Holding = { ...lock, mode: "w", taken: parseOrUnclaimed(text) };
    const guard = this.#usesGuard ? takerName(lock.name) : guardName(lock.name);
    const alone = backend.traits.exclusiveFolder;
    if (alone && !await this.#makeNotedGuard(guard)) return await this.#guardAlone(guard);
    try {
      if (await this.#read(lock.name) !== text) return HELD_BY_UNKNOWN;
      await backend.put(lock.name, sourceOf(this.#textOf(taken)), { isVolatile: true });
      if (!alone) await wait(this.#settleMs());
      const now = await this.#read(lock.name);
      if (now === undefined || nonceOf(now) !== taken.nonce) return HELD_BY_UNKNOWN;
    } finally {
      if (alone) {
        await backend.removeFolder(guard);
        memory.forgetLock(guard);
      }
    }
    this.#sightings.forget(lock.name);
    log.warn("took over a lock that was left behind", { lock: lock.name, owner: view.owner });
    return taken;
  }

  async #makeGuard(guard: ObjectName): Promise<boolean> {
    const isMade = await this.#context.backend.makeFolder(guard);
    if (isMade) this.#sightings.forget(guard);
    return isMade;
  }

  /** As {@linkcode #makeGuard}, but a guard that an earlier run of this client left standing is as good. */
  async #makeNotedGuard(guard: ObjectName): Promise<boolean> {
    const { memory } = this.#context;
    const isOurs = memory.ownLocks().has(guard);
    memory.noteLock(guard, "guard");
    if (await this.#makeGuard(guard) || isOurs) return true;
    memory.forgetLock(guard);
    return false;
  }

  /** A guard without a lock: somebody is between the two, or died there. */
  async #guardAlone(guard: ObjectName): Promise<LockView> {
    const unchangedS = this.#sightings.unchangedS(guard, "guard");
    if (unchangedS < STALE_S) return HELD_BY_UNKNOWN;
    await this.#context.backend.removeFolder(guard);
    this.#sightings.forget(guard);
    return HELD_BY_UNKNOWN;
  }

  /** Where nothing is exclusive: of several locks written over each other, the last one counts. */
  async #readBack(
    written: readonly Holding[],
    refused: Map<ObjectName, LockView>,
    signal: AbortSignal | undefined,
  ): Promise<Holding[]> {
    if (written.length === 0) return [];
    await this.#context.wait(this.#settleMs(), signal);
    const held: Holding[] = [];
    for (const lock of written) {
      const text = await this.#read(lock.name);
      if (text !== undefined && nonceOf(text) === lock.nonce) held.push(lock);
      else refused.set(lock.name, HELD_BY_UNKNOWN);
    }
    return held;
  }

  #settleMs(): number {
    return 2 * this.#context.backend.traits.listingLagMs + 200;
  }

  #judge(name: ObjectName, text: string, known: string | undefined): LockView {
    const { client, lockTimeoutS } = this.#context;
    const lock = parseOrUndefined(text);
    if (lock !== undefined && lock.owner === client) {
      if (lock.nonce === undefined || known?.split(" ").includes(lock.nonce)) {
        return { kind: "leftover", owner: client };
      }
      const seen = this.#sightings.of(name);
      const isOwn = seen !== undefined && parseOrUndefined(seen.text)?.owner === client;
      if (isOwn && seen.text !== text) return { kind: "twin" };
      const unchangedS = this.#sightings.unchangedS(name, text);
      if (unchangedS >= TWIN_WATCH_S) return { kind: "leftover", owner: client };
      return { kind: "held", owner: client, unchangedS };
    }
    const owner = lock?.owner ?? "";
    const unchangedS = this.#sightings.unchangedS(name, text);
    const limitS = lock?.nonce === undefined ? lockTimeoutS : STALE_S;
    return unchangedS >= limitS ? { kind: "leftover", owner } : { kind: "held", owner, unchangedS };
  }

  async #beatAll(): Promise<void> {
    const { backend, log, uptimeS } = this.#context;
    await inParallel([...this.#held.values()], LOCKS_AT_ONCE, async (lock) => {
      try {
        await this.#lookAgain(lock);
        lock.beat++;
        const writtenS = uptimeS();
        await backend.put(lock.name, sourceOf(this.#textOf(lock)), { isVolatile: true });
        this.#seen.set(lock, { writtenS, tag: undefined });
      } catch (cause) {
        // The work under the lock finds out by itself before it publishes anything.
        log.warn("cannot renew a lock", { lock: lock.name, why: String(cause) });
      }
    });
  }

  #textOf(lock: Holding): Uint8Array {
    const { nonce, mode, beat } = lock;
    return encoder.encode(formatLock({ owner: this.#context.client, mode, nonce, beat }));
  }

  async #read(name: ObjectName): Promise<string | undefined> {
    try {
      return decodeText(await this.#context.backend.read(name, { maxBytes: MAX_RECORD_BYTES }));
    } catch (cause) {
      if (!(cause instanceof BackendError)) throw cause;
      if (cause.code === "not-found") return undefined;
      if (cause.code === "too-large") return "an object too large for a lock\n\n";
      throw cause;
    }
  }
}

/** Until it is sure which of them stands, the nonces of earlier runs are kept beside the new one. */
function withNonce(known: string | undefined, nonce: string): string {
  return known === undefined ? nonce : `${known} ${nonce}`;
}

function sourceOf(
  bytes: Uint8Array,
): { sizeBytes: number; bytes: Uint8Array; open(): ReadableStream<Uint8Array> } {
  return {
    sizeBytes: bytes.length,
    bytes,
    open: () => ReadableStream.from([bytes]),
  };
}
