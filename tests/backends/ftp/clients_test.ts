import assert from "node:assert/strict";
import { openBackend } from "../../../backends/mod.ts";
import type { Section } from "../../../lib/config/section.ts";
import { type FtpProgram, type FtpTls, whyNoFtpServer } from "../../servers/ftp.ts";
import { GOLDEN_KEY, World } from "../../support/engine.ts";
import { skip } from "../../support/skip.ts";
import { addressOf, startTrusted } from "./_server_relay.ts";

const SERVERS: readonly (readonly [FtpProgram, FtpTls])[] = [
  ["pure-ftpd", "plain"],
  ["pure-ftpd", "explicit"],
  ["vsftpd", "plain"],
  ["vsftpd", "reuse"],
  ["proftpd", "plain"],
  ["proftpd", "reuse"],
];

const LAYOUTS: readonly Partial<Section>[] = [
  {},
  { index: { kind: "pages", depth: 0 } },
  { index: { kind: "pages", depth: 1 }, compression: "zstd", legacyPeers: false },
];

const CIPHERS: readonly Partial<Section>[] = [
  {},
  { cipher: "fernet", passphrase: GOLDEN_KEY },
  { cipher: "blowfish", passphrase: GOLDEN_KEY },
];

for (const [program, tls] of SERVERS) {
  Deno.test(`two clients agree over ${program} ${tls}, in both layouts and with every cipher`, async () => {
    const why = whyNoFtpServer(program);
    if (why !== undefined) return skip(why);
    await using server = await startTrusted(program, tls);
    let number = 0;
    for (const layout of LAYOUTS) {
      for (const cipher of CIPHERS) {
        const folder = `relay${number++}`;
        const address = addressOf(server, { tls, folder });
        using world = new World({ openBackend: (_, context) => openBackend(address, context) });
        // The world looks at the relay where the server keeps it.
        Deno.removeSync(world.relay);
        Deno.symlinkSync(`${server.root}/${folder}`, world.relay);
        await exchange(world, { ...layout, ...cipher });
      }
    }
  });
}

async function exchange(world: World, options: Partial<Section>): Promise<void> {
  const [a, b] = [world.client("A", options), world.client("B", options)];
  const large = "0123456789abcdef".repeat(20_000);
  a.write("photos/one [1] #é%20.txt", "first", 1_600_000_000);
  a.write("photos/large", large, 1_600_000_000);
  a.write("empty", "", 1_600_000_000);
  b.write("of b/-dash", "from b", 1_600_000_000);
  assert.deepEqual((await a.once()).result, { outcome: "done" });
  await world.settle([b, a]);
  assert.deepEqual(b.tree(), a.tree());
  assert.equal(b.read("photos/large"), large);
  assert.equal(a.read("of b/-dash"), "from b");
  b.write("photos/one [1] #é%20.txt", "second", 1_600_000_100);
  await world.settle([b, a]);
  assert.deepEqual(b.tree(), a.tree());
  assert.equal(a.read("photos/one [1] #é%20.txt"), "second");
}
