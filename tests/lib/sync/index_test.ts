import assert from "node:assert/strict";
import { parseObjectName } from "../../../backends/backend.ts";
import { MemoryStore, openMemory } from "../../../backends/memory.ts";
import { compressBytes } from "../../../lib/archive/codec.ts";
import { packTar } from "../../../lib/archive/tar.ts";
import type { CompressionName, Section } from "../../../lib/config/section.ts";
import { parseRelativePath } from "../../../lib/path.ts";
import { GOLDEN_KEY, type TestClient, World } from "../../support/engine.ts";
import { FaultyBackend } from "../../support/faulty_backend.ts";
import { sourceOf } from "../../support/sources.ts";

const T = 1_600_000_000;
const INDEX: Partial<Section> = { index: { kind: "pages", depth: 0 } };
const BLOWFISH_KEY = new TextEncoder().encode("escale-golden-passphrase");
const FERNET: Partial<Section> = { cipher: "fernet", passphrase: GOLDEN_KEY };
const CIPHERS: Readonly<Record<string, Partial<Section>>> = {
  off: {},
  fernet: FERNET,
  blowfish: { cipher: "blowfish", passphrase: BLOWFISH_KEY },
};
const COMPRESSIONS: readonly CompressionName[] = ["bz2", "zstd", "gzip", "none"];

/** A world of clients with an index, in memory. */
class IndexWorld extends World {
  readonly store: MemoryStore;

  constructor(store: MemoryStore = new MemoryStore()) {
    super({ store });
    this.store = store;
  }

  indexed(name: string, changes: Partial<Section> = {}): TestClient {
    return this.client(name, { ...INDEX, ...changes });
  }

  /** Names of the updates' objects, without their times. */
  updates(): string[] {
    return this.relayNames().filter((name) => /\.\d{5,}\.(index|data)$/.test(name))
      .map((name) => name.replace(/\.\d{5,}\./, ".T."));
  }

  bytesOf(pattern: RegExp): { name: string; bytes: Uint8Array } {
    const name = this.relayNames().find((it) => pattern.test(it)) ?? assert.fail(`no ${pattern}`);
    const bytes = this.store.latest(parseObjectName(name));
    return { name, bytes: bytes ?? assert.fail(`no "${name}"`) };
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    await openMemory(this.store).put(parseObjectName(name), sourceOf(bytes));
  }

  async remove(name: string): Promise<void> {
    await openMemory(this.store).remove(parseObjectName(name));
  }
}

async function done(client: TestClient): Promise<readonly string[]> {
  const run = await client.once();
  assert.deepEqual(run.result, { outcome: "done" }, JSON.stringify(run.problems));
  return run.actions;
}

function variants(): [string, Partial<Section>][] {
  return COMPRESSIONS.flatMap((compression) =>
    Object.entries(CIPHERS).map(([cipher, options]): [string, Partial<Section>] => [
      `${compression}, ${cipher}`,
      { ...options, compression, legacyPeers: compression === "bz2" },
    ])
  );
}

for (const [name, options] of variants()) {
  Deno.test(`an index relay carries files there and back with ${name}`, async () => {
    using world = new IndexWorld();
    const [a, b] = [world.indexed("A", options), world.indexed("B", options)];
    const large = Uint8Array.from({ length: 300_000 }, (_, at) => at * at >> 5);
    a.write("hello.txt", "hello\n", T);
    a.write("docs/deep/été 漢字.txt", "", T + 1);
    a.write("large.bin", large, T + 2);
    await done(a);
    assert.deepEqual(world.updates(), [".0.T.data", ".0.T.index"]);
    await done(b);
    assert.deepEqual(b.tree(), a.tree());
    assert.equal(b.timeOf("docs/deep/été 漢字.txt"), T + 1);
    assert.deepEqual(world.relayNames(), [".0.index"]);
    b.write("large.bin", "short now", T + 9);
    b.write("new", "new", T);
    await done(b);
    assert.deepEqual([...await done(a)].sort(), ["pull large.bin", "pull new"]);
    assert.deepEqual(a.tree(), b.tree());
    await world.settle([a, b]);
  });
}

