import assert from "node:assert/strict";
import fc from "fast-check";
import { gzipSync, zstdCompressSync } from "node:zlib";
import {
  compress,
  compressBytes,
  type Compression,
  COMPRESSIONS,
  decompress,
  decompressBytes,
  detectCompression,
} from "../../../lib/archive/codec.ts";
import { EscaleError } from "../../../lib/errors.ts";
import {
  chunkSizes,
  collect,
  endlessStream,
  noise,
  streamOf,
  utf8,
} from "../../support/byte_streams.ts";
import { runTool, testWithTools } from "../../support/tools.ts";

const MAX = { maxBytes: 1 << 30, allowPlain: true };
const PACKED = COMPRESSIONS.filter((compression) => compression !== "none");

/** Text that shrinks, with something in it that does not. */
function content(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sizeBytes).map((_, i) => 97 + (i * i >> 7) % 20);
  bytes.set(noise(sizeBytes >> 2), sizeBytes >> 1);
  return bytes;
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function hasCode(...codes: readonly string[]): (error: unknown) => boolean {
  return (error) => error instanceof EscaleError && codes.includes(error.code);
}

function unpack(data: Uint8Array, sizes?: readonly number[]): Promise<Uint8Array> {
  return collect(decompress(streamOf(data, sizes), MAX));
}

for (const compression of COMPRESSIONS) {
  Deno.test(`${compression}: what is compressed in any chunks is decompressed from any chunks`, async () => {
    const property = fc.asyncProperty(
      fc.oneof(fc.nat(4000).map(content), fc.uint8Array({ maxLength: 2000, size: "max" })),
      chunkSizes,
      chunkSizes,
      async (plain, in1, in2) => {
        const packed = await collect(compress(streamOf(plain, in1), { compression }));
        assert.deepEqual(await unpack(packed, in2), plain);
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });

  Deno.test(`${compression}: contents around the size of a block`, async () => {
    for (
      const size of [0, 1, 898_999, 899_000, 899_001, 1_048_575, 1_048_576, 1_048_577, 2_500_000]
    ) {
      const plain = content(size);
      const packed = await compressBytes(plain, { compression });
      assert.equal(detectCompression(packed) ?? "none", compression);
      assert.deepEqual(await decompressBytes(packed, MAX), plain, `${size}`);
    }
  });

  Deno.test(`${compression}: no more than maxBytes come out`, async () => {
    const packed = await compressBytes(new Uint8Array(5_000_000), { compression });
    assert.equal(
      (await decompressBytes(packed, { ...MAX, maxBytes: 5_000_000 })).length,
      5_000_000,
    );
    await assert.rejects(
      decompressBytes(packed, { ...MAX, maxBytes: 4_999_999 }),
      hasCode("refused"),
    );
  });

  Deno.test(`${compression}: a failing source fails the stream with its own error`, async () => {
    const packed = await compressBytes(content(3_000_000), { compression });
    for (const run of [compress, decompress]) {
      const failure = new Error("the source failed");
      const broken = ReadableStream.from((async function* () {
        yield await Promise.resolve(packed.subarray(0, packed.length >> 1));
        throw failure;
      })());
      await assert.rejects(collect(run(broken, { compression, ...MAX })), failure);
    }
  });

  Deno.test(`${compression}: a stream that is left early tells its source`, async () => {
    const packed = await compressBytes(content(3_000_000), { compression });
    for (const run of [compress, decompress]) {
      let cancelled = 0;
      const source = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(packed),
        cancel: () => {
          cancelled += 1;
        },
      });
      const reader = run(source, { compression, ...MAX }).getReader();
      await reader.read();
      await reader.cancel();
      assert.equal(cancelled, 1);
    }
  });

  Deno.test(`${compression}: not much is taken before something is given`, async () => {
    const chunk = content(65536);
    const packedChunk = await compressBytes(content(1 << 20), { compression });
    for (const [run, chunks] of [[compress, chunk], [decompress, packedChunk]] as const) {
      let taken = 0;
      const source = endlessStream(64 << 20, chunks, (bytes) => taken += bytes);
      const reader = run(source, { compression, ...MAX }).getReader();
      await reader.read();
      assert.ok(taken < 4 << 20, `took ${taken} bytes`);
      await reader.cancel();
    }
  });
}

