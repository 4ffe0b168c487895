import { signNumber } from "../sign.ts";

/** Where quiet marks are kept between runs. */
export interface QuietStore {
  /** All that was kept by a client that went by the same settings. */
  quietMarks(settings: string): Iterable<KeptMark>;
  keepQuietMarks(marks: Iterable<KeptMark>): void;
}

/** A resource that needed nothing, with a number for how each side stood then. */
export interface KeptMark {
  readonly name: string;
  readonly relay: number;
  readonly local: number;
}

/** How many new marks are kept in the store at a time. */
const KEPT_AT_ONCE = 10_000;

/**
 * Remembers resources that needed nothing, with a number for how each side stood: a round passes over them as long as
 * both stand so. What was kept is read when it is first asked for.
 */
export class QuietMarks {
  readonly settings: string;
  readonly #store: QuietStore;
  #known: MarkTable | undefined;
  readonly #unsaved = new Map<string, KeptMark>();

  /** `settings` stands for all by which a client decides: what needed nothing under others may need something now. */
  constructor(store: QuietStore, settings: string) {
    this.#store = store;
    this.settings = settings;
  }

  isNoted(name: string, { relay, local }: { relay: number; local: number }): boolean {
    const table = this.#table();
    const slot = table.find(name);
    return table.relay(slot) === relay && table.local(slot) === local;
  }

  knowsRelay(name: string, relay: number): boolean {
    const table = this.#table();
    return table.relay(table.find(name)) === relay;
  }

  note(name: string, mark: { relay: number; local: number }): void {
    if (this.isNoted(name, mark)) return;
    this.#table().set({ name, ...mark });
    this.#unsaved.set(name, { name, ...mark });
    if (this.#unsaved.size >= KEPT_AT_ONCE) this.save();
  }

  /** Keeps what was noted since the last time for the next run. */
  save(): void {
    if (this.#unsaved.size === 0) return;
    this.#store.keepQuietMarks(this.#unsaved.values());
    this.#unsaved.clear();
  }

  #table(): MarkTable {
    if (this.#known !== undefined) return this.#known;
    const table = this.#known = new MarkTable();
    for (const mark of this.#store.quietMarks(this.settings)) table.set(mark);
    return table;
  }
}

const FIRST_BITS = 10;
const WIDTH = 3;

/**
 * Marks by the sign of a name, which takes the place of the name: 1 000 000 of them take 50 MB. Two names with one sign
 * share a mark, so that at most one of them is passed over.
 */
class MarkTable {
  #bits = FIRST_BITS;
  #count = 0;
  /** Sign, and a number for each side; a sign is never 0 here. */
  #slots = new Float64Array(WIDTH << FIRST_BITS);

  /** The slot of a name, or the free one where it would stand. */
  find(name: string): number {
    return this.#slotOf(signNumber(name) + 1);
  }

  relay(slot: number): number | undefined {
    return this.#slots[slot] === 0 ? undefined : this.#slots[slot + 1];
  }

  local(slot: number): number | undefined {
    return this.#slots[slot] === 0 ? undefined : this.#slots[slot + 2];
  }

  set({ name, relay, local }: KeptMark): void {
    const sign = signNumber(name) + 1;
    if (4 * this.#count >= 3 * (1 << this.#bits)) this.#grow();
    const slot = this.#slotOf(sign);
    if (this.#slots[slot] === 0) this.#count++;
    this.#slots[slot] = sign;
    this.#slots[slot + 1] = relay;
    this.#slots[slot + 2] = local;
  }

  #slotOf(sign: number): number {
    const last = (1 << this.#bits) - 1;
    let place = Math.imul(sign % 0x1_0000_0000, 0x9e3779b1) >>> (32 - this.#bits);
    for (;;) {
      const standing = this.#slots[WIDTH * place];
      if (standing === sign || standing === 0 || standing === undefined) return WIDTH * place;
      place = (place + 1) & last;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#bits++;
    this.#slots = new Float64Array(WIDTH << this.#bits);
    for (let at = 0; at < old.length; at += WIDTH) {
      const sign = old[at];
      if (sign) this.#slots.set(old.subarray(at, at + WIDTH), this.#slotOf(sign));
    }
  }
}
