import assert from "node:assert/strict";
import { checkRoot, type RootFacts } from "../../../lib/local/root.ts";
import { type Scan, scanRepository } from "../../../lib/local/scan.ts";
import { failing, NO_FILTER, path, plant, withSmallDisk, withTree } from "./_tree.ts";

async function scanAll(root: string): Promise<Scan> {
  return await scanRepository(root, { filter: NO_FILTER });
}

Deno.test("checkRoot() tells what to remember, as plain data", async () => {
  await withTree(async (root) => {
    plant(root, { "a": "1", "sub/b": "2" });
    const facts = checkRoot(root, undefined, await scanAll(root));
    assert.equal(facts.device, Deno.lstatSync(root).dev);
    assert.equal(facts.isMountPoint, false);
    assert.equal(facts.hadFiles, true);
    assert.deepEqual([...facts.landmarks].sort(), ["a", "sub/b"]);
    const remembered: RootFacts = JSON.parse(JSON.stringify(facts));
    assert.deepEqual(checkRoot(root, remembered), facts);
  });
});

Deno.test("checkRoot() fails where there is no folder", async () => {
  await withTree((root) => {
    plant(root, { "file": "" });
    assert.throws(() => checkRoot(`${root}/none`, undefined), failing("no-repository"));
    assert.throws(() => checkRoot(`${root}/file`, undefined), failing("no-repository", /a file/));
  });
});

Deno.test("checkRoot() fails when all files are gone", async () => {
  await withTree(async (root) => {
    const empty = checkRoot(root, undefined, await scanAll(root));
    assert.equal(empty.hadFiles, false);
    checkRoot(root, empty, await scanAll(root));
    plant(root, { "a": "1", "b": "" });
    const facts = checkRoot(root, empty, await scanAll(root));
    Deno.removeSync(`${root}/a`);
    checkRoot(root, facts, await scanAll(root));
    Deno.removeSync(`${root}/b`);
    const scan = await scanAll(root);
    assert.throws(
      () => checkRoot(root, facts, scan),
      failing("no-repository", /holds none of them now/),
    );
  });
});

Deno.test("checkRoot() accepts a new device number if a known file stands there", async () => {
  await withTree(async (root) => {
    plant(root, { "a": "1", "b": "2" });
    const facts = checkRoot(root, undefined, await scanAll(root));
    const moved = { ...facts, device: facts.device + 1 };
    Deno.removeSync(`${root}/a`);
    assert.equal(checkRoot(root, moved, await scanAll(root)).device, facts.device);
    Deno.renameSync(`${root}/b`, `${root}/c`);
    assert.throws(() => checkRoot(root, moved), failing("no-repository", /another disk/));
  });
});

Deno.test("checkRoot() fails on a new device that is mounted otherwise, whatever stands there", async () => {
  await withTree(async (root) => {
    plant(root, { "a": "1" });
    const facts = checkRoot(root, undefined, await scanAll(root));
    const moved = { ...facts, device: facts.device + 1, isMountPoint: true };
    assert.throws(() => checkRoot(root, moved), failing("no-repository", /not mounted/));
    checkRoot(root, { ...moved, isMountPoint: undefined });
    checkRoot(root, { ...facts, isMountPoint: true });
  });
});

Deno.test("checkRoot() notices a disk that is mounted over the repository, or no more", async () => {
  await withTree(async (root) => {
    plant(root, { "a": "1" });
    const facts = checkRoot(root, undefined, await scanAll(root));
    await withSmallDisk("size=1m", async (disk) => {
      plant(disk, { "a": "1" });
      const mounted = checkRoot(disk, undefined, await scanAll(disk));
      assert.equal(mounted.isMountPoint, true);
      assert.throws(() => checkRoot(disk, facts), failing("no-repository", /is mounted there/));
      assert.throws(() => checkRoot(root, mounted), failing("no-repository", /not mounted/));
    });
  });
});

Deno.test("checkRoot() remembers a bounded number of files, spread over all", async () => {
  await withTree((root) => {
    const files = new Map(
      Array.from({ length: 1000 }, (_, i) => path(`f${i}`)).map((path) => [
        path,
        { path, sizeBytes: 0, modifiedMs: 0, changedMs: 0, inode: 0 },
      ]),
    );
    const { landmarks } = checkRoot(root, undefined, { files });
    assert.ok(landmarks.length > 32 && landmarks.length <= 64);
    assert.ok(landmarks.some((name) => name > "f9"));
  });
});
