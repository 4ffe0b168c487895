import { INDEX_HISTORIES, PAGES } from "./_index_histories.ts";
import { sweep } from "./_sweep.ts";

for (const history of INDEX_HISTORIES) {
  Deno.test(`a fault at any call on an index relay loses nothing when ${history.name}`, async () => {
    await sweep(history, PAGES);
  });
}
