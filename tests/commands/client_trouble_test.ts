import assert from "node:assert/strict";
import { noise } from "../support/byte_streams.ts";
import { filesBelow, sleep, until, Yard, type YardClient } from "./_yard.ts";

const MB = 1024 * 1024;

async function exchange([a, b]: readonly [YardClient, YardClient]): Promise<void> {
  for (const client of [a, b, a]) assert.equal(await client.once(), 0, client.output);
}

for (const how of ["gone", "emptied"] as const) {
  Deno.test(`a folder that is ${how} while its client runs stops it with status 10, and nothing is deduced`, async () => {
    await using yard = new Yard();
    const [a, b] = [yard.client("A"), yard.client("B")];
    b.write("f", "1");
    await exchange([a, b]);
    const before = filesBelow(yard.relay);
    a.start();
    await until("start", [a], () => filesBelow(a.folder).length === 1);
    Deno.renameSync(a.folder, `${a.folder}.away`);
    if (how === "emptied") Deno.mkdirSync(a.folder);
    assert.equal(await a.ended(), 10, a.output);
    assert.match(a.output, /error: .*\n.*hint: /);
    assert.deepEqual(filesBelow(yard.relay), before);
    if (how === "emptied") Deno.removeSync(a.folder);
    Deno.renameSync(`${a.folder}.away`, a.folder);
    b.write("f", "2");
    await exchange([b, a]);
    assert.equal(a.read("f"), "2");
  });
}

Deno.test("another passphrase than the relay's: status 12, nothing is pulled or pushed", async () => {
  await using yard = new Yard();
  const lines = ["encryption = fernet", `passphrase = ${btoa("1".repeat(32))}`];
  const [a, b] = [yard.client("A", lines), yard.client("B", lines)];
  a.write("f", "1");
  await exchange([a, b]);
  a.write("f", "2");
  assert.equal(await a.once(), 0);
  const relay = filesBelow(yard.relay);
  const text = Deno.readTextFileSync(b.config);
  Deno.writeTextFileSync(b.config, text.replace(btoa("1".repeat(32)), btoa("2".repeat(32))));
  b.write("g", "of B");
  assert.equal(await b.once(), 12, b.output);
  assert.match(b.output, /another passphrase/);
  assert.deepEqual([b.read("f"), filesBelow(yard.relay)], ["1", relay]);
  Deno.writeTextFileSync(b.config, text);
  assert.equal(await b.once(), 0);
  assert.equal(b.read("f"), "2");
});

Deno.test("W22: a client killed while it pulls leaves no partial file under its name, and none at all later", async () => {
  await using yard = new Yard();
  const lines = ["encryption = fernet", `passphrase = ${btoa("1".repeat(32))}`];
  const [a, b] = [yard.client("A", lines), yard.client("B", lines)];
  const film = noise(24 * MB);
  a.write("film", film);
  assert.equal(await a.once(), 0);
  let killed = 0;
  for (const kill of [1, 2, 3]) {
    b.start();
    await until(
      "a transfer",
      [b],
      () => filesBelow(b.folder).some((name) => name.endsWith(".tmp")),
    );
    await sleep(15 * kill);
    await b.kill();
    if (filesBelow(b.folder).includes("film")) break;
    killed++;
  }
  assert.ok(killed > 0);
  if (filesBelow(b.folder).includes("film")) {
    assert.deepEqual(Deno.readFileSync(`${b.folder}/film`), film);
  }
  assert.equal(await b.once(), 0, b.output);
  assert.deepEqual(Deno.readFileSync(`${b.folder}/film`), film);
  assert.deepEqual(filesBelow(b.folder), ["film"]);
  assert.equal(await a.once(), 0);
  assert.deepEqual(filesBelow(yard.relay), [".film.placeholder"]);
});

