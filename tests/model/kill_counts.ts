const COUNTED = [
  "histories of two clients",
  "histories of three clients",
  "edits",
  "kills",
  "kills in a transfer",
  "stops",
  "relay renamed away",
  "relay unmounted",
  "relay emptied",
  "repository renamed away",
  "repository unmounted",
  "repository emptied",
  "disk of a relay full",
  "disk of a repository full",
  "disk of a state full",
  "clients that stopped with the error for it and were started again",
  "conflict copies in the end",
] as const;

/** What is counted. */
export type Counted = typeof COUNTED[number];

/** What happened, each how often. */
export class Counts {
  readonly #times = new Map<Counted, number>();

  add(what: Counted, times = 1): void {
    this.#times.set(what, (this.#times.get(what) ?? 0) + times);
  }

  addAll(others: Counts): void {
    for (const [what, times] of others.#times) this.add(what, times);
  }

  lines(): string[] {
    return COUNTED.map((what) => `${String(this.#times.get(what) ?? 0).padStart(7)} ${what}`);
  }
}
