import assert from "node:assert/strict";
import type { Mode } from "../../../lib/config/section.ts";
import { makeSection } from "../../support/sections.ts";
import { type TestClient, World } from "../../support/engine.ts";

const T = 1_600_000_000;

/** Two clients in step on the file "f" with the content "1". */
async function inStep(
  world: World,
  modes: readonly [Mode, Mode],
): Promise<[TestClient, TestClient]> {
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f", "1", T);
  await world.settle([a, b]);
  return [a.with({ mode: modes[0] }), b.with({ mode: modes[1] })];
}

function conflictCopies(client: TestClient): Record<string, string> {
  return Object.fromEntries(
    Object.entries(client.tree()).filter(([name]) => name.includes(".conflict-")),
  );
}

Deno.test("upload: nothing is pulled, and the relay keeps what nobody took", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B", { mode: "upload" })];
  a.write("f", "1", T);
  b.write("g", "2", T);
  await a.once();
  assert.deepEqual((await b.once()).actions, ["push g"]);
  assert.deepEqual(b.tree(), { g: "2" });
  assert.ok(world.relayNames().includes("f"));
});

Deno.test("upload: a foreign version is pushed over, and its author keeps a conflict copy", async () => {
  using world = new World();
  const [a, b] = await inStep(world, ["shared", "upload"]);
  a.write("f", "of A", T + 10);
  await a.once();
  b.write("f", "of B", T + 5);
  assert.deepEqual((await b.once()).actions, ["push f"]);
  await world.settle([a, b]);
  assert.deepEqual(b.tree(), { f: "of B" });
  assert.equal(a.read("f"), "of B");
  assert.deepEqual(Object.values(conflictCopies(a)), ["of A"]);
});

Deno.test("upload: a version that another client replaced is not taken back from an uploader", async () => {
  using world = new World();
  const [a, b] = await inStep(world, ["shared", "upload"]);
  a.write("f", "of A", T + 10);
  await world.settle([a, b]);
  assert.deepEqual([a.tree(), b.tree()], [{ f: "of A" }, { f: "1" }]);
});

Deno.test("upload: two uploaders of different files come to rest", async () => {
  using world = new World();
  const [a, b] = [world.client("A", { mode: "upload" }), world.client("B", { mode: "upload" })];
  a.write("f", "of A", T);
  b.write("f", "of B", T + 1);
  await world.settle([a, b]);
  assert.deepEqual([a.tree(), b.tree()], [{ f: "of A" }, { f: "of B" }]);
});

Deno.test("download: nothing is pushed, and a deleted file comes back", async () => {
  using world = new World();
  const [a, b] = await inStep(world, ["shared", "download"]);
  b.write("own", "mine", T);
  b.remove("f");
  await b.once();
  await a.once();
  await b.once();
  assert.deepEqual(b.tree(), { f: "1", own: "mine" });
  assert.deepEqual(a.tree(), { f: "1" });
});

Deno.test("download: a locally changed file is kept beside the newer one", async () => {
  using world = new World();
  const [a, b] = await inStep(world, ["shared", "download"]);
  a.write("f", "of A", T + 20);
  b.write("f", "of B", T + 10);
  await world.settle([a, b]);
  assert.equal(b.read("f"), "of A");
  assert.deepEqual(Object.values(conflictCopies(b)), ["of B"]);
  assert.deepEqual(a.tree(), { f: "of A" }, "the copy is not sent");
});

Deno.test("conservative: a pulled file is updated, one changed here is not overwritten", async () => {
  using world = new World();
  const [a, b] = await inStep(world, ["shared", "conservative"]);
  a.write("f", "2", T + 10);
  await world.settle([a, b]);
  assert.equal(b.read("f"), "2", "it came by a pull and was not changed");
  b.write("f", "of B", T + 20);
  a.write("f", "of A", T + 30);
  await a.once();
  const run = await b.once();
  assert.deepEqual(run.problems, []);
  assert.equal(b.read("f"), "of B");
  await world.settle([a, b]);
  assert.deepEqual(b.tree()["f"], "of B");
  const all = [...Object.values(a.tree()), ...Object.values(b.tree())];
  assert.ok(all.includes("of A") && all.includes("of B"));
});

Deno.test("conservative: a file pushed from here is guarded, unless write access is given by hand", async () => {
  for (const isGiven of [false, true]) {
    using world = new World();
    const [a, b] = [world.client("A"), world.client("B", { mode: "conservative" })];
    b.write("f", "of B", T);
    await world.settle([a, b]);
    if (isGiven) b.setAccess("f", { write: true });
    a.write("f", "of A", T + 10);
    await a.once();
    await b.once();
    assert.equal(b.read("f"), isGiven ? "of A" : "of B");
    assert.equal(a.read("f"), "of A");
    assert.equal(world.relayNames().includes("f"), false, "a refused version is acknowledged");
    assert.deepEqual((await b.once()).actions, [], "and told once");
  }
});

