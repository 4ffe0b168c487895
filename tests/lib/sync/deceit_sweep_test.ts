import { HISTORIES, PLACEHOLDERS } from "./_histories.ts";
import { INDEX_HISTORIES, PAGES } from "./_index_histories.ts";
import { DECEITS, sweep, type SweptLayout } from "./_sweep.ts";

/** A guard that is made when its maker has given it up stands until somebody wants that lock. */
function withGuards({ options, mayStay }: SweptLayout): SweptLayout {
  return { options, mayStay: (name) => mayStay(name) || name.endsWith(".guard") };
}

for (const history of HISTORIES) {
  const options = { legacyPeers: history.onlyLegacy === true };
  Deno.test(`a storage that lies or refuses loses nothing when ${history.name}`, async () => {
    await sweep(history, { ...withGuards(PLACEHOLDERS), options }, DECEITS);
  });
}

for (const history of INDEX_HISTORIES) {
  Deno.test(`a storage that lies or refuses loses nothing with an index when ${history.name}`, async () => {
    await sweep(history, withGuards(PAGES), DECEITS);
  });
}
