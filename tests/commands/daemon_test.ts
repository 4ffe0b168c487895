import assert from "node:assert/strict";

import { commandOf } from "../support/program.ts";
import { testWithTools } from "../support/tools.ts";
import { isAlive, run, Site } from "./_site.ts";

// Processes are looked at below /proc.
const ignore = Deno.build.os !== "linux";

Deno.test({
  name: "escalectl starts clients in the background, and stop waits for their clean end",
  ignore,
  async fn() {
    await using site = new Site(["one", "two"]);
    site.write("one/a.txt", "content");
    const started = await site.ctl("start", "--json");
    assert.equal(started.status, 0, started.stderr);
    const [first = ""] = started.stdout.split("\n");
    const pid = site.pid();
    assert.deepEqual(JSON.parse(first), { kind: "started", pid, logFile: site.log });
    await site.until("a file passes", () => site.read("two/a.txt") === "content");
    const stopped = await site.ctl("stop");
    assert.deepEqual([stopped.status, stopped.stdout], [0, `Stopped process ${pid}\n`]);
    assert(!isAlive(pid), "it has ended when stop ends");
    assert.equal(site.read("site.pid"), undefined);
    assert.match(site.read("site/.escale.log") ?? "", /info \[one\] pushed a\.txt 7 B\n/);
    assert.match(site.read("site/.escale.log") ?? "", /info escale ended with status 0\n$/);
    const { isRunning, clients } = await site.status();
    assert.equal(isRunning, false);
    assert.deepEqual(clients.map(({ state, result }) => [state, result?.outcome]), [
      ...[["ended", "stopped"], ["ended", "stopped"]],
    ]);
    assert.equal((await site.ctl("stop")).stdout, "Nothing runs\n");
  },
});

Deno.test({
  name: "escale -d has a session of its own and no terminal, and a second one is refused",
  ignore,
  async fn() {
    await using site = new Site();
    const { status, stdout } = await site.escale("-d");
    const pid = site.pid();
    assert.equal(status, 0);
    assert.equal(stdout, `Started escale as process ${pid}; its log is "${site.log}"\n`);
    const [, , , session, terminal] = statOf(pid);
    assert.deepEqual([session, terminal], [pid, 0]);
    assert.equal(Deno.readLinkSync(`/proc/${pid}/cwd`), "/");
    assert.equal((Deno.statSync(site.log).mode ?? 0) & 0o777, 0o600);
    const second = await site.escale("-d");
    assert.equal(second.status, 11);
    assert.match(second.stderr, new RegExp(`^escale: error: Cannot run: process ${pid} already`));
    assert.equal(site.pid(), pid);
  },
});

testWithTools(
  ["script"],
  "clients in the background survive the end of their terminal",
  async () => {
    await using site = new Site(["one", "two"]);
    const line = [...commandOf("escalectl"), "start", "-c", site.config].join(" ");
    const terminal = await run(["script", "-qec", line, "/dev/null"]);
    assert.equal(terminal.status, 0, terminal.stdout);
    site.write("one/late.txt", "after the logout");
    await site.until("a file passes", () => site.read("two/late.txt") === "after the logout");
  },
);

