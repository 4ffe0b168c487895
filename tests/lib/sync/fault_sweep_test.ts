import { HISTORIES, PLACEHOLDERS } from "./_histories.ts";
import { sweep } from "./_sweep.ts";

for (const history of HISTORIES) {
  for (const legacyPeers of history.onlyLegacy ? [true] : [true, false]) {
    const peers = legacyPeers ? "of all kinds" : "of ours";
    Deno.test(`a fault at any relay call loses nothing among clients ${peers} when ${history.name}`, async () => {
      await sweep(history, { ...PLACEHOLDERS, options: { legacyPeers } });
    });
  }
}
