import assert from "node:assert/strict";
import type { Section } from "../../../lib/config/section.ts";
import { GOLDEN_KEY, World } from "../../support/engine.ts";
import {
  type GoldenRelay,
  localTree,
  readRelay,
  unpackRelay,
  writeLocal,
} from "../../support/golden.ts";

const BLOWFISH_KEY = new TextEncoder().encode("escale-golden-passphrase");
const UPLOAD: Partial<Section> = { mode: "upload" };
const DOWNLOAD: Partial<Section> = { mode: "download" };

/** What a golden relay holds. */
function relayOf(name: string): Record<string, string> {
  using world = new World();
  unpackRelay(world, name);
  return world.relayTree();
}

/** A relay without the lines of placeholders that are ours alone. */
function withoutOurKeys(relay: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(relay).map(([name, text]) => {
      if (!name.endsWith(".placeholder")) return [name, text];
      return [name, text.replace(/^(algorithm|size|expected|base|seal): .*\n/gm, "")];
    }),
  );
}

function assertTimes(client: { timeOf(path: string): number }, golden: GoldenRelay): void {
  for (const [path, { mtime }] of Object.entries(golden.local["A"] ?? {})) {
    assert.equal(client.timeOf(path), mtime, path);
  }
}

Deno.test("a puller on plain-pushed gets A's files and leaves plain-pulled, byte for byte", async () => {
  using world = new World();
  const golden = unpackRelay(world, "plain-pushed");
  const b = world.client("B", DOWNLOAD);
  const run = await b.once();
  assert.deepEqual(run.result, { outcome: "done" });
  assert.deepEqual(run.problems, []);
  assert.deepEqual(b.tree(), localTree(golden, "A"));
  assertTimes(b, golden);
  assert.deepEqual(world.relayTree(), relayOf("plain-pulled"));
});

Deno.test("what is pushed is what 0.7 wrote for the same files, but for our extra keys", async () => {
  using world = new World();
  const a = world.client("A", UPLOAD);
  writeLocal(a, readRelay("plain-pushed"), "A");
  assert.deepEqual((await a.once()).result, { outcome: "done" });
  assert.notDeepEqual(world.relayTree(), relayOf("plain-pushed"), "the extra keys are there");
  assert.deepEqual(withoutOurKeys(world.relayTree()), relayOf("plain-pushed"));
});

Deno.test("what is pushed again is what 0.7 wrote, but for our extra keys", async () => {
  using world = new World();
  const [before, after] = [readRelay("plain-pushed"), readRelay("plain-pushed-again")];
  const [a, b] = [world.client("A", UPLOAD), world.client("B", DOWNLOAD)];
  writeLocal(a, before, "A");
  await world.settle([a, b]);
  writeLocal(a, after, "A");
  await a.once();
  assert.deepEqual(withoutOurKeys(world.relayTree()), relayOf("plain-pushed-again"));
});

Deno.test("upgrade: where 0.7 kept two folders in step, nothing moves and no copy is made", async () => {
  for (const mode of ["as it was", "shared", "conservative"] as const) {
    using world = new World();
    const golden = unpackRelay(world, "plain-pulled");
    const modes = mode === "as it was" ? [UPLOAD, DOWNLOAD] : [{ mode }, { mode }];
    const [a, b] = [world.client("A", modes[0]), world.client("B", modes[1])];
    writeLocal(a, golden, "A");
    writeLocal(b, golden, "B");
    for (const client of [a, b, a]) {
      const run = await client.once();
      assert.deepEqual(run.result, { outcome: "done" });
      assert.deepEqual(run.actions, [], `${mode}: ${client.section.name}`);
    }
    assert.deepEqual(a.tree(), localTree(golden, "A"));
    assert.deepEqual(b.tree(), localTree(golden, "B"));
    assert.deepEqual(world.relayTree(), relayOf("plain-pulled"));
  }
});

Deno.test("plain-pushed-again is taken over by the puller that has the former version", async () => {
  for (const mode of ["download", "shared", "conservative"] as const) {
    using world = new World();
    const golden = unpackRelay(world, "plain-pushed-again");
    const b = world.client("B", { mode });
    writeLocal(b, golden, "B");
    const former = b.read("hello.txt");
    const run = await b.once();
    assert.deepEqual(run.result, { outcome: "done" });
    if (mode === "conservative") {
      // Without state it is not known that the former version came by a pull: it is not overwritten, and its content,
      // which nobody is known to have, goes to the relay.
      assert.deepEqual(b.tree(), localTree(golden, "B"));
      assert.equal(world.relayTree()["hello.txt"], former);
      continue;
    }
    assert.equal(world.relayNames().includes("hello.txt"), false);
    // Nothing tells that the former version is the one that was replaced: it is kept beside.
    const { "hello.txt": now, ...others } = b.tree();
    const copy = Object.keys(others).find((name) => name.includes(".conflict-")) ?? "";
    assert.equal(now, localTree(golden, "A")["hello.txt"], mode);
    assert.equal(others[copy], former);
  }
});

