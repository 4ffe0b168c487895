import assert from "node:assert/strict";
import { hasRclone } from "../backends/rclone/_relay.ts";
import { Program } from "../support/program.ts";
import { skip } from "../support/skip.ts";
import { isAlive, run } from "./_site.ts";
import { sleep, until, Yard, type YardClient } from "./_yard.ts";

const KEY = "a passphrase with spaces";

/** Two clients over a remote of rclone's that is a folder here. */
function clientsIn(yard: Yard, lines: readonly string[] = []): readonly [YardClient, YardClient] {
  const config = `${yard.root}/remotes`;
  Deno.writeTextFileSync(config, "[here]\ntype = local\n", { mode: 0o600 });
  const all = [
    `address = here:${yard.root}/relay/of the yard`,
    `rclone config = ${config}`,
    ...lines,
  ];
  return [yard.client("a", all, "rclone"), yard.client("b", all, "rclone")];
}

async function exchange([a, b]: readonly [YardClient, YardClient]): Promise<void> {
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

/** The processes of rclone whose environment names this folder. */
function rclonesOf({ root }: Yard): number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const [program = ""] = Deno.readTextFileSync(`/proc/${name}/cmdline`).split("\0");
      const environment = Deno.readTextFileSync(`/proc/${name}/environ`);
      if (program.endsWith("/rclone") && environment.includes(root)) found.push(Number(name));
    } catch {
      // It has just ended.
    }
  }
  return found;
}

/** Whether a command has noted how to end its rclone. */
function isRecorded({ root }: Yard): boolean {
  const record = [...Deno.readDirSync(`${root}/of-a`)].find(({ name }) =>
    name.endsWith(".tool-rclone")
  );
  return record !== undefined && Deno.statSync(`${root}/of-a/${record.name}`).size > 0;
}

Deno.test("escale runs over rclone with its worker's permissions, and ends it", async () => {
  if (!hasRclone()) return skip("no rclone here");
  await using yard = new Yard();
  await exchange(clientsIn(yard));
  assert.deepEqual(rclonesOf(yard), []);
  const states = [...Deno.readDirSync(`${yard.root}/of-a`)].map(({ name }) => name);
  assert.deepEqual(states.filter((name) => name.endsWith(".rclone")), []);
});

Deno.test("escale runs over rclone with an index", async () => {
  if (!hasRclone()) return skip("no rclone here");
  await using yard = new Yard();
  await exchange(clientsIn(yard, ["index = yes"]));
});

Deno.test("escale lets rclone encrypt, and rclone reads what stands on the relay", async () => {
  if (!hasRclone()) return skip("no rclone here");
  await using yard = new Yard();
  const key = `${yard.root}/key`;
  Deno.writeTextFileSync(key, `${KEY}\n`, { mode: 0o600 });
  const [a, b] = clientsIn(yard, ["encryption = native", `passphrase = ${key}`]);
  a.write("letter", "from a");
  assert.equal(await a.once(), 0, a.output);
  const obscured = await run(["rclone", "obscure", KEY]);
  const { status, stdout } = await run(["rclone", "cat", "secret:letter"], {
    RCLONE_CONFIG: `${yard.root}/remotes`,
    RCLONE_CONFIG_SECRET_TYPE: "crypt",
    RCLONE_CONFIG_SECRET_REMOTE: `here:${yard.root}/relay/of the yard`,
    RCLONE_CONFIG_SECRET_PASSWORD: obscured.stdout.trim(),
  });
  assert.deepEqual([status, stdout], [0, "from a"]);
  const plain = await run(["grep", "-r", "-l", "-e", "from a", "-e", "letter", yard.relay]);
  assert.equal(plain.stdout, "");
  assert.equal(await b.once(), 0, b.output);
  assert.equal(b.read("letter"), "from a");
});

Deno.test("escale ends the rclone of a run that was killed, and shows no secret meanwhile", async () => {
  if (!hasRclone() || Deno.build.os !== "linux") return skip("no rclone, or no /proc, here");
  await using yard = new Yard();
  const [a] = clientsIn(yard);
  a.write("letter", "from a");
  a.start(["-v"]);
  await until("a round", [a], () => a.count("round of ") > 0);
  const [orphan = 0, ...others] = rclonesOf(yard);
  assert.deepEqual(others, []);
  assert.match(Deno.readTextFileSync(`/proc/${orphan}/cmdline`), /^[^\0]*\/rclone\0rcd\0$/);
  await a.kill();
  assert.ok(isAlive(orphan));
  assert.equal(await a.once(), 0, a.output);
  for (let i = 0; i < 500 && isAlive(orphan); i++) await sleep(10);
  assert.ok(!isAlive(orphan));
  assert.deepEqual(rclonesOf(yard), []);
});

Deno.test("escalectl ends the rclone of a command that was killed", async () => {
  if (!hasRclone() || Deno.build.os !== "linux") return skip("no rclone, or no /proc, here");
  await using yard = new Yard();
  const [a] = clientsIn(yard);
  a.write("letter", "from a");
  assert.equal(await a.once(), 0, a.output);
  const command = ["doctor", "-c", a.config];
  {
    await using killed = Program.start("escalectl", command);
    while (!isRecorded(yard) || rclonesOf(yard).length === 0) {
      assert.ok(killed.isRunning, killed.output());
      await sleep(5);
    }
  }
  const [orphan = 0, ...others] = rclonesOf(yard);
  assert.deepEqual(others, []);
  await using next = Program.start("escalectl", command);
  assert.equal(await next.status(), 0, next.output());
  assert.ok(!isAlive(orphan));
  assert.deepEqual(rclonesOf(yard), []);
  assert.ok(!isRecorded(yard));
});

Deno.test("escale goes on when its rclone is killed, and says so", async () => {
  if (!hasRclone() || Deno.build.os !== "linux") return skip("no rclone, or no /proc, here");
  await using yard = new Yard();
  const [a, b] = clientsIn(yard);
  a.start(["-v"]);
  await until("a round", [a], () => a.count("round of ") > 0);
  for (let i = 0; i < 3; i++) {
    await until("rclone", [a], () => rclonesOf(yard).length === 1);
    for (const pid of rclonesOf(yard)) Deno.kill(pid, "SIGKILL");
    a.write(`large-${i}`, "0123456789".repeat(300_000));
    await until("the push", [a], () => a.count(`pushed large-${i}`) === 1);
  }
  assert.ok(a.count("rclone has ended and is started again") >= 3, a.output);
  assert.equal(await a.stop(), 130, a.output);
  assert.deepEqual(rclonesOf(yard), []);
  assert.equal(await b.once(), 0, b.output);
  for (let i = 0; i < 3; i++) assert.equal(b.read(`large-${i}`)?.length, 3_000_000);
});

Deno.test("escale says where rclone is to be had, and how a remote is made", async () => {
  if (!hasRclone()) return skip("no rclone here");
  await using yard = new Yard();
  const [a] = clientsIn(yard, ["rclone binary = /no/such/rclone"]);
  assert.equal(await a.once(), 1);
  assert.match(a.output, /Cannot start rclone as "\/no\/such\/rclone": there is no such program/);
  assert.match(a.output, /https:\/\/rclone\.org\/downloads/);
  const b = yard.client(
    "c",
    ["address = dropbox://x", `rclone config = ${yard.root}/remotes`],
    "dropbox",
  );
  assert.equal(await b.once(), 1);
  assert.match(b.output, /rclone has no remote of type "dropbox"/);
  assert.match(b.output, /rclone config create dropbox/);
});
