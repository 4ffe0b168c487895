import assert from "node:assert/strict";
import { openFile } from "../../../backends/file/mod.ts";
import type { Section } from "../../../lib/config/section.ts";
import { backupRelay, restoreArchive } from "../../../lib/sync/backup.ts";
import { type TestClient, World } from "../../support/engine.ts";
import { type Decide, FaultyBackend, onVerb } from "../../support/faulty_backend.ts";
import { toolboxOf } from "../../support/toolbox.ts";
import { forgeArchive, forgeMember, joinBytes } from "../archive/forged_tar.ts";

const QUIET = { isFast: false, progress: () => {} };
const LAYOUTS: Readonly<Record<string, Partial<Section>>> = {
  "without an index": {},
  "with an index": { index: { kind: "pages", depth: 1 } },
};

async function backup(client: TestClient, file: string, isFast = false) {
  await using toolbox = await toolboxOf(client);
  return await backupRelay(toolbox, file, { ...QUIET, isFast });
}

async function restore(client: TestClient, file: string, decide?: Decide) {
  await using toolbox = await toolboxOf(client, {
    openBackend: async (address) => {
      const backend = await openFile(address);
      return decide === undefined ? backend : new FaultyBackend(backend, decide);
    },
  });
  return await restoreArchive(toolbox, file, QUIET);
}

/** A client that has pushed some files, and another that has pulled one of them. */
async function busyRelay(world: World, changes: Partial<Section> = {}): Promise<TestClient> {
  const client = world.client("a", { ...changes, maxPageSizeBytes: 10 });
  client.write("a.txt", "first");
  client.write("folder/b.txt", "second ".repeat(60_000));
  client.write("folder/été", "");
  await client.once();
  await world.client("b", changes).round();
  client.write("a.txt", "changed");
  await client.once();
  return client;
}

/** Takes all from the relay, as if its disk was lost, and gives what stood there. */
function lose(world: World): Record<string, string> {
  const tree = world.relayTree();
  assert(Object.keys(tree).length > 1);
  Deno.removeSync(world.relay, { recursive: true });
  Deno.mkdirSync(world.relay);
  return tree;
}

for (const [layout, changes] of Object.entries(LAYOUTS)) {
  Deno.test(`backupRelay() and restoreArchive() bring back a relay ${layout}`, async () => {
    using world = new World();
    const client = await busyRelay(world, changes);
    for (const extension of ["tar", "tar.gz", "tar.bz2", "tar.zst"]) {
      const file = `${world.root}/backup.${extension}`;
      const made = await backup(client, file);
      const before = lose(world);
      const restored = await restore(client, file);
      assert.deepEqual(world.relayTree(), before);
      assert.deepEqual([restored.objects, restored.kept, restored.isForeign], [
        made.objects,
        0,
        false,
      ]);
      assert.equal(Deno.statSync(file).size, made.archiveBytes);
    }
    const other = world.client("b", changes);
    await world.settle([client, other]);
    assert.deepEqual(other.tree(), client.tree());
  });

  Deno.test(`restoreArchive() takes what tar made of a relay ${layout}`, async () => {
    using world = new World();
    const client = await busyRelay(world, changes);
    Deno.writeTextFileSync(world.pathOnRelay(".x.lock"), "");
    const file = `${world.root}/made-by-tar.tar.gz`;
    const tar = new Deno.Command("tar", { args: ["czf", file, "-C", world.relay, "."] });
    assert((await tar.output()).success);
    Deno.removeSync(world.pathOnRelay(".x.lock"));
    const before = lose(world);
    const { isForeign, leftOut } = await restore(client, file);
    assert.deepEqual([isForeign, leftOut], [true, 1]);
    assert.deepEqual(world.relayTree(), before);
  });

  Deno.test(`restoreArchive() that fails at any put or read leaves the relay ${layout} empty`, async () => {
    using world = new World();
    const client = await busyRelay(world, changes);
    const file = `${world.root}/backup.tar`;
    await backup(client, file);
    const before = lose(world);
    let faults = 0;
    for (const verb of ["put", "get", "flush"] as const) {
      for (let nth = 1; nth < 30; nth++) {
        let isMet = false;
        const decide: Decide = (call) => {
          const fault = onVerb(verb, nth, { kind: "fail" })(call);
          isMet ||= fault !== undefined;
          return fault;
        };
        const failed = await restore(client, file, decide).then(() => false, () => true);
        if (!isMet) break;
        faults++;
        assert(failed, `${verb} ${nth}`);
        assert.deepEqual(world.relayNames(), [], `${verb} ${nth}`);
      }
      Deno.removeSync(world.relay, { recursive: true });
      Deno.mkdirSync(world.relay);
    }
    assert(faults > 4, `${faults} faults`);
    await restore(client, file);
    assert.deepEqual(world.relayTree(), before);
  });
}

