import assert from "node:assert/strict";
import { Program } from "../support/program.ts";
import { ctl } from "./_ctl.ts";
import { filesBelow, sleep, until, untilRounds, Yard } from "./_yard.ts";

Deno.test("escalectl access is obeyed by a running client at its next round, in every mode", async () => {
  for (const mode of ["shared", "conservative", "download"]) {
    await using yard = new Yard();
    const a = yard.client("a");
    const b = yard.client("b", [`mode = ${mode}`]);
    a.write("guarded", "first");
    a.write("free", "first");
    assert.equal(await a.once(), 0);
    b.start(["-v"]);
    await until(
      "both files came",
      [b],
      () => b.read("free") === "first" && b.read("guarded") === "first",
    );
    assert.deepEqual((await ctl(b, "access", "guarded", "w-", "--json")).objects, [
      { kind: "access", section: "yard", path: "guarded", read: null, write: false },
      { kind: "end", status: 0 },
    ]);
    await untilRounds(b, 1);
    for (const name of ["guarded", "free"]) a.write(name, `second at a, ${mode}`);
    assert.equal(await a.once(), 0);
    await until("the free one came", [b], () => b.read("free") === `second at a, ${mode}`);
    await untilRounds(b, 1);
    assert.equal(b.read("guarded"), "first");

    if (mode === "download") continue;
    b.write("other", "goes out");
    assert.equal((await ctl(b, "access", "r-", "free")).output, "r- w? free\n");
    b.write("free", "not to be sent");
    await untilRounds(b, 2);
    assert.equal(await a.once(), 0);
    assert.equal(a.read("other"), "goes out");
    assert.equal(a.read("free"), `second at a, ${mode}`);
    assert.equal((await ctl(b, "access")).output, "r- w? free\nr? w- guarded\n");
    assert.equal((await ctl(b, "access", "free", "r?")).status, 0);
    await untilRounds(b, 1);
    assert.equal(await b.stop(), 130);
    assert.equal(await a.once(), 0);
    assert.equal(a.read("free"), "not to be sent");
  }
});

Deno.test("escalectl access refuses wrong modifiers and files, and changes nothing", async () => {
  await using yard = new Yard();
  const a = yard.client("a");
  a.write("dir/x", "content");
  for (
    const words of [["dir/x", "r*"], ["dir/x", "rr"], ["r+", "r-", "dir/x"], ["dir", "r-"], [
      "../x",
      "w-",
    ], ["w-", ".x"]]
  ) {
    const { status, output } = await ctl(a, "access", ...words);
    assert.equal(status, 2, words.join(" "));
    assert.match(output, /error: /);
  }
  assert.equal((await ctl(a, "access")).output, "");
  assert.equal((await ctl(a, "access", `${a.folder}/dir/x`, "r+", "w-")).output, "r+ w- dir/x\n");
});

Deno.test("escalectl list-pending tells what would go out and come in, beside a running client too", async () => {
  await using yard = new Yard();
  const [a, b] = [yard.client("a"), yard.client("b")];
  a.write("x", "from a");
  assert.equal((await ctl(a, "list-pending")).output, "push x 6 B\n");
  assert.equal(await a.once(), 0);
  assert.equal((await ctl(a, "list-pending")).output, "");
  b.write("y", "from b");
  const incoming = await ctl(b, "list-pending", "-d", "--json");
  assert.deepEqual(incoming.objects, [
    { kind: "pending", section: "yard", action: "pull", path: "x", sizeBytes: 6 },
    { kind: "end", status: 0 },
  ]);
  a.start(["-v"]);
  await untilRounds(a, 1);
  assert.deepEqual(await ctl(a, "list-pending"), { status: 0, output: "", objects: [] });
});

Deno.test("escalectl make-cache and clear-cache", async () => {
  await using yard = new Yard();
  const a = yard.client("a");
  a.write("x", "content");
  Deno.utimeSync(`${a.folder}/x`, 1_600_000_000, 1_600_000_000);
  const first = await ctl(a, "make-cache", "--json");
  assert.deepEqual([first.status, first.objects[0]?.["files"]], [0, 1]);
  assert.equal((await ctl(a, "clear-cache")).status, 0);
  assert.equal(await a.once(), 0);
});

Deno.test("escalectl backup and restore bring back a lost relay, with and without an index", async () => {
  for (const lines of [[], ["index = yes"]]) {
    await using yard = new Yard();
    const [a, b] = [yard.client("a", lines), yard.client("b", lines)];
    a.write("dir/x", "content");
    assert.equal(await a.once(), 0);
    const archive = `${yard.root}/relay.tar.zst`;
    const made = await ctl(a, "backup", "yard", archive, "--fast");
    assert.equal(made.status, 0, made.output);
    assert.equal((await ctl(a, "backup", "yard", archive)).status, 1);
    const before = filesBelow(yard.relay);
    Deno.removeSync(yard.relay, { recursive: true });
    Deno.mkdirSync(yard.relay);
    Deno.writeTextFileSync(`${yard.root}/bad.tar`, "no archive");
    assert.equal((await ctl(a, "restore", "yard", `${yard.root}/bad.tar`)).status, 1);
    assert.deepEqual(filesBelow(yard.relay), []);
    const restored = await ctl(a, "restore", "yard", archive, "--json");
    assert.equal(restored.status, 0, restored.output);
    assert.deepEqual(filesBelow(yard.relay), before);
    assert.equal(await b.once(), 0);
    assert.equal(b.read("dir/x"), "content");
  }
});

