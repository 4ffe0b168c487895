import assert from "node:assert/strict";

import { openFile } from "../../../backends/file/mod.ts";
import { silentLog } from "../../../lib/log.ts";
import { tryRelay } from "../../../lib/sync/trial.ts";
import { tryStorage } from "../../../lib/relay/probe.ts";
import { pause } from "../../../lib/sync/pause.ts";
import { GOLDEN_KEY, World } from "../../support/engine.ts";

const { signal } = new AbortController();
const options = { openBackend: openFile, signal, log: silentLog };

Deno.test("tryStorage() tells what layout stands there, and leaves nothing", async () => {
  using world = new World();
  const client = world.client("one");
  const look = async () => {
    await using backend = await openFile(client.section.relay);
    return await tryStorage(backend, { signal, nowMs: Date.now, wait: pause });
  };
  assert.equal(await look(), "empty");
  assert.deepEqual(world.relayNames(), []);
  client.write("a/b.txt", "content");
  await client.once();
  const names = world.relayNames();
  assert.equal(await look(), "placeholder");
  assert.deepEqual(world.relayNames(), names);
});

Deno.test("tryRelay() finds another layout, another key, and a name that is taken", async () => {
  using world = new World();
  const sealed = { cipher: "fernet", passphrase: GOLDEN_KEY, legacyPeers: false } as const;
  const one = world.client("one", sealed);
  one.write("a.txt", "content");
  await one.once();
  const two = (changes = {}) => world.client("two", { ...sealed, ...changes }).section;
  assert.deepEqual(await tryRelay(two(), options), { files: 1, isNameTaken: false });
  assert.deepEqual(await tryRelay(two({ clientName: "one" }), options), {
    files: 1,
    isNameTaken: true,
  });
  const other = new TextEncoder().encode("b".repeat(43) + "=");
  await assert.rejects(tryRelay(two({ passphrase: other }), options), { code: "wrong-key" });
  await assert.rejects(tryRelay(two({ index: { kind: "pages", depth: 0 } }), options));
});
