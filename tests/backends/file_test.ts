import assert from "node:assert/strict";
import { type Backend, parseObjectName } from "../../backends/backend.ts";
import { type Mount, mountTmpfs } from "../support/mount.ts";
import { collect, noise } from "../support/byte_streams.ts";
import { skip } from "../support/skip.ts";
import { heldSource, sourceOf } from "../support/sources.ts";
import { assertAbsent, assertCode, assertStands, name, namesIn } from "./cases/case.ts";
import { conformance } from "./conformance.ts";
import { open, startFile, TempFolder } from "./file/_folder.ts";

const SMALL = 5000;
const LARGE = 800_000;

conformance("file", {
  start: startFile,
  cannotName: (text) =>
    Deno.build.os === "windows" && /[<>:"|?*\\\t\n\r]|[ .]$|^(con|aux\.txt)$/.test(text)
      ? "Windows keeps such names for itself"
      : undefined,
});

Deno.test("openFile() of a missing folder fails and does not make it", async () => {
  await using folder = new TempFolder();
  const error = await assertCode("not-found", () => open(`${folder.relay}/missing`));
  assert.match(error.hint ?? "", /^Create the folder/);
  assert.deepEqual([...Deno.readDirSync(folder.relay)], []);
  Deno.writeTextFileSync(`${folder.relay}/file`, "");
  await assertCode("not-found", () => open(`${folder.relay}/file`));
  await assertCode("not-found", () => open(""));
});

Deno.test("openFile() leaves nothing behind", async () => {
  await using folder = new TempFolder();
  await using backend = await open(folder.relay);
  assert.deepEqual([...Deno.readDirSync(folder.relay)], []);
  assert.equal(backend.traits.timePrecisionMs, 10);
});

Deno.test("put() and create() leave no temporary file", async () => {
  await using folder = new TempFolder();
  await using backend = await open(folder.relay);
  const failing = sourceOf(noise(LARGE), { error: new Error("The source failed") });
  await assert.rejects(backend.put(name("f"), { ...failing, sizeBytes: LARGE + 1 }));
  await assert.rejects(backend.put(name("f"), { ...failing, sizeBytes: LARGE - 1 }));
  await backend.put(name("f"), sourceOf(noise(LARGE)));
  await assert.rejects(backend.put(name("f/g"), sourceOf(noise(LARGE))));
  await backend.put(name("small"), sourceOf(noise(SMALL)));
  await backend.create(name("lock"), noise(5));
  await backend.create(name("lock"), noise(6));
  const left = [...Deno.readDirSync(folder.relay)].map((it) => it.name).sort();
  assert.deepEqual(left, ["f", "lock", "small"]);
});

Deno.test("links below the relay's folder are never followed", async () => {
  await using folder = new TempFolder();
  const outside = `${folder.path}/outside`;
  Deno.mkdirSync(outside);
  Deno.writeTextFileSync(`${outside}/secret`, "secret");
  Deno.symlinkSync(outside, `${folder.relay}/dir`);
  Deno.symlinkSync(`${outside}/secret`, `${folder.relay}/file`);
  Deno.symlinkSync(`${outside}/new`, `${folder.relay}/dangling`);
  await using backend = await open(folder.relay);

  assert.deepEqual(await namesIn(backend), []);
  assert.deepEqual(await namesIn(backend, name("dir")), []);
  for (const text of ["dir", "file", "dangling", "dir/secret", "dir/new"]) {
    await assertAbsent(backend, text);
    assert.equal(await backend.remove(name(text)), false);
    assert.equal(await backend.removeFolder(name(text)), false);
  }
  for (const size of [SMALL, LARGE]) {
    await assertCode("exists", () => backend.put(name("dir/new"), sourceOf(noise(size))));
    await backend.put(name("file"), sourceOf(noise(size)));
    await assertStands(backend, "file", noise(size));
  }
  await assertCode("exists", () => backend.create(name("dir/new"), noise(5)));
  assert.equal(await backend.create(name("dangling"), noise(5)), false);
  await assertCode("exists", () => backend.makeFolder(name("dir/sub/sub")));

  assert.deepEqual([...Deno.readDirSync(outside)].map((it) => it.name), ["secret"]);
  assert.equal(Deno.readTextFileSync(`${outside}/secret`), "secret");
});

Deno.test("flush() bears what was removed or swapped for a link meanwhile", async () => {
  await using folder = new TempFolder();
  await using backend = await open(folder.relay);
  for (const text of ["removed", "gone/f", "swapped", "kept/f"]) {
    await backend.put(name(text), sourceOf(noise(SMALL)));
  }
  Deno.removeSync(`${folder.relay}/removed`);
  Deno.removeSync(`${folder.relay}/gone`, { recursive: true });
  Deno.removeSync(`${folder.relay}/swapped`);
  Deno.symlinkSync("/dev/full", `${folder.relay}/swapped`);
  await backend.flush();
  await assertStands(backend, "kept/f", noise(SMALL));
});

Deno.test("the relay's own folder may be a link", async () => {
  await using folder = new TempFolder();
  Deno.symlinkSync(folder.relay, `${folder.path}/link`);
  await using backend = await open(`${folder.path}/link`);
  await backend.put(name("f"), sourceOf(noise(3)));
  assert.deepEqual(await namesIn(backend), ["f"]);
});

Deno.test({
  name: "a pipe is no object and blocks nobody",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = new TempFolder();
    new Deno.Command("mkfifo", { args: [`${folder.relay}/pipe`] }).outputSync();
    await using backend = await open(folder.relay);
    assert.deepEqual(await namesIn(backend), []);
    await assertAbsent(backend, "pipe");
    assert.equal(await backend.remove(name("pipe")), false);
  },
});

