import { messageOf } from "../errors.ts";
import { describe } from "../relay/failure.ts";
import type { ClientEvent } from "./events.ts";

/** What went wrong with single files. Each is told once, not at every round, and again after it was mended. */
export class Problems {
  readonly #emit: (event: ClientEvent) => void;
  readonly #told = new Map<string, string>();
  #current = new Set<string>();

  constructor(emit: (event: ClientEvent) => void) {
    this.#emit = emit;
  }

  /** How many files have a problem in this round. */
  get count(): number {
    return this.#current.size;
  }

  /** Notes that `path` has a problem. */
  add(path: string, thrown: unknown): void {
    const { code, hint } = describe(thrown);
    const message = messageOf(thrown);
    this.#current.add(path);
    if (this.#told.get(path) === message) return;
    this.#told.set(path, message);
    this.#emit({ kind: "problem", path, code, message, ...(hint === undefined ? {} : { hint }) });
  }

  /** Begins a round. */
  beginRound(): void {
    this.#current = new Set();
  }

  /** Ends a round that looked at everything: what did not come up in it is mended. */
  endRound(): void {
    for (const path of this.#told.keys()) {
      if (this.#current.has(path)) continue;
      this.#told.delete(path);
      this.#emit({ kind: "mended", path });
    }
  }
}
