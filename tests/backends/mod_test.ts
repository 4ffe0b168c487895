import assert from "node:assert/strict";
import { parseObjectName, type RelayAddress } from "../../backends/backend.ts";
import { openBackend } from "../../backends/mod.ts";
import { noise } from "../support/byte_streams.ts";
import { heldSource, sourceOf } from "../support/sources.ts";
import { assertCode, assertStands } from "./cases/case.ts";

function addressOf(protocol: string, folder?: string): RelayAddress {
  return {
    protocol,
    verifyTls: true,
    maxTransfers: 1,
    timeoutMs: 1000,
    ...folder === undefined ? {} : { folder },
  };
}

Deno.test("openBackend() names a protocol that it does not know, and those that it knows", async () => {
  for (const protocol of ["gopher", "", "toString", "FILE"]) {
    const error = await assertCode("unsupported", () => openBackend(addressOf(protocol)));
    assert.ok(error.message.includes(`"${protocol}"`), error.message);
    assert.match(error.hint ?? "", /file/);
  }
});

Deno.test("openBackend() opens a folder, with its transfers limited", async () => {
  const folder = await Deno.makeTempDir({ prefix: "escale-test-" });
  try {
    await using backend = await openBackend(addressOf("file", folder));
    const held = heldSource(noise(9));
    const first = backend.put(parseObjectName("first"), held);
    await held.reached;
    const second = backend.put(parseObjectName("second"), sourceOf(noise(9)));
    for (let i = 0; i < 20; i++) await backend.stat(parseObjectName("second"));
    assert.equal(await backend.stat(parseObjectName("second")), undefined);
    held.letGo();
    await Promise.all([first, second]);
    await assertStands(backend, "first", noise(9));
    await assertStands(backend, "second", noise(9));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("openBackend() passes on why a storage cannot be opened", async () => {
  await assertCode("not-found", () => openBackend(addressOf("file", "/no/such/folder")));
});
