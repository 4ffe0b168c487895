import assert from "node:assert/strict";
import { FakeDrive, hasFakeDrive } from "../support/fake_drive.ts";
import { skip } from "../support/skip.ts";
import { Yard, type YardClient } from "./_yard.ts";

const KEY = "a passphrase with spaces";

/** Two clients over one drive, each with a mount point of its own. */
function clientsIn(
  yard: Yard,
  lines: readonly string[] = [],
): readonly [YardClient, YardClient, FakeDrive] {
  const drive = new FakeDrive(yard.root);
  const client = (name: string) => {
    const address = `address = googledrive://${drive.mount(`mount of ${name}`)}//Escale/yard`;
    const all = [address, `drive binary = ${drive.program}`, ...lines];
    return yard.client(name, all, "googledrive");
  };
  return [client("a"), client("b"), drive];
}

async function exchange(a: YardClient, b: YardClient): Promise<void> {
  a.write("letter", "from a");
  a.write("d/large", "0123456789".repeat(200_000));
  b.write("other", "from b");
  for (const client of [a, b, a]) {
    assert.equal(await client.once(), 0, client.output);
    assert.doesNotMatch(client.output, /all the permissions/);
  }
  assert.equal(b.read("letter"), "from a");
  assert.equal(b.read("d/large")?.length, 2_000_000);
  assert.equal(a.read("other"), "from b");
}

/** What stands on the drive that is on its way, or left behind. */
function leftOvers(drive: FakeDrive): string[] {
  const titles = drive.files().map(({ title }) => title);
  return titles.filter((title) => title.startsWith(".escale-") || title.endsWith(".lock"));
}

Deno.test("escale runs over a stand-in for drive with its worker's permissions", async () => {
  if (!hasFakeDrive) return skip("no python3 here");
  await using yard = new Yard();
  const [a, b, drive] = clientsIn(yard);
  await exchange(a, b);
  assert.deepEqual(leftOvers(drive), []);
  // Nothing of it stands below the mount points.
  for (const name of ["a", "b"]) {
    const there = [...Deno.readDirSync(`${yard.root}/mount of ${name}`)].map(({ name }) => name);
    assert.deepEqual(there, [".gd"]);
  }
});

Deno.test("escale runs over a stand-in for drive with an index", async () => {
  if (!hasFakeDrive) return skip("no python3 here");
  await using yard = new Yard();
  const [a, b, drive] = clientsIn(yard, ["index = yes"]);
  await exchange(a, b);
  assert.deepEqual(leftOvers(drive), []);
});

Deno.test("escale lets drive encrypt, and warns that its passphrase is seen", async () => {
  if (!hasFakeDrive) return skip("no python3 here");
  await using yard = new Yard();
  const key = `${yard.root}/key`;
  Deno.writeTextFileSync(key, `${KEY}\n`, { mode: 0o600 });
  const [a, b, drive] = clientsIn(yard, ["encryption = native", `passphrase = ${key}`]);
  a.write("letter", "from a");
  assert.equal(await a.once(), 0, a.output);
  assert.match(a.output, /"encryption" is "native": .*all users of this machine can read it/);
  assert.ok(!a.output.includes(KEY));
  const files = drive.files().filter(({ mime }) => !mime.endsWith(".folder"));
  assert.ok(files.some(({ title }) => title === "letter"));
  for (const { id } of files) {
    assert.doesNotMatch(new TextDecoder().decode(drive.content(id)), /from a|placeholder/);
  }
  assert.equal(await b.once(), 0, b.output);
  assert.equal(b.read("letter"), "from a");
});

Deno.test("escale says where drive is to be had, and how one logs in", async () => {
  if (!hasFakeDrive) return skip("no python3 here");
  await using yard = new Yard();
  const drive = new FakeDrive(yard.root);
  const mount = `${yard.root}/mount`;
  const client = (name: string, program: string) => {
    const lines = [`address = googledrive://${mount}//x`, `drive binary = ${program}`];
    return yard.client(name, lines, "googledrive");
  };
  const a = client("a", drive.program);
  assert.equal(await a.once(), 1);
  assert.match(a.output, /Cannot use "[^"]*\/mount": there is no such folder/);
  Deno.mkdirSync(mount);
  assert.equal(await a.once(), 1);
  assert.match(a.output, /Cannot open the relay: drive says: no drive context found/);
  assert.match(a.output, /Log in with "drive init [^"]*\/mount"/);
  const b = client("b", "/no/such/drive");
  assert.equal(await b.once(), 1);
  assert.match(b.output, /Cannot start drive as "\/no\/such\/drive": there is no such program/);
  assert.match(b.output, /https:\/\/github\.com\/odeke-em\/drive.*"protocol = rclone"/);
});
