import assert from "node:assert/strict";
import fc from "fast-check";
import { World } from "../../support/engine.ts";
import { testWithTools } from "../../support/tools.ts";
import { type Layout, legacyFor, MixedPair, optionsFor, PLAIN, TOOLS } from "./_index_pair.ts";

const T = 1_600_000_000;
const LAYOUTS: readonly Layout[] = [
  PLAIN,
  { depth: 0, cipher: "fernet" },
  { depth: 0, cipher: "blowfish" },
  { depth: 1, cipher: "off" },
  { depth: 2, cipher: "fernet" },
];

for (const layout of LAYOUTS) {
  const label = `beside 0.7 (depth ${layout.depth}, cipher ${layout.cipher})`;

  testWithTools(TOOLS, `${label}: new files travel in both directions, with times`, async () => {
    using pair = new MixedPair(layout);
    const names = ["f", "name with  two spaces 12", "d.x/é 漢", "d.x/e/g 7", "d.x/e/empty"];
    for (const [at, name] of names.entries()) {
      pair.ours.write(`${name} ours`, name.endsWith("empty") ? "" : `ours ${at}`, T + at);
      pair.folder.write(`${name} legacy`, `legacy ${at}`, T + 50 + at);
    }
    await pair.settle();
    assert.equal(Object.keys(pair.ours.tree()).length, 2 * names.length);
    pair.assertAlike(pair.ours.tree());
    for (const [at, name] of names.entries()) {
      assert.equal(pair.folder.timeOf(`${name} ours`), T + at);
      assert.equal(pair.ours.timeOf(`${name} legacy`), T + 50 + at);
    }
  });

  testWithTools(
    TOOLS,
    `${label}: of alternating edits the last stands, and ours are kept`,
    async () => {
      using pair = new MixedPair(layout);
      pair.ours.write("d/e/f", "ours 0", T);
      await pair.settle();
      for (let at = 1; at < 5; at++) {
        const [author, name] = at % 2 === 0 ? [pair.ours, "ours"] : [pair.folder, "0.7"];
        author.write("d/e/f", `${name} ${at}`, T + 10 * at);
        await pair.settle();
        assert.equal(pair.ours.read("d/e/f"), `${name} ${at}`);
        pair.assertAlike(pair.ours.tree());
      }
      // That 0.7 took the page does not show that it took the file before it edited it.
      const contents = Object.values(pair.ours.tree()).sort();
      assert.deepEqual(contents, ["ours 0", "ours 2", "ours 4"]);
    },
  );

  testWithTools(TOOLS, `${label}: a new 0.7 requests from ours what is gone`, async () => {
    using pair = new MixedPair(layout);
    for (const name of ["f", "d/e/g", "d/e/h"]) pair.ours.write(name, `of ${name}`, T);
    await pair.settle();
    // One file of each page is left, as it would not empty a page.
    for (const name of ["d/e/h"]) pair.folder.remove(name);
    if (layout.depth === 0) pair.folder.remove("d/e/g");
    pair.legacy.start();
    await pair.settle();
    pair.assertAlike({ f: "of f", "d/e/g": "of d/e/g", "d/e/h": "of d/e/h" });
  });

  testWithTools(TOOLS, `${label}: a new one of ours requests from 0.7 what is gone`, async () => {
    using pair = new MixedPair(layout);
    for (const name of ["f", "d/e/g", "d/e/h"]) pair.folder.write(name, `of ${name}`, T);
    await pair.settle();
    pair.ours.loseState();
    pair.ours.remove("d/e/g");
    await pair.settle();
    pair.assertAlike({ f: "of f", "d/e/g": "of d/e/g", "d/e/h": "of d/e/h" });
  });
}

testWithTools(TOOLS, "beside 0.7: an update stands until the other side has it", async () => {
  using pair = new MixedPair();
  await pair.start();
  pair.folder.write("of legacy", "1", T);
  await pair.legacy.push();
  const before = pair.world.relayTree();
  pair.legacy.start();
  await pair.legacy.pull();
  assert.deepEqual(pair.world.relayTree(), before, "its own is not its to take");
  pair.ours.write("of ours", "2", T);
  await pair.ours.once();
  assert.deepEqual(await pair.legacy.push(), [], "it waits for what ours sent");
  await pair.settle();
  pair.assertAlike({ "f.txt": "base", "of legacy": "1", "of ours": "2" });
});