Deno.test("what is spooled to disk is gone afterwards", async () => {
  using world = new IndexWorld();
  const [a, b] = [world.indexed("A", { compression: "zstd" }), world.indexed("B")];
  const noise = new Uint8Array(9 << 20);
  for (let at = 0; at < noise.length; at += 65536) {
    crypto.getRandomValues(noise.subarray(at, at + 65536));
  }
  a.write("noise", noise, T);
  await done(a);
  await done(b);
  assert.deepEqual(Deno.readFileSync(b.pathOf("noise")), noise);
  const left = [...Deno.readDirSync(`${world.root}/state`)].map((entry) => entry.name);
  assert.ok(left.every((name) => !name.includes("spool")), left.join());
});

Deno.test("topdir makes a page of each folder, topdir:2 of each pair", async () => {
  const pages = { 1: [".0.index", ".a_b.index", ".c.index"], 2: [".0.index", ".c_d.index"] };
  for (const [depth, expected] of Object.entries(pages)) {
    using world = new IndexWorld();
    const options: Partial<Section> = { index: { kind: "pages", depth: Number(depth) } };
    const [a, b] = [world.client("A", options), world.client("B", options)];
    for (const path of ["f", "a.b/f", "a_b/g", "c/d/f"]) a.write(path, path, T);
    await done(a);
    await done(b);
    assert.deepEqual(b.tree(), a.tree());
    assert.deepEqual(world.relayNames(), expected);
  }
});

Deno.test("an update is cut at maxpagesize, and the next goes up once it is consumed", async () => {
  using world = new IndexWorld();
  const options = { maxPageSizeBytes: 100, compression: "none" } as const;
  const [a, b] = [world.indexed("A", options), world.indexed("B", options)];
  for (let i = 0; i < 5; i++) a.write(`f${i}`, `${i}`.repeat(40), T);
  a.write("huge", "x".repeat(500), T);
  const run = await a.once();
  assert.ok(run.actions.length <= 2);
  assert.equal(run.result.outcome, "skipped", "the rest waits");
  let turns = 0;
  while (Object.keys(b.tree()).length < 6 && turns++ < 10) {
    await b.once();
    await a.once();
  }
  assert.deepEqual(b.tree(), a.tree());
  assert.ok(turns <= 4);
  await world.settle([a, b]);
  assert.deepEqual(world.relayNames(), [".0.index"]);
});

Deno.test("an idle poll is one listing and nothing else", async () => {
  for (const hasTags of [true, false]) {
    const store = new MemoryStore({ hasTags });
    using world = new IndexWorld(store);
    const backend = new FaultyBackend(openMemory(store));
    const a = world.indexed("A").with({}, () => Promise.resolve(backend));
    const b = world.indexed("B");
    a.write("f", "1", T);
    await using session = await a.open();
    await session.round();
    await done(b);
    await session.round();
    await session.round();
    const before = backend.count();
    assert.deepEqual((await session.round()).actions, []);
    assert.deepEqual(backend.calls.slice(before).map(({ verb }) => verb), ["list"]);
  }
});

Deno.test("nobody consumes its own update (W1), and two pullers both get it (W5)", async () => {
  using world = new IndexWorld();
  const [a, b, c] = ["A", "B", "C"].map((name) => world.indexed(name, { pullerCount: 2 }));
  assert.ok(a && b && c);
  a.write("f", "1", T);
  await done(a);
  await done(a);
  assert.deepEqual(world.updates(), [".0.T.data", ".0.T.index"]);
  await done(b);
  assert.match(
    new TextDecoder().decode(world.bytesOf(/\d{5,}\.index$/).bytes),
    /---pullers---\nB$/,
  );
  await done(b);
  await done(c);
  assert.deepEqual(world.updates(), []);
  assert.deepEqual([b.tree(), c.tree()], [a.tree(), a.tree()]);
});

