import assert from "node:assert/strict";
import fc from "fast-check";
import { type History, someHistory, type Step } from "./world_history.ts";
import { narrate, run } from "./world_run.ts";

/** As many steps of a history are kept: each is run as often as its swept round has calls, and more. */
const MAX_STEPS = 10;
const MISHAPS: ReadonlySet<Step["kind"]> = new Set(["edit-during", "kill", "fault"]);

/** A random history without mishaps, and where in it whose round is swept. */
const someSwept = fc.record({
  history: someHistory.map((history) => ({
    ...history,
    steps: history.steps.filter(({ kind }) => !MISHAPS.has(kind)).slice(0, MAX_STEPS),
  })),
  by: fc.nat(3),
  place: fc.nat(MAX_STEPS),
});

/**
 * Runs random histories over and over, each with one more round in which something happens at its first call, then at
 * its second, until there are no more calls.
 *
 * @returns how many runs had their mishap
 * @throws {Error} that tells the history which loses something
 */
export async function sweepHistories(
  { cases, seed }: { readonly cases: number; readonly seed: number },
  mishapsAt: (by: number, at: number) => readonly Step[],
): Promise<number> {
  let runs = 0;
  for (const { history, by, place } of fc.sample(someSwept, { seed, numRuns: cases })) {
    for (let at = 1, isOver = false; !isOver; at++) {
      isOver = true;
      for (const mishap of mishapsAt(by, at)) {
        const steps = history.steps.toSpliced(Math.max(place, 2), 0, mishap);
        if (await runTelling({ ...history, steps }, seed) === 0) continue;
        isOver = false;
        runs++;
      }
    }
  }
  return runs;
}

async function runTelling(history: History, seed: number): Promise<number> {
  try {
    return await run(history);
  } catch {
    assert.fail(`ESCALE_SEED=${seed}\n${await narrate(history)}`);
  }
}
