import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { parseRelativePath } from "../../../lib/path.ts";
import { conflictName } from "../../../lib/sync/conflict_name.ts";
import { GOLDEN_KEY, World } from "../../support/engine.ts";

const T = 1_600_000_000;

Deno.test("runClient() carries new files to the other client, with their times", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("hello.txt", "hello\n", T);
  a.write("docs/été 漢字.txt", "", T + 1);
  const first = await a.once();
  assert.deepEqual(first.result, { outcome: "done" });
  assert.deepEqual([...first.actions].sort(), ["push docs/été 漢字.txt", "push hello.txt"]);
  const second = await b.once();
  assert.deepEqual(second.result, { outcome: "done" });
  assert.deepEqual(b.tree(), a.tree());
  assert.equal(b.timeOf("hello.txt"), T);
});

Deno.test("runClient() leaves nothing but placeholders on the relay once all have a file", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("d/f.txt", "content\n", T);
  await a.once();
  await b.once();
  const left = [...Deno.readDirSync(`${world.relay}/d`)].map((entry) => entry.name);
  assert.deepEqual(left, [".f.txt.placeholder"]);
  const idle = await a.once();
  assert.deepEqual(idle.actions, []);
});

Deno.test("runClient() takes an edit from either side as a plain update", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f", "1", T);
  await a.once();
  await b.once();
  b.write("f", "2", T + 10);
  await b.once();
  await a.once();
  assert.deepEqual(a.tree(), { f: "2" });
  a.write("f", "3", T + 5);
  await a.once();
  await b.once();
  assert.deepEqual(b.tree(), { f: "3" });
  assert.equal(b.timeOf("f"), T + 11, "the recorded time moves forward");
});

for (const index of [{ kind: "none" }, { kind: "pages", depth: 0 }] as const) {
  Deno.test(`runClient() takes a version for an update however many it missed, index: ${index.kind}`, async () => {
    using world = new World();
    const [a, b] = [world.client("A", { index }), world.client("B", { index })];
    for (let version = 0; version <= 40; version++) {
      a.write("log", `${version}`, T + version);
      await a.once();
      if (version === 0) await b.once();
    }
    await b.once();
    // With an index, what B has missed is sent at its request.
    await a.once();
    await b.once();
    assert.deepEqual(b.tree(), { log: "40" });
  });
}

Deno.test("runClient() keeps both versions when both sides changed, the later under the name", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f.txt", "base", T);
  await a.once();
  await b.once();
  a.write("f.txt", "from A", T + 10);
  b.write("f.txt", "from B", T + 20);
  await a.once();
  await b.once();
  await a.once();
  await b.once();
  await a.once();
  const tree = a.tree();
  assert.deepEqual(b.tree(), tree);
  const names = Object.keys(tree);
  assert.equal(tree["f.txt"], "from B");
  assert.equal(names.length, 2);
  const copy = names.find((name) => name !== "f.txt") ?? "";
  assert.match(copy, /^f\.conflict-A-20200913-122650-[0-9a-f]{8}\.txt$/);
  assert.equal(tree[copy], "from A");
});

Deno.test("runClient() does not bring back what the user deleted, until it changes elsewhere", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f", "1", T);
  a.write("g", "other", T);
  await a.once();
  await b.once();
  b.remove("f");
  assert.deepEqual((await b.once()).actions, []);
  assert.deepEqual((await a.once()).actions, []);
  assert.deepEqual(b.tree(), { g: "other" });
  a.write("f", "2", T + 1);
  await a.once();
  await b.once();
  assert.deepEqual(b.tree(), { f: "2", g: "other" });
});

Deno.test("runClient() plans in a dry run and changes nothing anywhere", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f", "1", T);
  await a.once();
  const run = await b.once({ dryRun: true });
  assert.deepEqual(run.actions, ["pull f"]);
  assert.deepEqual(b.tree(), {});
  assert.deepEqual(
    [...Deno.readDirSync(`${world.root}/state`)].filter((entry) => entry.name.startsWith("B")),
    [],
  );
});

Deno.test("runClient() moves nothing when equal folders meet without any state", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f", "1", T);
  await a.once();
  await b.once();
  a.loseState();
  b.loseState();
  assert.deepEqual((await a.once()).actions, []);
  assert.deepEqual((await b.once()).actions, []);
  assert.deepEqual((await a.once()).actions, []);
});

Deno.test("an upload and a download client on one folder do not take each other for the receivers", async () => {
  using world = new World();
  const localPath = `${world.root}/here`;
  const up = world.client("up", { localPath, mode: "upload", sibling: "down" });
  const down = world.client("down", { localPath, mode: "download", sibling: "up" });
  const far = world.client("far");
  Deno.mkdirSync(localPath);
  up.write("mine", "1", T);
  far.write("theirs", "2", T);
  for (const client of [up, down, far, down, up, far]) await client.once();
  assert.deepEqual(far.tree(), { mine: "1", theirs: "2" });
  assert.deepEqual(up.tree(), far.tree());
  up.write("mine", "3", T + 10);
  await up.once();
  assert.deepEqual((await down.once()).actions, []);
  await far.once();
  assert.deepEqual(far.tree(), { mine: "3", theirs: "2" });
});

Deno.test("a conflict about a conflict copy whose name is its own next name loses neither version", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  const id = createHash("sha512").update("one").digest("hex");
  const path = conflictName(parseRelativePath("f"), { client: "A", timeS: T, id, digits: 8 });
  a.write(path, "one", T);
  b.write(path, "two", T + 10);
  for (const client of [b, a, b, a, b]) await client.once();
  assert.deepEqual(a.tree(), b.tree());
  assert.deepEqual(Object.values(a.tree()).sort(), ["one", "two"]);
});

Deno.test("a conflict copy of a file that is not to be pushed is not pushed either", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f", "base", T);
  await a.once();
  await b.once();
  a.setAccess("f", { read: false });
  a.write("f", "for A alone", T + 10);
  b.write("f", "of B", T + 20);
  for (const client of [b, a, b, a, b]) await client.once();
  assert.ok(Object.values(a.tree()).includes("for A alone"));
  assert.deepEqual(b.tree(), { f: "of B" });
});

Deno.test("a file that came without a record does not come back once it is deleted here", async () => {
  using world = new World();
  // It receives only, so that it does not write the record itself.
  const a = world.client("A", { mode: "download" });
  const shared = world.client("B");
  Deno.writeTextFileSync(`${world.relay}/f`, "a stranger's");
  for (let turn = 0; turn < 2; turn++) {
    await a.once();
    world.clock.uptimeS += 31;
  }
  assert.deepEqual(a.tree(), { f: "a stranger's" });
  a.remove("f");
  for (let turn = 0; turn < 3; turn++) {
    await a.once();
    world.clock.uptimeS += 31;
  }
  assert.deepEqual(a.tree(), {});
  for (let turn = 0; turn < 3; turn++) {
    await shared.once();
    world.clock.uptimeS += 31;
  }
  assert.deepEqual(shared.tree(), { f: "a stranger's" });
});

Deno.test("what stands on the relay without a record and does not open does not keep a file from it", async () => {
  using world = new World();
  const secret = { cipher: "fernet", passphrase: GOLDEN_KEY } as const;
  const [a, b] = [world.client("A", secret), world.client("B", secret)];
  a.write("proof", "that the key is right", T);
  await a.once();
  await b.once();
  Deno.writeTextFileSync(`${world.relay}/f`, "garbage");
  b.write("f", "of B", T);
  await b.once();
  await a.once();
  assert.equal(a.tree()["f"], "of B");
});
