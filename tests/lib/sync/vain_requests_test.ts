import assert from "node:assert/strict";
import { done, IndexWorld, T } from "./_index_world.ts";

Deno.test("an update of our own that is damaged, and lost here, is told and not asked for without end", async () => {
  using world = new IndexWorld();
  const a = world.indexed("A", { legacyPeers: false, compression: "none" });
  a.write("f", "content", T);
  await done(a);
  const { name, bytes } = world.bytesOf(/\.data$/);
  const at = new TextDecoder("latin1").decode(bytes).indexOf("content");
  await world.put(name, bytes.with(at, 0x43));
  a.remove("f");
  a.loseState();
  const run = await a.once();
  assert.match(run.problems.join(), /Refused the content of "f" on the relay: its checksum/);
  assert.equal(run.result.outcome, "skipped");
  assert.ok(run.actions.length < 5, run.actions.join());
  a.write("f", "content", T);
  await a.once();
  const b = world.indexed("B", { legacyPeers: false, compression: "none" });
  await world.settle([b, a]);
  assert.deepEqual([a.tree(), b.tree()], [{ f: "content" }, { f: "content" }]);
});

Deno.test("a name that starts with a byte order mark keeps it through each client's acknowledgement", async () => {
  using world = new IndexWorld();
  const clients = ["A", "B", "C"].map((name) => world.indexed(name, { pullerCount: 2 }));
  const [a] = clients;
  assert.ok(a);
  a.write("\ufeff\u00e9", "1", T);
  await world.settle(clients);
  for (const client of clients) assert.deepEqual(client.tree(), { "\ufeff\u00e9": "1" });
  assert.deepEqual(world.relayNames(), [".0.index"]);
});
