import assert from "node:assert/strict";
import { decompress, decompressBytes } from "../../../lib/archive/codec.ts";
import { unpackTar } from "../../../lib/archive/tar.ts";
import type { Section } from "../../../lib/config/section.ts";
import { openCipher } from "../../../lib/crypto/cipher.ts";
import { parseIndex } from "../../../lib/relay/index_parse.ts";
import { GOLDEN_KEY, World } from "../../support/engine.ts";
import {
  type GoldenRelay,
  localTree,
  readRelay,
  unpackRelay,
  writeLocal,
} from "../../support/golden.ts";

const BLOWFISH_KEY = new TextEncoder().encode("escale-golden-passphrase");
const OUR_KEYS = /^(algorithm|size|expected|base|seal): .*\n/gm;

/** What the clients of a golden relay were configured with. */
function optionsOf(name: string): Partial<Section> {
  const depth = name.includes("-topdir2-") ? 2 : name.includes("-topdir-") ? 1 : 0;
  const index = { kind: "pages" as const, depth };
  if (name.includes("fernet")) return { index, cipher: "fernet", passphrase: GOLDEN_KEY };
  if (name.includes("blowfish")) return { index, cipher: "blowfish", passphrase: BLOWFISH_KEY };
  return { index };
}

const PUSHED = [
  ...["index-1-pushed", "index-1-fernet-pushed", "index-1-blowfish-pushed"],
  ...["index-topdir-pushed", "index-topdir-fernet-pushed", "index-topdir-blowfish-pushed"],
  ...["index-topdir2-pushed", "index-topdir2-fernet-pushed", "index-topdir2-blowfish-pushed"],
];

interface IndexEntries {
  readonly [name: string]: string;
}

/** The relay's indices as their entries, and the members of what is not encrypted, by name without times. */
async function contentsOf(world: World, options: Partial<Section>) {
  const found: Record<string, IndexEntries | string[]> = {};
  for (const name of world.relayNames()) {
    const bytes = Deno.readFileSync(world.pathOnRelay(name));
    const label = name.replace(/\.\d{5,}\./, ".T.");
    if (name.endsWith(".data")) found[label] = await membersOf(bytes, options);
    else {
      const isGrouped = label === name;
      const text = isGrouped ? await decompressBytes(bytes, { maxBytes: 1e7 }) : bytes;
      const index = parseIndex(text, { isGrouped, accepts: () => true });
      const entries = [...index.names()].sort().map((entry) => [
        entry,
        (index.text(entry) ?? "").replace(OUR_KEYS, ""),
      ]);
      found[label] = Object.fromEntries(entries);
    }
  }
  return found;
}

async function membersOf(bytes: Uint8Array, { cipher, passphrase }: Partial<Section>) {
  const isPlain = cipher !== "fernet" && cipher !== "blowfish";
  const opened = openCipher(isPlain ? "plain" : cipher, passphrase ?? new Uint8Array(), {
    now: () => 0,
    randomBytes: (count) => new Uint8Array(count),
  });
  const plain = ReadableStream.from([opened.decryptBytes(bytes)]);
  const members: string[] = [];
  for await (const { path, timeS } of unpackTar(decompress(plain, { maxBytes: 1e7 }), () => {})) {
    members.push(`${path} ${timeS}`);
  }
  return members.sort();
}

function assertTimes(client: { timeOf(path: string): number }, golden: GoldenRelay): void {
  for (const [path, { mtime }] of Object.entries(golden.local["A"] ?? {})) {
    assert.equal(client.timeOf(path), mtime, path);
  }
}

for (const name of PUSHED) {
  Deno.test(`a puller on ${name} gets A's files and goes on from there`, async () => {
    using world = new World();
    const golden = unpackRelay(world, name);
    const options = optionsOf(name);
    const b = world.client("B", { ...options, mode: "download" });
    const run = await b.once();
    assert.deepEqual(run.result, { outcome: "done" });
    assert.deepEqual(run.problems, []);
    assert.deepEqual(b.tree(), localTree(golden, "A"));
    assertTimes(b, golden);
    assert.ok(world.relayNames().every((it) => /^\.[^.]+\.index$/.test(it)));
    const a = world.client("A", { ...options, mode: "upload" });
    writeLocal(a, golden, "A");
    assert.deepEqual((await a.once()).actions, [], "A has all that the relay knows");
    a.write("hello.txt", "newer", 1_700_000_000);
    await a.once();
    await b.once();
    assert.deepEqual(b.tree(), a.tree());
  });

  Deno.test(`what is pushed is what 0.7 wrote in ${name}, but for our extra keys`, async () => {
    using ours = new World();
    using theirs = new World();
    const options = optionsOf(name);
    const golden = unpackRelay(theirs, name);
    const a = ours.client("A", { ...options, mode: "upload" });
    writeLocal(a, golden, "A");
    assert.deepEqual((await a.once()).result, { outcome: "done" });
    assert.deepEqual(await contentsOf(ours, options), await contentsOf(theirs, options));
  });
}

