import assert from "node:assert/strict";
import { parseRelativePath } from "../../../lib/path.ts";
import { listConflicts, resolveConflict } from "../../../lib/sync/conflicts.ts";
import { type TestClient, World } from "../../support/engine.ts";

const never = new AbortController().signal;

/** Two clients that have changed the same file. */
async function conflicting(world: World): Promise<[TestClient, TestClient]> {
  const [a, b] = [world.client("a"), world.client("b")];
  a.write("dir/x.txt", "first", 1_600_000_000);
  await world.settle([a, b]);
  a.write("dir/x.txt", "by a", 1_600_000_100);
  b.write("dir/x.txt", "by b", 1_600_000_200);
  await world.settle([a, b]);
  return [a, b];
}

Deno.test("listConflicts() tells whose version each copy is, and of what", async () => {
  using world = new World();
  const [a] = await conflicting(world);
  const [copy, ...others] = await listConflicts(a.section, never);
  assert.deepEqual(others, []);
  assert(copy !== undefined);
  assert.deepEqual(
    { ...copy, path: "" },
    {
      path: "",
      original: "dir/x.txt",
      originalStands: true,
      client: "a",
      timeMs: 1_600_000_100_000,
      sizeBytes: 4,
    },
  );
  assert.equal(a.read(copy.path), "by a");
});

Deno.test("resolveConflict() gives a copy its original's name, and that is passed on", async () => {
  using world = new World();
  const [a, b] = await conflicting(world);
  const [copy] = await listConflicts(a.section, never);
  assert(copy !== undefined);
  resolveConflict(a.section, copy.path, "use");
  assert.deepEqual(a.tree(), { "dir/x.txt": "by a" });
  resolveConflict(b.section, copy.path, "drop");
  await world.settle([a, b]);
  assert.deepEqual(b.tree(), { "dir/x.txt": "by a" });
  assert.deepEqual(a.tree(), b.tree());
});

Deno.test("resolveConflict() leaves what is no conflict copy, and the last version of a file", async () => {
  using world = new World();
  const [a] = await conflicting(world);
  const [copy] = await listConflicts(a.section, never);
  assert(copy !== undefined);
  const before = a.tree();
  for (const choice of ["use", "drop"] as const) {
    const path = parseRelativePath("dir/x.txt");
    assert.throws(() => resolveConflict(a.section, path, choice), { code: "usage" });
    const none = parseRelativePath(copy.path.replace("x", "y"));
    assert.throws(() => resolveConflict(a.section, none, choice), { code: "usage" });
  }
  assert.deepEqual(a.tree(), before);
  a.remove("dir/x.txt");
  assert.throws(() => resolveConflict(a.section, copy.path, "drop"), { code: "refused" });
  assert.equal((await listConflicts(a.section, never))[0]?.originalStands, false);
  resolveConflict(a.section, copy.path, "use");
  assert.deepEqual(a.tree(), { "dir/x.txt": "by a" });
});