Deno.test("a client that comes late gets all, be there an update or none", async () => {
  using world = new IndexWorld();
  const options = { pullerCount: 2 };
  const [a, b, c] = ["A", "B", "C"].map((name) => world.indexed(name, options));
  assert.ok(a && b && c);
  a.write("f", "1", T);
  a.write("d/g", "2", T);
  await done(a);
  await done(b);
  await done(c);
  a.write("h", "3", T);
  await done(a);
  const d = world.indexed("D", { pullerCount: 3 });
  await world.settle([d, a, b, c]);
  assert.deepEqual(d.tree(), a.tree());
  assert.deepEqual(world.updates(), []);
});

Deno.test("what was deleted here does not come back, and is requested in download mode", async () => {
  using world = new IndexWorld();
  const options = { pullerCount: 2 };
  const [a, b] = [world.indexed("A", options), world.indexed("B", options)];
  const c = world.indexed("C", { mode: "download", ...options });
  for (const name of ["f", "g"]) a.write(name, name, T);
  await done(a);
  await done(b);
  b.remove("f");
  await world.settle([a, b]);
  assert.deepEqual(b.tree(), { g: "g" });
  await world.settle([c, a, b]);
  assert.deepEqual(c.tree(), { f: "f", g: "g" });
  c.remove("f");
  await world.settle([c, a, b]);
  assert.deepEqual(c.tree(), { f: "f", g: "g" });
  assert.deepEqual(b.tree(), { g: "g" });
  a.write("f", "new", T + 5);
  await world.settle([a, b, c]);
  assert.deepEqual(b.tree(), { f: "new", g: "g" });
});

Deno.test("a mirror whose files of a page are all gone asks for them only if it may", async () => {
  using world = new IndexWorld();
  const options: Partial<Section> = { index: { kind: "pages", depth: 1 } };
  const a = world.client("A", { ...options, mode: "upload" });
  const b = world.client("B", { ...options, mode: "download" });
  for (const path of ["d/f", "d/g", "h"]) a.write(path, path, T);
  await world.settle([a, b]);
  Deno.removeSync(b.pathOf("d"), { recursive: true });
  const run = await b.once();
  assert.equal(run.result.outcome, "skipped");
  assert.match(run.problems.join(), /index page "d": all of them are gone here/);
  await world.settle([a]);
  assert.deepEqual(b.tree(), { h: "h" });
  await world.settle([b.with({ allowPageDeletion: true }), a]);
  assert.deepEqual(b.tree(), a.tree());
});

Deno.test("both versions are kept when both sides changed", async () => {
  using world = new IndexWorld();
  const [a, b] = [world.indexed("A"), world.indexed("B")];
  a.write("f.txt", "base", T);
  await world.settle([a, b]);
  a.write("f.txt", "from A", T + 10);
  b.write("f.txt", "from B", T + 20);
  await world.settle([a, b]);
  const tree = a.tree();
  assert.deepEqual(b.tree(), tree);
  assert.deepEqual(Object.values(tree).sort(), ["from A", "from B"]);
  assert.equal(tree["f.txt"], "from B");
});

Deno.test("a local edit does not hold up the update that it goes over", async () => {
  using world = new IndexWorld();
  const [a, b] = [world.indexed("A"), world.indexed("B")];
  for (const name of ["f", "g"]) a.write(name, name, T);
  await world.settle([a, b]);
  a.write("f", "of A", T + 5);
  await done(a);
  const dying = new FaultyBackend(
    openMemory(world.store),
    ({ verb, name }) =>
      verb === "remove" && name.endsWith(".index") ? { kind: "fail", dies: true } : undefined,
  );
  await b.with({}, () => Promise.resolve(dying)).once();
  assert.deepEqual(b.tree()["f"], "of A", "it was pulled, but not acknowledged");
  b.write("f", "of B", T + 10);
  await world.settle([b, a]);
  assert.deepEqual(a.tree(), { f: "of B", g: "g" });
});

