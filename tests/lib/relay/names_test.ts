import assert from "node:assert/strict";
import { isRelativePath, parseRelativePath } from "../../../lib/path.ts";
import { classify, guardName, lockName, placeholderName } from "../../../lib/relay/names.ts";
import { readGolden } from "../../support/golden.ts";

interface GoldenName {
  readonly path: string;
  readonly placeholder: string;
  readonly lock: string;
  readonly is_lock: boolean;
  readonly is_placeholder: boolean;
  readonly is_special: boolean;
  readonly from_special: string | null;
}

const GOLDEN = readGolden<readonly GoldenName[]>("special_names.json");

Deno.test("placeholderName() and lockName() name what 0.7 names, for all names that are synchronised", () => {
  let count = 0;
  for (const { path, placeholder, lock } of GOLDEN) {
    if (!isRelativePath(path)) continue;
    const resource = parseRelativePath(path);
    assert.equal(placeholderName(resource), placeholder);
    assert.equal(lockName(resource), lock);
    count++;
  }
  assert.ok(count >= 15);
});

Deno.test("classify() tells special names from others as 0.7 does, with its deliberate differences", () => {
  // Ours are stricter: a name whose file could not be synchronised is nobody's lock or placeholder, messages are
  // reserved and never read, and objects of the index layout are known by their names.
  const differences: Record<string, string> = {
    ".lock": "other",
    ".placeholder": "other",
    "..lock": "other",
    ".a.txt.message": "other",
    ".hidden": "other",
    ".0.index": "index",
    ".0.123.data": "index",
    "/abs/f": "other",
    "dir/": "other",
  };
  for (const { path, is_lock, is_placeholder, is_special, from_special } of GOLDEN) {
    const kind = classify(path);
    const difference = differences[path];
    if (difference !== undefined) {
      assert.deepEqual(kind, { kind: difference }, path);
      continue;
    }
    assert.equal(kind.kind === "lock", is_lock, path);
    assert.equal(kind.kind === "placeholder", is_placeholder, path);
    assert.equal(kind.kind === "content", !is_special, path);
    if (from_special !== null) assert.equal("resource" in kind && kind.resource, from_special);
  }
});

Deno.test("classify() gives back what the names were made of", () => {
  for (const path of ["a", "d/e.txt", "x.lock", "x.placeholder", "été/漢 字", "a b ", "-"]) {
    const resource = parseRelativePath(path);
    assert.deepEqual(classify(resource), { kind: "content", resource });
    assert.deepEqual(classify(placeholderName(resource)), { kind: "placeholder", resource });
    assert.deepEqual(classify(lockName(resource)), { kind: "lock", resource });
  }
});

Deno.test("classify() leaves hostile and foreign names alone", () => {
  for (
    const name of [
      "",
      ".",
      "..",
      "../f",
      "d/../f",
      "d/../.f.lock",
      "d//f",
      ".d/f",
      ".d/.f.lock",
      "..f.lock",
      "d/..f.placeholder",
      "f\0g",
      ".f\0.lock",
      "\ud800",
      ".f.guard",
      ".f.taker",
      ".f.LOCK",
      "d/.0.index",
      `${"x".repeat(256)}`,
    ]
  ) {
    assert.deepEqual(classify(name), { kind: "other" }, JSON.stringify(name));
  }
});

Deno.test("guardName() is a name that 0.7 and classify() take for nothing", () => {
  const guard = guardName(lockName(parseRelativePath("d/f.lock")));
  assert.equal(guard, "d/.f.lock.guard");
  assert.deepEqual(classify(guard), { kind: "other" });
});
