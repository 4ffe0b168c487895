import assert from "node:assert/strict";
import fc from "fast-check";
import { someHistory } from "./world_history.ts";
import { narrate, run } from "./world_run.ts";

const CASES = Number(Deno.env.get("ESCALE_WORLDS") ?? 200);
const SEED = Number(Deno.env.get("ESCALE_SEED") ?? Date.now() % 2 ** 31);

Deno.test(`whole clients in a simulated world lose nothing and agree in the end (seed ${SEED})`, async () => {
  const property = fc.asyncProperty(someHistory, async (history) => void await run(history));
  const details = await fc.check(property, { numRuns: CASES, seed: SEED });
  const [history] = details.counterexample ?? [];
  if (history !== undefined) assert.fail(`ESCALE_SEED=${SEED}\n${await narrate(history)}`);
  assert.equal(details.failed, false);
});