Deno.test("plain-pushed-again is a plain update for a puller that took plain-pulled over", async () => {
  using world = new World();
  const before = unpackRelay(world, "plain-pulled");
  const b = world.client("B");
  writeLocal(b, before, "B");
  assert.deepEqual((await b.once()).actions, []);
  const after = unpackRelay(world, "plain-pushed-again");
  assert.deepEqual((await b.once()).actions, ["pull hello.txt"]);
  assert.deepEqual(b.tree(), localTree(after, "A"));
});

for (
  const [name, cipher] of [
    ["plain-fernet-pushed", "fernet"],
    ["plain-blowfish-pushed", "blowfish"],
    ["plain-blowfish-cryptography-pushed", "blowfish.cryptography"],
  ] as const
) {
  Deno.test(`${name} is decrypted, and its author takes it over`, async () => {
    using world = new World();
    const golden = unpackRelay(world, name);
    const secret = { cipher, passphrase: cipher === "fernet" ? GOLDEN_KEY : BLOWFISH_KEY };
    const [a, b] = [
      world.client("A", { ...UPLOAD, ...secret }),
      world.client("B", { ...DOWNLOAD, ...secret }),
    ];
    writeLocal(a, golden, "A");
    assert.deepEqual((await a.once()).actions, []);
    const run = await b.once();
    assert.deepEqual(run.result, { outcome: "done" });
    assert.deepEqual(b.tree(), localTree(golden, "A"));
    assertTimes(b, golden);
    assert.deepEqual(world.relayTree(), relayOf("plain-pulled"));
  });
}

Deno.test("plain-no-checksum is pulled by times, and needs nothing once it is there", async () => {
  using world = new World();
  const golden = unpackRelay(world, "plain-no-checksum");
  const noChecksum = { checksum: undefined };
  const [a, b] = [
    world.client("A", { ...UPLOAD, ...noChecksum }),
    world.client("B", { ...DOWNLOAD, ...noChecksum }),
  ];
  writeLocal(a, golden, "A");
  assert.deepEqual((await a.once()).actions, []);
  assert.deepEqual((await b.once()).result, { outcome: "done" });
  assert.deepEqual(b.tree(), localTree(golden, "A"));
  assert.deepEqual(world.relayNames(), [".empty.txt.placeholder", ".hello.txt.placeholder"]);
  assert.deepEqual((await a.once()).actions, []);
});

Deno.test("plain-unicode-client is continued under the client's name", async () => {
  using world = new World();
  const golden = unpackRelay(world, "plain-unicode-client");
  const [author, b] = [world.client("Zoé 1"), world.client("B")];
  writeLocal(author, golden, "Zoé 1");
  assert.deepEqual((await author.once()).actions, [], "it knows its own push");
  await b.once();
  assert.deepEqual(b.tree(), localTree(golden, "Zoé 1"));
  author.write("hello.txt", "again\n", 1_600_000_100);
  await author.once();
  assert.match(world.relayTree()[".hello.txt.placeholder"] ?? "", /\npusher: Zoé 1\n/);
  await b.once();
  assert.equal(b.read("hello.txt"), "again\n");
});

Deno.test("W5: plain-count2-pushed keeps its copies until two pullers are written down", async () => {
  using world = new World();
  const golden = unpackRelay(world, "plain-count2-pushed");
  const [b, c] = ["B", "C"].map((name) => world.client(name, { ...DOWNLOAD, pullerCount: 2 }));
  assert.ok(b !== undefined && c !== undefined);
  await b.once();
  assert.equal(world.relayTree()["hello.txt"], "hello\n");
  assert.match(world.relayTree()[".hello.txt.placeholder"] ?? "", /---pullers---\nB$/);
  await c.once();
  assert.deepEqual(c.tree(), localTree(golden, "A"));
  assert.match(world.relayTree()[".hello.txt.placeholder"] ?? "", /---pullers---\nB\nC$/);
  assert.deepEqual(world.relayNames(), [".empty.txt.placeholder", ".hello.txt.placeholder"]);
});

