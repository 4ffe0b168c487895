import assert from "node:assert/strict";
import type { Backend, OpenBackend } from "../../../backends/backend.ts";
import { openFile } from "../../../backends/file/mod.ts";
import { MemoryStore, openMemory } from "../../../backends/memory.ts";
import type { Section } from "../../../lib/config/section.ts";
import { COPY_MARK } from "../../../lib/relay/copy.ts";
import { migrateRelay } from "../../../lib/sync/migrate.ts";
import { type TestClient, treeOf, World } from "../../support/engine.ts";
import { FaultyBackend } from "../../support/faulty_backend.ts";
import { toolboxOf } from "../../support/toolbox.ts";

const LAYOUTS: readonly Partial<Section>[] = [{}, { index: { kind: "pages", depth: 0 } }];

/** Where a relay may be: a folder, or what the protocol "memory" names. */
function opener(store: MemoryStore, wrap: (backend: Backend) => Backend = (it) => it): OpenBackend {
  return async (address) =>
    wrap(address.protocol === "memory" ? openMemory(store) : await openFile(address));
}

function elsewhere({ section }: TestClient, relay: Partial<Section["relay"]>): Section {
  return { ...section, relay: { ...section.relay, ...relay } };
}

async function migrate(client: TestClient, to: Section, openBackend: OpenBackend, isFast = false) {
  await using toolbox = await toolboxOf(client, { isAlone: true, openBackend });
  return await migrateRelay(toolbox, to, { openBackend, isFast, progress: () => {} });
}

async function filledRelay(world: World, changes: Partial<Section>): Promise<TestClient> {
  const client = world.client("a", changes);
  for (let at = 0; at < 8; at++) client.write(`folder/${at}.txt`, `${at}`.repeat(1 + at * 50_000));
  await client.once();
  await world.client("b", changes).round();
  client.write("folder/1.txt", "changed");
  await client.once();
  return client;
}

Deno.test("migrateRelay() copies a relay to another protocol and back, and both sides go on there", async () => {
  for (const changes of LAYOUTS) {
    using world = new World();
    const client = await filledRelay(world, changes);
    const before = world.relayTree();
    const store = new MemoryStore();
    const there = elsewhere(client, { protocol: "memory" });
    const copied = await migrate(client, there, opener(store));
    assert.equal(copied.objects, Object.keys(before).length);
    assert.deepEqual(world.relayTree(), before);
    assert.deepEqual(store.names().sort(), Object.keys(before));

    Deno.mkdirSync(`${world.root}/new`);
    const back = elsewhere(client, { folder: `${world.root}/new` });
    const there2 = client.with({ relay: there.relay });
    await migrate(there2, back, opener(store), true);
    assert.deepEqual(treeOf(`${world.root}/new`), before);
    const moved = client.with({ relay: back.relay });
    const other = world.client("b", { ...changes, relay: back.relay });
    await world.settle([moved, other]);
    assert.deepEqual(other.tree(), client.tree());
    assert.deepEqual(world.relayTree(), before, "the old relay is as it was");
  }
});

Deno.test("migrateRelay() goes on after a failure at any put, and writes nothing twice", async () => {
  using world = new World();
  const client = await filledRelay(world, {});
  const before = world.relayTree();
  const store = new MemoryStore();
  const there = elsewhere(client, { protocol: "memory" });
  const written: string[] = [];
  for (let nth = 1;; nth++) {
    let isMet = false;
    let puts = 0;
    const openBackend = opener(store);
    const faulty: OpenBackend = async (address, context) => {
      const backend = await openBackend(address, context);
      if (address.protocol !== "memory") return backend;
      return new FaultyBackend(backend, ({ verb, name }) => {
        if (verb !== "put") return undefined;
        puts++;
        if (puts === 2) {
          isMet = true;
          return { kind: "fail" };
        }
        written.push(name);
        return undefined;
      });
    };
    const failed = await migrate(client, there, faulty, true).then(() => false, () => true);
    assert.deepEqual(world.relayTree(), before, "the source is as it was");
    assert.equal(failed, isMet);
    assert.equal(store.names().includes(COPY_MARK), failed);
    if (!failed) break;
    assert(nth < 50);
  }
  assert.deepEqual(written.sort(), Object.keys(before), "each object once");
  assert.deepEqual(store.names().sort(), Object.keys(before));
});

Deno.test("migrateRelay() notices what changes at the source while it copies", async () => {
  using world = new World();
  const client = await filledRelay(world, {});
  const store = new MemoryStore();
  let isChanged = false;
  const openBackend = opener(store, (backend) =>
    new FaultyBackend(backend, ({ verb, name }) => {
      if (verb !== "put" || !name.endsWith("7.txt.placeholder") || isChanged) return undefined;
      isChanged = true;
      const record = world.pathOnRelay("folder/.0.txt.placeholder");
      Deno.writeTextFileSync(record, `${Deno.readTextFileSync(record)}\nC`);
      Deno.removeSync(world.pathOnRelay("folder/1.txt"));
      return undefined;
    }));
  await migrate(client, elsewhere(client, { protocol: "memory" }), openBackend, true);
  assert(isChanged);
  const decoder = new TextDecoder();
  const copy = Object.fromEntries(
    store.names().sort().map((name) => [name, decoder.decode(store.latest(name))]),
  );
  assert.deepEqual(copy, world.relayTree());
});

Deno.test("migrateRelay() refuses destinations in use or of another form, and touches nothing", async () => {
  using world = new World();
  const client = await filledRelay(world, {});
  const before = world.relayTree();
  const folder = `${world.root}/other`;
  Deno.mkdirSync(folder);
  Deno.writeTextFileSync(`${folder}/mine.txt`, "mine");
  const there = elsewhere(client, { folder });
  const key = new TextEncoder().encode("key!");
  const cases: readonly [Section, string][] = [
    [there, "refused"],
    [client.section, "usage"],
    [{ ...there, index: { kind: "pages", depth: 0 } }, "refused"],
    [{ ...there, cipher: "blowfish", passphrase: key }, "refused"],
  ];
  for (const [to, code] of cases) {
    await assert.rejects(migrate(client, to, openFile), { name: "EscaleError", code });
  }
  assert.deepEqual(treeOf(folder), { "mine.txt": "mine" });
  Deno.removeSync(`${folder}/mine.txt`);
  Deno.writeTextFileSync(`${folder}/${COPY_MARK}`, "of another");
  await assert.rejects(migrate(client, there, openFile), { code: "refused" });
  assert.deepEqual(world.relayTree(), before);
});

Deno.test("migrateRelay() does not work while the client runs", async () => {
  using world = new World();
  const client = await filledRelay(world, {});
  await using _running = await client.open();
  await assert.rejects(toolboxOf(client, { isAlone: true }), { code: "locked" });
});
