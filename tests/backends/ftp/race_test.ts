import assert from "node:assert/strict";
import type { Backend } from "../../../backends/backend.ts";
import { openFtp } from "../../../backends/ftp/mod.ts";
import { collect, noise } from "../../support/byte_streams.ts";
import { FakeFtp } from "../../support/fake_ftp.ts";
import { name } from "../cases/case.ts";

const BYTES = noise(100_000);
const PATH = "/relay/f";

async function withServer(body: (server: FakeFtp, backend: Backend) => Promise<void>) {
  await using server = new FakeFtp({});
  await using backend = await openFtp({
    protocol: "ftp",
    host: "127.0.0.1",
    port: server.port,
    folder: "/relay",
    username: "me",
    password: "secret",
    verifyTls: true,
    maxTransfers: 2,
    timeoutMs: 5_000,
  });
  await body(server, backend);
}

/** Calls `body` before the server answers a command about the file. */
function beforeAnswers({ commands, files }: FakeFtp, body: (verb: string) => void): void {
  const find = files.get.bind(files);
  files.get = (path) => {
    const [verb = ""] = commands.at(-1)?.split(" ") ?? [];
    if (path === PATH) body(verb);
    return find(path);
  };
}

for (const times of [1, 3]) {
  for (const way of ["read", "get"] as const) {
    Deno.test(`${way}() of an object that others make and remove is not refused (${times})`, async () => {
      await withServer(async (server, backend) => {
        let looks = 0;
        // It is there whenever it is looked at, and gone when it is to be read, until the last time.
        beforeAnswers(server, (verb) => {
          if (verb === "MLST" && ++looks <= times) server.files.set(PATH, BYTES);
          else if (looks < times) server.files.delete(PATH);
        });
        const bytes = way === "read"
          ? await backend.read(name("f"), { maxBytes: BYTES.length })
          : await collect(await backend.get(name("f")));
        assert.deepEqual(bytes, BYTES);
        assert.equal(looks, times);
      });
    });
  }
}

Deno.test("makeFolder() of a folder that others make and remove is not refused", async () => {
  await withServer(async (server, backend) => {
    let makings = 0;
    // It is there whenever it is to be made, and gone when it is looked at, until the last time.
    beforeAnswers(server, (verb) => {
      if (verb === "MKD" && ++makings < 6) server.folders.add(PATH);
      else server.folders.delete(PATH);
    });
    assert.equal(await backend.makeFolder(name("f")), true);
    assert.equal(makings, 6);
  });
});
