import type { Backend, ObjectName } from "../../backends/backend.ts";
import type { Log } from "../log.ts";
import type { LockText } from "./lock_text.ts";
import type { SightingMemory } from "./sightings.ts";

/** How often a held lock is rewritten, so that others see that its holder lives. */
export const BEAT_MS: number = 30_000;
/** A lock of ours that did not change for so long is stale (SEMANTICS, "Locks"). */
export const STALE_S: number = 300;
/** How long a lock in this client's own name, with a nonce not its own, is watched: two beats. */
export const TWIN_WATCH_S: number = 2 * BEAT_MS / 1000 + 5;
/**
 * For how long a lock that this client wrote is not looked at, where all clients keep to our rules: less than any of
 * them lets it stand still before taking it over, and more than a beat.
 */
export const TRUST_S: number = TWIN_WATCH_S - 5;
/** What a client remembers of locks between runs. */
export interface LockMemory extends SightingMemory {
  ownLocks(): ReadonlyMap<string, string>;
  noteLock(name: string, nonce: string): void;
  forgetLock(name: string): void;
}

/** What {@linkcode Locks} needs of its surroundings. */
export interface LockContext {
  readonly backend: Backend;
  readonly client: string;
  readonly memory: LockMemory;
  /** After so long without change a lock of 0.7, an unclaimed or an unreadable one is stale, in seconds. */
  readonly lockTimeoutS: number;
  /** Seconds since this machine started: goes on through sleep and is not moved with the wall clock. */
  readonly uptimeS: () => number;
  /**
   * Whether clients of 0.7 may be about, which write into locks without looking: then a lock is read before each step,
   * and no two share a file. Others take over only what stood still for {@linkcode TWIN_WATCH_S} at least, so that a lock
   * written within {@linkcode TRUST_S} is still ours, where folders are exclusive: elsewhere one who looked
   * before may write over it.
   */
  readonly legacyPeers: boolean;
  /** Random text of 32 hexadecimal digits. */
  readonly nonce: () => string;
  readonly wait: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly log: Log;
}

/** A lock that this process holds. */
export interface HeldLock {
  readonly name: ObjectName;
  readonly nonce: string;
  /** The lock that was found and taken over, if there was one. */
  readonly taken: LockText | undefined;
}
