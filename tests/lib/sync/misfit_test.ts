import assert from "node:assert/strict";
import { BackendError } from "../../../backends/backend.ts";
import { openFile } from "../../../backends/file/mod.ts";
import { hash } from "node:crypto";
import { World } from "../../support/engine.ts";

const T = 1_600_000_000;

Deno.test("a name too long for its lock or its record stops its own file alone, and is told once", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  for (const length of [242, 243, 248, 249, 255]) a.write("x".repeat(length), `${length}`, T);
  a.write("f", "1", T);
  const run = await a.once();
  assert.deepEqual(run.result, { outcome: "skipped" });
  assert.equal(run.problems.length, 4, "from 243 bytes on");
  for (const problem of run.problems) assert.match(problem, /^Cannot .*x{200}.*too long/);
  await b.once();
  assert.deepEqual(Object.values(b.tree()), ["1", "242"]);
  assert.ok(world.relayNames().every((name) => !name.endsWith(".lock")));
});

for (const index of [{ kind: "none" }, { kind: "pages", depth: 0 }] as const) {
  Deno.test(`a file here and a folder of that name there: both have both, index: ${index.kind}`, async () => {
    using world = new World();
    const options = { index, pullerCount: 2 };
    const [a, b] = [world.client("A", options), world.client("B", options)];
    const c = world.client("C", options);
    a.write("k", "a file", T);
    a.write("f", "1", T);
    b.write("k/x", "in a folder", T);
    b.write("g", "2", T);
    await world.settle([a, b, c]);
    const place = `k.renamed-${hash("sha256", "k", "hex").slice(0, 8)}`;
    const common = { f: "1", g: "2" };
    assert.deepEqual(a.tree(), { ...common, k: "a file", [`${place}/x`]: "in a folder" });
    assert.deepEqual(b.tree(), { ...common, [place]: "a file", "k/x": "in a folder" });
    assert.deepEqual(Object.values(c.tree()).sort(), ["1", "2", "a file", "in a folder"]);
    // Later versions of the one that its author's relay can hold arrive too.
    b.write("k/x", "changed", T + 10);
    await world.settle([a, b, c]);
    assert.equal(a.read(`${place}/x`), "changed");
    assert.ok(Object.values(c.tree()).includes("changed"));
  });
}

Deno.test("a renamed name stays taken when its file is deleted", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  const place = `k.renamed-${hash("sha256", "k", "hex").slice(0, 8)}`;
  a.write("k", "a file", T);
  b.write("own", "of B", T);
  // An empty folder is not passed on.
  Deno.mkdirSync(b.pathOf("k"));
  await world.settle([a, b]);
  b.remove(place);
  a.write(place, "of that very name", T);
  await world.settle([a, b]);
  const held = Object.entries(b.tree()).find(([, content]) => content === "of that very name");
  assert.ok(held !== undefined && held[0] !== place, JSON.stringify(b.tree()));
});

Deno.test("what has the name of a lock and is none is told, and stops its own file alone", async () => {
  using world = new World();
  const a = world.client("A");
  Deno.mkdirSync(world.pathOnRelay(".f.lock"));
  a.write("f", "1", T);
  a.write("g", "2", T);
  const { problems, result } = await a.round().then(async (round) => ({
    problems: round.problems,
    result: (await a.once()).result,
  }));
  assert.deepEqual(problems, [
    'Cannot make the lock ".f.lock": something that is no lock has its name',
  ]);
  assert.equal(result.outcome, "skipped");
  assert.ok(world.relayNames().includes("g"));
  Deno.removeSync(world.pathOnRelay(".f.lock"));
  assert.deepEqual((await a.once()).actions, ["push f"]);
});

Deno.test("a content far longer than its record states is refused before it fills the disk", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f", "12345", T);
  await a.once();
  Deno.truncateSync(world.pathOnRelay("f"), 2 ** 40);
  let takenBytes = 0;
  const counted = b.with({}, async (address) => {
    const backend = await openFile(address);
    const get = backend.get.bind(backend);
    backend.get = async (name, options) =>
      (await get(name, options)).pipeThrough(
        new TransformStream({
          transform(chunk, controller) {
            takenBytes += chunk.length;
            controller.enqueue(chunk);
          },
        }),
      );
    return backend;
  });
  const { actions } = await counted.once();
  assert.deepEqual(actions, ["request f"]);
  assert.ok(takenBytes < 8 * 1024 * 1024, `${takenBytes} bytes were taken`);
  await a.once();
  await b.once();
  assert.equal(b.read("f"), "12345");
});

Deno.test("a record without a list of pullers stays readable when it is acknowledged", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f", "1", T);
  await a.once();
  const name = world.pathOnRelay(".f.placeholder");
  Deno.writeTextFileSync(name, Deno.readTextFileSync(name).replace(/\n---pullers---.*/s, ""));
  assert.deepEqual((await b.once()).actions, ["pull f"]);
  assert.match(Deno.readTextFileSync(name), /\n---pullers---\nB$/);
  assert.deepEqual((await a.once()).problems, []);
});

Deno.test("a record that may not be read, or is too large, stops its own file alone, and is told", async () => {
  using world = new World({
    openBackend: async (address) => {
      const backend = await openFile(address);
      const read = backend.read.bind(backend);
      backend.read = (name, options) => {
        if (name !== ".f.placeholder") return read(name, options);
        throw new BackendError("denied", 'Cannot read ".f.placeholder": permission denied');
      };
      return backend;
    },
  });
  const [a, b] = [world.client("A"), world.client("B")];
  for (const name of ["e", "f", "g", "h"]) a.write(name, name, T);
  await a.with({}, openFile).once();
  Deno.writeTextFileSync(world.pathOnRelay(".g.placeholder"), "x".repeat(100_000));
  const { problems, result } = await b.once();
  assert.deepEqual(b.tree(), { e: "e", h: "h" });
  assert.equal(result.outcome, "skipped");
  assert.match(problems.join("\n"), /record of "f".*permission denied/);
  assert.match(problems.join("\n"), /record of "g".*100000 bytes/);
});