Deno.test("a file that is written to all the time never arrives torn", async () => {
  await using yard = new Yard();
  const [a, b] = [yard.client("A"), yard.client("B")];
  const line = (number: number) => `${number}`.padStart(999) + "\n";
  const block = (number: number) => line(number).repeat(400);
  a.write("log", "");
  a.write("page", block(0));
  a.start();
  b.start();
  using log = Deno.openSync(`${a.folder}/log`, { append: true });
  using page = Deno.openSync(`${a.folder}/page`, { write: true });
  const seen = new Set<string>();
  let number = 0;
  const check = () => {
    const lines = (b.read("log") ?? "").split("\n").slice(0, -1);
    lines.forEach((text, at) => assert.equal(`${text}\n`, line(at), "the log is torn"));
    const pages = new Set((b.read("page") ?? "").split("\n").slice(0, -1));
    assert.ok(pages.size <= 1, "the page is torn");
    seen.add(`${lines.length}`);
  };
  const endMs = performance.now() + 3_000;
  while (performance.now() < endMs) {
    log.writeSync(new TextEncoder().encode(line(number)));
    page.seekSync(0, Deno.SeekMode.Start);
    page.writeSync(new TextEncoder().encode(block(++number)));
    check();
    await sleep(number % 100 < 60 ? number % 3 : 25);
  }
  await until(
    "the end of both",
    [a, b],
    () => b.read("page") === block(number) && b.read("log")?.length === number * 1000,
  );
  check();
  assert.ok(seen.size > 1, "some versions were seen");
  assert.deepEqual(
    filesBelow(b.folder),
    ["log", "page"],
    "a writer that goes on makes no conflict",
  );
});

Deno.test("W29: a file saved four times within 0.3 s ends as it was saved last, everywhere", async () => {
  await using yard = new Yard();
  const [a, b] = [yard.client("A"), yard.client("B")];
  for (const client of [a, b]) client.start();
  for (let burst = 0; burst < 5; burst++) {
    for (let save = 1; save <= 4; save++) {
      a.write("f", `burst ${burst}, save ${save}`);
      await sleep(75);
    }
    await until("the last save", [a, b], () => b.read("f") === `burst ${burst}, save 4`);
  }
  await until("rest", [a, b], () => filesBelow(yard.relay).join() === ".f.placeholder");
  assert.equal(a.count("pulled"), 0, "nothing is sent back");
  assert.deepEqual([filesBelow(a.folder), filesBelow(b.folder)], [["f"], ["f"]]);
  assert.equal(a.read("f"), "burst 4, save 4");
});

Deno.test("W14: links that lead out or in circles are left out, each named once, and nothing follows them", async () => {
  await using yard = new Yard();
  const [a, b] = [yard.client("A"), yard.client("B")];
  const outside = `${yard.root}/outside`;
  Deno.mkdirSync(outside);
  Deno.writeTextFileSync(`${outside}/secret`, "secret");
  a.write("d/f", "1");
  Deno.symlinkSync(`${outside}/secret`, `${a.folder}/file link`);
  Deno.symlinkSync(outside, `${a.folder}/folder link`);
  Deno.symlinkSync("..", `${a.folder}/d/up`);
  Deno.symlinkSync("loop", `${a.folder}/loop`);
  Deno.symlinkSync("d/f", `${a.folder}/inner link`);
  // What arrives for a folder that is a link here is not written through it.
  Deno.symlinkSync(outside, `${b.folder}/d`);
  assert.equal(await a.once(), 0, a.output);
  for (const name of ["file link", "folder link", "d/up", "loop"]) {
    assert.equal(a.count(`"${name}"`), 1, a.output);
  }
  assert.equal(await b.once(), 0, b.output);
  assert.equal(b.count('"d"'), 1, b.output);
  assert.equal(b.read("inner link"), "1");
  assert.deepEqual(filesBelow(outside), ["secret"]);
  assert.equal(Deno.readTextFileSync(`${outside}/secret`), "secret");
  assert.ok(!filesBelow(yard.relay).some((name) => name.includes("secret")));
});

Deno.test("W25, W27: a client name with a colon, and a bad pattern, are errors before anything is done", async () => {
  for (
    const [line, pattern] of [["client = a:b", /":"/], ["exclude = /(/", /exclude/]] as const
  ) {
    await using yard = new Yard();
    const a = yard.client("A");
    Deno.writeTextFileSync(
      a.config,
      Deno.readTextFileSync(a.config).replace(/client = A\n/, "") + `${line}\n`,
    );
    a.write("f", "1");
    assert.equal(await a.once(), 1, a.output);
    assert.match(a.output, pattern);
    assert.deepEqual(filesBelow(yard.relay), []);
  }
});
