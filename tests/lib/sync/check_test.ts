import assert from "node:assert/strict";
import type { Section } from "../../../lib/config/section.ts";
import type { Checked, Finding } from "../../../lib/relay/findings.ts";
import { sample } from "../../../lib/relay/findings.ts";
import { checkSection } from "../../../lib/sync/check.ts";
import { GOLDEN_KEY, type TestClient, World } from "../../support/engine.ts";
import { unpackRelay } from "../../support/golden.ts";
import { toolboxOf } from "../../support/toolbox.ts";

const INDEX: Partial<Section> = { index: { kind: "pages", depth: 0 } };
const SEALED: Partial<Section> = { cipher: "fernet", passphrase: GOLDEN_KEY, legacyPeers: false };

async function check(
  client: TestClient,
  readPercent = 100,
): Promise<{ readonly found: readonly string[]; readonly checked: Checked }> {
  const found: Finding[] = [];
  await using toolbox = await toolboxOf(client);
  const checked = await checkSection(toolbox, {
    readPercent,
    random: () => 0.5,
    found: (finding) => found.push(finding),
    progress: () => {},
  });
  for (const { severity, mend } of found) assert(severity === "note" || mend !== undefined);
  return { checked, found: found.map(({ kind, about }) => `${kind}: ${about}`).sort() };
}

async function pushed(world: World, changes: Partial<Section> = {}): Promise<TestClient> {
  const client = world.client("a", changes);
  for (const name of ["a", "b", "c", "d", "e", "f"]) client.write(name, `content of ${name}`);
  await client.once();
  return client;
}

function flipBit(file: string): void {
  const bytes = Deno.readFileSync(file);
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  Deno.writeFileSync(file, bytes);
}

for (const [what, changes] of Object.entries({ plain: {}, sealed: SEALED })) {
  Deno.test(`checkSection() finds nothing on a good relay, ${what}, and changes nothing`, async () => {
    for (const layout of [{}, INDEX]) {
      using world = new World();
      const client = await pushed(world, { ...changes, ...layout });
      const before = world.relayTree();
      const { found, checked } = await check(client);
      assert.deepEqual(found, []);
      assert.deepEqual(world.relayTree(), before);
      assert.equal(checked.resources, 6);
      assert.equal(checked.verified, layout === INDEX ? 1 : 6);
      await world.client("b", { ...changes, ...layout }).once();
      assert.deepEqual((await check(client)).found, []);
      await check(client, 1);
    }
  });

  Deno.test(`checkSection() finds what is wrong without an index, ${what}`, async () => {
    using world = new World();
    const client = await pushed(world, changes);
    const path = (name: string) => world.pathOnRelay(name);
    Deno.removeSync(path(".a.placeholder"));
    Deno.writeTextFileSync(path(".b.placeholder"), "placeholder%1.0\nnonsense");
    flipBit(path("c"));
    Deno.truncateSync(path("d"), 3);
    Deno.removeSync(path("e"));
    Deno.writeTextFileSync(path(".f.lock"), "lock%1.0\nowner: b\nmode: w");
    Deno.writeTextFileSync(path(".mine"), "");
    Deno.writeTextFileSync(path(".0.index"), "");
    const before = world.relayTree();
    const expected = [
      "content gone: e",
      "damaged content: c",
      "damaged content: d",
      "foreign object: .mine",
      "held lock: .f.lock",
      "orphan: a",
      "unreadable record: b",
      "wrong layout: .0.index",
    ];
    assert.deepEqual((await check(client)).found, expected);
    assert.deepEqual(world.relayTree(), before);
    const unread = expected.filter((it) => it !== "damaged content: c");
    assert.deepEqual((await check(client, 0)).found, unread);
  });

  Deno.test(`checkSection() finds what is wrong with an index, ${what}`, async () => {
    using world = new World();
    const options = { ...changes, ...INDEX };
    const client = await pushed(world, options);
    const names = world.relayNames();
    const data = names.find((name) => name.endsWith(".data")) ?? "";
    flipBit(world.pathOnRelay(data));
    Deno.writeTextFileSync(world.pathOnRelay(".0.1500000000.data"), "");
    assert.deepEqual((await check(client)).found, [
      'damaged update: index page "0"',
      'half update: index page "0"',
    ]);
    Deno.writeTextFileSync(world.pathOnRelay(".0.index"), "nonsense");
    assert((await check(client)).found.includes('unreadable index: index page "0"'));
  });
}

Deno.test("checkSection() takes another key for that, not for damage", async () => {
  for (const layout of [{}, INDEX]) {
    using world = new World();
    const client = await pushed(world, { ...SEALED, ...layout });
    const key = new TextEncoder().encode("A".repeat(43) + "=");
    const stranger = client.with({ passphrase: key });
    await assert.rejects(check(stranger), { name: "EscaleError", code: "wrong-key" });
  }
});

Deno.test("checkSection() finds a record that somebody without the key has changed", async () => {
  using world = new World();
  const client = await pushed(world, SEALED);
  const place = world.pathOnRelay(".a.placeholder");
  const forged = Deno.readTextFileSync(place).replace(/timestamp: \d/, "timestamp: 9");
  Deno.writeTextFileSync(place, forged);
  assert.deepEqual((await check(client)).found, ["wrong seal: a"]);
});

Deno.test("checkSection() reads relays of 0.7", async () => {
  for (const [name, changes] of [["plain-pushed", {}], ["index-1-pushed", INDEX]] as const) {
    using world = new World();
    unpackRelay(world, name);
    const { found, checked } = await check(world.client("x", changes));
    assert.deepEqual(found, []);
    assert(checked.verified > 0);
  }
});

Deno.test("sample() takes about as many as asked for, and one at least", () => {
  const items = Array.from({ length: 1000 }, (_, at) => at);
  const count = (readPercent: number) => sample(items, { readPercent, random: Math.random }).length;
  assert.equal(count(0), 0);
  assert.equal(count(100), 1000);
  assert.equal(sample(items, { readPercent: 0.001, random: () => 0.5 }).length, 1);
  assert.deepEqual(sample([], { readPercent: 50, random: () => 0.5 }), []);
  const some = count(20);
  assert(some > 100 && some < 300, `${some}`);
});