Deno.test("conservative mode keeps what stands here and frees the page", async () => {
  using world = new IndexWorld();
  const [a, b] = [world.indexed("A"), world.indexed("B", { mode: "conservative" })];
  b.write("f", "of B", T);
  await world.settle([b, a]);
  a.write("f", "of A", T + 9);
  a.write("g", "new", T);
  await done(a);
  await done(b);
  assert.deepEqual(b.tree(), { f: "of B", g: "new" });
  assert.deepEqual(world.updates(), []);
  assert.deepEqual(await done(b), []);
});

Deno.test("a file that a filter excludes is acknowledged with its page", async () => {
  using world = new IndexWorld();
  const filters = { ...world.indexed("A").section.filters, exclude: ["skip"] };
  const [a, b] = [world.indexed("A"), world.indexed("B", { filters })];
  a.write("skip me", "1", T);
  await done(a);
  await done(b);
  assert.deepEqual(b.tree(), {});
  assert.deepEqual(world.updates(), [], "an update with nothing else goes");
  a.write("skip me", "2", T + 5);
  a.write("take me", "3", T);
  await done(a);
  await done(b);
  assert.deepEqual(b.tree(), { "take me": "3" });
  assert.deepEqual(world.updates(), []);
  assert.deepEqual(await done(b), []);
});

Deno.test("a name that an index cannot hold is left out and told (W24)", async () => {
  using world = new IndexWorld();
  const [a, b] = [world.indexed("A"), world.indexed("B")];
  for (const name of ["good", "line\nbreak", "trail "]) a.write(name, name, T);
  const run = await a.once();
  assert.equal(run.result.outcome, "skipped");
  assert.deepEqual(run.actions, ["push good"]);
  assert.equal(run.problems.length, 2);
  assert.match(run.problems.join(), /line break.*blank|blank.*line break/s);
  await done(b);
  assert.deepEqual(b.tree(), { good: "good" });
});

Deno.test("a page lost from the relay is made again by those who hold the files", async () => {
  using world = new IndexWorld();
  const options = { pullerCount: 2 };
  const clients = ["A", "B", "C"].map((name) => world.indexed(name, options));
  const [a] = clients;
  assert.ok(a);
  for (const name of ["f", "g"]) a.write(name, name, T);
  await world.settle(clients);
  await world.remove(".0.index");
  await world.settle(clients);
  assert.deepEqual(world.relayNames(), [".0.index"]);
  const d = world.indexed("D", { pullerCount: 3 });
  await world.settle([...clients.map((client) => client.with({ pullerCount: 3 })), d]);
  assert.deepEqual(d.tree(), a.tree());
});

Deno.test("equal folders move no file when all have lost their state", async () => {
  using world = new IndexWorld();
  const [a, b] = [world.indexed("A"), world.indexed("B")];
  a.write("f", "1", T);
  await world.settle([a, b]);
  a.loseState();
  b.loseState();
  assert.deepEqual(await done(a), []);
  assert.deepEqual(await done(b), []);
  a.write("f", "2", T + 1);
  await world.settle([a, b]);
  assert.deepEqual(b.tree(), { f: "2" });
});

Deno.test("a file that changes while an update is made is left out, the others go", async () => {
  for (const compression of ["none", "zstd"] as const) {
    using world = new IndexWorld();
    const options = { compression, legacyPeers: false };
    const [a, b] = [world.indexed("A", options), world.indexed("B", options)];
    const large = new Uint8Array(600_000).fill(1);
    a.write("a", "1", T);
    a.write("large", large, T);
    a.write("z", "2", T);
    await using session = await a.open();
    const { relay } = session.opened.workshop;
    const open = relay.open.bind(relay);
    let isFirst = true;
    relay.open = async (resources, options) => {
      const transaction = await open(resources, options);
      const put = transaction.put.bind(transaction);
      transaction.put = async (resource, record, content) => {
        await put(resource, record, content);
        if (resource === "large" && isFirst) {
          isFirst = false;
          a.write("large", new Uint8Array(700_000).fill(2), T + 9);
        }
      };
      return transaction;
    };
    const { actions, tally } = await session.round();
    assert.deepEqual([...actions].sort(), ["push a", "push z"]);
    assert.equal(tally.waiting, 1);
    await done(b);
    assert.deepEqual(b.tree(), { a: "1", z: "2" });
    await session.round();
    await done(b);
    assert.deepEqual(b.tree(), a.tree());
  }
});