Deno.test("escalectl backup and check work beside running clients, which do not mind", async () => {
  await using yard = new Yard();
  const [a, b] = [yard.client("a"), yard.client("b")];
  for (const client of [a, b]) client.start(["-v"]);
  for (let round = 0; round < 3; round++) {
    for (let at = 0; at < 30; at++) a.write(`${round}/${at}`, `content ${at}`.repeat(1 + 99 * at));
    const [packed, checked] = await Promise.all([
      ctl(a, "backup", "yard", `${yard.root}/${round}.tar`),
      ctl(b, "check", "--read-data"),
    ]);
    assert.equal(packed.status, 0, packed.output);
    assert.equal(checked.status, 0, checked.output);
    const names = Array.from({ length: 30 }, (_, at) => `${round}/${at}`);
    await until("all came", [a, b], () => names.every((name) => b.read(name) === a.read(name)));
  }
  assert.deepEqual([await a.stop(), await b.stop()], [130, 130]);
});

Deno.test("escalectl migrate rewrites the configuration and keeps comments, the old file and the old relay", async () => {
  await using yard = new Yard();
  const a = yard.client("a", ["# a comment"]);
  a.write("x", "content");
  assert.equal(await a.once(), 0);
  const old = Deno.readTextFileSync(a.config);
  const there = `${yard.root}/there`;
  assert.equal((await ctl(a, "migrate", "nonsense")).status, 2);
  assert.equal((await ctl(a, "migrate", there)).status, 1, "the folder must exist");
  assert.equal(Deno.readTextFileSync(a.config), old);
  Deno.mkdirSync(there);
  a.start();
  await until("it runs", [a], () => a.isRunning && filesBelow(yard.relay).length > 0);
  await until("it is held", [a], () => filesBelow(yard.root).some((name) => name.endsWith(".run")));
  await a.stop();
  const before = filesBelow(yard.relay);
  const migrated = await ctl(a, "migrate", there, "--json");
  assert.equal(migrated.status, 0, migrated.output);
  const saved = String(migrated.objects[0]?.["saved"]);
  assert.equal(Deno.readTextFileSync(saved), old);
  assert.equal(Deno.readTextFileSync(a.config), old.replace(yard.relay, there));
  assert.deepEqual(filesBelow(there), before);
  assert.deepEqual(filesBelow(yard.relay), before);
  assert.deepEqual((await ctl(a, "list-pending")).output, "");
});

Deno.test("escalectl migrate takes a section or a configuration file that stands already, and changes neither", async () => {
  await using yard = new Yard();
  const a = yard.client("a");
  a.write("x", "content");
  assert.equal(await a.once(), 0);
  const first = Deno.readTextFileSync(a.config);
  const other = (name: string, folder: string) => {
    Deno.mkdirSync(folder);
    return first.replace("[yard]", `[${name}]`).replace(yard.relay, folder)
      .replace("client = a", "client = other");
  };
  Deno.mkdirSync(`${yard.root}/other`);
  const both = first +
    other("elsewhere", `${yard.root}/there`).replace(a.folder, `${yard.root}/other`);
  Deno.writeTextFileSync(a.config, both);
  const moved = await ctl(a, "migrate", "-r", "yard", "elsewhere", "--fast");
  assert.equal(moved.status, 0, moved.output);
  assert.deepEqual(filesBelow(`${yard.root}/there`), filesBelow(yard.relay));
  assert.equal(Deno.readTextFileSync(a.config), both);

  const file = `${yard.root}/second.conf`;
  Deno.writeTextFileSync(file, other("yard", `${yard.root}/second`), { mode: 0o600 });
  const again = await ctl(a, "migrate", "-r", "yard", file);
  assert.equal(again.status, 0, again.output);
  assert.deepEqual(filesBelow(`${yard.root}/second`), filesBelow(yard.relay));
  Deno.writeTextFileSync(file, other("none", `${yard.root}/third`), { mode: 0o600 });
  assert.equal((await ctl(a, "migrate", "-r", "yard", file)).status, 2);
  assert.deepEqual(filesBelow(`${yard.root}/third`), []);
});

Deno.test("escalectl commands that need the client stopped say so, with status 11", async () => {
  await using yard = new Yard();
  const a = yard.client("a");
  a.write("x", "content");
  a.start(["-v"]);
  await untilRounds(a, 1);
  for (const args of [["fix"], ["migrate", `${yard.root}/of-a`], ["rebase", yard.root + "/of-a"]]) {
    Deno.mkdirSync(`${yard.root}/of-a`, { recursive: true });
    const { status, output } = await ctl(a, ...args);
    assert.equal(status, 11, `${args}: ${output}`);
    assert.match(output, /hint: Run "escalectl stop" first/);
  }
});

