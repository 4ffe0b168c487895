import assert from "node:assert/strict";
import { decodeBzip2 } from "../../../lib/archive/bzip2_decode.ts";
import {
  BZIP2_BLOCK_BYTES,
  type CompressBlock,
  compressHere,
  compressWithPool,
} from "../../../lib/archive/bzip2_encode.ts";
import { collect, noise, streamOf, utf8 } from "../../support/byte_streams.ts";
import { runTool, testWithTools } from "../../support/tools.ts";

function decode(data: Uint8Array): Promise<Uint8Array> {
  return collect(ReadableStream.from(decodeBzip2(streamOf(data))));
}

/** Contents that are hard for a block sorter, each as long as a block may be. */
function hardBlocks(): readonly (readonly [string, Uint8Array])[] {
  const pairs = new Uint8Array(BZIP2_BLOCK_BYTES).map((_, i) => i & 1);
  const fours = new Uint8Array(BZIP2_BLOCK_BYTES).map((_, i) => i >> 2 & 255);
  return [
    ["noise", noise(BZIP2_BLOCK_BYTES)],
    ["zeros", new Uint8Array(BZIP2_BLOCK_BYTES)],
    ["pairs", pairs],
    ["runs of four", fours],
  ];
}

Deno.test("compressHere() compresses blocks up to the largest, whatever is in them", async () => {
  for (const [why, block] of hardBlocks()) {
    assert.deepEqual(await decode(await compressHere(block)), block, why);
  }
  assert.deepEqual(await decode(await compressHere(new Uint8Array(0))), new Uint8Array(0));
});

Deno.test("compressHere() refuses a block that is too large, and goes on with the next", async () => {
  const large = new Uint8Array(BZIP2_BLOCK_BYTES + 1);
  await assert.rejects(compressHere(large), { code: "internal" });
  assert.deepEqual(await decode(await compressHere(utf8("next"))), utf8("next"));
});

Deno.test("compressHere() answers calls that overlap, each with its own block", async () => {
  const blocks = Array.from({ length: 10 }, (_, i) => noise(1000, i + 1));
  const packed = await Promise.all(blocks.map(compressHere));
  for (const [i, data] of packed.entries()) assert.deepEqual(await decode(data), blocks[i]);
});

Deno.test("compressHere() gives other work its turn between blocks", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  for (let i = 0; i < 5; i++) await compressHere(noise(200_000));
  clearInterval(timer);
  assert.ok(turns >= 2, `${turns} turns`);
});

testWithTools(["bzip2"], "bzip2 accepts what compressHere() makes", async () => {
  const parts = [noise(BZIP2_BLOCK_BYTES), utf8("x"), new Uint8Array(0), new Uint8Array(5000)];
  const packed = await Promise.all(parts.map(compressHere));
  const data = await collect(ReadableStream.from(packed));
  await runTool(["bzip2", "-t"], { input: data });
  const plain = await collect(ReadableStream.from(parts));
  assert.deepEqual(await runTool(["bzip2", "-dc"], { input: data }), plain);
});

Deno.test("compressWithPool() gives each block to the compressor with the fewest", async () => {
  const pending: PromiseWithResolvers<Uint8Array>[][] = [[], []];
  const compressors = pending.map((calls): CompressBlock => () => {
    const call = Promise.withResolvers<Uint8Array>();
    calls.push(call);
    return call.promise;
  });
  const compress = compressWithPool(compressors);
  const results = [1, 2, 3, 4].map((byte) => compress(Uint8Array.of(byte)));
  assert.deepEqual(pending.map((calls) => calls.length), [2, 2]);
  for (const call of pending[0] ?? []) call.resolve(utf8("done"));
  await results[0];
  await results[2];
  const fifth = compress(Uint8Array.of(5));
  assert.deepEqual(pending.map((calls) => calls.length), [3, 2]);
  for (const call of pending.flat()) call.resolve(utf8("done"));
  await Promise.all([...results, fifth]);
});

Deno.test("compressWithPool() compresses here what a compressor fails at, and leaves that one out", async () => {
  let calls = 0;
  const compress = compressWithPool([() => {
    calls += 1;
    return Promise.reject(new Error("gone"));
  }]);
  for (let i = 0; i < 3; i++) assert.deepEqual(await decode(await compress(utf8("a"))), utf8("a"));
  assert.equal(calls, 1);
});
