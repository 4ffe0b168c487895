import assert from "node:assert/strict";
import fc from "fast-check";
import { type History, someHistory } from "./world_history.ts";
import { run } from "./world_run.ts";

const CASES = Number(Deno.env.get("ESCALE_WORLDS") ?? 200);
const SEED = Number(Deno.env.get("ESCALE_SEED") ?? Date.now() % 2 ** 31);

Deno.test(`whole clients in a simulated world lose nothing and agree in the end (seed ${SEED})`, async () => {
  const property = fc.asyncProperty(someHistory, (history) => run(history));
  const details = await fc.check(property, { numRuns: CASES, seed: SEED });
  const [history] = details.counterexample ?? [];
  if (history !== undefined) assert.fail(await narrate(history));
  assert.equal(details.failed, false);
});

/** The shortest failing history found, and what its clients did. */
async function narrate(history: History): Promise<string> {
  const lines: string[] = [];
  try {
    await run(history, { trace: (line) => lines.push(line) });
  } catch (cause) {
    lines.push(cause instanceof Error ? cause.stack ?? cause.message : String(cause));
  }
  return [`ESCALE_SEED=${SEED}`, JSON.stringify(history), ...lines].join("\n");
}
