import assert from "node:assert/strict";
import { sweepHistories } from "./world_sweep.ts";
import { FAULT_COUNT } from "./world_things.ts";

const CASES = Number(Deno.env.get("ESCALE_FAULTS") ?? 1);
const SEED = Number(Deno.env.get("ESCALE_SEED") ?? Date.now() % 2 ** 31);

Deno.test(`each fault at each relay call of a round of a random history loses nothing (${CASES} histories, seed ${SEED})`, async () => {
  const runs = await sweepHistories({ cases: CASES, seed: SEED }, (by, at) => {
    return Array.from({ length: FAULT_COUNT }, (_, fault) => ({ kind: "fault", by, at, fault }));
  });
  assert.ok(runs >= CASES, `${runs} faults`);
});