Deno.test("a refused version is listed at every look, also after a restart, until the relay has another", async () => {
  for (const index of [{ kind: "none" }, { kind: "pages", depth: 0 }] as const) {
    using world = new World();
    const a = world.client("A", { index });
    const b = world.client("B", { mode: "conservative", index });
    const refused = async () => {
      const { events } = await b.once();
      return events.flatMap((event) => event.kind === "outlook" ? [event.outlook] : []).at(-1)
        ?.refused;
    };
    b.write("f", "of B", T);
    await world.settle([a, b]);
    assert.deepEqual(await refused(), []);
    a.write("f", "of A", T + 10);
    await a.once();
    for (let look = 0; look < 3; look++) assert.deepEqual(await refused(), ["f"], index.kind);
    b.setAccess("f", { write: true });
    a.write("f", "again", T + 20);
    await world.settle([a, b]);
    assert.equal(b.read("f"), "again");
    assert.deepEqual(await refused(), []);
  }
});

Deno.test("r-: a file is not sent in any mode, but still received where the mode receives", async () => {
  for (const mode of ["shared", "conservative", "download", "upload"] as const) {
    using world = new World();
    const [a, b] = await inStep(world, ["shared", mode]);
    b.setAccess("f", { read: false });
    b.setAccess("secret", { read: false });
    b.write("secret", "s", T);
    a.write("f", "2", T + 10);
    await world.settle([a, b]);
    assert.equal(b.read("f"), mode === "upload" ? "1" : "2", mode);
    b.write("f", "3", T + 20);
    await world.settle([a, b]);
    assert.deepEqual(a.tree(), { f: "2" }, mode);
    assert.equal(b.read("f"), "3");
  }
});

Deno.test("w-: a file is not overwritten in any mode, but still sent where the mode sends", async () => {
  for (const mode of ["shared", "conservative", "download", "upload"] as const) {
    using world = new World();
    const [a, b] = await inStep(world, ["shared", mode]);
    b.setAccess("f", { write: false });
    a.write("f", "2", T + 10);
    await a.once();
    await b.once();
    assert.equal(b.read("f"), "1", mode);
    b.write("f", "3", T + 20);
    await world.settle([a, b]);
    assert.equal(b.read("f"), "3", mode);
    assert.equal(a.read("f"), mode === "download" ? "2" : "3", mode);
    const expected = mode === "download" ? [] : ["2"];
    assert.deepEqual(Object.values(conflictCopies(a)), expected, mode);
  }
});

Deno.test("filters: what is excluded here is neither sent nor received nor touched on the relay", async () => {
  using world = new World();
  const { filters } = makeSection();
  const [a, b] = [
    world.client("A"),
    world.client("B", { filters: { ...filters, exclude: ["*.tmp"] } }),
  ];
  a.write("x.tmp", "a", T);
  a.write("x.txt", "b", T);
  b.write("y.tmp", "c", T);
  await a.once();
  const before = world.relayTree();
  assert.deepEqual((await b.once()).actions, ["pull x.txt"]);
  assert.deepEqual(b.tree(), { "x.txt": "b", "y.tmp": "c" });
  for (const name of ["x.tmp", ".x.tmp.placeholder"]) {
    assert.equal(world.relayTree()[name], before[name]);
  }
});

Deno.test("W26: with a disk quota what fits goes on and the rest waits, round after round", async () => {
  using world = new World();
  const a = world.client("A", { mode: "upload", quotaBytes: 3000 });
  const b = world.client("B", { mode: "download" });
  a.write("1 small", "x".repeat(500), T);
  a.write("2 large", "x".repeat(5000), T);
  a.write("3 small", "x".repeat(500), T);
  for (let run = 0; run < 3; run++) {
    const { result } = await a.once();
    assert.deepEqual(result, { outcome: "skipped" });
    assert.deepEqual(
      world.relayNames().filter((name) => !name.startsWith(".")),
      ["1 small", "3 small"],
    );
  }
  const { tally } = await a.round();
  assert.deepEqual([tally.waiting, tally.problems], [1, 0]);
  await b.once();
  const again = await a.with({ quotaBytes: 10_000 }).once();
  assert.deepEqual(again.actions, ["push 2 large"]);
});

Deno.test("max pending transfers: no new push while so many files wait on the relay", async () => {
  using world = new World();
  const [a, b] = [world.client("A", { maxPendingTransfers: 2 }), world.client("B")];
  for (const name of ["1", "2", "3"]) a.write(name, name, T);
  assert.equal((await a.once()).actions.length, 2);
  const again = await a.once();
  assert.deepEqual(again.result, { outcome: "skipped" });
  assert.deepEqual(again.actions, []);
  await b.once();
  assert.equal((await a.once()).actions.length, 1);
  await b.once();
  assert.deepEqual(b.tree(), { "1": "1", "2": "2", "3": "3" });
});

