import assert from "node:assert/strict";
import fc from "fast-check";
import { type TestClient, World } from "../../support/engine.ts";
import { readGolden } from "../../support/golden.ts";
import {
  LegacyPeer,
  readAsLegacy,
  readyForDownload,
  transferred,
} from "../../support/legacy_peer.ts";

const T = 1_600_000_000;

/** One of ours and a model of 0.7's decisions on one relay. */
class MixedPair implements Disposable {
  readonly world: World = new World();
  readonly ours: TestClient = this.world.client("ours");
  /** Its folder, written and read as a client's. */
  readonly folder: TestClient = this.world.client("legacy");
  readonly legacy: LegacyPeer;

  constructor(passesTimes: boolean) {
    this.legacy = new LegacyPeer("legacy", {
      local: this.folder.section.localPath,
      relay: this.world.relay,
      passesTimes,
    });
  }

  /** Lets both run in turn until nothing moves. */
  async settle(): Promise<void> {
    const look = () =>
      JSON.stringify([this.world.relayTree(), this.ours.tree(), this.folder.tree()]);
    for (let turn = 0; turn < 12; turn++) {
      const before = look();
      this.legacy.start();
      this.legacy.pull();
      this.legacy.push();
      const run = await this.ours.once();
      assert.deepEqual([run.result.outcome, run.problems], ["done", []]);
      if (look() === before) return;
    }
    assert.fail("the pair does not come to rest");
  }

  /** Both hold "f" with the content "base". */
  async start(): Promise<void> {
    this.ours.write("f.txt", "base", T);
    await this.settle();
    assert.deepEqual(this.folder.tree(), { "f.txt": "base" });
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }
}

/** A test with both ways in which 0.7 may call its comparison. */
function testMixed(name: string, run: (pair: MixedPair) => Promise<void>): void {
  for (const passesTimes of [true, false]) {
    Deno.test(`beside 0.7 (times ${passesTimes ? "" : "not "}passed along): ${name}`, async () => {
      using pair = new MixedPair(passesTimes);
      await run(pair);
    });
  }
}

Deno.test("the model of 0.7 reads listings as golden/listings.json has it", () => {
  const golden = readGolden<
    { listing: string[]; ready_for_download: string[]; transferred_end2end: string[] }
  >("listings.json");
  assert.deepEqual(readyForDownload(golden.listing), golden.ready_for_download);
  assert.deepEqual(transferred(golden.listing), golden.transferred_end2end);
});

testMixed("new files travel in both directions, with their times", async (pair) => {
  pair.ours.write("d/of ours", "1", T);
  pair.folder.write("d/of legacy", "2", T + 1);
  await pair.settle();
  assert.deepEqual(pair.ours.tree(), { "d/of legacy": "2", "d/of ours": "1" });
  assert.deepEqual(pair.folder.tree(), pair.ours.tree());
  assert.equal(pair.folder.timeOf("d/of ours"), T);
  assert.equal(pair.ours.timeOf("d/of legacy"), T + 1);
  const left = pair.world.relayNames();
  assert.deepEqual(left, ["d/.of legacy.placeholder", "d/.of ours.placeholder"]);
});

testMixed("0.7 reads all that ours writes", async (pair) => {
  await pair.start();
  pair.ours.write("f.txt", "second", T + 1);
  await pair.ours.once();
  const record = readAsLegacy(pair.world.relayTree()[".f.txt.placeholder"] ?? "");
  assert.equal(record.pusher, "ours");
  assert.equal(record.timeS, T + 1);
  assert.deepEqual(record.pullers, []);
});

testMixed("an edit of ours arrives, also with a time that does not move forward", async (pair) => {
  await pair.start();
  for (const [at, timeS] of [T + 10, T + 10, T - 1000].entries()) {
    pair.ours.write("f.txt", `edit ${at}`, timeS);
    await pair.settle();
    assert.deepEqual(pair.folder.tree(), { "f.txt": `edit ${at}` });
    assert.deepEqual(pair.ours.tree(), pair.folder.tree());
  }
});

testMixed("an edit of 0.7 arrives as a plain update", async (pair) => {
  await pair.start();
  pair.folder.write("f.txt", "of 0.7", T + 10);
  await pair.settle();
  assert.deepEqual(pair.ours.tree(), { "f.txt": "of 0.7" });
  pair.folder.write("f.txt", "of 0.7 again", T + 20);
  await pair.settle();
  assert.deepEqual(pair.ours.tree(), { "f.txt": "of 0.7 again" });
});