for (const compression of PACKED) {
  Deno.test(`${compression}: data cut anywhere is refused`, async () => {
    const one = await compressBytes(content(60), { compression });
    const data = join(one, one);
    for (let end = 5; end < data.length; end++) {
      if (end === one.length) continue;
      await assert.rejects(unpack(data.subarray(0, end)), hasCode("corrupt"), `cut to ${end}`);
      await assert.rejects(unpack(data.subarray(0, end), [1]), hasCode("corrupt"), `cut to ${end}`);
    }
  });

  Deno.test(`${compression}: data with any bit changed is refused or gives the same`, async () => {
    const plain = content(60);
    const data = await compressBytes(plain, { compression });
    for (let bit = 32; bit < 8 * data.length; bit++) {
      const changed = data.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        assert.deepEqual(await unpack(changed), plain, `bit ${bit}`);
      } catch (error) {
        assert.ok(hasCode("corrupt", "refused")(error), `bit ${bit}: ${error}`);
      }
    }
  });

  Deno.test(`${compression}: something behind the data is refused`, async () => {
    const data = await compressBytes(content(60), { compression });
    for (const more of [utf8("x"), utf8("garbage that is longer"), noise(500), utf8("BZh9")]) {
      await assert.rejects(unpack(join(data, more)), hasCode("corrupt"));
      await assert.rejects(unpack(join(data, more), [1]), hasCode("corrupt"));
    }
  });

  Deno.test(`${compression}: parts one behind the other are joined in any chunks`, async () => {
    const parts = [content(1000), new Uint8Array(0), content(10), content(3000)];
    const packed = await Promise.all(parts.map((part) => compressBytes(part, { compression })));
    const expected = join(...parts);
    for (const sizes of [[1], [7], [100000], [5, 1, 900]]) {
      assert.deepEqual(await unpack(join(...packed), sizes), expected, `${sizes}`);
    }
  });

  Deno.test(`${compression}: a bomb is stopped at the limit, after few bytes`, async () => {
    const bomb = await compressBytes(new Uint8Array(8 << 20), { compression });
    let taken = 0;
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        taken += bomb.length;
        controller.enqueue(bomb.slice());
      },
    });
    await assert.rejects(collect(decompress(source, { maxBytes: 64 << 20 })), hasCode("refused"));
    assert.ok(taken < 3 << 20, `took ${taken} bytes`);
  });
}

Deno.test("detectCompression() goes by the first bytes, and knows a tar archive by its own", () => {
  const tar = new Uint8Array(512);
  tar.set(utf8("BZh91AY&SY is a name"));
  tar.set(utf8("ustar"), 257);
  const cases: readonly (readonly [Uint8Array, Compression | undefined])[] = [
    [new Uint8Array(0), undefined],
    [utf8("B"), undefined],
    [utf8("BZh9"), "bz2"],
    [Uint8Array.of(0x1f, 0x8b), "gzip"],
    [Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd), "zstd"],
    [Uint8Array.of(0x28, 0xb5, 0x2f), undefined],
    [utf8("text"), undefined],
    [tar, "none"],
  ];
  for (const [head, expected] of cases) assert.equal(detectCompression(head), expected);
});

Deno.test("decompress() refuses what shows no form, unless plain contents are expected", async () => {
  for (const data of [new Uint8Array(0), utf8("BZ"), utf8("text"), new Uint8Array(1024)]) {
    await assert.rejects(decompressBytes(data, { maxBytes: 5000 }), hasCode("corrupt"));
    assert.deepEqual(await decompressBytes(data, MAX), data);
  }
});

Deno.test("decompress() leaves a tar archive alone whose first name looks compressed", async () => {
  const tar = new Uint8Array(1024);
  tar.set(utf8("BZh91AY&SY"));
  tar.set(utf8("ustar"), 257);
  for (const sizes of [[1], [300]]) assert.deepEqual(await unpack(tar, sizes), tar);
});

