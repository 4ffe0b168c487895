import assert from "node:assert/strict";

import { commandOf } from "../support/program.ts";
import { testWithTools } from "../support/tools.ts";
import { run, Site } from "./_site.ts";

const ignore = Deno.build.os === "windows";

Deno.test({
  name: "escalectl status without a process looks at folder and relay, and changes nothing",
  ignore,
  async fn() {
    await using site = new Site(["one", "two"]);
    site.write("one/a.txt", "content");
    const before = [...Deno.readDirSync(`${site.root}/relay`)];
    const { isRunning, clients } = await site.status();
    assert.equal(isRunning, false);
    const [one, two] = clients;
    assert.deepEqual(one?.outlook?.toPush, { files: 1, bytes: 7 });
    assert.deepEqual(two?.outlook?.toPush, { files: 0, bytes: 0 });
    assert.deepEqual([...Deno.readDirSync(`${site.root}/relay`)], before);
    const { stdout, status } = await site.ctl("status");
    assert.equal(status, 0);
    assert.match(stdout, /^Nothing runs; this was so 0 s ago\n/);
    assert.match(stdout, /\none: .*\n(?: .*\n)* {2}to push: 1 file, 7 B; to pull: nothing\n/);
  },
});

Deno.test({
  name: "escalectl status shows what stands on the relay, who has it and who lacks it",
  ignore,
  async fn() {
    await using site = new Site(["one", "two"], { lines: ["puller count = 2"] });
    site.write("one/a.txt", "content");
    await site.escale("--once", "--section", "one");
    const lacking = await site.ctl("status", "--files", "--look", "one");
    assert.match(lacking.stdout, /\n {2}on the relay: 1 content, /);
    assert.match(lacking.stdout, /\n {4}a\.txt \d+ B: with one; 2 clients to come\n/);
    await site.escale("--once", "--section", "two");
    const { stdout } = await site.ctl("status", "--files", "--look", "two");
    assert.match(stdout, /\n {4}one has 1, lacks 0\n {4}two has 1, lacks 0\n/);
    assert.match(stdout, /\n {4}a\.txt \d+ B: with one, two; 1 client to come\n/);
    const [pull] = (await site.status("--look", "two")).clients;
    assert.deepEqual(pull?.outlook?.toPull, { files: 0, bytes: 0 });
  },
});

Deno.test({
  name: "escalectl status names the failure of a client, what mends it, and ends with its status",
  ignore,
  async fn() {
    await using site = new Site();
    Deno.removeSync(`${site.root}/one`);
    assert.equal((await site.escale("--once")).status, 10);
    const { stdout, status } = await site.ctl("status");
    assert.equal(status, 10);
    assert.match(stdout, /\none: failed, \d+ s ago\n/);
    assert.match(stdout, /\n {2}error: .*\/one.* \(\d+ s ago\)\n/);
    assert.match(stdout, /\n {4}run: escalectl start one\n/);
    Deno.mkdirSync(`${site.root}/one`);
    assert.equal((await site.escale("--once")).status, 0);
    assert.equal((await site.ctl("status")).status, 0);
  },
});

Deno.test({
  name: "escalectl status tells of the problem of a file until it is mended",
  ignore,
  async fn() {
    await using site = new Site();
    Deno.symlinkSync("/dev/null", `${site.root}/one/link`);
    await site.ctl("start");
    await site.until("a problem is known", async () => {
      const [client] = (await site.status()).clients;
      return client?.problems.some(({ path }) => path === "link") === true;
    });
    assert.equal((await site.ctl("status")).status, 3);
    Deno.removeSync(`${site.root}/one/link`);
    await site.until(
      "it is mended",
      async () => (await site.status()).clients[0]?.problemCount === 0,
    );
    assert.equal((await site.ctl("status")).status, 0);
    assert.match(site.read("site/.escale.log") ?? "", /info \[one\] mended link\n/);
  },
});

Deno.test({
  name: "escalectl status says that a client is suspended",
  ignore,
  async fn() {
    await using site = new Site();
    await site.ctl("suspend");
    assert.match((await site.ctl("status")).stdout, /\none: suspended; /);
    await site.ctl("resume");
    assert.doesNotMatch((await site.ctl("status")).stdout, /suspended/);
  },
});

Deno.test({
  name: "escalectl status --watch goes on until it is interrupted, with status 130",
  ignore,
  async fn() {
    await using site = new Site();
    await site.ctl("start");
    const [command = "", ...flags] = commandOf("escalectl");
    const child = new Deno.Command(command, {
      args: [...flags, "status", "--watch", "--json", "-c", site.config],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let text = "";
    let isRenamed = false;
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
      const lines = text.split("\n");
      if (lines.length > 1 && !isRenamed) {
        isRenamed = true;
        site.write("one/a.txt", "content");
      }
      if (text.includes('"pushed":1')) child.kill("SIGINT");
    }
    assert.equal((await child.status).code, 130);
    for (const line of text.trimEnd().split("\n").slice(0, -1)) {
      assert.equal(JSON.parse(line).kind, "status");
    }
    assert.equal(JSON.parse(text.trimEnd().split("\n").at(-1) ?? "").status, 130);
  },
});

testWithTools(
  ["systemd-analyze"],
  "escalectl service prints a unit that systemd takes",
  async () => {
    await using site = new Site();
    const { status, stdout } = await site.ctl("service");
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`^ExecStart=/.* -c ${site.config}$`, "m"));
    const file = `${site.root}/escale.service`;
    Deno.writeTextFileSync(file, stdout);
    const { stderr } = await run(["systemd-analyze", "verify", "--user", file]);
    assert(!stderr.includes(file), stderr);
  },
);