testMixed("alternating edits make no conflict copy", async (pair) => {
  await pair.start();
  for (let at = 1; at < 7; at++) {
    const author = at % 2 === 0 ? pair.ours : pair.folder;
    author.write("f.txt", `edit ${at}`, T + 10 * at);
    await pair.settle();
    assert.deepEqual(pair.ours.tree(), { "f.txt": `edit ${at}` });
    assert.deepEqual(pair.folder.tree(), pair.ours.tree());
  }
});

testMixed(
  "after a time that did not move forward, edits go on in both directions",
  async (pair) => {
    await pair.start();
    pair.ours.write("f.txt", "ours, older", T - 500);
    await pair.settle();
    const recordedS = pair.folder.timeOf("f.txt");
    assert.equal(recordedS, T + 1);
    pair.folder.write("f.txt", "of 0.7", recordedS + 1);
    await pair.settle();
    assert.deepEqual(pair.ours.tree(), { "f.txt": "of 0.7" });
  },
);

for (const [who, oursS, theirsS] of [["ours", 20, 10], ["0.7", 10, 20]] as const) {
  for (const first of ["ours", "0.7"] as const) {
    testMixed(
      `both edited, ${who} later, ${first} sends first: ours loses nothing`,
      async (pair) => {
        await pair.start();
        pair.ours.write("f.txt", "of ours", T + oursS);
        pair.folder.write("f.txt", "of 0.7", T + theirsS);
        if (first === "ours") await pair.ours.once();
        else pair.legacy.push();
        await pair.settle();
        assert.deepEqual(pair.ours.tree(), pair.folder.tree());
        const contents = Object.values(pair.ours.tree());
        assert.ok(contents.includes("of ours"));
        if (who === "0.7" || first === "0.7") assert.ok(contents.includes("of 0.7"));
        assert.equal(pair.ours.read("f.txt"), who === "ours" ? "of ours" : "of 0.7");
      },
    );
  }
}

testMixed(
  "a conflict copy of ours is an ordinary file for 0.7, which may edit it",
  async (pair) => {
    await pair.start();
    pair.ours.write("f.txt", "of ours", T + 10);
    pair.folder.write("f.txt", "of 0.7", T + 20);
    pair.legacy.push();
    await pair.settle();
    const copy = Object.keys(pair.folder.tree()).find((name) => name !== "f.txt") ?? "";
    pair.folder.write(copy, "edited copy", T + 30);
    await pair.settle();
    assert.deepEqual(pair.ours.tree(), { [copy]: "edited copy", "f.txt": "of 0.7" });
  },
);

testMixed("a version of ours that 0.7 replaces unread is kept", async (pair) => {
  await pair.start();
  pair.ours.write("f.txt", "of ours", T + 10);
  await pair.ours.once();
  pair.folder.write("f.txt", "of 0.7", T + 20);
  pair.legacy.push();
  await pair.settle();
  assert.deepEqual(Object.values(pair.ours.tree()).sort(), ["of 0.7", "of ours"]);
  assert.deepEqual(pair.folder.tree(), pair.ours.tree());
});

testMixed("locks of either side keep the other away, and 0.7 undoes its own", async (pair) => {
  await pair.start();
  const lock = pair.world.pathOnRelay(".f.txt.lock");
  Deno.writeTextFileSync(lock, "lock%1.0\nowner: legacy\nmode: w");
  pair.ours.write("f.txt", "second", T + 10);
  const { tally } = await pair.ours.round();
  assert.equal(tally.locked, 1);
  pair.legacy.start();
  assert.equal(pair.world.relayNames().length, 0, "it removed its placeholder too");
  pair.folder.write("f.txt", "base", T);
  await pair.settle();
  assert.deepEqual(pair.folder.tree(), { "f.txt": "second" });
});

Deno.test("beside 0.7: whatever both write, ours loses nothing and both converge", async () => {
  const edits = fc.array(
    fc.record({
      by: fc.constantFrom("ours", "legacy"),
      file: fc.constantFrom("f", "g"),
      shiftS: fc.integer({ min: -20_000, max: 20_000 }),
      // Who runs after it: nobody, one of them, or both until nothing moves.
      then: fc.constantFrom("nothing", "ours", "legacy", "both"),
    }),
    { minLength: 1, maxLength: 10 },
  );
  await fc.assert(
    fc.asyncProperty(edits, fc.boolean(), async (steps, passesTimes) => {
      using pair = new MixedPair(passesTimes);
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
        if (then === "legacy") {
          pair.legacy.pull();
          pair.legacy.push();
        }
        if (then === "both") await pair.settle();
      }
      await pair.settle();
      assert.deepEqual(pair.folder.tree(), pair.ours.tree());
      const contents = Object.values(pair.ours.tree());
      for (const content of standing) assert.ok(contents.includes(content), content);
    }),
    { numRuns: 60 },
  );
});
