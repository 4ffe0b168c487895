import assert from "node:assert/strict";
import { joined, openReader, readFrom, SourceFailure, withTimer } from "../../backends/streams.ts";

const failure = new Error("on purpose");
const isFailure = (thrown: unknown) => thrown instanceof SourceFailure && thrown.reason === failure;

Deno.test("what a source throws, opened or read, is told from other failures", async () => {
  const open = () => {
    throw failure;
  };
  assert.throws(() => openReader({ open }), isFailure);
  const broken = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(failure),
  });
  await assert.rejects(readFrom(openReader({ open: () => broken })), isFailure);
  const whole = openReader({ open: () => ReadableStream.from([new Uint8Array([1])]) });
  assert.deepEqual(await readFrom(whole), { done: false, value: new Uint8Array([1]) });
  assert.equal((await readFrom(whole)).done, true);
});

Deno.test("joined() puts chunks together", () => {
  const [a, b] = [new Uint8Array([1, 2]), new Uint8Array([3])];
  assert.deepEqual(joined([], 0), new Uint8Array());
  assert.deepEqual(joined([a], 2), a);
  assert.deepEqual(joined([a, b], 3), new Uint8Array([1, 2, 3]));
});

Deno.test("withTimer() tells what is late, and only that", async () => {
  const late: string[] = [];
  const { promise, resolve } = Promise.withResolvers<string>();
  assert.equal(await withTimer(Promise.resolve("a"), 1e6, () => late.push("a")), "a");
  const waited = withTimer(promise, 1, () => {
    late.push("b");
    resolve("b");
  });
  assert.equal(await waited, "b");
  assert.deepEqual(late, ["b"]);
});
