import type { Timers } from "../../../lib/daemon/supervisor.ts";

/** Timers that pass when a test says so; their clock begins at 1 000 000 ms. */
export class ManualTimers implements Timers {
  nowMs = 1_000_000;
  readonly #timers = new Set<{ readonly dueMs: number; readonly call: () => void }>();

  get count(): number {
    return this.#timers.size;
  }

  after(ms: number, call: () => void): () => void {
    const timer = { dueMs: this.nowMs + ms, call };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  every(): () => void {
    throw new Error("Nothing here goes by intervals");
  }

  /** Lets time pass, and calls what is due. */
  pass(ms: number): void {
    this.nowMs += ms;
    for (const timer of [...this.#timers]) {
      if (timer.dueMs > this.nowMs || !this.#timers.delete(timer)) continue;
      timer.call();
    }
  }
}
