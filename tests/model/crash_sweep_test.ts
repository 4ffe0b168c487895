import { HISTORIES, PLACEHOLDERS } from "../lib/sync/_histories.ts";
import { INDEX_HISTORIES, PAGES } from "../lib/sync/_index_histories.ts";
import { sweepCrashes } from "../lib/sync/_sweep.ts";

/** All losses at each call, instead of one in turn. */
const isWhole = Deno.env.get("ESCALE_CRASHES") === "all";

for (const history of HISTORIES) {
  for (const legacyPeers of history.onlyLegacy ? [true] : isWhole ? [true, false] : [false]) {
    const peers = legacyPeers ? "of all kinds" : "of ours";
    Deno.test(`death at any call loses nothing among clients ${peers} when ${history.name}`, async () => {
      await sweepCrashes(history, { ...PLACEHOLDERS, options: { legacyPeers } }, { isWhole });
    });
  }
}

for (const history of INDEX_HISTORIES) {
  Deno.test(`death at any call loses nothing with an index when ${history.name}`, async () => {
    await sweepCrashes(history, PAGES, { isWhole });
  });
}
