import fc from "fast-check";
import { type History, someHistory } from "./plan_history.ts";
import { run } from "./plan_model.ts";

const CASES = Number(Deno.env.get("ESCALE_CASES") ?? 5000);
const SEED = Number(Deno.env.get("ESCALE_SEED") ?? Date.now() % 2 ** 31);

Deno.test(`decide() loses no content and lets all clients come to rest (seed ${SEED})`, () => {
  const details = fc.check(fc.property(someHistory, (history) => run(history)), {
    numRuns: CASES,
    seed: SEED,
  });
  const [history] = details.counterexample ?? [];
  if (history !== undefined) throw new Error(narrate(history));
});

/** The shortest failing history found, told in plain words. */
function narrate(history: History): string {
  const lines: string[] = [];
  try {
    run(history, (line) => lines.push(line));
  } catch (cause) {
    lines.push(String(cause));
  }
  if (lines.length > 140) lines.splice(100, lines.length - 140, "...");
  return [`ESCALE_SEED=${SEED}`, JSON.stringify(history), ...lines].join("\n");
}
