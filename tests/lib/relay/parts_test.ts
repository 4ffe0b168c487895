import assert from "node:assert/strict";
import { parseObjectName } from "../../../backends/backend.ts";
import { MemoryStore, openMemory } from "../../../backends/memory.ts";
import { listParts, placeOf } from "../../../lib/relay/parts.ts";
import { sourceOf } from "../../support/sources.ts";

Deno.test("placeOf() tells by the name what lock covers an object, and what is written first", () => {
  const table: readonly (readonly [name: string, ...place: readonly unknown[]])[] = [
    ["a.txt", "placeholder", ".a.txt.lock", 0],
    ["dir/.a.txt.placeholder", "placeholder", "dir/.a.txt.lock", 2],
    [".0.1500000000.data", "index", ".0.lock", 0],
    [".photos.index", "index", ".photos.lock", 1],
    [".0.1500000000.index", "index", ".0.lock", 2],
  ];
  for (const [name, layout, lock, rank] of table) {
    assert.deepEqual(placeOf(parseObjectName(name)), { kind: "part", layout, lock, rank }, name);
  }
  for (const name of [".0.lock", "dir/.a.lock"]) {
    assert.equal(placeOf(parseObjectName(name)).kind, "lock", name);
  }
  for (const name of [".mine", "dir/.x.message", ".escale-copy", "dir/.0.index"]) {
    assert.equal(placeOf(parseObjectName(name)).kind, "other", name);
  }
});

Deno.test("listParts() puts together what one lock covers, contents first", async () => {
  const backend = openMemory(new MemoryStore());
  for (const name of [".a.placeholder", "a", "d/.b.placeholder", ".c.lock", ".mine"]) {
    await backend.put(parseObjectName(name), sourceOf(new Uint8Array(3)));
  }
  const { parts, locks, others } = await listParts(backend, {
    signal: new AbortController().signal,
  });
  const found = [...parts].map(([lock, { objects }]) => [lock, objects.map(({ name }) => name)]);
  assert.deepEqual(Object.fromEntries(found), {
    ".a.lock": ["a", ".a.placeholder"],
    "d/.b.lock": ["d/.b.placeholder"],
  });
  assert.deepEqual([...locks.keys()], [".c.lock"]);
  assert.deepEqual(others.map(({ name }) => name), [".mine"]);
});
