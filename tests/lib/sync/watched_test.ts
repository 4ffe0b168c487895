import assert from "node:assert/strict";
import { World } from "../../support/engine.ts";

/** What Escale 0.7 was watched doing, on an undisturbed relay; each comes out right here. */
const T = 1_600_000_000;

Deno.test("W1: a pusher does not take its own push for another's", async () => {
  using world = new World();
  const a = world.client("A");
  a.write("f", "1", T);
  await a.once();
  a.write("f", "2", T - 100);
  assert.deepEqual((await a.once()).actions, ["push f"]);
  a.write("f", "3", T - 200);
  assert.deepEqual((await a.once()).actions, ["push f"]);
  assert.deepEqual(a.tree(), { f: "3" });
  assert.deepEqual((await a.once()).actions, []);
});

Deno.test("W9: of two edits both stay, also when the first was never pulled", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f.txt", "of A", T + 1);
  b.write("f.txt", "of B", T + 2);
  await a.once();
  await b.once();
  await world.settle([a, b]);
  assert.deepEqual(a.tree(), b.tree());
  assert.deepEqual(Object.values(a.tree()).sort(), ["of A", "of B"]);
  assert.equal(a.read("f.txt"), "of B");
});

Deno.test("W9: a second pusher that replaces a version nobody has pulled yet keeps it", async () => {
  using world = new World();
  const [a, b, c] = ["A", "B", "C"].map((name) => world.client(name, { pullerCount: 2 }));
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  a.write("f.txt", "base", T);
  await world.settle([a, b, c]);
  a.write("f.txt", "of A", T + 30);
  b.write("f.txt", "of B", T + 10);
  c.write("f.txt", "of C", T + 20);
  for (const client of [a, b, c]) await client.once();
  await world.settle([a, b, c]);
  assert.deepEqual(b.tree(), a.tree());
  assert.deepEqual(c.tree(), a.tree());
  assert.deepEqual(Object.values(a.tree()).sort(), ["of A", "of B", "of C"]);
});

Deno.test("W10: new content with an older or equal time is sent", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f", "1", T);
  await world.settle([a, b]);
  for (const [content, timeS] of [["2", T], ["3", T - 1000], ["4", 0]] as const) {
    a.write("f", content, timeS);
    assert.deepEqual((await a.once()).actions, ["push f"]);
    assert.deepEqual((await b.once()).actions, ["pull f"]);
    assert.equal(b.read("f"), content);
    assert.deepEqual((await a.once()).actions, [], "and not sent back");
  }
});

Deno.test("W10: a time that changed alone moves nothing", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f", "1", T);
  await world.settle([a, b]);
  a.write("f", "1", T + 500);
  assert.deepEqual((await a.once()).actions, []);
  b.write("f", "1", T - 500);
  assert.deepEqual((await b.once()).actions, []);
});

Deno.test("W24: names with newlines, trailing blanks and other odd characters travel", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  const names = [
    "two\nlines",
    "trailing blank ",
    " leading",
    "dot.",
    "12 34",
    "quote\"'`$&;",
    "back\\slash",
    "tab\tbed",
    "percent%20",
    "e\u0301 and \u00e9",
    "x.lock",
    "x.placeholder",
    "#+-=%---pullers---",
    "folder with blank /f ",
  ].filter((name) => Deno.build.os !== "windows" || !/["\\<>|\n\t]|[ .](?:\/|$)/.test(name));
  for (const name of names) a.write(name, name, T);
  const run = await a.once();
  assert.deepEqual([run.result, run.problems], [{ outcome: "done" }, []]);
  await world.settle([b, a]);
  assert.deepEqual(b.tree(), a.tree());
  assert.deepEqual(Object.keys(b.tree()).sort(), [...names].sort());
});

Deno.test("W29: a file saved four times in a moment arrives as it was saved last", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  await using running = await b.open();
  for (const save of [1, 2, 3, 4]) {
    a.write("f", `save ${save}`);
    await a.once();
    if (save % 2 === 0) await running.round();
  }
  await running.round();
  assert.deepEqual((await a.once()).actions, []);
  assert.deepEqual((await running.round()).actions, []);
  assert.deepEqual([a.tree(), b.tree()], [{ f: "save 4" }, { f: "save 4" }]);
});

Deno.test("W29: what is pulled is not sent back, however the times lie", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  await using running = await b.open();
  for (const [at, timeS] of [T, T + 5, T + 5, T - 5].entries()) {
    a.write("f", `save ${at}`, timeS);
    await a.once();
    assert.deepEqual((await running.round()).actions, ["pull f"]);
    assert.deepEqual((await running.round()).actions, []);
    assert.deepEqual((await a.once()).actions, []);
  }
});
