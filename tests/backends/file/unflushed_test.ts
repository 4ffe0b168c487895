import assert from "node:assert/strict";
import { type FolderName, parseObjectName } from "../../../backends/backend.ts";
import { Unflushed } from "../../../backends/file/_unflushed.ts";

/** What a flush synchronises, in its order. */
async function flushed(unflushed: Unflushed, signal?: AbortSignal): Promise<string[]> {
  const names: string[] = [];
  const pathOf = (name: FolderName) => {
    names.push(name);
    return import.meta.filename ?? "";
  };
  await unflushed.flush(pathOf, signal);
  return names;
}

Deno.test("flush() synchronises each file and then each folder, once", async () => {
  const unflushed = new Unflushed();
  assert.deepEqual(await flushed(unflushed), []);
  for (const text of ["a/b/f", "a/b/f", "a/b/g", "h"]) unflushed.written(parseObjectName(text));
  for (const text of ["a/b", "a"]) unflushed.changed(parseObjectName(text));
  assert.deepEqual(await flushed(unflushed), ["a/b/f", "a/b/g", "h", "a/b", "", "a"]);
  assert.deepEqual(await flushed(unflushed), []);
});

Deno.test("flush() synchronises many files", async () => {
  const unflushed = new Unflushed();
  const names = Array.from({ length: 200 }, (_, i) => parseObjectName(`d/${i}`));
  for (const name of names) unflushed.written(name);
  assert.deepEqual((await flushed(unflushed)).sort(), [...names, "d"].sort());
});

Deno.test("flush() that is aborted keeps what it has not done", async () => {
  const unflushed = new Unflushed();
  unflushed.written(parseObjectName("f"));
  await assert.rejects(flushed(unflushed, AbortSignal.abort()), { name: "AbortError" });
  assert.deepEqual(await flushed(unflushed), ["f", ""]);
});

Deno.test("flush() leaves a write that comes during it to the next one", async () => {
  const unflushed = new Unflushed();
  const f = parseObjectName("f");
  unflushed.written(f);
  const writing = (name: FolderName) => {
    if (name === f) unflushed.written(f);
    return import.meta.filename ?? "";
  };
  await unflushed.flush(writing, undefined);
  assert.deepEqual(await flushed(unflushed), ["f"]);
});

Deno.test("flush() waits for what an earlier one has in hand", async () => {
  const unflushed = new Unflushed();
  unflushed.written(parseObjectName("f"));
  const ended: string[] = [];
  const first = flushed(unflushed).then(() => ended.push("first"));
  const second = flushed(unflushed).then(() => ended.push("second"));
  await Promise.all([first, second]);
  assert.deepEqual(ended, ["first", "second"]);
});

Deno.test("flush() after a failed one does its work", async () => {
  const unflushed = new Unflushed();
  unflushed.written(parseObjectName("f"));
  const failed = flushed(unflushed, AbortSignal.abort());
  const next = flushed(unflushed);
  await assert.rejects(failed, { name: "AbortError" });
  assert.deepEqual(await next, ["f", ""]);
});