Deno.test("damage at any place of an update's data loses nothing", async () => {
  for (const [name, options] of Object.entries(CIPHERS)) {
    for (const compression of ["bz2", "zstd"] as const) {
      using world = new IndexWorld();
      const changes = { ...options, compression, legacyPeers: compression === "bz2" };
      const [a, b] = [world.indexed("A", changes), world.indexed("B", changes)];
      a.write("warm", "up", T);
      await world.settle([a, b]);
      a.write("f", "content", T);
      await done(a);
      const { name: data, bytes } = world.bytesOf(/\.data$/);
      const step = Math.max(1, Math.floor(bytes.length / 12));
      for (let at = 0; at < bytes.length; at += step) {
        const broken = bytes.slice();
        broken[at] = (broken[at] ?? 0) ^ 1;
        const stored = at % 2 === 0 ? broken : bytes.slice(0, at);
        await world.put(world.bytesOf(/\.data$/).name, stored);
        const run = await b.once();
        assert.notEqual(run.result.outcome, "failed", `${name} ${data} at ${at}`);
        await world.settle([a, b]);
        assert.deepEqual(b.tree(), a.tree(), `${name} ${compression} at ${at}`);
        assert.deepEqual(world.relayNames(), [".0.index"]);
        b.remove("f");
        a.write("f", `content ${at}`, T + 1 + at);
        await done(a);
      }
    }
  }
});

Deno.test("an update index that is cut anywhere loses nothing", async () => {
  using world = new IndexWorld();
  const options = { compression: "none", legacyPeers: false } as const;
  const [a, b] = [world.indexed("A", options), world.indexed("B", options)];
  let length = 0;
  for (let isCut = true; isCut; length += 7) {
    a.write("f", `f ${length}`, T + length);
    a.write("g", `g ${length}`, T + length);
    await done(a);
    const { name, bytes } = world.bytesOf(/\d{5,}\.index$/);
    isCut = length < bytes.length;
    await world.put(name, bytes.slice(0, length));
    await b.once();
    await world.settle([a, b]);
    assert.deepEqual(b.tree(), a.tree(), `cut after ${length}`);
    assert.deepEqual(world.relayNames(), [".0.index"]);
  }
});

Deno.test("a persistent index that is cut is made again", async () => {
  using world = new IndexWorld();
  const options = { pullerCount: 2 };
  const clients = ["A", "B", "C"].map((name) => world.indexed(name, options));
  const [a, b] = clients;
  assert.ok(a && b);
  a.write("f", "1", T);
  await world.settle(clients);
  const { name, bytes } = world.bytesOf(/^\.0\.index$/);
  await world.put(name, bytes.slice(0, 30));
  const run = await b.once();
  assert.match(run.problems.join(), /index "\.0\.index"/);
  await world.settle(clients);
  const d = world.indexed("D", { pullerCount: 3 });
  await world.settle([...clients.map((client) => client.with({ pullerCount: 3 })), d]);
  assert.deepEqual(d.tree(), { f: "1" });
  assert.deepEqual(world.updates(), []);
});

