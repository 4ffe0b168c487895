import assert from "node:assert/strict";
import { GOLDEN_KEY, type TestClient, World } from "../../support/engine.ts";

const T = 1_600_000_000;

/** A file of A on the relay, pushed and not pulled. */
async function pushed(world: World, content = "content"): Promise<[TestClient, TestClient]> {
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f", content, T);
  await a.once();
  return [a, b];
}

for (
  const [how, damaged] of [
    ["flipped", "c0ntent"],
    ["cut", "cont"],
    ["emptied", ""],
    ["longer", "content and more"],
  ] as const
) {
  Deno.test(`W15, W30: a content that is ${how} on the relay is not taken, and its author sends it again`, async () => {
    using world = new World();
    const [a, b] = await pushed(world);
    Deno.writeTextFileSync(world.pathOnRelay("f"), damaged);
    assert.deepEqual((await b.once()).actions, ["request f"]);
    assert.deepEqual(b.tree(), {});
    assert.deepEqual(world.relayNames(), []);
    assert.deepEqual((await a.once()).actions, ["push f"]);
    await b.once();
    assert.deepEqual([a.tree(), b.tree()], [{ f: "content" }, { f: "content" }]);
  });
}

Deno.test("W30: a content damaged on the relay never replaces the good copy of a client that has an older one", async () => {
  using world = new World();
  const [a, b] = await pushed(world);
  await world.settle([a, b]);
  a.write("f", "second", T + 1);
  await a.once();
  Deno.writeTextFileSync(world.pathOnRelay("f"), "sec0nd");
  await b.once();
  assert.equal(b.read("f"), "content");
  await world.settle([b, a]);
  assert.deepEqual([a.tree(), b.tree()], [{ f: "second" }, { f: "second" }]);
});

Deno.test("a damaged content whose author is gone is removed once, and nothing else happens", async () => {
  using world = new World();
  const [, b] = await pushed(world);
  Deno.writeTextFileSync(world.pathOnRelay("f"), "c0ntent");
  await b.once();
  const again = await b.once();
  assert.deepEqual([again.actions, b.tree(), world.relayNames()], [[], {}, []]);
});

for (
  const [how, text] of [
    ["empty", ""],
    ["cut", "placeholder%1.0\npusher: A\ntimest"],
    ["without time and checksum", "placeholder%1.0\npusher: A\n---pullers---"],
    ["of bytes", "\0\u0001\ufffd"],
    ["with a colon in a value", "placeholder%1.0\npusher: A:B\ntimestamp: 1\n---pullers---"],
    ["too large", "placeholder%1.0\ntimestamp: 1\n---pullers---\n" + "B\n".repeat(40_000)],
  ] as const
) {
  Deno.test(`an unreadable record (${how}) stops its own file alone, and its author writes it again`, async () => {
    using world = new World();
    const [a, b] = await pushed(world);
    a.write("g", "other", T);
    await a.once();
    Deno.writeTextFileSync(world.pathOnRelay(".f.placeholder"), text);
    const run = await b.once();
    assert.deepEqual(b.tree(), { g: "other" });
    assert.deepEqual(run.result, { outcome: "skipped" });
    assert.deepEqual(run.problems.slice(1), []);
    assert.match(run.problems.join(), /^Refused the record of "f" on the relay: /);
    assert.equal(world.relayTree()["f"], "content", "nothing is deleted");
    await a.once();
    world.clock.uptimeS += 31;
    await world.settle([a, b]);
    assert.deepEqual([a.tree(), b.tree()], [
      { f: "content", g: "other" },
      { f: "content", g: "other" },
    ]);
  });
}

Deno.test("content without a record is pulled once it stood still for 30 s, and never deleted", async () => {
  using world = new World();
  const b = world.client("B", { mode: "download" });
  Deno.writeTextFileSync(world.pathOnRelay("f"), "half");
  assert.deepEqual((await b.round()).actions, []);
  world.clock.uptimeS += 29;
  Deno.writeTextFileSync(world.pathOnRelay("f"), "half more");
  assert.deepEqual((await b.round()).actions, [], "it has grown");
  world.clock.uptimeS += 29;
  assert.deepEqual((await b.round()).actions, []);
  world.clock.uptimeS += 1;
  assert.deepEqual((await b.round()).actions, ["pull f"]);
  assert.equal(b.read("f"), "half more");
  assert.deepEqual(world.relayTree(), { f: "half more" }, "no record is made by the puller");
});

