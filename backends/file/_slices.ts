import { setImmediate } from "node:timers/promises";

/** The longest stretch of synchronous calls, milliseconds. */
const SLICE_MS = 20;

/**
 * Lets the event loop turn now and then. Calls that end without waiting would otherwise hold up timers, signals and
 * other transfers for as long as a caller makes one after the other.
 */
export class Slices {
  #endMs = 0;
  #turn: Promise<void> | undefined;

  /** What is to be waited for before the next synchronous call; `undefined`, in most cases, if nothing is. */
  next(): Promise<void> | undefined {
    if (performance.now() >= this.#endMs) this.#turn ??= this.#begin();
    return this.#turn;
  }

  async #begin(): Promise<void> {
    await setImmediate();
    this.#endMs = performance.now() + SLICE_MS;
    this.#turn = undefined;
  }
}