Deno.test("two updates on one page are both consumed, in their order (W6)", async () => {
  using world = new IndexWorld();
  const [a, b] = [world.indexed("A"), world.indexed("B")];
  a.write("f", "1", T);
  a.write("old", "1", T);
  await done(a);
  const first = ["index", "data"].map((kind) => world.bytesOf(new RegExp(`\\d{5,}\\.${kind}$`)));
  for (const { name } of first) await world.remove(name);
  await world.remove(".0.index");
  a.loseState();
  a.write("f", "2", T + 5);
  a.write("new", "2", T);
  a.remove("old");
  await done(a);
  for (const { name, bytes } of first) {
    await world.put(
      name.replace(/\d+/g, (it) => {
        return it === "0" ? it : String(Number(it) - 5);
      }),
      bytes,
    );
  }
  await world.settle([b, a]);
  assert.deepEqual(b.tree(), { f: "2", new: "2", old: "1" });
  assert.deepEqual(world.updates(), []);
});

Deno.test("halves of an update are removed", async () => {
  for (const kind of ["index", "data"]) {
    using world = new IndexWorld();
    const [a, b] = [world.indexed("A"), world.indexed("B")];
    a.write("f", "1", T);
    await done(a);
    await world.remove(world.bytesOf(new RegExp(`\\d{5,}\\.${kind}$`)).name);
    await world.settle([b, a]);
    assert.deepEqual(b.tree(), { f: "1" });
    assert.deepEqual(world.relayNames(), [".0.index"]);
  }
});

Deno.test("a lock on a page without files is released by its owner", async () => {
  using world = new IndexWorld();
  await world.put(".0.lock", new TextEncoder().encode("lock%1.0\nowner: A\nmode: w"));
  assert.deepEqual(await done(world.indexed("A")), ['repair index page "0"']);
  assert.deepEqual(world.relayNames(), []);
});

