import assert from "node:assert/strict";
import { decodeBzip2 } from "../../../lib/archive/bzip2_decode.ts";
import { compressHere } from "../../../lib/archive/bzip2_encode.ts";
import { CompressionClient, serveCompression } from "../../../lib/archive/bzip2_port.ts";
import { collect, noise, streamOf, utf8 } from "../../support/byte_streams.ts";

function decode(data: Uint8Array): Promise<Uint8Array> {
  return collect(ReadableStream.from(decodeBzip2(streamOf(data))));
}

Deno.test("a worker without permissions compresses for several clients", async () => {
  const entry = new URL("../../../lib/archive/bzip2_worker.ts", import.meta.url);
  const worker = new Worker(entry, { type: "module", deno: { permissions: "none" } });
  const clients = [1, 2].map(() => {
    const { port1, port2 } = new MessageChannel();
    worker.postMessage({ port: port2 }, [port2]);
    return new CompressionClient(port1);
  });
  try {
    const blocks = Array.from({ length: 6 }, (_, i) => noise(50_000, i + 1));
    const packed = await Promise.all(blocks.map((block, i) => clients[i % 2]?.compress(block)));
    for (const [i, data] of packed.entries()) {
      assert.deepEqual(await decode(data ?? new Uint8Array(0)), blocks[i]);
      assert.equal(blocks[i]?.length, 50_000, "the block stays with its owner");
    }
  } finally {
    for (const client of clients) client[Symbol.dispose]();
    worker.terminate();
  }
});

Deno.test("a client settles answers that come in another order", async () => {
  const { port1, port2 } = new MessageChannel();
  using client = new CompressionClient(port1);
  const first = Promise.withResolvers<void>();
  serveCompression(port2, async (block) => {
    if (block[0] === 1) await first.promise;
    return block.slice();
  });
  const slow = client.compress(Uint8Array.of(1));
  assert.deepEqual(await client.compress(Uint8Array.of(2)), Uint8Array.of(2));
  first.resolve();
  assert.deepEqual(await slow, Uint8Array.of(1));
  port2.close();
});

Deno.test("a client hears of a failure on the other side", async () => {
  const { port1, port2 } = new MessageChannel();
  using client = new CompressionClient(port1);
  serveCompression(port2, () => Promise.reject(new Error("libbz2 failed")));
  await assert.rejects(client.compress(utf8("x")), { code: "internal", message: "libbz2 failed" });
  port2.close();
});

Deno.test("a client gives up on a side that does not answer, once and for all", async () => {
  const { port1, port2 } = new MessageChannel();
  using client = new CompressionClient(port1, { patienceMs: 5 });
  const calls = [client.compress(utf8("x")), client.compress(utf8("y"))];
  for (const call of calls) await assert.rejects(call, { code: "internal" });
  await assert.rejects(client.compress(utf8("z")), { code: "internal" });
  port2.close();
});

Deno.test("disposing of a client fails what is under way", async () => {
  const { port1, port2 } = new MessageChannel();
  const client = new CompressionClient(port1);
  const call = client.compress(utf8("x"));
  client[Symbol.dispose]();
  client[Symbol.dispose]();
  await assert.rejects(call, { code: "internal" });
  port2.close();
});

Deno.test("both sides skip messages that are none of theirs", async () => {
  const { port1, port2 } = new MessageChannel();
  serveCompression(port2, compressHere);
  for (const junk of [null, 1, "x", {}, { id: 1 }, { id: "1", block: utf8("x") }, { block: 2 }]) {
    port1.postMessage(junk);
  }
  using client = new CompressionClient(port1);
  for (const junk of [null, { id: 1 }, { id: 1, packed: "x" }, { id: 77, packed: utf8("x") }]) {
    port2.postMessage(junk);
  }
  assert.deepEqual(await decode(await client.compress(utf8("content"))), utf8("content"));
  port2.close();
});
