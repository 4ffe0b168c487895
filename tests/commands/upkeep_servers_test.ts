import assert from "node:assert/strict";
import { startFtpServer, whyNoFtpServer } from "../servers/ftp.ts";
import { nginx } from "../servers/nginx.ts";
import { isInstalled, startWebDav } from "../servers/webdav.ts";
import { skip } from "../support/skip.ts";
import { ctl } from "./_ctl.ts";
import { filesBelow, Yard } from "./_yard.ts";

/** Has the commands of `escalectl` work on a relay at a server: measured, verified, packed, moved there and back. */
async function maintain(address: string, lines: readonly string[]): Promise<void> {
  await using yard = new Yard();
  const all = [`address = ${address}/old`, ...lines];
  const [a, b] = [yard.client("a", all, "PROTOCOL"), yard.client("b", all, "PROTOCOL")];
  const protocol = address.slice(0, address.indexOf(":"));
  for (const { config } of [a, b]) {
    const text = Deno.readTextFileSync(config).replace("protocol = PROTOCOL\n", "");
    Deno.writeTextFileSync(config, text);
  }
  a.write("dir/x", "content of x");
  a.write("large", "0123456789".repeat(100_000));
  assert.equal(await a.once(), 0, a.output);
  const run = async (...args: string[]) => {
    const ended = await ctl(a, ...args, "--json");
    assert.equal(ended.status, 0, `${protocol} ${args}: ${ended.output}`);
    return ended.objects;
  };
  const doctor = await run("doctor");
  assert(doctor.length > 10 && doctor.every(({ status }) => status !== "failed"));
  assert.equal((await run("check", "--read-data")).at(-2)?.["verified"], 2);
  const archive = `${yard.root}/relay.tar.gz`;
  assert.equal((await run("backup", "yard", archive))[0]?.["objects"], 4);

  const here = `${yard.root}/here`;
  Deno.mkdirSync(here);
  await run("migrate", here);
  const names = filesBelow(here);
  assert.deepEqual(names, ["dir/.x.placeholder", "dir/x", ".large.placeholder", "large"].sort());
  await run("migrate", `${address}/new`);
  assert.equal((await run("check", "--read-data")).at(-2)?.["verified"], 2);
  await run("fix");
  const text = Deno.readTextFileSync(b.config).replace("/old\n", "/new\n");
  Deno.writeTextFileSync(b.config, text);
  assert.equal(await b.once(), 0, b.output);
  assert.equal(b.read("dir/x"), "content of x");
  a.write("waits", "for nobody");
  assert.equal(await a.once(), 0, a.output);
  assert.equal((await run("forget", "b"))[0]?.["acknowledged"], 1);
  assert.deepEqual(filesBelow(here), names);
}

Deno.test("escalectl maintains a relay on WebDAV, and moves it there and back", async () => {
  if (!isInstalled(nginx)) return skip("no nginx here");
  await using server = await startWebDav(nginx, {});
  const path = server.path === "" ? "" : `/${server.path}`;
  await maintain(`http://127.0.0.1:${server.port}${path}`, []);
});

Deno.test("escalectl maintains a relay on FTP, and moves it there and back", async () => {
  const why = whyNoFtpServer("pure-ftpd");
  if (why !== undefined) return skip(why);
  await using server = await startFtpServer({ program: "pure-ftpd", tls: "plain" });
  const secret = Deno.makeTempFileSync();
  Deno.writeTextFileSync(secret, server.password);
  Deno.chmodSync(secret, 0o600);
  try {
    const { port, folder, username } = server;
    const lines = [`user = ${username}`, `password = ${secret}`];
    await maintain(`ftp://127.0.0.1:${port}/${folder.replace(/^\//, "")}`, lines);
  } finally {
    Deno.removeSync(secret);
  }
});