Deno.test("hostile archives stop their page and touch nothing outside", async () => {
  const inside = parseRelativePath("f");
  const forge = async (path: string, type?: string) => {
    const parts: Uint8Array[] = [];
    const content = new TextEncoder().encode("evil");
    const member = {
      ...{ path: inside, sizeBytes: 4, timeS: T },
      open: () => ReadableStream.from([content]),
    };
    for await (const part of packTar([member])) parts.push(part);
    const bytes = Uint8Array.from(parts.flatMap((part) => [...part]));
    bytes.set(new TextEncoder().encode(path), 0);
    if (type !== undefined) bytes[156] = type.charCodeAt(0);
    bytes.fill(32, 148, 156);
    const sum = bytes.subarray(0, 512).reduce((a, b) => a + b, 0);
    bytes.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    return await compressBytes(bytes, { compression: "bz2" });
  };
  for (
    const [path, type] of [["../evil", undefined], ["/evil", undefined], ["f", "2"], ["f", "1"]]
  ) {
    using world = new IndexWorld();
    const [a, b] = [world.indexed("A"), world.indexed("B")];
    a.write("f", "good", T);
    await done(a);
    const { name } = world.bytesOf(/\.data$/);
    await world.put(name, await forge(path ?? "", type));
    const run = await b.once();
    assert.equal(run.result.outcome, "skipped");
    assert.match(run.problems.join(), /Refused the archive's member/);
    assert.deepEqual(b.tree(), {});
    assert.deepEqual(
      [...Deno.readDirSync(world.root)].map((entry) => entry.name).sort(),
      ["A", "B", "relay", "state"],
    );
  }
});

Deno.test("hostile names in an index are refused by name, and the others go on (W11, W12)", async () => {
  using world = new IndexWorld();
  const [a, b] = [world.indexed("A"), world.indexed("B")];
  a.write("f", "good", T);
  await done(a);
  const { name, bytes } = world.bytesOf(/\d{5,}\.index$/);
  await world.put(name, Uint8Array.from([...new TextEncoder().encode("../x 0\n"), ...bytes]));
  const run = await b.once();
  assert.match(run.problems.join(), /Refused "\.\.\/x" in the index/);
  assert.deepEqual(b.tree(), { f: "good" });
});

Deno.test("an update that expands to more than its index says is refused", async () => {
  using world = new IndexWorld();
  const [a, b] = [world.indexed("A"), world.indexed("B")];
  a.write("f", "good", T);
  await done(a);
  const bomb = await compressBytes(new Uint8Array(64 << 20), { compression: "bz2" });
  const archive = await compressBytes(new Uint8Array(512), { compression: "bz2" });
  await world.put(world.bytesOf(/\.data$/).name, Uint8Array.from([...archive, ...bomb]));
  const run = await b.once();
  assert.notEqual(run.result.outcome, "failed");
  assert.deepEqual(b.tree(), {});
});

Deno.test("another layout than the relay's is refused, whichever it is", async () => {
  using plain = new World();
  const a = plain.client("A");
  a.write("d/f", "1", T);
  await a.once();
  const wrong = await plain.client("B", INDEX).once();
  assert.equal(wrong.result.error?.code, "refused");
  assert.match(wrong.result.error?.message ?? "", /with an index: "d\/.*kept without one/);
  using indexed = new IndexWorld();
  const c = indexed.indexed("C");
  c.write("f", "1", T);
  await c.once();
  const other = await indexed.client("D").once();
  assert.equal(other.result.error?.code, "refused");
});

Deno.test("another key than the relay's changes nothing", async () => {
  for (const seals of [true, false]) {
    using world = new IndexWorld();
    const a = world.indexed("A", { ...FERNET, legacyPeers: true });
    a.write("f", "1", T);
    await done(a);
    if (!seals) {
      const { name, bytes } = world.bytesOf(/\d{5,}\.index$/);
      const text = new TextDecoder().decode(bytes).replace(/^seal: .*\n/m, "");
      const length = text.length - text.indexOf("\n") - 1;
      await world.put(name, new TextEncoder().encode(text.replace(/^f \d+/, `f ${length}`)));
      await world.remove(".0.index");
    }
    const before = world.relayTree();
    const key = new TextEncoder().encode("YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI=");
    const b = world.indexed("B", { ...FERNET, passphrase: key });
    b.write("g", "2", T);
    const run = await b.once();
    assert.equal(run.result.error?.code, "wrong-key", `seals: ${seals}`);
    assert.deepEqual(world.relayTree(), before);
  }
});

Deno.test("priority = upload pushes before it pulls", async () => {
  using world = new IndexWorld();
  const options: Partial<Section> = { index: { kind: "pages", depth: 1 } };
  const [a, b] = [world.client("A", options), world.client("B", options)];
  a.write("x/f", "1", T);
  await done(a);
  b.write("y/f", "1", T);
  assert.deepEqual(await done(b.with({ priorityUpload: true })), ["push y/f", "pull x/f"]);
});

Deno.test("tar and bzip2 accept what is written", async () => {
  using world = new World();
  const a = world.client("A", INDEX);
  for (const path of ["f", "d/é 漢", "e"]) a.write(path, path === "e" ? "" : path, T);
  await done(a);
  const data = world.relayNames().find((name) => name.endsWith(".data")) ?? "";
  Deno.copyFileSync(world.pathOnRelay(".0.index"), `${world.root}/index.bz2`);
  await run("bzip2", ["-t", `${world.root}/index.bz2`]);
  const listed = await run("tar", ["-tjf", world.pathOnRelay(data)]);
  assert.equal(listed.trim().split("\n").length, 3);
});

Deno.test("an update whose entries say nothing does not block its page", async () => {
  using world = new IndexWorld();
  const [a, b] = [world.indexed("A"), world.indexed("B")];
  a.write("f", "1", T);
  await done(a);
  await world.put(world.bytesOf(/\d{5,}\.index$/).name, new TextEncoder().encode("f 0\n"));
  const run = await b.once();
  assert.match(run.problems.join(), /Refused the record of "f"/);
  assert.deepEqual(world.updates(), []);
  await world.settle([a, b]);
  assert.deepEqual(b.tree(), { f: "1" });
});

/** Runs a program and gives its output. */
async function run(program: string, args: readonly string[]): Promise<string> {
  const output = await new Deno.Command(program, { args: [...args] }).output();
  assert.ok(output.success, new TextDecoder().decode(output.stderr));
  return new TextDecoder().decode(output.stdout);
}