testWithTools(
  TOOLS,
  "beside 0.7: its lock keeps ours away, and it undoes its own push",
  async () => {
    using pair = new MixedPair();
    await pair.start();
    pair.folder.write("g", "half", T);
    await pair.legacy.push();
    const lock = pair.world.pathOnRelay(".0.lock");
    Deno.writeTextFileSync(lock, "lock%1.0\nowner: legacy\nmode: w");
    pair.ours.write("f.txt", "second", T + 10);
    const { tally } = await pair.ours.round();
    assert.ok(tally.locked > 0);
    pair.legacy.start();
    assert.deepEqual(pair.world.relayNames(), [".0.index"]);
    await pair.settle();
    assert.equal(pair.folder.read("f.txt"), "second");
    // Its index says that it sent "g", and it goes by that.
    assert.deepEqual(Object.values(pair.ours.tree()).includes("half"), true);
  },
);

for (const [who, oursS, theirsS] of [["ours", 20, 10], ["0.7", 10, 20]] as const) {
  for (const first of ["ours", "0.7"] as const) {
    const name = `both edited, ${who} later, ${first} sends first: ours loses nothing`;
    testWithTools(TOOLS, `beside 0.7: ${name}`, async () => {
      for (const passesTimes of [true, false]) {
        using pair = new MixedPair(PLAIN, passesTimes);
        await pair.start();
        pair.ours.write("f.txt", "of ours", T + oursS);
        pair.folder.write("f.txt", "of 0.7", T + theirsS);
        if (first === "ours") await pair.ours.once();
        else await pair.legacy.push();
        await pair.settle();
        pair.assertAlike(pair.ours.tree());
        assert.ok(Object.values(pair.ours.tree()).includes("of ours"));
      }
    });
  }
}

testWithTools(TOOLS, "beside 0.7: a client's name that is not ASCII", async () => {
  using world = new World();
  const ours = world.client("Zoé 1", optionsFor(PLAIN));
  const folder = world.client("Jürgen");
  const legacy = legacyFor(world, folder, { layout: PLAIN });
  for (let at = 0; at < 4; at++) {
    (at % 2 === 0 ? ours : folder).write("f", `edit ${at}`, T + 10 * at);
    for (let turn = 0; turn < 3; turn++) {
      assert.deepEqual((await ours.once()).problems, []);
      await legacy.pull();
      await legacy.push();
    }
    assert.equal(ours.read("f"), `edit ${at}`);
    assert.deepEqual(folder.tree(), ours.tree());
  }
});

testWithTools(
  TOOLS,
  "beside 0.7: whatever both write, ours loses nothing and both converge",
  async () => {
    const edits = fc.array(
      fc.record({
        by: fc.constantFrom("ours", "legacy"),
        file: fc.constantFrom("f", "d/g"),
        shiftS: fc.integer({ min: -20_000, max: 20_000 }),
        // Who runs after it: nobody, one of them, or both until nothing moves.
        then: fc.constantFrom("nothing", "ours", "legacy", "restart", "both"),
      }),
      { minLength: 1, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(edits, fc.boolean(), fc.nat(1), async (steps, passesTimes, depth) => {
        using pair = new MixedPair({ depth, cipher: "off" }, passesTimes);
        const standing = new Set<string>();
        let latestS = T;
        for (const [at, { by, file, shiftS, then }] of steps.entries()) {
          // Whoever writes replaces what stands under the name in the own folder, and nothing else.
          const author = by === "ours" ? pair.ours : pair.folder;
          standing.delete(author.tree()[file] ?? "");
          // 0.7 sends nothing whose time does not move forward; ours moves recorded times by seconds.
          const timeS = by === "ours" ? T + 1000 * shiftS : latestS + 100;
          latestS = Math.max(latestS, timeS);
          author.write(file, `${by} ${at}`, timeS);
          if (by === "ours") standing.add(`ours ${at}`);
          if (then === "ours") await pair.ours.once();
          if (then === "restart") pair.legacy.start();
          if (then === "legacy" || then === "restart") {
            await pair.legacy.pull();
            await pair.legacy.push();
          }
          if (then === "both") await pair.settle();
        }
        await pair.settle();
        pair.assertAlike(pair.ours.tree());
        const contents = Object.values(pair.ours.tree());
        for (const content of standing) assert.ok(contents.includes(content), content);
      }),
      { numRuns: Number(Deno.env.get("ESCALE_CASES") ?? 12) },
    );
  },
);
