import assert from "node:assert/strict";
import { newFile, readFile } from "../../../lib/local/archive_file.ts";
import { failing, treeOf, withTree } from "./_tree.ts";

const content = (...parts: readonly string[]) =>
  ReadableStream.from(parts.map((part) => new TextEncoder().encode(part)));
const text = async (stream: ReadableStream<Uint8Array>) =>
  await new Response(stream.pipeThrough(new TransformStream())).text();

Deno.test("newFile() gives a file its name when it is complete, readable by its owner alone", async () => {
  await withTree(async (root) => {
    await using file = await newFile(`${root}/a.tar`);
    await file.write(content("first, ", "second"));
    assert.deepEqual(Object.keys(treeOf(root)).filter((name) => !name.startsWith(".")), []);
    assert.equal(await text(file.read()), "first, second");
    await file.finish();
    assert.deepEqual(treeOf(root), { "a.tar": "first, second" });
    assert.equal((Deno.statSync(`${root}/a.tar`).mode ?? 0) & 0o077, 0);
    assert.equal(await text(readFile(`${root}/a.tar`)), "first, second");
  });
});

Deno.test("newFile() leaves nothing of a file that is not finished, and replaces none", async () => {
  await withTree(async (root) => {
    const failed = ReadableStream.from((async function* () {
      yield new Uint8Array(10);
      throw new Error("the source fails");
    })());
    await assert.rejects(async () => {
      await using file = await newFile(`${root}/a.tar`);
      await file.write(failed);
    }, /the source fails/);
    assert.deepEqual(treeOf(root), {});
    await assert.rejects(async () => {
      await using file = await newFile(`${root}/a.tar`);
      Deno.writeTextFileSync(`${root}/a.tar`, "of another");
      await file.finish();
    }, failing("refused"));
    await assert.rejects(newFile(`${root}/a.tar`), failing("refused"));
    assert.deepEqual(treeOf(root), { "a.tar": "of another" });
  });
});
