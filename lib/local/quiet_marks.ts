/** Where quiet marks are kept between runs. */
export interface QuietStore {
  /** All that was kept by a client that went by the same settings. */
  quietMarks(settings: string): Iterable<{ name: string; relay: number; local: number }>;
  keepQuietMarks(marks: Iterable<{ name: string; relay: number; local: number }>): void;
}

const FIRST_SLOTS = 1024;

/**
 * Remembers resources that needed nothing, with a number for how each side stood: a round passes over them as long as
 * both stand so. A million of them take some 100 MB.
 */
export class QuietMarks {
  readonly #store: QuietStore;
  /** Where a resource's two numbers stand in {@linkcode #marks}. */
  readonly #slots = new Map<string, number>();
  #marks = new Float64Array(2 * FIRST_SLOTS);
  readonly #unsaved = new Set<string>();

  /** `settings` stands for all by which a client decides: what needed nothing under others may need something now. */
  constructor(store: QuietStore, settings: string) {
    this.#store = store;
    for (const { name, relay, local } of store.quietMarks(settings)) {
      this.#set(name, relay, local);
    }
  }

  isNoted(name: string, { relay, local }: { relay: number; local: number }): boolean {
    const slot = this.#slots.get(name);
    return slot !== undefined && this.#marks[2 * slot] === relay &&
      this.#marks[2 * slot + 1] === local;
  }

  knowsRelay(name: string, relay: number): boolean {
    const slot = this.#slots.get(name);
    return slot !== undefined && this.#marks[2 * slot] === relay;
  }

  note(name: string, mark: { relay: number; local: number }): void {
    if (this.isNoted(name, mark)) return;
    this.#set(name, mark.relay, mark.local);
    this.#unsaved.add(name);
  }

  /** Keeps what was noted since the last time for the next run. */
  save(): void {
    if (this.#unsaved.size === 0) return;
    this.#store.keepQuietMarks(this.#unsavedMarks());
    this.#unsaved.clear();
  }

  *#unsavedMarks(): Generator<{ name: string; relay: number; local: number }> {
    for (const name of this.#unsaved) {
      const slot = this.#slots.get(name) ?? 0;
      const [relay = 0, local = 0] = this.#marks.subarray(2 * slot, 2 * slot + 2);
      yield { name, relay, local };
    }
  }

  #set(name: string, relay: number, local: number): void {
    let slot = this.#slots.get(name);
    if (slot === undefined) this.#slots.set(name, slot = this.#slots.size);
    if (2 * slot >= this.#marks.length) {
      const larger = new Float64Array(2 * this.#marks.length);
      larger.set(this.#marks);
      this.#marks = larger;
    }
    this.#marks[2 * slot] = relay;
    this.#marks[2 * slot + 1] = local;
  }
}
