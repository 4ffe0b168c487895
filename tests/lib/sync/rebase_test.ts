import assert from "node:assert/strict";
import { silentLog } from "../../../lib/log.ts";
import { lookAtMoved, rememberRoot } from "../../../lib/sync/rebase.ts";
import { openState } from "../../../lib/sync/toolbox.ts";
import { type TestClient, World } from "../../support/engine.ts";

async function rebase(client: TestClient, moved: TestClient, acceptsMissing = false) {
  using state = openState(client.section, { log: silentLog });
  const signal = new AbortController().signal;
  const { scan, files, missing } = await lookAtMoved(client.section, moved.section, {
    ...{ state, acceptsMissing, signal },
  });
  rememberRoot(moved.section, scan, state);
  return { files, missing };
}

async function moving(world: World): Promise<{ old: TestClient; moved: TestClient }> {
  const old = world.client("a");
  for (const name of ["x", "y", "deleted"]) old.write(name, name);
  await world.settle([old, world.client("b")]);
  old.remove("deleted");
  await old.once();
  const localPath = `${world.root}/moved`;
  return { old, moved: old.with({ localPath }) };
}

Deno.test("a client whose files were moved goes on as before", async () => {
  using world = new World();
  const { old, moved } = await moving(world);
  Deno.renameSync(old.section.localPath, moved.section.localPath);
  await assert.rejects(
    rebase(old, moved),
    { code: "refused" },
    "deleted before or lost on the way",
  );
  assert.deepEqual(await rebase(old, moved, true), { files: 2, missing: 1 });
  const { result, actions } = await moved.once();
  assert.deepEqual([result, actions], [{ outcome: "done" }, []]);
});

Deno.test("a client whose files were copied does not miss what it had deleted before", async () => {
  using world = new World();
  const { old, moved } = await moving(world);
  Deno.mkdirSync(moved.section.localPath);
  for (const name of ["x", "y"]) moved.write(name, name);
  assert.deepEqual(await rebase(old, moved), { files: 2, missing: 0 });
  assert.deepEqual((await moved.once()).actions, []);
});

Deno.test("a folder that lacks files of the repository is refused, and one that is not there", async () => {
  using world = new World();
  const { old, moved } = await moving(world);
  await assert.rejects(rebase(old, moved), { code: "no-repository" });
  Deno.mkdirSync(moved.section.localPath);
  await assert.rejects(rebase(old, moved), { code: "refused" });
  moved.write("x", "x");
  await assert.rejects(rebase(old, moved), { code: "refused" });
  const { result, actions } = await old.once();
  assert.deepEqual([result, actions], [{ outcome: "done" }, []]);
});