Deno.test("content without a record gets its record from a client that holds it", async () => {
  using world = new World();
  const [a, b] = await pushed(world);
  Deno.removeSync(world.pathOnRelay(".f.placeholder"));
  await a.round();
  world.clock.uptimeS += 31;
  await a.round();
  assert.match(world.relayTree()[".f.placeholder"] ?? "", /pusher: A/);
  assert.deepEqual((await b.once()).actions, ["pull f"]);
});

Deno.test("content without a record is kept as a conflict copy by a client that holds another one", async () => {
  using world = new World();
  const b = world.client("B");
  Deno.writeTextFileSync(world.pathOnRelay("f.txt"), "orphan");
  b.write("f.txt", "of B", T);
  await b.round();
  world.clock.uptimeS += 31;
  await b.round();
  assert.deepEqual(Object.values(b.tree()).sort(), ["of B", "orphan"]);
  assert.equal(world.relayTree()["f.txt"], "of B");
  const c = world.client("C");
  await world.settle([b, c]);
  assert.deepEqual(c.tree(), b.tree());
});

Deno.test("a record that vanishes from the relay deletes nothing and is written again", async () => {
  using world = new World();
  const [a, b] = await pushed(world);
  await world.settle([a, b]);
  Deno.removeSync(world.pathOnRelay(".f.placeholder"));
  await world.settle([a, b]);
  assert.deepEqual([a.tree(), b.tree()], [{ f: "content" }, { f: "content" }]);
  assert.deepEqual(world.relayNames(), [".f.placeholder"]);
});

Deno.test("names of every malformed kind on the relay are left alone, and nothing leaves the folder", async () => {
  using world = new World();
  const [a, b] = await pushed(world);
  const strange = [
    ".hidden",
    ".lock",
    ".placeholder",
    "..lock",
    "d/.placeholder",
    ".git/config",
    ".m.txt.message",
    "x/.y/z",
    ".x/.y.placeholder",
    "..f.placeholder.placeholder",
  ];
  for (const name of strange) {
    const place = world.pathOnRelay(name);
    Deno.mkdirSync(place.slice(0, place.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(place, "lock%1.0\nowner: B\nmode: w");
  }
  const aside = `${world.root}/aside`;
  Deno.writeTextFileSync(aside, "not of the relay");
  Deno.symlinkSync(aside, world.pathOnRelay("link"));
  const before = Object.keys(world.relayTree());
  await world.settle([a, b]);
  assert.deepEqual([a.tree(), b.tree()], [{ f: "content" }, { f: "content" }]);
  assert.deepEqual(world.relayNames(), before.filter((name) => name !== "f"));
});

Deno.test("an index relay is refused where the section has none, and the other files stay", async () => {
  using world = new World();
  const b = world.client("B");
  for (const name of [".0.index", ".0.17.data"]) {
    Deno.writeTextFileSync(world.pathOnRelay(name), "");
    const run = await b.once();
    assert.equal(run.result.outcome, "failed");
    assert.equal(run.result.error?.code, "refused");
    assert.match(run.result.error?.message ?? "", new RegExp(name));
    Deno.removeSync(world.pathOnRelay(name));
  }
});

Deno.test("a damaged content of a push that is not remembered is put again before anybody pulls it", async () => {
  for (const options of [{}, { cipher: "fernet", passphrase: GOLDEN_KEY } as const]) {
    using world = new World();
    const [a, b] = [world.client("A", options), world.client("B", options)];
    a.write("f", "the content", T);
    a.write("g", "another", T);
    await a.once();
    const stored = Deno.readFileSync(`${world.relay}/f`);
    stored[7] = (stored[7] ?? 0) ^ 1;
    Deno.writeFileSync(`${world.relay}/f`, stored);
    Deno.truncateSync(`${world.relay}/g`, 3);
    a.loseState();
    const run = await a.once();
    assert.deepEqual([...run.actions].sort(), ["repair f", "repair g"]);
    assert.deepEqual((await a.once()).actions, []);
    assert.deepEqual([...(await b.once()).actions].sort(), ["pull f", "pull g"]);
    assert.deepEqual(b.tree(), a.tree());
  }
});
