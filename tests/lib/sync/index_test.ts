import assert from "node:assert/strict";
import { MemoryStore, openMemory } from "../../../backends/memory.ts";
import type { Section } from "../../../lib/config/section.ts";
import { FaultyBackend } from "../../support/faulty_backend.ts";

import { done, IndexWorld, T, variants } from "./_index_world.ts";

for (const [name, options] of variants()) {
  Deno.test(`an index relay carries files there and back with ${name}`, async () => {
    using world = new IndexWorld();
    const [a, b] = [world.indexed("A", options), world.indexed("B", options)];
    const large = Uint8Array.from({ length: 300_000 }, (_, at) => at * at >> 5);
    a.write("hello.txt", "hello\n", T);
    a.write("docs/deep/été 漢字.txt", "", T + 1);
    a.write("large.bin", large, T + 2);
    await done(a);
    assert.deepEqual(world.updates(), [".0.T.data", ".0.T.index"]);
    await done(b);
    assert.deepEqual(b.tree(), a.tree());
    assert.equal(b.timeOf("docs/deep/été 漢字.txt"), T + 1);
    assert.deepEqual(world.relayNames(), [".0.index"]);
    b.write("large.bin", "short now", T + 9);
    b.write("new", "new", T);
    await done(b);
    assert.deepEqual([...await done(a)].sort(), ["pull large.bin", "pull new"]);
    assert.deepEqual(a.tree(), b.tree());
    await world.settle([a, b]);
  });
}

Deno.test("what is spooled to disk is gone afterwards", async () => {
  using world = new IndexWorld();
  const [a, b] = [world.indexed("A", { compression: "zstd" }), world.indexed("B")];
  const noise = new Uint8Array(9 << 20);
  for (let at = 0; at < noise.length; at += 65536) {
    crypto.getRandomValues(noise.subarray(at, at + 65536));
  }
  a.write("noise", noise, T);
  await done(a);
  await done(b);
  assert.deepEqual(Deno.readFileSync(b.pathOf("noise")), noise);
  const left = [...Deno.readDirSync(`${world.root}/state`)].map((entry) => entry.name);
  assert.ok(left.every((name) => !name.includes("spool")), left.join());
});

Deno.test("topdir makes a page of each folder, topdir:2 of each pair", async () => {
  const pages = { 1: [".0.index", ".a_b.index", ".c.index"], 2: [".0.index", ".c_d.index"] };
  for (const [depth, expected] of Object.entries(pages)) {
    using world = new IndexWorld();
    const options: Partial<Section> = { index: { kind: "pages", depth: Number(depth) } };
    const [a, b] = [world.client("A", options), world.client("B", options)];
    for (const path of ["f", "a.b/f", "a_b/g", "c/d/f"]) a.write(path, path, T);
    await done(a);
    await done(b);
    assert.deepEqual(b.tree(), a.tree());
    assert.deepEqual(world.relayNames(), expected);
  }
});

Deno.test("an update is cut at maxpagesize, and the next goes up once it is consumed", async () => {
  using world = new IndexWorld();
  const options = { maxPageSizeBytes: 100, compression: "none" } as const;
  const [a, b] = [world.indexed("A", options), world.indexed("B", options)];
  for (let i = 0; i < 5; i++) a.write(`f${i}`, `${i}`.repeat(40), T);
  a.write("huge", "x".repeat(500), T);
  const run = await a.once();
  assert.ok(run.actions.length <= 2);
  assert.equal(run.result.outcome, "skipped", "the rest waits");
  let turns = 0;
  while (Object.keys(b.tree()).length < 6 && turns++ < 10) {
    await b.once();
    await a.once();
  }
  assert.deepEqual(b.tree(), a.tree());
  assert.ok(turns <= 4);
  await world.settle([a, b]);
  assert.deepEqual(world.relayNames(), [".0.index"]);
});

Deno.test("an idle poll is one listing and nothing else", async () => {
  for (const hasTags of [true, false]) {
    const store = new MemoryStore({ hasTags });
    using world = new IndexWorld(store);
    const backend = new FaultyBackend(openMemory(store));
    const a = world.indexed("A").with({}, () => Promise.resolve(backend));
    const b = world.indexed("B");
    a.write("f", "1", T);
    await using session = await a.open();
    await session.round();
    await done(b);
    await session.round();
    // The time of what was just written has to pass.
    world.clock.uptimeS += 10;
    await session.round();
    const before = backend.count();
    assert.deepEqual((await session.round()).actions, []);
    assert.deepEqual(backend.calls.slice(before).map(({ verb }) => verb), ["list"]);
  }
});