Deno.test("restoreArchive() refuses damaged, hostile and foreign archives, and touches nothing", async () => {
  using world = new World();
  const client = await busyRelay(world);
  const file = `${world.root}/backup.tar`;
  await backup(client, file);
  lose(world);
  const whole = Deno.readFileSync(file);
  const flipped = whole.slice();
  const at = new TextDecoder("latin1").decode(whole).indexOf("second second");
  flipped[at + 3] = 88;
  const member = forgeMember({ name: "./a" }, "content");
  const cases: Readonly<Record<string, [Uint8Array, string]>> = {
    "cut": [whole.subarray(0, whole.length / 2), "corrupt"],
    "one letter changed": [flipped, "corrupt"],
    "empty": [new Uint8Array(), "corrupt"],
    "no archive": [new TextEncoder().encode("hello".repeat(100)), "corrupt"],
    "nothing in it": [forgeArchive(), "corrupt"],
    "a name that leads out": [forgeArchive(member, forgeMember({ name: "../b" }, "x")), "refused"],
    "an absolute name": [forgeArchive(member, forgeMember({ name: "/etc/b" }, "x")), "refused"],
    "a link": [forgeArchive(member, forgeMember({ name: "b", type: "2" })), "refused"],
    "a name twice": [forgeArchive(member, forgeMember({ name: "a" }, "y")), "refused"],
    "another layout": [forgeArchive(forgeMember({ name: ".0.index" }, "x")), "refused"],
    "only strange names": [forgeArchive(forgeMember({ name: ".git/x" }, "x")), "refused"],
    "something behind its end": [joinBytes(whole, member), "corrupt"],
  };
  for (const [what, [bytes, code]] of Object.entries(cases)) {
    const bad = `${world.root}/bad.tar`;
    Deno.writeFileSync(bad, bytes);
    await assert.rejects(restore(client, bad), { name: "EscaleError", code }, what);
    assert.deepEqual(world.relayNames(), [], what);
  }
});

Deno.test("restoreArchive() refuses a relay in use, and goes on with what an attempt that was killed left", async () => {
  using world = new World();
  const client = await busyRelay(world);
  const file = `${world.root}/backup.tar.zst`;
  await backup(client, file);
  const before = world.relayTree();
  client.write("new.txt", "new");
  await client.once();
  await assert.rejects(restore(client, file), { code: "refused" });
  Deno.removeSync(world.pathOnRelay("new.txt"));
  Deno.removeSync(world.pathOnRelay(".new.txt.placeholder"));
  Deno.removeSync(world.pathOnRelay("a.txt"));
  const { kept } = await restore(client, file);
  assert(kept > 0);
  assert.deepEqual(world.relayTree(), before);
});

Deno.test("restoreArchive() takes contents that do not fit into memory, and leaves no spool behind", async () => {
  using world = new World();
  const client = world.client("a");
  client.write("large", new Uint8Array(9 * 1024 * 1024).fill(1));
  await client.once();
  await backup(client, `${world.root}/x.tar.gz`);
  lose(world);
  const state = `${world.root}/new-state/deep`;
  await restore(client.with({ statePath: `${state}/a.db` }), `${world.root}/x.tar.gz`);
  assert.equal(Deno.statSync(world.pathOnRelay("large")).size, 9 * 1024 * 1024);
  assert.deepEqual([...Deno.readDirSync(state)], []);
});

Deno.test("backupRelay() leaves nothing if it fails, and replaces nothing", async () => {
  using world = new World();
  const client = await busyRelay(world);
  const folder = `${world.root}/backups`;
  Deno.mkdirSync(folder);
  const names = () => [...Deno.readDirSync(folder)].map(({ name }) => name);
  await assert.rejects(backup(client, `${folder}/x.zip`), { code: "usage" });
  const stop = new AbortController();
  await using toolbox = await toolboxOf(client, { signal: stop.signal });
  const options = { isFast: false, progress: () => stop.abort() };
  await assert.rejects(backupRelay(toolbox, `${folder}/x.tar`, options), { name: "AbortError" });
  assert.deepEqual(names(), []);
  assert.deepEqual(world.relayNames().filter((name) => name.endsWith(".lock")), []);
  await backup(client, `${folder}/x.tar`, true);
  const before = Deno.readFileSync(`${folder}/x.tar`);
  await assert.rejects(backup(client, `${folder}/x.tar`), { code: "refused" });
  assert.deepEqual(Deno.readFileSync(`${folder}/x.tar`), before);
  assert.deepEqual(names(), ["x.tar"]);
});

Deno.test("backupRelay() takes what an interrupted push left as it stands, and ends what a reader left", async () => {
  using world = new World();
  const client = await busyRelay(world);
  const lock = (name: string) => world.pathOnRelay(`.${name}.lock`);
  Deno.writeTextFileSync(lock("a.txt"), "lock%1.0\nowner: a (escalectl)\nmode: w");
  Deno.writeTextFileSync(
    world.pathOnRelay("folder/.b.txt.lock"),
    "lock%1.0\nowner: a (escalectl)\nmode: r",
  );
  await backup(client, `${world.root}/x.tar`);
  const locks = world.relayNames().filter((name) => name.endsWith(".lock"));
  assert.deepEqual(locks, [".a.txt.lock"]);
  assert.equal(Deno.readTextFileSync(lock("a.txt")), "lock%1.0\nowner: a (escalectl)\nmode: w");
});
