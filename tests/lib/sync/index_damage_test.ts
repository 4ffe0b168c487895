import assert from "node:assert/strict";
import { compressBytes } from "../../../lib/archive/codec.ts";
import { packTar } from "../../../lib/archive/tar.ts";
import type { Section } from "../../../lib/config/section.ts";
import { parseRelativePath } from "../../../lib/path.ts";
import { World } from "../../support/engine.ts";

import { CIPHERS, done, FERNET, INDEX, IndexWorld, T } from "./_index_world.ts";

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