Deno.test("list() hides temporary files, and removes them when a day old", async () => {
  await using folder = new TempFolder();
  const young = `${folder.relay}/d/.escale-0123456789abcdef.tmp`;
  const old = `${folder.relay}/d/.escale-fedcba9876543210.tmp`;
  const other = `${folder.relay}/d/.other.tmp`;
  await using backend = await open(folder.relay);
  Deno.mkdirSync(`${folder.relay}/d`);
  for (const path of [young, old, other]) Deno.writeTextFileSync(path, "part");
  const yesterday = Date.now() / 1000 - 24 * 60 * 60 - 60;
  for (const path of [old, other]) Deno.utimeSync(path, yesterday, yesterday);
  assert.deepEqual(await namesIn(backend), ["d/.other.tmp"]);
  const left = [...Deno.readDirSync(`${folder.relay}/d`)].map((it) => it.name).sort();
  assert.deepEqual(left, [".escale-0123456789abcdef.tmp", ".other.tmp"]);
});

Deno.test("names of temporary files are refused", async () => {
  await using folder = new TempFolder();
  await using backend = await open(folder.relay);
  const text = name("d/.escale-0123456789abcdef.tmp");
  await assertCode("invalid-name", () => backend.put(text, sourceOf(noise(1))));
  await assertCode("invalid-name", () => backend.create(text, noise(1)));
  await assertCode("invalid-name", () => backend.makeFolder(text));
});

Deno.test("get() fails if the file is written to in place", async () => {
  await using folder = new TempFolder();
  await using backend = await open(folder.relay);
  await backend.put(name("f"), sourceOf(noise(LARGE)));
  const grown = await backend.get(name("f"));
  Deno.writeFileSync(`${folder.relay}/f`, noise(10), { append: true });
  await assertCode("unavailable", () => collect(grown));
  const cut = await backend.get(name("f"));
  Deno.truncateSync(`${folder.relay}/f`, LARGE / 2);
  const error = await assertCode("protocol", () => collect(cut));
  assert.ok(error.retryable);
});

