import assert from "node:assert/strict";
import type { Loss, When } from "../support/mortal_disk.ts";
import { sweepHistories } from "./world_sweep.ts";

const CASES = Number(Deno.env.get("ESCALE_DEATHS") ?? 3);
const SEED = Number(Deno.env.get("ESCALE_SEED") ?? Date.now() % 2 ** 31);
const WHENS: readonly When[] = ["before", "after"];
const LOSSES: readonly Loss[] = ["nothing", "contents", "all"];

Deno.test(`death at each call of a round of a random history loses nothing (${CASES} histories, seed ${SEED})`, async () => {
  // Each call has one of the ways to die, in turn; another history has another one there.
  const ways = WHENS.flatMap((when) => LOSSES.map((loss) => ({ when, loss })));
  let turn = 0;
  const runs = await sweepHistories({ cases: CASES, seed: SEED }, (by, at) => {
    const way = ways[turn++ % ways.length] ?? assert.fail();
    return [{ kind: "kill", by, at, ...way }];
  });
  assert.ok(runs >= CASES, `${runs} deaths`);
});
