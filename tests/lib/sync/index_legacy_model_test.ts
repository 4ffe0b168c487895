import assert from "node:assert/strict";
import { World } from "../../support/engine.ts";
import { localTree, readGolden, unpackRelay, writeLocal } from "../../support/golden.ts";
import {
  formatGroupsAsLegacy,
  formatIndexAsLegacy,
  readIndexAsLegacy,
} from "../../support/legacy_index.ts";
import { pageAsLegacy } from "../../support/legacy_index_peer.ts";
import { runTool, testWithTools } from "../../support/tools.ts";
import { legacyFor, PLAIN, TOOLS } from "./_index_pair.ts";

Deno.test("the model of 0.7 reads and writes indices as golden/indices.json has it", () => {
  interface Case {
    readonly what: string;
    readonly bz2: boolean;
    readonly text: string;
    readonly raw_base64?: string;
    readonly read_back:
      | { readonly entries: Record<string, string | null>; readonly pullers: readonly string[] }
      | { readonly error: string; readonly message: string };
  }
  for (const { what, bz2, text, raw_base64, read_back } of readGolden<Case[]>("indices.json")) {
    const read = () => readIndexAsLegacy(new TextEncoder().encode(text), { isGrouped: bz2 });
    if ("error" in read_back) {
      assert.throws(read, { message: read_back.message }, what);
      continue;
    }
    const { entries, pullers } = read();
    const found = Object.fromEntries([...entries].map(([name, it]) => [name, it ?? null]));
    assert.deepEqual([found, pullers], [read_back.entries, read_back.pullers], what);
    // Only what 0.7 wrote itself comes with its bytes.
    if (raw_base64 === undefined) continue;
    const names = pullers.filter((name) => name !== "");
    const written = bz2 ? formatGroupsAsLegacy(entries) : formatIndexAsLegacy(entries, names);
    assert.equal(written, text, what);
  }
});

Deno.test("the model of 0.7 has the pages of golden/pages.json", () => {
  const { pages } = readGolden<{ readonly pages: readonly Record<string, string>[] }>("pages.json");
  for (const row of pages) {
    const path = row["path"] ?? "";
    const found = [0, 1, 2, 3].map((depth) => pageAsLegacy(path, depth));
    const expected = [row["index 1"], ...[1, 2, 3].map((depth) => row[`topdir:${depth}`])];
    assert.deepEqual(found, expected, path);
  }
});

for (
  const [name, layout] of [
    ["index-1", PLAIN],
    ["index-1-fernet", { depth: 0, cipher: "fernet" }],
    ["index-1-blowfish", { depth: 0, cipher: "blowfish" }],
    ["index-topdir", { depth: 1, cipher: "off" }],
    ["index-topdir2-blowfish", { depth: 2, cipher: "blowfish" }],
  ] as const
) {
  testWithTools(TOOLS, `the model of 0.7 pulls ${name}-pushed as 0.7 did`, async () => {
    using world = new World();
    const golden = unpackRelay(world, `${name}-pushed`);
    const [a, b] = [world.client("A"), world.client("B")];
    writeLocal(a, golden, "A");
    const [legacyA, legacyB] = [a, b].map((client) => legacyFor(world, client, { layout }));
    assert.ok(legacyA && legacyB);
    assert.deepEqual(await legacyA.push(), [], "A has sent all");
    await legacyB.pull();
    assert.deepEqual(b.tree(), localTree(golden, "A"));
    assert.ok(world.relayNames().every((it) => /^\.[^.]+\.index$/.test(it)));
    assert.deepEqual([await legacyA.pull(), await legacyA.push()], [[], []]);
  });

  testWithTools(TOOLS, `the model of 0.7 pushes the indices of ${name}-pushed`, async () => {
    using world = new World();
    using theirs = new World();
    const golden = unpackRelay(theirs, `${name}-pushed`);
    const a = world.client("A");
    writeLocal(a, golden, "A");
    await legacyFor(world, a, { layout }).push();
    assert.deepEqual(await indicesOf(world), await indicesOf(theirs));
  });
}

/** The entries of all indices on a relay, by name without times. */
async function indicesOf(world: World): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const name of world.relayNames().filter((it) => it.endsWith(".index"))) {
    const isGrouped = !/\.\d{5,}\./.test(name);
    const stored = Deno.readFileSync(world.pathOnRelay(name));
    const text = isGrouped ? await runTool(["bzip2", "-dc"], { input: stored }) : stored;
    const { entries } = readIndexAsLegacy(text, { isGrouped });
    found[name.replace(/\d{5,}/, "T")] = Object.fromEntries([...entries].sort());
  }
  return found;
}
