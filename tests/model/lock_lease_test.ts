import assert from "node:assert/strict";
import { skip } from "../support/skip.ts";
import { runLease } from "./lock_lease_runs.ts";
import { RELAYS } from "./lock_relays.ts";

const ALL = Deno.env.get("ESCALE_LOCKS");
const SEED = Number(Deno.env.get("ESCALE_SEED") ?? Date.now() % 2 ** 31);
/** In short: one of each kind. */
const FEW = ["file", "pure-ftpd", "nginx", "rclone local"];
const FEW_STOPS = 1;
/** Stops cost more than acquisitions. */
const ACQUISITIONS_A_STOP = 1_000;

for (const [at, relay] of RELAYS.entries()) {
  if (ALL === undefined && !FEW.includes(relay.name)) continue;
  Deno.test(`a client stopped for longer than its lease loses nothing, and both notice: ${relay.name} (seed ${SEED})`, async () => {
    const why = relay.whyNot();
    if (why !== undefined) return skip(why);
    const stops = ALL === undefined ? FEW_STOPS : Math.ceil(Number(ALL) / ACQUISITIONS_A_STOP);
    const counts = await runLease(relay, { stops, legacyPeers: at % 2 === 0, seed: SEED });
    assert.equal(counts.takenOver, stops);
    if (ALL === undefined) return;
    const { takenOver, noticed, ms } = counts;
    const text = `${relay.name}: ${takenOver} stops beyond the lease, each taken over, ` +
      `${noticed} pushes found void, ${Math.round(ms / 1000)} s\n`;
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  });
}