Deno.test("put() leaves zeros out of large objects, and keeps their length", async () => {
  await using folder = new TempFolder();
  await using backend = await open(folder.relay);
  const [zeros, text] = [new Uint8Array(512 * 1024), noise(10)];
  for (const chunks of [[zeros, zeros], [text, zeros], [zeros, text], [zeros, text, zeros, text]]) {
    const whole = new Uint8Array(await new Blob(chunks).arrayBuffer());
    await backend.put(name("f"), {
      sizeBytes: whole.length,
      open: () => ReadableStream.from(chunks),
    });
    await assertStands(backend, "f", whole);
    const { blocks } = Deno.statSync(`${folder.relay}/f`);
    if (blocks !== null) assert.ok(blocks * 512 <= 64 * 1024, `${blocks} blocks`);
  }
});

Deno.test("put() fails if its folder is removed midway", async () => {
  await using folder = new TempFolder();
  await using backend = await open(folder.relay);
  const source = heldSource(noise(LARGE));
  const put = backend.put(name("d/f"), source);
  await source.reached;
  Deno.removeSync(`${folder.relay}/d`, { recursive: true });
  source.letGo();
  const error = await assertCode("unavailable", () => put);
  assert.ok(error.retryable);
  await backend.put(name("d/f"), sourceOf(noise(LARGE)));
  await assertStands(backend, "d/f", noise(LARGE));
});

Deno.test("calls fail for good once the relay's folder is removed", async () => {
  await using folder = new TempFolder();
  await using backend = await open(folder.relay);
  await backend.put(name("d/f"), sourceOf(noise(3)));
  Deno.removeSync(folder.relay, { recursive: true });
  for (const size of [SMALL, LARGE]) {
    const error = await assertCode(
      "unavailable",
      () => backend.put(name("d/g"), sourceOf(noise(size))),
    );
    assert.equal(error.retryable, false);
  }
  await assertCode("unavailable", () => backend.create(name("d/lock"), noise(3)));
  await assertCode("unavailable", () => backend.stat(name("d/f")));
  await backend.flush();
  assert.deepEqual([...Deno.readDirSync(folder.path)], []);
});

Deno.test("calls without end let the event loop turn", async () => {
  await using relay = startFile();
  await using backend = await relay.open();
  let isWaiting = true;
  const deadlineMs = performance.now() + 20_000;
  const timer = setTimeout(() => isWaiting = false, 0);
  const loops = [
    async () => await backend.stat(name("f")),
    async () => await backend.put(name("g"), sourceOf(noise(10))),
    async () => await Array.fromAsync(backend.list("")),
  ];
  await Promise.all(loops.map(async (call) => {
    while (isWaiting && performance.now() < deadlineMs) await call();
  }));
  clearTimeout(timer);
  assert.ok(!isWaiting, "the timer did not run");
});

Deno.test("watch() tells of another client's put, and ends with its signal", async () => {
  await using relay = startFile();
  await using backend = await relay.open();
  await using other = await relay.open();
  const controller = new AbortController();
  const heard = Promise.withResolvers<void>();
  const deadline = setTimeout(() => heard.reject(new Error("Nothing was heard")), 20_000);
  backend.watch?.(heard.resolve, controller.signal);
  await other.put(name("f"), sourceOf(noise(3)));
  await heard.promise.finally(() => clearTimeout(deadline));
  controller.abort();
});

Deno.test("watch() that fails is traced and not thrown", async () => {
  await using folder = new TempFolder();
  const lines: string[] = [];
  await using backend = await open(folder.relay, { trace: (line) => lines.push(line) });
  Deno.removeSync(folder.relay);
  backend.watch?.(() => {}, new AbortController().signal);
  await backend[Symbol.asyncDispose]();
  assert.match(lines.join(), /^watch .* failed/);
});