Deno.test("a pusher on index-*-pushed waits until its update is consumed", async () => {
  using world = new World();
  const golden = unpackRelay(world, "index-1-pushed");
  const a = world.client("A", { ...optionsOf("index-1-pushed"), mode: "upload" });
  writeLocal(a, golden, "A");
  a.write("more.txt", "more", 1_700_000_000);
  const before = world.relayNames();
  assert.equal((await a.once()).result.outcome, "skipped");
  assert.deepEqual(world.relayNames(), before);
});

for (const name of ["index-1-pulled", "index-topdir-pulled", "index-topdir2-pulled"]) {
  Deno.test(`clients on ${name} with the same files move nothing`, async () => {
    using world = new World();
    const golden = unpackRelay(world, name);
    const before = world.relayTree();
    for (const [client, mode] of [["A", "upload"], ["B", "download"], ["C", "shared"]] as const) {
      const it = world.client(client, { ...optionsOf(name), mode });
      writeLocal(it, golden, "A");
      const run = await it.once();
      assert.deepEqual(run.result, { outcome: "done" });
      assert.deepEqual(run.actions, []);
    }
    assert.deepEqual(world.relayTree(), before);
  });

  Deno.test(`a new client on ${name} asks A for the files and gets them`, async () => {
    using world = new World();
    const golden = unpackRelay(world, name);
    const a = world.client("A", { ...optionsOf(name), mode: "upload" });
    writeLocal(a, golden, "A");
    const d = world.client("D", { ...optionsOf(name), mode: "download" });
    await world.settle([d, a]);
    assert.deepEqual(d.tree(), localTree(golden, "A"));
  });
}

Deno.test("a puller on index-1-pushed-again takes the two changed files", async () => {
  using world = new World();
  const golden = unpackRelay(world, "index-1-pushed-again");
  const b = world.client("B", { ...optionsOf(golden.name), mode: "download" });
  writeLocal(b, golden, "B");
  const run = await b.once();
  assert.deepEqual(run.result, { outcome: "done" });
  assert.deepEqual(
    Object.keys(b.tree()).filter((name) => !name.includes(".conflict-")).sort(),
    Object.keys(localTree(golden, "A")).sort(),
  );
  assert.equal(b.read("hello.txt"), "hello again\n");
  assert.equal(b.read("new.txt"), "new\n");
});

Deno.test("the second puller on index-1-count2-pulled-by-one takes the update and ends it", async () => {
  using world = new World();
  unpackRelay(world, "index-1-count2-pulled-by-one");
  const c = world.client("C", { ...optionsOf("index-1-count2"), pullerCount: 2, mode: "download" });
  await c.once();
  assert.deepEqual(c.tree(), { "second.txt": "second\n" }, "the first is requested");
  assert.deepEqual(world.relayNames(), [".0.index"]);
});

Deno.test("an update that lost its entries goes, and its files are sent again", async () => {
  using world = new World();
  const golden = unpackRelay(world, "index-1-count2-client-started-late");
  const options = { ...optionsOf(golden.name), pullerCount: 2 };
  const [a, b, c] = [
    world.client("A", { ...options, mode: "upload" }),
    world.client("B", { ...options, mode: "download" }),
    world.client("C", { ...options, mode: "download" }),
  ];
  writeLocal(a, golden, "A");
  writeLocal(b, golden, "B");
  await world.settle([c, a, b]);
  assert.deepEqual(c.tree(), a.tree());
  assert.deepEqual(world.relayNames(), [".0.index"]);
});

Deno.test("a client name that is not ASCII is read and its update consumed", async () => {
  using world = new World();
  const golden = unpackRelay(world, "index-1-unicode-client");
  const b = world.client("B", { ...optionsOf(golden.name), mode: "download" });
  assert.deepEqual((await b.once()).result, { outcome: "done" });
  assert.deepEqual(b.tree(), localTree(golden, "Zoé 1"));
  const zoe = world.client("Zoé 1", { ...optionsOf(golden.name), mode: "upload" });
  writeLocal(zoe, golden, "Zoé 1");
  zoe.write("third.txt", "3", 1_700_000_000);
  await world.settle([zoe, b]);
  assert.equal(b.read("third.txt"), "3");
});

Deno.test("A releases its lock on lock-page and B waits for it", async () => {
  using world = new World();
  unpackRelay(world, "lock-page");
  const options = optionsOf("lock-page");
  const b = world.client("B", options);
  b.write("f", "1", 1_600_000_000);
  const { tally } = await b.round();
  assert.equal(tally.pushed, 0);
  assert.equal(tally.locked, 1);
  const a = world.client("A", options);
  await a.once();
  assert.deepEqual(world.relayNames(), []);
  await b.once();
  await a.once();
  assert.deepEqual(a.tree(), { f: "1" });
});

Deno.test("the manifests of the golden index relays are all used", () => {
  const names = [...Deno.readDirSync(new URL("../../golden/relays/", import.meta.url))]
    .map(({ name }) => name.replace(/\.\w+$/, "")).filter((name) => name.startsWith("index-"));
  const used = [
    ...PUSHED,
    ...["index-1-pulled", "index-topdir-pulled", "index-topdir2-pulled", "index-1-pushed-again"],
    ...["index-1-count2-pulled-by-one", "index-1-count2-client-started-late"],
    "index-1-unicode-client",
  ];
  assert.deepEqual([...new Set(names)].sort(), used.sort());
  assert.equal(readRelay("index-1-pulled").name, "index-1-pulled");
});