testWithTools(["script"], "clients in the foreground end cleanly with their terminal", async () => {
  await using site = new Site();
  site.configure([`log file = ${site.root}/log`, ...site.section("one")]);
  const line = [...commandOf("escale"), "-v", "-c", site.config].join(" ");
  const terminal = new Deno.Command("script", {
    args: ["-qec", line, "/dev/null"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await site.until("a round", () => site.read("log")?.includes("round of") === true);
  const pid = site.pid();
  terminal.kill("SIGKILL");
  await terminal.status;
  await site.untilGone(pid);
  assert.match(site.read("log") ?? "", /client ended: stopped\n.* escale ended with status 130\n$/);
  assert.equal(site.read("site.pid"), undefined);
});

Deno.test({
  name: "a pid file that a killed process has left is known as stale, and clients start again",
  ignore,
  async fn() {
    await using site = new Site(["one", "two"]);
    await site.ctl("start");
    const killed = site.pid();
    Deno.kill(killed, "SIGKILL");
    await site.untilGone(killed);
    assert.equal(site.pid(), killed, "the file is there still");
    assert.equal((await site.status()).isRunning, false);
    assert.equal((await site.ctl("stop")).stdout, "Nothing runs\n");
    const again = await site.ctl("start");
    assert.equal(again.status, 0, again.stderr);
    assert.notEqual(site.pid(), killed);
    site.write("one/a.txt", "content");
    await site.until("a file passes", () => site.read("two/a.txt") === "content");
  },
});

Deno.test({
  name: "a pid file with the number of another living program is known as stale",
  ignore,
  async fn() {
    await using site = new Site();
    site.write("site.pid", `${Deno.pid}\n`);
    assert.equal((await site.status()).isRunning, false);
    const { status, stderr } = await site.ctl("start");
    assert.equal(status, 0, stderr);
    assert.notEqual(site.pid(), Deno.pid);
  },
});

Deno.test({
  name: "single clients are stopped, started and restarted while the others run on",
  ignore,
  async fn() {
    await using site = new Site(["one", "two"]);
    const states = async () =>
      (await site.status()).clients.map(({ name, state }) =>
        `${name} ${state === "ended" ? "ended" : "runs"}`
      );
    await site.ctl("start");
    const pid = site.pid();
    assert.equal((await site.ctl("stop", "two")).stdout, "Stopped two\n");
    assert.deepEqual(await states(), ["one runs", "two ended"]);
    assert.equal((await site.ctl("stop", "two")).stdout, "They do not run\n");
    assert.equal((await site.ctl("start", "two")).stdout, "Started two\n");
    assert.equal((await site.ctl("start")).stdout, `Runs already, as process ${pid}\n`);
    assert.equal((await site.ctl("restart", "one")).stdout, "Restarted one\n");
    assert.deepEqual(await states(), ["one runs", "two runs"]);
    const unknown = await site.ctl("stop", "three");
    assert.equal(unknown.status, 2);
    assert.match(
      unknown.stderr,
      /^escale: error: There is no section "three".*\n.*"one", "two"\n$/,
    );
    assert.equal(site.pid(), pid);
    await site.ctl("stop", "one");
    await site.ctl("stop", "two");
    await site.untilGone(pid);
  },
});

Deno.test({
  name:
    "escalectl start NAME runs that client only, and restart brings a new process that does too",
  ignore,
  async fn() {
    await using site = new Site(["one", "two"]);
    await site.ctl("start", "two");
    const pid = site.pid();
    assert.deepEqual((await site.status()).clients.map(({ name }) => name), ["two"]);
    assert.equal((await site.ctl("restart")).status, 0);
    assert.notEqual(site.pid(), pid);
    assert(!isAlive(pid));
    assert.deepEqual((await site.status()).clients.map(({ name }) => name), ["two"]);
    await site.ctl("stop");
    await site.ctl("restart");
    assert.deepEqual((await site.status()).clients.map(({ name }) => name), ["one", "two"]);
  },
});

Deno.test({
  name: "reload restarts clients whose section changed, and only these",
  ignore,
  async fn() {
    await using site = new Site(["one", "two"]);
    await site.ctl("start");
    const pid = site.pid();
    assert.equal((await site.ctl("reload")).stdout, "Nothing changed for any client\n");
    Deno.mkdirSync(`${site.root}/three`);
    site.configure([
      ...site.section("one"),
      ...site.section("two", ["exclude = *.tmp"]),
      ...site.section("three"),
    ]);
    assert.equal((await site.ctl("reload")).stdout, "Changed: two, three\n");
    site.write("three/a.txt", "content");
    await site.until("a file passes", () => site.read("one/a.txt") === "content");
    site.configure(site.section("three"));
    Deno.kill(pid, "SIGHUP");
    await site.until("removed clients end", async () => (await site.status()).clients.length === 1);
    await site.until("they are told of", () => {
      const ends = site.read("site/.escale.log")?.match(/\[(one|two)\] client ended/g);
      return ends?.length === 3;
    });
    assert.equal(site.pid(), pid);
  },
});

Deno.test({
  name: "a configuration that is wrong is reported at reload, and the old one goes on",
  ignore,
  async fn() {
    await using site = new Site(["one", "two"]);
    await site.ctl("start");
    site.configure([...site.section("one"), "refresh = soon"]);
    const { status, stderr } = await site.ctl("reload");
    assert.equal(status, 1);
    assert.match(stderr, /^escale: error: .*site\.conf:\d+: .*refresh/);
    assert.equal((await site.ctl("restart")).status, 1, "nor is what runs stopped for it");
    Deno.kill(site.pid(), "SIGHUP");
    await site.until(
      "it is told of",
      () => (site.read("site/.escale.log")?.match(/error.*refresh/g)?.length ?? 0) >= 2,
    );
    const told = await site.ctl("status");
    assert.match(told.stdout, /\nThe configuration is not in force as it stands .*\n {2}.*refresh/);
    assert.match(told.stderr, /^escale: warning: .*refresh/);
    site.write("one/a.txt", "content");
    await site.until("a file passes", () => site.read("two/a.txt") === "content");
    site.configure(site.section("one"));
    assert.equal((await site.ctl("reload")).status, 0);
    assert.equal((await site.status()).configProblem, undefined);
  },
});

Deno.test({
  name: "escalectl start says why it cannot, with the status of that",
  ignore,
  async fn() {
    await using site = new Site();
    site.configure(["log file = /dev/null/log", ...site.section("one")]);
    const { status, stderr } = await site.ctl("start");
    assert.equal(status, 1);
    assert.match(stderr, /^escale: error: Cannot .*\/dev\/null\/log/);
    assert.equal((await site.ctl("reload")).status, 2, "nothing runs");
    assert.equal((await site.status()).isRunning, false);
  },
});

Deno.test({
  name: "-r starts a client again that failed, as often as it takes, and status says so",
  ignore,
  async fn() {
    await using site = new Site(["one", "two"]);
    Deno.removeSync(`${site.root}/two`);
    await site.escale("-d", "-r", "1");
    await site.until("it fails", async () => {
      const [, two] = (await site.status()).clients;
      return two?.state === "restarting" && two.result?.error?.code === "no-repository";
    });
    const { status, stdout } = await site.ctl("status");
    assert.equal(status, 10);
    assert.match(stdout, /two: failed, is started again in \d+ s/);
    Deno.mkdirSync(`${site.root}/two`);
    site.write("one/a.txt", "content");
    await site.until("a file passes", () => site.read("two/a.txt") === "content");
    assert.match(
      site.read("site/.escale.log") ?? "",
      /\[two\] client is started again seconds=1\n/,
    );
  },
});

Deno.test({
  name: "log file, log level and log format are obeyed, also after a reload",
  ignore,
  async fn() {
    await using site = new Site();
    const globals = [`log file = ${site.root}/logs/escale.log`, "log format = json"];
    site.configure([...globals, "log level = debug", ...site.section("one")]);
    assert.equal((await site.status()).isRunning, false);
    const started = await site.ctl("start");
    assert.equal(started.status, 0, started.stderr);
    site.write("one/a.txt", "content");
    const lines = () => (site.read("logs/escale.log") ?? "").trimEnd().split("\n");
    await site.until("a round is logged", () => lines().some((line) => line.includes('"round"')));
    await site.until("a push is logged", () => lines().some((line) => line.includes('"push"')));
    const push = lines().map((line) => JSON.parse(line)).find(({ action }) => action === "push");
    assert.match(push.time, /^\d{4}-\d\d-\d\dT.*Z$/);
    assert.deepEqual({ ...push, time: undefined }, {
      ...{ time: undefined, level: "info", kind: "action", section: "one" },
      ...{ action: "push", path: "a.txt", sizeBytes: 7 },
    });
    site.configure([
      `log file = ${site.root}/other.log`,
      "log level = error",
      ...site.section("one"),
    ]);
    await site.ctl("reload");
    Deno.removeSync(`${site.root}/one`, { recursive: true });
    await site.until("it fails", () => site.read("other.log")?.includes("client ended") === true);
    await site.until("it ends", () => site.read("site.pid") === undefined);
    const text = site.read("other.log") ?? "";
    assert.match(text, /^\S+ error \[one\] client ended: [^\n]*\n$/);
  },
});

/** The first numbers after a process's name and state: parent, group, session, terminal. */
function statOf(pid: number): readonly number[] {
  const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  return [pid, ...text.slice(text.lastIndexOf(")") + 4).split(" ").slice(0, 4).map(Number)];
}