Deno.test("W5: with two pullers expected a file stays until the second has it, also a late one", async () => {
  using world = new World();
  const two = { pullerCount: 2 };
  const [a, b] = [world.client("A", two), world.client("B", two)];
  a.write("f", "1", T);
  await a.once();
  await b.once();
  assert.ok(world.relayNames().includes("f"));
  assert.deepEqual((await b.once()).actions, []);
  const c = world.client("C", two);
  await c.once();
  assert.deepEqual(c.tree(), { f: "1" });
  assert.deepEqual(world.relayNames(), [".f.placeholder"]);
  // A fourth client, one more than expected, asks for what is gone and gets it.
  const d = world.client("D", two);
  assert.deepEqual((await d.once()).actions, ["request f"]);
  assert.deepEqual((await a.once()).actions, ["push f"]);
  await d.once();
  await world.settle([a, b, c, d]);
  assert.deepEqual(d.tree(), { f: "1" });
  assert.equal(world.relayNames().includes("f"), false);
});

Deno.test("three shared clients that expect two pullers carry edits from each to each", async () => {
  using world = new World();
  const all = ["A", "B", "C"].map((name) => world.client(name, { pullerCount: 2 }));
  for (const [at, author] of [...all, ...all].entries()) {
    author.write("f", `edit ${at}`, T + at);
    await world.settle(all);
    for (const client of all) assert.deepEqual(client.tree(), { f: `edit ${at}` });
  }
  assert.deepEqual(world.relayNames(), [".f.placeholder"]);
});

Deno.test("the larger puller count counts: the one that the pusher expects, or the puller's own", async () => {
  for (const counts of [[2, 1], [1, 2]] as const) {
    using world = new World();
    const [a, b] = [
      world.client("A", { pullerCount: counts[0] }),
      world.client("B", { pullerCount: counts[1] }),
    ];
    a.write("f", "1", T);
    await a.once();
    await b.once();
    assert.ok(world.relayNames().includes("f"), counts.join());
  }
});

Deno.test("checksum = no: files are exchanged by their times, and conflicts keep both versions", async () => {
  using world = new World();
  const [a, b] = [
    world.client("A", { checksum: undefined }),
    world.client("B", { checksum: undefined }),
  ];
  a.write("f", "1", T);
  await world.settle([a, b]);
  assert.doesNotMatch(world.relayTree()[".f.placeholder"] ?? "", /checksum|algorithm/);
  b.write("f", "22", T - 50);
  await world.settle([a, b]);
  assert.equal(a.read("f"), "22");
  a.write("f", "of A", T + 100);
  b.write("f", "of B", T + 200);
  await world.settle([a, b]);
  assert.equal(a.read("f"), "of B");
  assert.deepEqual(Object.values(conflictCopies(a)), ["of A"]);
  assert.deepEqual(a.tree(), b.tree());
});

Deno.test("checksums of another algorithm on the other side are verified and make no conflict", async () => {
  using world = new World();
  const [a, b] = [
    world.client("A", { checksum: { algorithm: "sha256" } }),
    world.client("B", { checksum: { algorithm: "md5" } }),
  ];
  a.write("f", "1", T);
  await world.settle([a, b]);
  b.write("f", "2", T + 1);
  await world.settle([a, b]);
  a.write("f", "3", T + 2);
  await world.settle([a, b]);
  assert.deepEqual(a.tree(), { f: "3" });
  assert.deepEqual(b.tree(), { f: "3" });
  b.loseState();
  assert.deepEqual((await b.once()).actions, []);
  a.write("f", "4", T + 3);
  await a.once();
  Deno.writeTextFileSync(world.pathOnRelay("f"), "5");
  const run = await b.round();
  assert.deepEqual(run.actions, ["request f"], "a damaged content does not pass");
});

Deno.test("modification time = no: times are neither recorded nor restored", async () => {
  using world = new World();
  const none = { timestamps: { kind: "no" } } as const;
  const [a, b] = [world.client("A", none), world.client("B", none)];
  a.write("f", "1", T);
  await a.once();
  assert.doesNotMatch(world.relayTree()[".f.placeholder"] ?? "", /timestamp/);
  await b.once();
  assert.ok(b.timeOf("f") > T + 1000);
  await world.settle([a, b]);
  b.write("f", "2", T - 100);
  await world.settle([a, b]);
  assert.deepEqual(a.tree(), { f: "2" });
});

Deno.test("pull overwrite: equal content is transferred all the same, conflict copies stay", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B", { pullOverwrite: true })];
  a.write("f", "1", T);
  a.write("g", "of A", T + 1);
  b.write("f", "1", T);
  b.write("g", "of B", T);
  await a.once();
  Deno.writeTextFileSync(world.pathOnRelay("f"), "x");
  const run = await b.round();
  assert.ok(run.actions.includes("request f"), "its content was read: it is damaged");
  await world.settle([a, b]);
  assert.deepEqual(Object.values(conflictCopies(b)), ["of B"]);
  assert.deepEqual(b.tree(), a.tree());
});

Deno.test("three clients that expect one puller: who comes too late again and again is told why", async () => {
  using world = new World();
  const [a, b, c] = [world.client("A"), world.client("B"), world.client("C")];
  a.write("f", "1", T);
  await a.once();
  await b.once();
  await using late = await c.open();
  const problems: string[] = [];
  for (let turn = 0; turn < 4; turn++) {
    const round = await late.round();
    problems.push(...round.problems);
    await a.once();
    await b.once();
  }
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? "", /Requested "f" again and again/);
});
