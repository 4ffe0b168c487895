import assert from "node:assert/strict";
import type { Backend, OpenBackend } from "../../../backends/backend.ts";
import { openFile } from "../../../backends/file/mod.ts";
import { silentLog } from "../../../lib/log.ts";
import { type Diagnosis, examine } from "../../../lib/sync/doctor.ts";
import { GOLDEN_KEY, type TestClient, World } from "../../support/engine.ts";
import { FaultyBackend } from "../../support/faulty_backend.ts";

async function diagnose(
  { section }: TestClient,
  openBackend: OpenBackend = openFile,
): Promise<ReadonlyMap<string, Diagnosis>> {
  const found = new Map<string, Diagnosis>();
  const { signal } = new AbortController();
  const tell = (it: Diagnosis) => found.set(it.name, it);
  await examine(section, { openBackend, signal, log: silentLog, tell });
  return found;
}

function statuses(found: ReadonlyMap<string, Diagnosis>): Record<string, string> {
  return Object.fromEntries([...found].map(([name, { status }]) => [name, status]));
}

Deno.test("examine() finds nothing wrong with a good client, measures, and leaves nothing behind", async () => {
  for (const changes of [{}, { index: { kind: "pages", depth: 0 } }] as const) {
    using world = new World();
    const client = world.client("a", { ...changes, cipher: "fernet", passphrase: GOLDEN_KEY });
    client.write("x", "content");
    await client.once();
    const before = world.relayTree();
    const found = await diagnose(client);
    assert.deepEqual(
      [...new Set(Object.values(statuses(found)))],
      ["ok"],
      JSON.stringify([...found]),
    );
    assert.equal(found.size, 12);
    assert.deepEqual(found.get("exclusive create")?.facts?.["good"], 10);
    assert.equal(typeof found.get("clock")?.facts?.["clockAheadMs"], "number");
    assert.deepEqual(world.relayTree(), before);
    assert.deepEqual(Object.keys(client.tree()), ["x"]);
  }
});

Deno.test("examine() names what is wrong, and goes on with the rest", async () => {
  using world = new World();
  const client = world.client("a", { cipher: "fernet", passphrase: GOLDEN_KEY });
  client.write("x", "content");
  await client.once();

  Deno.renameSync(client.section.localPath, `${world.root}/moved`);
  assert.equal(statuses(await diagnose(client))["repository"], "failed");
  Deno.renameSync(`${world.root}/moved`, client.section.localPath);

  const key = new TextEncoder().encode("A".repeat(43) + "=");
  const stranger = world.client("b", { cipher: "fernet", passphrase: key });
  const wrong = statuses(await diagnose(stranger));
  assert.equal(wrong["layout and key"], "failed");
  assert.equal(wrong["relay writable"], "ok");

  const { relay } = client.section;
  const lost = client.with({ relay: { ...relay, folder: `${world.root}/none` } });
  const none = await diagnose(lost);
  assert.equal(none.get("relay")?.status, "failed");
  assert(!none.has("relay writable"));

  const many = await diagnose(client.with({ pullerCount: 2 }));
  assert.equal(many.get("configuration")?.status, "warning");
});

Deno.test("examine() notices a storage that is not what its backend promises", async () => {
  using world = new World();
  const client = world.client("a");
  const careless: OpenBackend = async (address) => {
    const backend = await openFile(address);
    return new Proxy(backend, {
      get(target: Backend, key) {
        if (key === "create") return () => Promise.resolve(true);
        const value: unknown = Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  };
  const found = await diagnose(client, careless);
  assert.equal(found.get("exclusive create")?.status, "failed");
  assert.equal(found.get("exclusive folder")?.status, "ok");

  const full: OpenBackend = async (address) =>
    new FaultyBackend(
      await openFile(address),
      ({ verb }) => verb === "put" ? { kind: "fail" } : undefined,
    );
  assert.equal((await diagnose(client, full)).get("relay writable")?.status, "failed");
  assert.deepEqual(world.relayNames(), []);
});