Deno.test("escalectl fix, check, doctor, conflicts and forget through the real program", async () => {
  await using yard = new Yard();
  const [a, b] = [yard.client("a"), yard.client("b")];
  a.write("x", "content");
  assert.deepEqual([await a.once(), await b.once(), await a.once()], [0, 0, 0]);
  const good = await ctl(a, "check", "--read-data");
  assert.equal(good.status, 0, good.output);
  assert.match(good.output, /1 files known.*0 errors, 0 warnings/);
  Deno.writeTextFileSync(`${yard.relay}/.x.placeholder`, "nonsense");
  const bad = await ctl(a, "check", "--json");
  assert.deepEqual([bad.status, bad.objects[0]?.["finding"]], [1, "unreadable record"]);
  assert.match((await ctl(a, "fix")).output, /1 records written/);
  assert.equal((await ctl(a, "check")).status, 0);
  assert.equal((await ctl(a, "check", "--read-data=0")).status, 2);

  const doctor = await ctl(a, "doctor", "--json");
  assert.equal(doctor.status, 0, doctor.output);
  assert(doctor.objects.length >= 12);

  a.write("x", "by a");
  assert.equal(await a.once(), 0);
  b.write("x", "by b, which is longer");
  assert.equal(await b.once(), 0);
  const [copy] = (await ctl(b, "conflicts", "--json")).objects;
  assert.equal(copy?.["original"], "x");
  assert.equal((await ctl(b, "conflicts", "--drop", String(copy?.["path"]))).status, 0);
  assert.equal((await ctl(b, "conflicts")).output, "");
  assert.equal((await ctl(b, "conflicts", "--drop", "x")).status, 2);

  assert.equal((await ctl(a, "forget", "a")).status, 2);
  assert.equal((await ctl(a, "forget", "c")).status, 2);
  assert.equal((await ctl(a, "forget", "c", "--unknown")).status, 0);
});

Deno.test("escalectl suspend and resume a running client", async () => {
  await using yard = new Yard();
  const a = yard.client("a");
  a.start(["-v"]);
  await untilRounds(a, 1);
  assert.equal((await ctl(a, "suspend")).status, 0);
  await until("it is suspended", [a], () => a.output.includes("suspended"));
  a.write("x", "content");
  const rounds = a.count("round of ");
  assert.equal((await ctl(a, "resume")).status, 0);
  await until("it is resumed", [a], () => a.output.includes("resumed"));
  await until("x is sent", [a], () => filesBelow(yard.relay).includes("x"));
  assert(a.count("round of ") >= rounds);
});

Deno.test("escalectl rebase tells a client where its files are now", async () => {
  await using yard = new Yard();
  const a = yard.client("a");
  a.write("x", "content");
  assert.equal(await a.once(), 0);
  const moved = `${yard.root}/moved`;
  Deno.mkdirSync(moved);
  assert.equal((await ctl(a, "rebase", moved)).status, 1, "it lacks a file");
  Deno.copyFileSync(`${a.folder}/x`, `${moved}/x`);
  const { status, output } = await ctl(a, "rebase", moved);
  assert.equal(status, 0, output);
  assert(Deno.readTextFileSync(a.config).includes(`path = ${moved}`));
  assert.equal(await a.once(["-v"]), 0);
  assert(!a.output.includes("pushed x"), a.output);
});

Deno.test("escalectl backup can be interrupted, and leaves nothing", async () => {
  await using yard = new Yard();
  const a = yard.client("a");
  for (let at = 0; at < 200; at++) a.write(`${at}`, crypto.getRandomValues(new Uint8Array(60_000)));
  assert.equal(await a.once(), 0);
  const archive = `${yard.root}/relay.tar.bz2`;
  await using program = Program.start("escalectl", ["backup", "-c", a.config, "yard", archive]);
  const isUnderWay = () => filesBelow(yard.root).some((name) => name.endsWith(".part"));
  while (program.isRunning && !isUnderWay()) await sleep(5);
  program.signal("SIGINT");
  assert.equal(await program.status(), 130, program.output());
  assert(!filesBelow(yard.root).some((name) => /\.part$|tar\.bz2$|\.lock$/.test(name)));
});

Deno.test("each command of escalectl has its help, with an example", async () => {
  await using yard = new Yard();
  const a = yard.client("a");
  const names = [
    "access",
    "list-pending",
    "make-cache",
    "clear-cache",
    "backup",
    "restore",
    "migrate",
  ];
  for (
    const name of [
      ...names,
      "check",
      "fix",
      "conflicts",
      "suspend",
      "resume",
      "rebase",
      "forget",
      "doctor",
    ]
  ) {
    const { status, output } = await ctl(a, name, "--help");
    assert.equal(status, 0);
    assert.match(output, new RegExp(`^Usage: escalectl ${name} `));
    assert(output.includes(`  $ escalectl ${name}`), output);
  }
});