Deno.test("permission for the relay's folder is all that is needed", async () => {
  await using folder = new TempFolder();
  const script = `
    import { openFile } from ${JSON.stringify(import.meta.resolve("../../backends/file/mod.ts"))};
    await using it = await openFile({ protocol: "file", folder: Deno.args[0] });
    const bytes = new Uint8Array(400_000);
    await it.put("d/f", { sizeBytes: bytes.length, open: () => ReadableStream.from([bytes]) });
    console.log(await it.create("d/lock", bytes.subarray(5)), (await it.stat("d/f")).sizeBytes);
    for await (const { name } of it.list("", { recursive: true })) console.log(name);
    for await (const chunk of await it.get("d/f")) console.log(chunk.length);
    await it.flush();
    console.log(await it.remove("d/f"), it.traits.knowsSpace, await it.space());
  `;
  const file = `${folder.path}/script.js`;
  Deno.writeTextFileSync(file, script);
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--quiet",
      "--no-check",
      `--allow-read=${folder.relay}`,
      `--allow-write=${folder.relay}`,
      file,
      folder.relay,
    ],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.equal(new TextDecoder().decode(stderr), "");
  assert.deepEqual(text.trim().split("\n").toSorted(), [
    "137856",
    "262144",
    "d/f",
    "d/lock",
    "true 400000",
    "true false {}",
  ]);
});

/** Registers a test in a file system of its own, which takes root on Linux. */
function mountTest(title: string, run: (mount: Mount, backend: Backend) => Promise<void>): void {
  Deno.test(title, async () => {
    await using folder = new TempFolder();
    await using mount = mountTmpfs(folder.relay, "2m");
    if (mount === undefined) return skip("file systems cannot be mounted here");
    await using backend = await open(folder.relay);
    await run(mount, backend);
  });
}

mountTest("a full disk is told, and nothing is lost or left", async (_mount, backend) => {
  const f = name("f");
  await backend.put(f, sourceOf(noise(SMALL)));
  await backend.put(name("filler"), sourceOf(noise(1_300_000)));
  for (const text of ["f", "new"]) {
    await assertCode("full", () => backend.put(name(text), sourceOf(noise(LARGE))));
  }
  const space = await backend.space();
  assert.ok((space.freeBytes ?? 0) > 600_000, "a part was left behind");
  await backend.put(name("rest"), sourceOf(noise(Math.floor((space.freeBytes ?? 0) * 0.97))));
  await assertCode("full", () => backend.put(f, sourceOf(noise(200_000))));
  await assertCode("full", () => backend.create(name("lock"), noise(200_000)));
  await assertStands(backend, "f", noise(SMALL));
  assert.deepEqual(await namesIn(backend), ["f", "filler", "rest"]);
  await backend.remove(name("filler"));
  await backend.put(f, sourceOf(noise(LARGE)));
  await assertStands(backend, "f", noise(LARGE));
});

mountTest("a read-only relay can be read and says denied", async (mount, backend) => {
  await backend.put(name("d/f"), sourceOf(noise(SMALL)));
  mount.makeReadOnly();
  await using fresh = await open(mount.path);
  for (const client of [backend, fresh]) {
    for (const size of [SMALL, LARGE]) {
      await assertCode("denied", () => client.put(name("d/f"), sourceOf(noise(size))));
    }
    await assertCode("denied", () => client.create(name("d/lock"), noise(3)));
    await assertCode("denied", () => client.remove(name("d/f")));
    await assertCode("denied", () => client.makeFolder(name("new/folder")));
    await assertStands(client, "d/f", noise(SMALL));
    assert.deepEqual(await namesIn(client), ["d/f"]);
  }
});

mountTest("an unmounted relay is never taken for an empty one", async (mount, backend) => {
  await backend.put(name("d/f"), sourceOf(noise(SMALL)));
  mount.unmount();
  const error = await assertCode("unavailable", () => namesIn(backend));
  assert.equal(error.retryable, false);
  await assertCode("unavailable", () => backend.stat(parseObjectName("d/f")));
  await assertCode("unavailable", () => backend.read(name("d/f"), { maxBytes: SMALL }));
  await assertCode("unavailable", () => backend.remove(name("d/f")));
});