Deno.test("nobody consumes its own update (W1), and two pullers both get it (W5)", async () => {
  using world = new IndexWorld();
  const [a, b, c] = ["A", "B", "C"].map((name) => world.indexed(name, { pullerCount: 2 }));
  assert.ok(a && b && c);
  a.write("f", "1", T);
  await done(a);
  await done(a);
  assert.deepEqual(world.updates(), [".0.T.data", ".0.T.index"]);
  await done(b);
  assert.match(
    new TextDecoder().decode(world.bytesOf(/\d{5,}\.index$/).bytes),
    /---pullers---\nB$/,
  );
  await done(b);
  await done(c);
  assert.deepEqual(world.updates(), []);
  assert.deepEqual([b.tree(), c.tree()], [a.tree(), a.tree()]);
});

Deno.test("a client that comes late gets all, be there an update or none", async () => {
  using world = new IndexWorld();
  const options = { pullerCount: 2 };
  const [a, b, c] = ["A", "B", "C"].map((name) => world.indexed(name, options));
  assert.ok(a && b && c);
  a.write("f", "1", T);
  a.write("d/g", "2", T);
  await done(a);
  await done(b);
  await done(c);
  a.write("h", "3", T);
  await done(a);
  const d = world.indexed("D", { pullerCount: 3 });
  await world.settle([d, a, b, c]);
  assert.deepEqual(d.tree(), a.tree());
  assert.deepEqual(world.updates(), []);
});

Deno.test("what was deleted here does not come back, and is requested in download mode", async () => {
  using world = new IndexWorld();
  const options = { pullerCount: 2 };
  const [a, b] = [world.indexed("A", options), world.indexed("B", options)];
  const c = world.indexed("C", { mode: "download", ...options });
  for (const name of ["f", "g"]) a.write(name, name, T);
  await done(a);
  await done(b);
  b.remove("f");
  await world.settle([a, b]);
  assert.deepEqual(b.tree(), { g: "g" });
  await world.settle([c, a, b]);
  assert.deepEqual(c.tree(), { f: "f", g: "g" });
  c.remove("f");
  await world.settle([c, a, b]);
  assert.deepEqual(c.tree(), { f: "f", g: "g" });
  assert.deepEqual(b.tree(), { g: "g" });
  a.write("f", "new", T + 5);
  await world.settle([a, b, c]);
  assert.deepEqual(b.tree(), { f: "new", g: "g" });
});

Deno.test("a mirror whose files of a page are all gone asks for them only if it may", async () => {
  using world = new IndexWorld();
  const options: Partial<Section> = { index: { kind: "pages", depth: 1 } };
  const a = world.client("A", { ...options, mode: "upload" });
  const b = world.client("B", { ...options, mode: "download" });
  for (const path of ["d/f", "d/g", "h"]) a.write(path, path, T);
  await world.settle([a, b]);
  Deno.removeSync(b.pathOf("d"), { recursive: true });
  const run = await b.once();
  assert.equal(run.result.outcome, "skipped");
  assert.match(run.problems.join(), /index page "d": all of them are gone here/);
  await world.settle([a]);
  assert.deepEqual(b.tree(), { h: "h" });
  await world.settle([b.with({ allowPageDeletion: true }), a]);
  assert.deepEqual(b.tree(), a.tree());
});

Deno.test("both versions are kept when both sides changed", async () => {
  using world = new IndexWorld();
  const [a, b] = [world.indexed("A"), world.indexed("B")];
  a.write("f.txt", "base", T);
  await world.settle([a, b]);
  a.write("f.txt", "from A", T + 10);
  b.write("f.txt", "from B", T + 20);
  await world.settle([a, b]);
  const tree = a.tree();
  assert.deepEqual(b.tree(), tree);
  assert.deepEqual(Object.values(tree).sort(), ["from A", "from B"]);
  assert.equal(tree["f.txt"], "from B");
});

Deno.test("a local edit does not hold up the update that it goes over", async () => {
  using world = new IndexWorld();
  const [a, b] = [world.indexed("A"), world.indexed("B")];
  for (const name of ["f", "g"]) a.write(name, name, T);
  await world.settle([a, b]);
  a.write("f", "of A", T + 5);
  await done(a);
  const dying = new FaultyBackend(
    openMemory(world.store),
    ({ verb, name }) =>
      verb === "remove" && name.endsWith(".index") ? { kind: "fail", dies: true } : undefined,
  );
  await b.with({}, () => Promise.resolve(dying)).once();
  assert.deepEqual(b.tree()["f"], "of A", "it was pulled, but not acknowledged");
  b.write("f", "of B", T + 10);
  await world.settle([b, a]);
  assert.deepEqual(a.tree(), { f: "of B", g: "g" });
});