Deno.test("W5: the puller that plain-count2-pulled-by-one left without its files gets them", async () => {
  using world = new World();
  const golden = unpackRelay(world, "plain-count2-pulled-by-one");
  const many = { pullerCount: 2 };
  const [a, b, c] = [
    world.client("A", { ...UPLOAD, ...many }),
    world.client("B", { ...DOWNLOAD, ...many }),
    world.client("C", { ...DOWNLOAD, ...many }),
  ];
  writeLocal(a, golden, "A");
  writeLocal(b, golden, "B");
  await world.settle([a, b, c]);
  assert.deepEqual(c.tree(), localTree(golden, "A"));
  assert.deepEqual(world.relayNames(), [".empty.txt.placeholder", ".hello.txt.placeholder"]);
});

Deno.test("former-formats: files are pulled and held ones acknowledged, a foreign lock stands", async () => {
  using world = new World();
  unpackRelay(world, "former-formats");
  const b = world.client("B");
  b.write("g.txt", "held\n", 1_600_000_001);
  const { actions, problems, tally } = await b.round();
  assert.deepEqual(problems, []);
  assert.deepEqual(actions, ["pull f.txt"]);
  assert.equal(b.read("f.txt"), "content\n");
  assert.equal(b.timeOf("f.txt"), 1_600_000_000);
  assert.equal(tally.locked, 1, "h.txt is locked by A");
  assert.deepEqual(world.relayTree(), {
    ".f.txt.placeholder": "200913_122640\nB",
    ".g.txt.placeholder": "200913_122641\nB\nC",
    ".h.txt.lock": "A",
  });
});

Deno.test("former-formats: a client undoes its own lock of the first form at once", async () => {
  using world = new World();
  unpackRelay(world, "former-formats");
  const a = world.client("A", UPLOAD);
  a.write("h.txt", "mine\n", 1_600_000_005);
  await a.once();
  assert.equal(world.relayNames().includes(".h.txt.lock"), false);
  assert.equal(world.relayTree()["h.txt"], "mine\n");
});

Deno.test("lock-w: its owner started again removes placeholder and lock and pushes again", async () => {
  using world = new World();
  unpackRelay(world, "lock-w");
  const a = world.client("A");
  a.write("d/f.txt", "content\n", 1_600_000_000);
  const run = await a.once();
  assert.deepEqual(run.result, { outcome: "done" });
  assert.deepEqual(run.actions, ["repair d/f.txt", "push d/f.txt"]);
  const { "d/.f.txt.placeholder": pushed, ...others } = withoutOurKeys(world.relayTree());
  assert.equal(pushed, relayOf("lock-w")["d/.f.txt.placeholder"]);
  assert.deepEqual(others, { "d/f.txt": "content\n" });
});

Deno.test("lock-w: another client leaves it alone until the lock timeout", async () => {
  using world = new World();
  unpackRelay(world, "lock-w");
  const before = world.relayTree();
  const b = world.client("B", { lockTimeoutS: 1000 });
  b.write("d/f.txt", "content\n", 1_600_000_000);
  for (let look = 0; look < 3; look++) {
    const { tally, actions } = await b.round();
    assert.deepEqual(actions, []);
    assert.equal(tally.locked, 1);
    assert.deepEqual(world.relayTree(), before);
    world.clock.uptimeS += 499;
  }
  world.clock.uptimeS += 1;
  assert.deepEqual((await b.round()).actions, ["repair d/f.txt"]);
  assert.deepEqual(world.relayNames(), [], "what cannot be finished is undone");
  assert.deepEqual((await b.round()).actions, ["push d/f.txt"]);
});

Deno.test("lock-r: its owner started again pulls again", async () => {
  using world = new World();
  unpackRelay(world, "lock-r");
  const b = world.client("B");
  const run = await b.once();
  assert.deepEqual(run.result, { outcome: "done" });
  assert.equal(b.read("d/f.txt"), "content\n");
  const lock = relayOf("lock-r")["d/.f.txt.placeholder"];
  assert.deepEqual(world.relayTree(), { "d/.f.txt.placeholder": `${lock}\nB` });
});

Deno.test("lock-unclaimed: anyone removes it once it is older than the lock timeout", async () => {
  using world = new World();
  unpackRelay(world, "lock-unclaimed");
  const b = world.client("B");
  b.write("d/f.txt", "mine\n", 1_600_000_000);
  assert.equal((await b.round()).tally.locked, 1);
  world.clock.uptimeS += 259_199;
  assert.equal((await b.round()).tally.locked, 1);
  world.clock.uptimeS += 1;
  await b.round();
  assert.deepEqual((await b.round()).actions, ["push d/f.txt"]);
  assert.deepEqual(world.relayNames(), ["d/.f.txt.placeholder", "d/f.txt"]);
});

Deno.test("lock-page: the lock of a page is none of a relay without an index", async () => {
  using world = new World();
  unpackRelay(world, "lock-page");
  const a = world.client("A");
  a.write("other.txt", "1", 1_600_000_000);
  assert.deepEqual((await a.once()).result, { outcome: "done" });
});
