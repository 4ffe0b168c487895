import assert from "node:assert/strict";

import configuration from "../../deno.json" with { type: "json" };
import { Home, runProgram } from "./_program.ts";

Deno.test("escale and escalectl --version and --help write to standard output only", async () => {
  await using home = await Home.make();
  for (const program of ["escale", "escalectl"] as const) {
    assert.deepEqual(await runProgram(program, ["--version"], { home }), {
      status: 0,
      stdout: `${program} ${configuration.version}\n`,
      stderr: "",
    });
    const help = await runProgram(program, ["--help"], { home });
    assert.deepEqual([help.status, help.stderr], [0, ""]);
    assert(help.stdout.startsWith(`Usage: ${program} [options]`), help.stdout);
  }
});

Deno.test("escale refuses a wrong command line with status 2", async () => {
  await using home = await Home.make();
  assert.deepEqual(await runProgram("escale", ["--onse"], { home }), {
    status: 2,
    stdout: "",
    stderr: 'escale: error: Unknown option "--onse"\nescale: hint: Did you mean "--once"?\n',
  });
  assert.deepEqual(await runProgram("escale", ["-d", "--once"], { home }), {
    status: 2,
    stdout: "",
    stderr: 'escale: error: Option "--daemon" contradicts "--once" and "--dry-run"\n' +
      'escale: hint: Run "escale --help"\n',
  });
});

Deno.test("escalectl refuses a wrong command line with status 2", async () => {
  await using home = await Home.make();
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /^escale: error: "escalectl" needs a command\nescale: hint: Run "escalectl --help"\n$/],
    [["stort"], /^escale: error: Unknown command "stort"\nescale: hint: Did you mean "start"\?\n$/],
    [["start", "--now"], /^escale: error: Unknown option "--now"\n/],
    [["reload", "x"], /^escale: error: Too many arguments/],
  ];
  for (const [args, expected] of cases) {
    const { status, stdout, stderr } = await runProgram("escalectl", args, { home });
    assert.deepEqual([status, stdout], [2, ""]);
    assert.match(stderr, expected);
  }
});

Deno.test("every command of escalectl has help with an example, --json and -c", async () => {
  await using home = await Home.make();
  const { stdout } = await runProgram("escalectl", ["--help"], { home });
  const names = [...stdout.matchAll(/^ {2}([a-z-]+) \[options\]/gm)].map(([, name = ""]) => name);
  assert(names.includes("start") && names.includes("completions"), stdout);
  for (const name of names) {
    const help = await runProgram("escalectl", [name, "--help"], { home });
    assert.equal(help.status, 0, name);
    for (const part of ["--json", "--config <file>", `$ escalectl ${name}`]) {
      assert(help.stdout.includes(part), `${name}: ${part}`);
    }
  }
});

Deno.test("escale without a configuration ends with status 10 and says what to do", async () => {
  await using home = await Home.make();
  const { status, stdout, stderr } = await runProgram("escale", [], { home });
  assert.deepEqual([status, stdout], [10, ""]);
  assert(stderr.includes(home.path), "looks in the home folder");
  assert.match(stderr, /^escale: error: .*\nescale: hint: .*\n$/);
});

Deno.test("escale -c FILE ends with status 10 if there is no such file, in JSON if asked to", async () => {
  await using home = await Home.make();
  const { status, stdout, stderr } = await runProgram("escale", ["--json", "-c", "none.conf"], {
    home,
  });
  assert.deepEqual([status, stderr], [10, ""]);
  const [error, end, ...others] = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(Object.keys(error), ["kind", "code", "message", "hint", "status"]);
  assert.deepEqual([error.kind, error.code, error.status], ["error", "no-config", 10]);
  assert.deepEqual(end, { kind: "end", status: 10 });
  assert.deepEqual(others, []);
});

Deno.test("escale names file and line of each error in its configuration", async () => {
  await using home = await Home.make();
  const text = `${configurationOf(home, ["a"])}refresh = soon\nlock timeout = -1\n`;
  const file = await home.write(".config/escale/escale.conf", text);
  const { status, stdout, stderr } = await runProgram("escale", ["--once"], { home });
  assert.deepEqual([status, stdout], [1, ""]);
  const [first = "", second = "", ...others] = stderr.split("\n");
  assert(first.startsWith(`escale: error: ${file}:6: `) && first.includes("soon"), stderr);
  assert(second.startsWith(`escale: error: ${file}:7: `) && second.includes("-1"), stderr);
  assert.deepEqual(others, [""]);
});

Deno.test("escale --section names the known sections if there is no such one", async () => {
  await using home = await Home.make();
  const file = await home.write("a.conf", configurationOf(home, ["one", "two"]));
  const { status, stdout, stderr } = await runProgram(
    "escale",
    ["-c", file, "--section", "three"],
    { home },
  );
  assert.deepEqual([status, stdout], [2, ""]);
  assert.equal(
    stderr,
    `escale: error: There is no section "three" in "${file}"\n` +
      'escale: hint: Choose from "one", "two"\n',
  );
});

