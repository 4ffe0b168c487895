import assert from "node:assert/strict";
import { skip } from "../support/skip.ts";
import { RELAYS } from "./lock_relays.ts";
import { described, partOf, runLocks, runsOf } from "./lock_runs.ts";

/** Acquisitions of all storages together; without it, some on each. */
const ALL = Deno.env.get("ESCALE_LOCKS");
const FEW = 100;
const SEED = Number(Deno.env.get("ESCALE_SEED") ?? Date.now() % 2 ** 31);

for (const relay of RELAYS) {
  Deno.test(`processes with wrong clocks that are stopped now and then get locks one at a time: ${relay.name} (seed ${SEED})`, async () => {
    const why = relay.whyNot();
    if (why !== undefined) return skip(why);
    for (const run of runsOf(ALL === undefined ? FEW : partOf(Number(ALL), relay), SEED)) {
      const counts = await runLocks(relay, run);
      if (ALL !== undefined) say(described(relay, run, counts));
    }
  });
}

Deno.test("one that takes no lock is noticed", async () => {
  const [folder] = RELAYS;
  assert.ok(folder !== undefined);
  const run = { processes: 3, acquisitions: 5_000, legacyPeers: false, seed: SEED, lawless: 1 };
  await assert.rejects(runLocks(folder, run), /Overlap: \.f\d\.lock: c\d since [\d.]+ with c\d/);
});

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}
