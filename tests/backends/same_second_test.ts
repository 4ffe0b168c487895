import assert from "node:assert/strict";
import { parseObjectName, type RelayAddress } from "../../backends/backend.ts";
import { openBackend } from "../../backends/mod.ts";
import { type FtpProgram, whyNoFtpServer } from "../servers/ftp.ts";
import { nginx } from "../servers/nginx.ts";
import { isInstalled, startWebDav } from "../servers/webdav.ts";
import { World } from "../support/engine.ts";
import { FaultyBackend } from "../support/faulty_backend.ts";
import { skip } from "../support/skip.ts";
import { sourceOf } from "../support/sources.ts";
import { addressOf as ftpAddressOf, startTrusted } from "./ftp/_server_relay.ts";
import { addressOf as webDavAddressOf } from "./webdav/_servers.ts";

const RECORD = parseObjectName(".f.placeholder");
/** So often two writings may fall into two seconds. */
const MAX_TRIES = 20;

/** A server that tells times in whole seconds, and nothing else by which versions differ. */
interface Place extends AsyncDisposable {
  readonly address: RelayAddress;
}

const PLACES: Readonly<Record<string, () => Promise<Place | string>>> = {
  "pure-ftpd": () => startFtp("pure-ftpd"),
  "proftpd": () => startFtp("proftpd"),
  "vsftpd": () => startFtp("vsftpd"),
  "nginx": async () => {
    if (!isInstalled(nginx)) return `no ${nginx.tool} here`;
    const server = await startWebDav(nginx);
    return {
      address: webDavAddressOf(server),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
};

async function startFtp(program: FtpProgram): Promise<Place | string> {
  const why = whyNoFtpServer(program);
  if (why !== undefined) return why;
  const server = await startTrusted(program, "plain");
  return {
    address: ftpAddressOf(server, { tls: "plain" }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

for (const [server, start] of Object.entries(PLACES)) {
  Deno.test(`${server}: a record that is written twice in a second is read twice`, async () => {
    await using place = await start().then((it) => typeof it === "string" ? undefined : it);
    if (place === undefined) return skip(`no ${server} here`);
    const asked: FaultyBackend[] = [];
    using world = new World({
      openBackend: async (_, context) => {
        const backend = new FaultyBackend(await openBackend(place.address, context));
        asked.push(backend);
        return backend;
      },
    });
    const [a, b] = [world.client("A"), world.client("B")];
    a.write("f", "content", 1_600_000_000);
    for (const client of [a, b]) await client.once();
    await using other = await openBackend(place.address);
    await using session = await b.open();
    const roundOf = async () => {
      for (const { calls } of asked) calls.splice(0);
      await session.round();
      return asked.flatMap(({ calls }) => calls.map(({ verb, name }) => `${verb} ${name}`.trim()));
    };
    const text = new TextDecoder().decode(await other.read(RECORD, { maxBytes: 10_000 }));
    const writeWith = async (digit: string) => {
      const changed = text.replace(/(?<=^checksum: )./m, digit);
      assert.equal(changed.length, text.length);
      await other.put(RECORD, sourceOf(new TextEncoder().encode(changed)));
      return (await other.stat(RECORD))?.modifiedMs;
    };
    for (let tries = 0;; tries++) {
      assert.ok(tries < MAX_TRIES);
      const firstMs = await writeWith("0");
      assert.ok((await roundOf()).includes(`read ${RECORD}`));
      const secondMs = await writeWith("1");
      assert.ok((await roundOf()).includes(`read ${RECORD}`));
      if (firstMs === secondMs) break;
    }
    world.clock.uptimeS += 10;
    for (let turn = 0; turn < 2; turn++) await roundOf();
    assert.deepEqual(await roundOf(), ["list"]);
  });
}