Deno.test("escale warns if several default configuration files exist, and goes by the first", async () => {
  await using home = await Home.make();
  await home.write(".config/escale/escale.conf", configurationOf(home, ["done"]));
  const second = await home.write(".escale/escale.conf", "wrong");
  const { status, stderr } = await runProgram("fake escale", [], { home });
  assert.equal(status, 0);
  assert(stderr.startsWith(`escale: warning: "${second}" is not read`), stderr);
});

Deno.test("escale ends with the most severe status of its clients", async () => {
  await using home = await Home.make();
  const file = await home.write("a.conf", configurationOf(home, ["done", "skipped", "locked"]));
  const run = (...sections: string[]) => {
    const flags = sections.flatMap((section) => ["--section", section]);
    return runProgram("fake escale", ["--json", "-c", file, ...flags], { home });
  };
  assert.equal((await run("done")).status, 0);
  assert.equal((await run("skipped", "done")).status, 3);
  const { status, stdout } = await run();
  assert.equal(status, 11);
  const objects = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  const outcomes = objects.filter(({ kind }) => kind === "result").map(({ outcome }) => outcome);
  assert.deepEqual(outcomes.sort(), ["done", "locked", "skipped"]);
  assert.deepEqual(objects.at(-1), { kind: "end", status: 11 });
});

Deno.test("escale survives a client that crashes, reports it and lets the others work", async () => {
  await using home = await Home.make();
  const file = await home.write("a.conf", configurationOf(home, ["crashing", "done"]));
  const { status, stdout } = await runProgram("fake escale", ["--json", "-c", file], { home });
  assert.equal(status, 1);
  const objects = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  const results = objects.filter(({ kind }) => kind === "result");
  const [crashed, done] = results.sort((a, b) => a.section < b.section ? -1 : 1);
  assert.equal(crashed.error.code, "internal");
  assert.match(crashed.error.message, /^Client "crashing" ended unexpectedly: .*crashed/);
  assert.deepEqual(done, { kind: "result", section: "done", outcome: "done" });
});

Deno.test("escale --once synchronises through a relay, and --dry-run shows what it would do", async () => {
  await using home = await Home.make();
  const file = await home.write("a.conf", configurationOf(home, ["one", "two"]));
  await Deno.mkdir(`${home.path}/two`);
  await home.write("one/a/b.txt", "content");
  const run = (...args: string[]) => runProgram("escale", ["-c", file, ...args], { home });

  assert.deepEqual(await run("--section", "one", "--dry-run"), {
    status: 0,
    stdout: "would push a/b.txt 7 B\n",
    stderr: "",
  });
  const pushed = await run("--section", "one", "--once");
  assert.deepEqual([pushed.status, pushed.stdout], [0, ""]);
  assert.match(pushed.stderr, /^pushed a\/b\.txt 7 B\nended after .* 1 pushed\n$/);
  assert.equal((await run("--section", "two", "--once", "-q")).stderr, "");
  assert.equal(await Deno.readTextFile(`${home.path}/two/a/b.txt`), "content");
  const { status, stderr } = await run("--once");
  assert.equal(status, 0);
  assert.match(stderr, /^\[one\] ended after/m);
  assert.match(stderr, /^\[two\] ended after/m);
});

Deno.test("escale without the flag for limited workers says so once, and works", async () => {
  await using home = await Home.make();
  const file = await home.write("a.conf", configurationOf(home, ["one", "two"]));
  for (const name of ["one", "two"]) await Deno.mkdir(`${home.path}/${name}`);
  const unstable = configuration.unstable.filter((name) => name !== "worker-options");
  const { imports, nodeModulesDir } = configuration;
  await home.write("deno.json", JSON.stringify({ imports, nodeModulesDir, unstable }));
  const flags = ["-A", "--no-lock", "--config", "deno.json"];
  const { status, stderr } = await runProgram("escale", ["-q", "--once", "-c", file], {
    home,
    flags,
  });
  assert.equal(status, 0);
  assert.equal(
    stderr,
    "escale: warning: Clients run with all the permissions of the program\n" +
      'escale: hint: Give the flag "--unstable-worker-options" to the runtime to keep them apart\n',
  );
});

Deno.test("escale without the permissions that it needs says so", async () => {
  await using home = await Home.make();
  const flags = ["--no-prompt", "--allow-read", "--allow-write"];
  const { status, stderr } = await runProgram("escale", [], { home, flags });
  assert.equal(status, 1);
  assert.match(stderr, /^escale: error: Cannot start: Requires sys access .*\nescale: hint: Start/);
});

/** A configuration with these sections, each with its folder, on one relay; makes the relay's folder. */
function configurationOf(home: Home, sections: readonly string[]): string {
  Deno.mkdirSync(`${home.path}/relay`, { recursive: true });
  return sections.map((name) =>
    [
      `[${name}]`,
      `local path = ${home.path}/${name}`,
      `relay address = ${home.path}/relay`,
      "protocol = file",
      `client = ${name}`,
      "",
    ].join("\n")
  ).join("\n");
}