Deno.test("compress() starts as many blocks at a time as it may, and keeps their order", async () => {
  let underWay = 0;
  let most = 0;
  const packed = await collect(compress(streamOf(new Uint8Array(6 * 899_000)), {
    compression: "bz2",
    parallelBlocks: 3,
    compressBzip2: async (block) => {
      most = Math.max(most, ++underWay);
      await new Promise<void>((resolve) => setTimeout(resolve, block.length % 3));
      underWay -= 1;
      return Uint8Array.of(65 + most);
    },
  }));
  assert.equal(packed.length, 6);
  assert.equal(most, 3);
});

Deno.test("compress() fails with what a compressor fails with, and waits for the others", async () => {
  let calls = 0;
  let finished = 0;
  const failure = new Error("the compressor failed");
  const stream = compress(streamOf(new Uint8Array(4 * 899_000)), {
    compression: "bz2",
    parallelBlocks: 2,
    compressBzip2: async (block) => {
      if (++calls === 1) throw failure;
      await Promise.resolve();
      finished += 1;
      return block;
    },
  });
  await assert.rejects(collect(stream), failure);
  assert.equal(finished, calls - 1);
});

Deno.test("gzip stores what does not shrink", async () => {
  const packed = await compressBytes(noise(1 << 20), { compression: "gzip" });
  assert.ok(packed.length < (1 << 20) + 500, `${packed.length}`);
});

Deno.test("decompress() refuses a zstd frame that wants much memory", async () => {
  // A frame of RFC 8878 with the largest window that its header can ask for, and one empty block.
  const greedy = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff, 0x01, 0x00, 0x00);
  await assert.rejects(unpack(greedy), hasCode("refused"));
  const modest = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x40, 0x01, 0x00, 0x00);
  assert.deepEqual(await unpack(modest), new Uint8Array(0));
});

Deno.test("decompress() refuses wrong zstd structures", async () => {
  const magic = [0x28, 0xb5, 0x2f, 0xfd];
  const cases: readonly (readonly [readonly number[], string])[] = [
    [[...magic, 0x00, 0x40, 0x07, 0x00, 0x00], "a reserved block"],
    [[...magic, 0x00, 0x40, 0xff, 0xff, 0xfc], "a block of 2 MB"],
    [[...magic, 0x08, 0x40, 0x01, 0x00, 0x00], "a reserved bit"],
  ];
  for (const [bytes, why] of cases) {
    await assert.rejects(unpack(Uint8Array.from(bytes)), hasCode("corrupt"), why);
  }
});

Deno.test("decompress() reads frames and members of other programs' settings", async () => {
  const plain = content(3_000_000);
  assert.deepEqual(await unpack(new Uint8Array(zstdCompressSync(plain))), plain);
  assert.deepEqual(await unpack(new Uint8Array(gzipSync(plain, { level: 9 }))), plain);
});

testWithTools(["zstd"], "zstd and decompress() read each other", async () => {
  const plain = content(5_000_000);
  for (const args of [["-1"], ["-19"], ["--no-check"], ["--no-content-size"], ["--fast=5"]]) {
    const data = await runTool(["zstd", "-q", "-c", ...args], { input: plain });
    assert.deepEqual(await unpack(data), plain, `${args}`);
  }
  const packed = await compressBytes(plain, { compression: "zstd" });
  assert.deepEqual(await runTool(["zstd", "-q", "-dc"], { input: packed }), plain);
});

testWithTools(["gzip"], "gzip and decompress() read each other", async () => {
  const plain = content(3_000_000);
  const data = await runTool(["gzip", "-c", "-9"], { input: plain });
  assert.deepEqual(await unpack(data), plain);
  const packed = await compressBytes(join(plain, noise(2_000_000)), { compression: "gzip" });
  assert.deepEqual(
    await runTool(["gzip", "-dc"], { input: packed }),
    join(plain, noise(2_000_000)),
  );
});
