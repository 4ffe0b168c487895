import assert from "node:assert/strict";
import type { Section } from "../../../lib/config/section.ts";
import type { FixOptions } from "../../../lib/sync/fix.ts";
import { fixRelay } from "../../../lib/sync/fix_relay.ts";
import { GOLDEN_KEY, type TestClient, World } from "../../support/engine.ts";
import { toolboxOf } from "../../support/toolbox.ts";

const INDEX: Partial<Section> = { index: { kind: "pages", depth: 1 } };
const SEALED: Partial<Section> = { cipher: "fernet", passphrase: GOLDEN_KEY, legacyPeers: false };
const LAYOUTS: Readonly<Record<string, Partial<Section>>> = {
  "without an index": {},
  "with an index": INDEX,
  "sealed, without an index": SEALED,
  "sealed, with an index": { ...SEALED, ...INDEX },
};

async function fix(client: TestClient, changes: Partial<FixOptions> = {}) {
  const left: string[] = [];
  await using toolbox = await toolboxOf(client, { isAlone: true });
  const fixed = await fixRelay(toolbox, {
    update: false,
    isFast: false,
    pages: [],
    progress: () => {},
    left: (path, why) => left.push(`${path}: ${why}`),
    ...changes,
  });
  return { fixed, left };
}

/** Two clients that hold the same files, of either's making. */
async function upToDate(world: World, changes: Partial<Section> = {}) {
  const [a, b] = [world.client("a", changes), world.client("b", changes)];
  for (const name of ["x", "dir/y", "dir/z"]) a.write(name, `content of ${name}`, 1_600_000_000);
  await world.settle([a, b]);
  b.write("from b", "by b");
  await world.settle([a, b]);
  assert.deepEqual(a.tree(), b.tree());
  return { a, b };
}

function lose(world: World): void {
  Deno.removeSync(world.relay, { recursive: true });
  Deno.mkdirSync(world.relay);
}

for (const [layout, changes] of Object.entries(LAYOUTS)) {
  for (const isFast of [false, true]) {
    Deno.test(`fixRelay() brings a lost relay back and nothing is transferred, ${layout}, fast ${isFast}`, async () => {
      using world = new World();
      const { a, b } = await upToDate(world, changes);
      const names = world.relayNames();
      lose(world);
      const { fixed, left } = await fix(a, { isFast });
      assert.deepEqual([fixed, left], [{ right: 0, written: 4, replaced: 0, left: 0 }, []]);
      assert.deepEqual(world.relayNames(), names);
      for (const client of [b, a, b]) {
        const { actions, problems } = await client.once();
        assert.deepEqual(actions.filter((it) => !/^(agree|acknowledge) /.test(it)), []);
        assert.deepEqual(problems, []);
      }
      const again = await fix(a, { isFast });
      assert.deepEqual(again.fixed, { right: 4, written: 0, replaced: 0, left: 0 });
      b.write("x", "edited later");
      await world.settle([b, a]);
      assert.equal(a.read("x"), "edited later");
      assert.deepEqual(a.tree(), b.tree());
      assert.equal(Object.keys(a.tree()).length, 4, "no conflict copies");
    });
  }

  Deno.test(`fixRelay() leaves it to clients to get what they lack, ${layout}`, async () => {
    using world = new World();
    const { a, b } = await upToDate(world, changes);
    lose(world);
    a.write("new at a", "new");
    await fix(a);
    b.loseState();
    b.remove("x");
    b.write("dir/y", "changed at b before the relay was lost", 1_700_000_000);
    await world.settle([b, a]);
    assert.deepEqual(a.tree(), b.tree());
    assert.equal(b.read("new at a"), "new");
    assert.equal(b.read("x"), "content of x");
    const texts = Object.values(a.tree());
    assert(texts.includes("changed at b before the relay was lost"), texts.join());
    assert(texts.includes("content of dir/y"), texts.join());
  });

  Deno.test(`fixRelay() replaces other records only if told to, and none that waits, ${layout}`, async () => {
    using world = new World();
    const { a, b } = await upToDate(world, changes);
    a.write("x", "newer at a");
    const kept = await fix(a);
    assert.deepEqual(kept.fixed, { right: 3, written: 0, replaced: 0, left: 1 });
    const replaced = await fix(a, { update: true });
    assert.deepEqual(replaced.fixed, { right: 3, written: 0, replaced: 1, left: 0 });
    await world.settle([b, a]);
    assert.equal(b.read("x"), "newer at a");
    assert.equal(Object.keys(b.tree()).length, 4);

    b.write("x", "on its way from b");
    await b.once();
    a.write("x", "at a meanwhile");
    const waiting = await fix(a, { update: true });
    assert.deepEqual(waiting.fixed, { right: 3, written: 0, replaced: 0, left: 1 });
    await world.settle([a, b]);
    const texts = Object.values(a.tree());
    assert(texts.includes("on its way from b") && texts.includes("at a meanwhile"), texts.join());
    assert.deepEqual(a.tree(), b.tree());
  });
}

Deno.test("fixRelay() mends records and indices that cannot be read, page by page", async () => {
  using world = new World();
  const { a, b } = await upToDate(world, INDEX);
  for (const page of ["0", "dir"]) {
    Deno.writeTextFileSync(world.pathOnRelay(`.${page}.index`), "no");
  }
  await assert.rejects(fix(a, { pages: ["none"] }), { code: "usage" });
  assert.equal((await fix(a, { pages: ["dir"] })).fixed.written, 2);
  assert.equal(Deno.readTextFileSync(world.pathOnRelay(".0.index")), "no");
  assert.equal((await fix(a)).fixed.written, 2);
  await world.settle([b, a]);
  assert.deepEqual(a.tree(), b.tree());
});

Deno.test("fixRelay() after the passphrase was changed on all clients", async () => {
  using world = new World();
  const { a, b } = await upToDate(world, SEALED);
  const key = new TextEncoder().encode(btoa("another key of 32 bytes, yes so.").slice(0, 44));
  const [a2, b2] = [a.with({ passphrase: key }), b.with({ passphrase: key })];
  assert.equal((await a2.once()).result.error?.code, "wrong-key");
  assert.equal((await fix(a2)).fixed.written, 4);
  await world.settle([b2, a2]);
  b2.write("x", "with the new key");
  await world.settle([b2, a2]);
  assert.equal(a2.read("x"), "with the new key");
  assert.equal(Object.keys(a2.tree()).length, 4);
});

Deno.test("fixRelay() refuses clients that may not vouch, and an emptied repository", async () => {
  using world = new World();
  const { a } = await upToDate(world);
  await assert.rejects(fix(a.with({ mode: "download" })), { code: "usage" });
  await assert.rejects(fix(a, { pages: ["0"] }), { code: "usage" });
  const before = world.relayTree();
  await assert.rejects(fix(a.with(INDEX)), { code: "refused" });
  assert.deepEqual(world.relayTree(), before);
  for (const path of Object.keys(a.tree())) a.remove(path);
  await assert.rejects(fix(a), { code: "no-repository" });
});
