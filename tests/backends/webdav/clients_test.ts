import assert from "node:assert/strict";
import { openBackend } from "../../../backends/mod.ts";
import type { Section } from "../../../lib/config/section.ts";
import { isInstalled } from "../../servers/webdav.ts";
import { GOLDEN_KEY, World } from "../../support/engine.ts";
import { skip } from "../../support/skip.ts";
import { addressOf, PROGRAMS, serve } from "./_servers.ts";

const T = 1_600_000_000;
const PASSPHRASE = new TextEncoder().encode("a passphrase");

const LAYOUTS: Readonly<Record<string, Partial<Section>>> = {
  "one placeholder a file": {},
  "with an index": { index: { kind: "pages", depth: 1 } },
};

const CIPHERS: Readonly<Record<string, Partial<Section>>> = {
  "off": {},
  "fernet": { cipher: "fernet", passphrase: GOLDEN_KEY },
  "fernet and seals": { cipher: "fernet", passphrase: GOLDEN_KEY, legacyPeers: false },
  "blowfish": { cipher: "blowfish", passphrase: PASSPHRASE },
  "blowfish.cryptography": { cipher: "blowfish.cryptography", passphrase: PASSPHRASE },
};

const FILES = ["a", "empty", "d/b", "d/e/with space", "d/e/50%", "d/\u00e4#?&+", "%2Edot"];

for (const program of PROGRAMS) {
  for (const [layout, layoutOptions] of Object.entries(LAYOUTS)) {
    Deno.test(`two clients over ${program.name}, ${layout}, with every cipher`, async () => {
      if (!isInstalled(program)) return skip(`no ${program.tool} here`);
      await using opened = await serve(program);
      for (const [cipher, cipherOptions] of Object.entries(CIPHERS)) {
        const folder = `${opened.server.path}/${cipher}`;
        await exchange(addressOf(opened.server, {}, { folder }), {
          ...layoutOptions,
          ...cipherOptions,
        });
      }
    });
  }
}

async function exchange(
  address: ReturnType<typeof addressOf>,
  options: Partial<Section>,
): Promise<void> {
  using world = new World({ openBackend: (_, context) => openBackend(address, context) });
  const [a, b] = [world.client("A", options), world.client("B", options)];
  for (const file of FILES) a.write(file, file === "empty" ? "" : `content of ${file}`, T);
  a.write("large", "0123456789".repeat(100_000), T);
  await world.settle([a, b]);
  assert.deepEqual(Object.keys(b.tree()).sort(), [...FILES, "large"].sort());
  assert.deepEqual(b.tree(), a.tree());

  a.write("a", "changed by A", T + 10);
  b.write("d/b", "changed by B", T + 10);
  b.write("new/of B", "new", T + 10);
  await world.settle([a, b]);
  assert.equal(b.read("a"), "changed by A");
  assert.equal(a.read("d/b"), "changed by B");
  assert.equal(a.read("new/of B"), "new");
  assert.deepEqual(b.tree(), a.tree());
}
