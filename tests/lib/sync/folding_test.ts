import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { type TestClient, treeOf, World } from "../../support/engine.ts";
import { mountFolding } from "../../support/folding_fs.ts";
import { testWithTools } from "../../support/tools.ts";

const T = 1_600_000_000;
const NFC = "\u00e9";
const NFD = "e\u0301";

/** A world in which the folder of client B takes names for equal that differ in case or Unicode form. */
async function inFoldingWorld(
  run: (world: World, clients: { a: TestClient; b: TestClient }) => Promise<void>,
): Promise<void> {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  const store = `${world.root}/store`;
  Deno.mkdirSync(store);
  await using _mount = await mountFolding({ path: b.section.localPath, store });
  await run(world, { a, b });
}

function testFolding(
  name: string,
  run: (world: World, clients: { a: TestClient; b: TestClient }) => Promise<void>,
): void {
  testWithTools(["python3:fusepy", "fusermount3"], name, () => inFoldingWorld(run));
}

/** The names at B that stand for others, and what they hold. */
function renamed(client: TestClient): [string, string][] {
  return Object.entries(client.tree()).filter(([name]) => name.includes(".renamed-"));
}

testFolding(
  "twins: both are kept, the second under a renamed name, which is told and not pushed back",
  async (world, { a, b }) => {
    const files = { "Report.txt": "1", "report.txt": "2", [`caf${NFC}`]: "3", [`caf${NFD}`]: "4" };
    for (const [name, content] of Object.entries(files)) a.write(name, content, T);
    await a.once();
    const told = await b.once();
    await world.settle([a, b]);
    assert.deepEqual(a.tree(), files, "nothing came back");
    assert.equal(Object.keys(b.tree()).length, 4);
    assert.deepEqual(Object.values(b.tree()).sort(), ["1", "2", "3", "4"]);
    assert.match(
      renamed(b).map(([name]) => name).sort().join(" "),
      /^caf.{1,2}\.renamed-[0-9a-f]{8} [Rr]eport\.renamed-[0-9a-f]{8}\.txt$/,
    );
    const details = told.events.flatMap((event) =>
      event.kind === "action" && event.detail !== undefined ? [event.detail] : []
    );
    assert.equal(details.filter((detail) => detail.startsWith('kept as "')).length, 2);
    assert.deepEqual(told.problems, []);
  },
);

testFolding(
  "twins: later versions of both arrive, each at its own file",
  async (world, { a, b }) => {
    a.write("F", "1", T);
    a.write("f", "2", T);
    await world.settle([a, b]);
    a.write("F", "upper", T + 10);
    a.write("f", "lower", T + 20);
    await world.settle([a, b]);
    assert.deepEqual(Object.values(b.tree()).sort(), ["lower", "upper"]);
    assert.deepEqual(a.tree(), { F: "upper", f: "lower" });
    assert.equal(renamed(b).length, 1);
  },
);

testFolding(
  "a folder whose twin stands here has all its files under one renamed folder",
  async (world, { a, b }) => {
    b.write("docs/own", "of B", T);
    for (const name of ["Docs/x", "Docs/y", "Docs/sub/z"]) a.write(name, name, T);
    await world.settle([a, b]);
    assert.deepEqual(a.tree(), {
      "Docs/sub/z": "Docs/sub/z",
      "Docs/x": "Docs/x",
      "Docs/y": "Docs/y",
      "docs/own": "of B",
    });
    const folders = new Set(renamed(b).map(([name]) => name.slice(0, name.indexOf("/"))));
    assert.equal(folders.size, 1);
    assert.equal(renamed(b).length, 3);
    assert.equal(b.read("docs/own"), "of B");
  },
);

testFolding(
  "a twin's own edit stays here, and gives way to a newer version as a conflict copy",
  async (world, { a, b }) => {
    a.write("F", "1", T);
    a.write("f", "2", T);
    await world.settle([a, b]);
    const [place = ""] = renamed(b)[0] ?? [];
    b.write(place, "edited at B", T + 10);
    await world.settle([a, b]);
    assert.deepEqual(Object.values(a.tree()).sort(), ["1", "2"], "it is not pushed back");
    const original = place.startsWith("F") ? "F" : "f";
    a.write(original, "newer", T + 20);
    await world.settle([a, b]);
    assert.equal(b.read(place), "newer");
    const copies = Object.entries(b.tree()).filter(([name]) => name.includes(".conflict-"));
    assert.deepEqual(copies.map(([, content]) => content), ["edited at B"]);
  },
);

testFolding("a lost state database finds the renamed files again", async (world, { a, b }) => {
  a.write("F", "1", T);
  a.write("d/f", "2", T);
  a.write("f", "3", T);
  a.write("D/f", "4", T);
  await world.settle([a, b]);
  const before = treeOf(b.section.localPath, (name) => !name.startsWith("."));
  b.loseState();
  await world.settle([a, b]);
  assert.deepEqual(b.tree(), before);
  assert.deepEqual(a.tree(), { "D/f": "4", F: "1", "d/f": "2", f: "3" });
});

testFolding(
  "a twin that is deleted here does not come back, and its name can be taken by hand",
  async (world, { a, b }) => {
    a.write("F", "1", T);
    a.write("f", "2", T);
    await world.settle([a, b]);
    const [place = "", content] = renamed(b)[0] ?? [];
    const [kept = ""] = Object.keys(b.tree()).filter((name) => name !== place);
    const other = kept === "F" ? "f" : "F";
    b.remove(place);
    await world.settle([a, b]);
    assert.deepEqual(Object.keys(b.tree()), [kept]);
    b.remove(kept);
    b.write(other, `${content} edited`, T + 10);
    await world.settle([a, b]);
    assert.equal(a.read(other), `${content} edited`);
  },
);

testFolding(
  "a renamed name that another file has already is not taken from it",
  async (_world, { a, b }) => {
    const own = `f.renamed-${hash("sha256", "f", "hex").slice(0, 8)}`;
    b.write("F", "1", T);
    a.write(own, "theirs", T);
    await a.once();
    await b.once();
    a.write("f", "2", T);
    await a.once();
    await b.once();
    const longer = `f.renamed-${hash("sha256", "f", "hex").slice(0, 16)}`;
    assert.deepEqual(b.tree(), { F: "1", [own]: "theirs", [longer]: "2" });
  },
);

Deno.test("where names do not fold, a name that looks renamed is one like any other", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  const own = `f.renamed-${hash("sha256", "f", "hex").slice(0, 8)}`;
  a.write(own, "1", T);
  await world.settle([a, b]);
  a.write("f", "2", T);
  await world.settle([a, b]);
  b.write(own, "3", T + 10);
  await world.settle([a, b]);
  assert.deepEqual(a.tree(), { f: "2", [own]: "3" });
  assert.deepEqual(b.tree(), a.tree());
});