Deno.test("conservative mode keeps what stands here and frees the page", async () => {
  using world = new IndexWorld();
  const [a, b] = [world.indexed("A"), world.indexed("B", { mode: "conservative" })];
  b.write("f", "of B", T);
  await world.settle([b, a]);
  a.write("f", "of A", T + 9);
  a.write("g", "new", T);
  await done(a);
  await done(b);
  assert.deepEqual(b.tree(), { f: "of B", g: "new" });
  assert.deepEqual(world.updates(), []);
  assert.deepEqual(await done(b), []);
});

Deno.test("a file that a filter excludes is acknowledged with its page", async () => {
  using world = new IndexWorld();
  const filters = { ...world.indexed("A").section.filters, exclude: ["skip"] };
  const [a, b] = [world.indexed("A"), world.indexed("B", { filters })];
  a.write("skip me", "1", T);
  await done(a);
  await done(b);
  assert.deepEqual(b.tree(), {});
  assert.deepEqual(world.updates(), [], "an update with nothing else goes");
  a.write("skip me", "2", T + 5);
  a.write("take me", "3", T);
  await done(a);
  await done(b);
  assert.deepEqual(b.tree(), { "take me": "3" });
  assert.deepEqual(world.updates(), []);
  assert.deepEqual(await done(b), []);
});

Deno.test("a name that an index cannot hold is left out and told (W24)", async () => {
  using world = new IndexWorld();
  const [a, b] = [world.indexed("A"), world.indexed("B")];
  for (const name of ["good", "line\nbreak", "trail "]) a.write(name, name, T);
  const run = await a.once();
  assert.equal(run.result.outcome, "skipped");
  assert.deepEqual(run.actions, ["push good"]);
  assert.equal(run.problems.length, 2);
  assert.match(run.problems.join(), /line break.*blank|blank.*line break/s);
  await done(b);
  assert.deepEqual(b.tree(), { good: "good" });
});

Deno.test("a page lost from the relay is made again by those who hold the files", async () => {
  using world = new IndexWorld();
  const options = { pullerCount: 2 };
  const clients = ["A", "B", "C"].map((name) => world.indexed(name, options));
  const [a] = clients;
  assert.ok(a);
  for (const name of ["f", "g"]) a.write(name, name, T);
  await world.settle(clients);
  await world.remove(".0.index");
  await world.settle(clients);
  assert.deepEqual(world.relayNames(), [".0.index"]);
  const d = world.indexed("D", { pullerCount: 3 });
  await world.settle([...clients.map((client) => client.with({ pullerCount: 3 })), d]);
  assert.deepEqual(d.tree(), a.tree());
});

Deno.test("equal folders move no file when all have lost their state", async () => {
  using world = new IndexWorld();
  const [a, b] = [world.indexed("A"), world.indexed("B")];
  a.write("f", "1", T);
  await world.settle([a, b]);
  a.loseState();
  b.loseState();
  assert.deepEqual(await done(a), []);
  assert.deepEqual(await done(b), []);
  a.write("f", "2", T + 1);
  await world.settle([a, b]);
  assert.deepEqual(b.tree(), { f: "2" });
});

Deno.test("a file that changes while an update is made is left out, the others go", async () => {
  for (const compression of ["none", "zstd"] as const) {
    using world = new IndexWorld();
    const options = { compression, legacyPeers: false };
    const [a, b] = [world.indexed("A", options), world.indexed("B", options)];
    const large = new Uint8Array(600_000).fill(1);
    a.write("a", "1", T);
    a.write("large", large, T);
    a.write("z", "2", T);
    await using session = await a.open();
    const { relay } = session.opened.workshop;
    const open = relay.open.bind(relay);
    let isFirst = true;
    relay.open = async (resources, options) => {
      const transaction = await open(resources, options);
      const put = transaction.put.bind(transaction);
      transaction.put = async (resource, record, content) => {
        await put(resource, record, content);
        if (resource === "large" && isFirst) {
          isFirst = false;
          a.write("large", new Uint8Array(700_000).fill(2), T + 9);
        }
      };
      return transaction;
    };
    const { actions, tally } = await session.round();
    assert.deepEqual([...actions].sort(), ["push a", "push z"]);
    assert.equal(tally.waiting, 1);
    await done(b);
    assert.deepEqual(b.tree(), { a: "1", z: "2" });
    await session.round();
    await done(b);
    assert.deepEqual(b.tree(), a.tree());
  }
});
