import assert from "node:assert/strict";
import { setTimeout as pass } from "node:timers/promises";
import { decodeBzip2 } from "../../../lib/archive/bzip2_decode.ts";
import { BZIP2_BLOCK_BYTES } from "../../../lib/archive/bzip2_encode.ts";
import { CompressorPool, type CompressorSource } from "../../../lib/archive/bzip2_pool.ts";
import { serveCompression } from "../../../lib/archive/bzip2_port.ts";
import { collect, streamOf, utf8 } from "../../support/byte_streams.ts";

const FULL = new Uint8Array(BZIP2_BLOCK_BYTES);

function decode(data: Uint8Array): Promise<Uint8Array> {
  return collect(ReadableStream.from(decodeBzip2(streamOf(data))));
}

/** Threads that this test plays: each marks with its number what it was given. */
function playThreads(count: number) {
  const calls: string[] = [];
  const ports: MessagePort[] = [];
  const released = Promise.withResolvers<void>();
  const source: CompressorSource = {
    open() {
      calls.push("open");
      const opened = Array.from({ length: count }, (_, number) => {
        const { port1, port2 } = new MessageChannel();
        serveCompression(port2, () => Promise.resolve(Uint8Array.of(number)));
        ports.push(port2);
        return port1;
      });
      return Promise.resolve(opened);
    },
    release() {
      calls.push("release");
      released.resolve();
    },
  };
  return {
    calls,
    source,
    released: released.promise,
    close: () => ports.forEach((it) => it.close()),
  };
}

Deno.test("full blocks are shared out among threads that are asked for once", async () => {
  const { calls, source, close } = playThreads(2);
  {
    using pool = new CompressorPool(source);
    const packed = await Promise.all([1, 2, 3, 4].map(() => pool.compress(FULL)));
    assert.deepEqual(packed.map(([number]) => number).sort(), [0, 0, 1, 1]);
    assert.deepEqual(calls, ["open"]);
  }
  assert.deepEqual(calls, ["open", "release"]);
  close();
});

Deno.test("a block that is not full is compressed here", async () => {
  const { calls, source } = playThreads(1);
  using pool = new CompressorPool(source);
  assert.deepEqual(await decode(await pool.compress(utf8("few"))), utf8("few"));
  assert.deepEqual(calls, []);
});

Deno.test("threads that have nothing to do are let go, and asked for again", async () => {
  const { calls, source, released, close } = playThreads(1);
  using pool = new CompressorPool(source, { idleMs: 1 });
  await pool.compress(FULL);
  await released;
  await pool.compress(FULL);
  assert.deepEqual(calls, ["open", "release", "open"]);
  close();
});

Deno.test("threads are not let go while a block is with them", async () => {
  const { port1, port2 } = new MessageChannel();
  const calls: string[] = [];
  const answer = Promise.withResolvers<Uint8Array>();
  serveCompression(port2, () => answer.promise);
  using pool = new CompressorPool({
    open: () => Promise.resolve([port1]),
    release: () => calls.push("release"),
  }, { idleMs: 0 });
  const packed = pool.compress(FULL);
  await pass(5);
  assert.deepEqual(calls, []);
  answer.resolve(utf8("packed"));
  assert.deepEqual(await packed, utf8("packed"));
  port2.close();
});

Deno.test("without threads, or where they fail, blocks are compressed here", async () => {
  const { port1, port2 } = new MessageChannel();
  serveCompression(port2, () => Promise.reject(new Error("out of memory")));
  for (const ports of [[], [port1]]) {
    using pool = new CompressorPool({ open: () => Promise.resolve(ports), release() {} });
    assert.deepEqual(await decode(await pool.compress(FULL)), FULL);
    assert.deepEqual(await decode(await pool.compress(FULL)), FULL);
  }
  port2.close();
});
