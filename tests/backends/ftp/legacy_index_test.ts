import assert from "node:assert/strict";
import { openBackend } from "../../../backends/mod.ts";
import { type Layout, MixedPair, PLAIN, TOOLS } from "../../lib/sync/_index_pair.ts";
import { type FtpProgram, type FtpServer, type FtpTls, whyNoFtpServer } from "../../servers/ftp.ts";
import { World } from "../../support/engine.ts";
import { skip } from "../../support/skip.ts";
import { testWithTools } from "../../support/tools.ts";
import { addressOf, startTrusted } from "./_server_relay.ts";

const T = 1_600_000_000;
const BLOWFISH: Layout = { depth: 0, cipher: "blowfish" };
const FERNET: Layout = { depth: 1, cipher: "fernet" };
const SERVERS: readonly (readonly [FtpProgram, FtpTls, ...Layout[]])[] = [
  ["pure-ftpd", "plain", PLAIN, BLOWFISH, FERNET],
  ["proftpd", "plain", PLAIN],
  ["proftpd", "reuse", FERNET],
  ["vsftpd", "plain", PLAIN],
];

/** One of ours over FTP, and 0.7 in the folder where the server keeps the relay, as the server's own account. */
function pairOver(server: FtpServer, tls: FtpTls, layout: Layout): MixedPair {
  const folder = `relay-${layout.depth}-${layout.cipher}`;
  const place = `${server.root}/${folder}`;
  const userId = Deno.statSync(server.root).uid ?? assert.fail("it has an owner");
  Deno.mkdirSync(place);
  Deno.chownSync(place, userId, null);
  const address = addressOf(server, { tls, folder });
  const world = new World({ openBackend: (_, context) => openBackend(address, context) });
  Deno.removeSync(world.relay);
  Deno.symlinkSync(place, world.relay);
  return new MixedPair(layout, true, { world, userId });
}

async function share(pair: MixedPair): Promise<void> {
  const { ours, folder, legacy } = pair;
  // New files, both ways.
  for (const [at, name] of ["f", "name with  two spaces 12", "d.x/é 漢", "d.x/empty"].entries()) {
    ours.write(`${name} ours`, name.endsWith("empty") ? "" : `ours ${at}`, T + at);
    folder.write(`${name} legacy`, "0123456789".repeat(7_000 * at), T + 50 + at);
  }
  await pair.settle();
  assert.equal(Object.keys(ours.tree()).length, 8);
  pair.assertAlike(ours.tree());
  assert.equal(folder.timeOf("f ours"), T);
  assert.equal(ours.timeOf("f legacy"), T + 50);
  // Edits in turn.
  for (let at = 1; at <= 4; at++) {
    const [author, text] = at % 2 === 0 ? [ours, `ours ${at}`] : [folder, `0.7 ${at}`];
    author.write("d.x/é 漢 ours", text, T + 100 * at);
    await pair.settle();
    assert.equal(ours.read("d.x/é 漢 ours"), text);
    pair.assertAlike(ours.tree());
  }
  // What is sent at the same time.
  ours.write("both/ours", "1", T + 500);
  folder.write("both/legacy", "2", T + 500);
  await ours.once();
  await legacy.push();
  await pair.settle();
  pair.assertAlike(ours.tree());
  assert.deepEqual([ours.read("both/legacy"), folder.read("both/ours")], ["2", "1"]);
  // A lock of 0.7 keeps ours away, and its next start removes it.
  const lock = pair.world.pathOnRelay(".0.lock");
  Deno.writeTextFileSync(lock, "lock%1.0\nowner: legacy\nmode: w");
  ours.write("f ours", "again", T + 600);
  assert.ok((await ours.round()).tally.locked > 0);
  legacy.start();
  await pair.settle();
  assert.equal(folder.read("f ours"), "again");
  // A file that 0.7 lost comes again.
  folder.remove("f legacy");
  legacy.start();
  await pair.settle();
  pair.assertAlike(ours.tree());
  assert.equal(Object.keys(folder.tree()).includes("f legacy"), true);
}

for (const [program, tls, ...layouts] of SERVERS) {
  testWithTools(
    TOOLS,
    `one of ours over ${program} ${tls} and one of 0.7 share an index relay`,
    async () => {
      const why = whyNoFtpServer(program);
      if (why !== undefined) return skip(why);
      await using server = await startTrusted(program, tls);
      for (const layout of layouts) {
        using pair = pairOver(server, tls, layout);
        await share(pair);
      }
    },
  );
}
