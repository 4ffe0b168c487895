import assert from "node:assert/strict";
import { mock } from "node:test";
import { noise } from "../../support/byte_streams.ts";
import { sourceOf } from "../../support/sources.ts";
import { assertAbsent, assertStands, name, namesIn } from "../cases/case.ts";
import { open, startFile, TempFolder } from "./_folder.ts";

Deno.test("create() is exclusive where there are no hard links", async () => {
  await using relay = startFile();
  await using backend = await relay.open();
  const noLinks = mock.method(Deno, "linkSync", () => {
    throw Object.assign(new Error("Operation not permitted"), { code: "EPERM" });
  });
  try {
    for (let round = 0; round < 20; round++) {
      const made = await Promise.all([1, 2, 3].map((i) => {
        return backend.create(name(`locks/${round}`), noise(9, i));
      }));
      assert.equal(made.filter((it) => it).length, 1);
      await assertStands(backend, `locks/${round}`, noise(9, made.indexOf(true) + 1));
    }
  } finally {
    noLinks.mock.restore();
  }
  assert.ok(noLinks.mock.callCount() > 0);
  assert.equal((await namesIn(backend)).length, 20);
});

Deno.test("create() sees that its link was made though the reply was lost", async () => {
  await using relay = startFile();
  await using backend = await relay.open();
  const link = Deno.linkSync;
  const lossy = mock.method(Deno, "linkSync", (from: string, to: string) => {
    link(from, to);
    throw Object.assign(new Error("File exists"), { code: "EEXIST" });
  });
  try {
    assert.equal(await backend.create(name("lock"), noise(9)), true);
  } finally {
    lossy.mock.restore();
  }
  await assertStands(backend, "lock", noise(9));
});

Deno.test("create() of shareable objects makes one file of them, and each goes its own way", async () => {
  await using folder = new TempFolder();
  await using backend = await open(folder.relay);
  await using other = await open(folder.relay);
  const share = (text: string, seed: number) =>
    backend.create(name(text), noise(9, seed), { isShareable: true });
  assert.deepEqual([await share("d/a", 1), await share("e/b", 1), await share("c", 2)], [
    true,
    true,
    true,
  ]);
  const inodeOf = (path: string) => Deno.statSync(`${folder.relay}/${path}`).ino;
  if (Deno.build.os !== "windows") assert.equal(inodeOf("d/a"), inodeOf("e/b"));
  assert.notEqual(inodeOf("d/a"), inodeOf("c"));
  assert.equal(await share("d/a", 2), false);
  assert.equal(await other.create(name("e/b"), noise(9, 3), { isShareable: true }), false);
  await other.put(name("d/a"), sourceOf(noise(7, 4)));
  await assertStands(other, "d/a", noise(7, 4));
  await assertStands(other, "e/b", noise(9, 1));
  assert.equal(await other.remove(name("e/b")), true);
  await assertAbsent(other, "e/b");
});

Deno.test("create() of shareable objects goes on when the one to share is gone or replaced", async () => {
  await using folder = new TempFolder();
  await using backend = await open(folder.relay);
  await using other = await open(folder.relay);
  const share = (text: string) => backend.create(name(text), noise(9), { isShareable: true });
  assert.ok(await share("a"));
  await backend.remove(name("a"));
  assert.ok(await share("b"));
  await other.put(name("b"), sourceOf(noise(9, 7)));
  assert.ok(await share("c"));
  assert.ok(await share("d"));
  for (const text of ["c", "d"]) await assertStands(backend, text, noise(9));
  await assertStands(backend, "b", noise(9, 7));
  const left = [...Deno.readDirSync(folder.relay)].map((entry) => entry.name).sort();
  assert.deepEqual(left, ["b", "c", "d"]);
});
