import assert from "node:assert/strict";
import { BackendError } from "../../../backends/backend.ts";
import { openFile } from "../../../backends/file/mod.ts";
import { mountTmpfs } from "../../support/mount.ts";
import { makeSection } from "../../support/sections.ts";
import { skip } from "../../support/skip.ts";
import { sourceOf } from "../../support/sources.ts";
import { name } from "../cases/case.ts";

Deno.test("nothing is written below the mount point of a relay that was just unmounted", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    await using disk = mountTmpfs(folder, "1m");
    if (disk === undefined) return skip("a disk cannot be mounted here");
    await using backend = await openFile({ ...makeSection().relay, folder });
    const bytes = new Uint8Array([1]);
    assert.equal(await backend.create(name("before"), bytes), true);
    disk.unmount();
    const isAway = (thrown: unknown) =>
      thrown instanceof BackendError && thrown.code === "unavailable";
    await assert.rejects(backend.create(name(".f.lock"), bytes), isAway);
    await assert.rejects(backend.put(name("d/f"), sourceOf(bytes)), isAway);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  } finally {
    Deno.removeSync(folder);
  }
});
