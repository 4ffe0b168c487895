import type { BackendTraits, ObjectInfo } from "../../backends/backend.ts";
import type { SightingMemory } from "./sightings.ts";

/** What is as old as this is not written again at the same time; storages take a while to name what they stored. */
const SETTLE_MS = 2_000;

/** What {@linkcode Versions} goes by. */
export interface VersionContext {
  readonly traits: Pick<BackendTraits, "timePrecisionMs">;
  /** Stands for the storage among others that the same memory knows. */
  readonly storage: string;
  readonly memory: Pick<SightingMemory, "sighting" | "noteSighting">;
  /** Seconds since this machine started, at least whole ones. */
  readonly uptimeS: () => number;
}

/** A moment at which it was at least this late at the storage. */
interface Moment {
  readonly storageMs: number;
  readonly uptimeS: number;
}

/**
 * Tells versions of objects apart by what a listing shows. A tag does. Without one there are size and time, which an
 * object that is written twice in the same second may share: they count only once that second has passed at the storage.
 * It is at least as late there as its newest object says, and later by what has passed here since that was first seen; so
 * nobody's clock has to be right.
 */
export class Versions {
  readonly #context: VersionContext;
  #newest: Moment | undefined;
  #isKept = true;

  constructor(context: VersionContext) {
    this.#context = context;
    const { memory, uptimeS } = context;
    const seen = memory.sighting(this.#name);
    if (seen === undefined) return;
    // An uptime that lies ahead is of before the machine's last start.
    this.#newest = {
      storageMs: Number(seen.text),
      uptimeS: Math.min(seen.uptimeS, uptimeS()),
    };
  }

  /** Takes note of how late it is at the storage, as a listing of all that is asked about shows it. */
  note({ tag, modifiedMs }: ObjectInfo): void {
    if (tag !== undefined || modifiedMs === undefined) return;
    if (this.#newest !== undefined && modifiedMs <= this.#newest.storageMs) return;
    this.#newest = { storageMs: modifiedMs, uptimeS: this.#context.uptimeS() };
    this.#isKept = false;
  }

  /** Differs between any two versions of an object; `undefined` if what is shown may be shared by two. */
  signOf({ tag, sizeBytes, modifiedMs }: ObjectInfo): string | undefined {
    if (tag !== undefined) return tag;
    const isTold = modifiedMs !== undefined && this.#hasPassed(modifiedMs);
    return isTold ? `${sizeBytes} ${modifiedMs}` : undefined;
  }

  /** Keeps what was noted for the next run. */
  save(): void {
    if (this.#isKept || this.#newest === undefined) return;
    const { storageMs, uptimeS } = this.#newest;
    this.#context.memory.noteSighting(this.#name, { text: String(storageMs), uptimeS });
    this.#isKept = true;
  }

  get #name(): string {
    return `newest at ${this.#context.storage}/`;
  }

  #hasPassed(modifiedMs: number): boolean {
    const { traits: { timePrecisionMs }, uptimeS } = this.#context;
    if (timePrecisionMs === undefined || this.#newest === undefined) return false;
    const untilMs = modifiedMs + timePrecisionMs + SETTLE_MS;
    const missingMs = untilMs - this.#newest.storageMs;
    // Of whole seconds the first and the last may have been short.
    return missingMs <= 0 || (uptimeS() - this.#newest.uptimeS - 1) * 1000 >= missingMs;
  }
}
