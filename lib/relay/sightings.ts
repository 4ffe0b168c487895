/** What was seen of something on the relay, and when for the first time, in seconds of this machine's uptime. */
export interface Sighting {
  readonly text: string;
  readonly uptimeS: number;
}

/** Where sightings are kept between runs. */
export interface SightingMemory {
  sightingNames(): readonly string[];
  sighting(name: string): Sighting | undefined;
  noteSighting(name: string, seen: Sighting | undefined): void;
  transaction<T>(work: () => T): T;
}

/** What goes sooner than this is not worth a write to the disk. */
const LASTING_S = 5;

/**
 * Tells for how long something on the relay has stood unchanged, as this client saw it: by the machine's uptime, which
 * goes on through sleep and is not set like a clock.
 */
export class Sightings {
  readonly #memory: SightingMemory;
  readonly #uptimeS: () => number;
  /** Those that are not in the memory yet. */
  readonly #fresh = new Map<string, Sighting>();

  constructor(memory: SightingMemory, uptimeS: () => number) {
    this.#memory = memory;
    this.#uptimeS = uptimeS;
  }

  /** What was seen under this name. */
  of(name: string): Sighting | undefined {
    return this.#fresh.get(name) ?? this.#memory.sighting(name);
  }

  /** For how long `name` has had this text. Notes the first sight. */
  unchangedS(name: string, text: string): number {
    const now = this.#uptimeS();
    const seen = this.of(name);
    // An uptime that lies ahead is of before the machine's last start: begin again.
    if (seen !== undefined && seen.text === text && seen.uptimeS <= now) return now - seen.uptimeS;
    this.#fresh.set(name, { text, uptimeS: now });
    return 0;
  }

  /** Forgets what was seen under this name. */
  forget(name: string): void {
    this.#fresh.delete(name);
    if (this.#memory.sighting(name) !== undefined) this.#memory.noteSighting(name, undefined);
  }

  /** Forgets the locks that no longer stand, and keeps what has lasted for a while. */
  settle(standingLocks: ReadonlySet<string>): void {
    const isGone = (name: string) => name.endsWith(".lock") && !standingLocks.has(name);
    const gone = this.#memory.sightingNames().filter(isGone);
    for (const name of [...this.#fresh.keys()].filter(isGone)) this.#fresh.delete(name);
    const now = this.#uptimeS();
    this.#write(gone, ([, { uptimeS }]) => now - uptimeS >= LASTING_S);
  }

  /** Keeps everything for the next run. */
  save(): void {
    this.#write([], () => true);
  }

  #write(gone: readonly string[], isKept: (entry: [string, Sighting]) => boolean): void {
    const kept = [...this.#fresh].filter(isKept);
    if (gone.length === 0 && kept.length === 0) return;
    this.#memory.transaction(() => {
      for (const name of gone) this.#memory.noteSighting(name, undefined);
      for (const [name, seen] of kept) this.#memory.noteSighting(name, seen);
    });
    for (const [name] of kept) this.#fresh.delete(name);
  }
}
