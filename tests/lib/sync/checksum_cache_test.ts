import assert from "node:assert/strict";
import { silentLog } from "../../../lib/log.ts";
import { clearChecksumCache, fillChecksumCache } from "../../../lib/sync/checksum_cache.ts";
import { openState } from "../../../lib/sync/toolbox.ts";
import { World } from "../../support/engine.ts";

const signal = new AbortController().signal;

Deno.test("the checksum cache is filled once, cleared, and nothing else is forgotten", async () => {
  using world = new World();
  const client = world.client("a");
  for (const name of ["x", "dir/y"]) client.write(name, name);
  await client.once();
  using state = openState(client.section, { log: silentLog });
  const agreed = state.resource("x").agreed;
  assert(agreed !== undefined);
  // Changed so recently, a file's checksum holds for one round only.
  const fresh = await fillChecksumCache(client.section, { state, signal, progress: () => {} });
  assert.deepEqual([fresh.files, fresh.fresh], [2, 2]);
  state.change("x", {
    hashed: { stamp: { sizeBytes: 1, modifiedMs: 1, changedMs: 1, inode: 1 }, digest: "0" },
  });
  client.remove("x");
  assert.equal(await clearChecksumCache(client.section, { state, signal }), 1);
  assert.equal(state.resource("x").hashed, undefined);
  assert.deepEqual(state.resource("x").agreed, agreed);
  assert.equal(await clearChecksumCache(client.section, { state, signal }), 0);
});

Deno.test("fillChecksumCache() names what it cannot read and goes on, and needs a repository", async () => {
  using world = new World();
  const client = world.client("a");
  client.write("x", "content");
  using state = openState(client.section, { log: silentLog });
  const missing = client.with({ localPath: `${world.root}/none` });
  await assert.rejects(
    fillChecksumCache(missing.section, { state, signal, progress: () => {} }),
    { code: "no-repository" },
  );
  let isFirst = true;
  client.write("y", "content");
  const filled = await fillChecksumCache(client.section, {
    state,
    signal,
    progress: () => {
      if (isFirst) { for (const name of ["x", "y"]) client.write(name, "other"); }
      isFirst = false;
    },
  });
  assert.equal(filled.problems.length, 2);
});
