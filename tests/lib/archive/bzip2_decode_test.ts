import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeBzip2 } from "../../../lib/archive/bzip2_decode.ts";
import { compressHere } from "../../../lib/archive/bzip2_encode.ts";
import { EscaleError } from "../../../lib/errors.ts";
import { chunkSizes, collect, noise, streamOf, utf8 } from "../../support/byte_streams.ts";
import { runTool, testWithTools } from "../../support/tools.ts";

const EMPTY = Uint8Array.fromHex("425a683917724538509000000000");
/** "hello" and a newline, by bzip2 1.0.8. */
const HELLO = Uint8Array.fromHex(
  "425a6839314159265359c1c080e2000001410000100244a00030cd00c3462997177245385090c1c080e2",
);

function decode(data: Uint8Array, sizes: readonly number[] = [65536]): Promise<Uint8Array> {
  return collect(ReadableStream.from(decodeBzip2(streamOf(data, sizes))));
}

function isCorrupt(error: unknown): boolean {
  return error instanceof EscaleError && error.code === "corrupt";
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(...parts.flatMap((part) => [...part]));
}

/** Text with long and short runs, repeats and all bytes. */
function mixture(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = noise(sizeBytes, 7);
  for (let at = 0; at + 700 < sizeBytes; at += 1000) {
    bytes.fill(at % 256, at, at + at % 700);
    bytes.copyWithin(at + 300, at / 2, at / 2 + 200);
  }
  return bytes;
}

Deno.test("decodeBzip2() reads streams that bzip2 wrote", async () => {
  assert.deepEqual(await decode(EMPTY), new Uint8Array(0));
  assert.deepEqual(await decode(HELLO), utf8("hello\n"));
  assert.deepEqual(await decode(HELLO, [1]), utf8("hello\n"));
});

Deno.test("decodeBzip2() joins streams, empty ones among them", async () => {
  const data = join(EMPTY, HELLO, EMPTY, EMPTY, HELLO);
  assert.deepEqual(await decode(data), utf8("hello\nhello\n"));
  assert.deepEqual(await decode(data, [1]), utf8("hello\nhello\n"));
});

Deno.test("decodeBzip2() expands runs of every length", async () => {
  for (const lengths of [[1, 2, 3, 4, 5], [254, 255, 256], [258, 259, 260], [4, 4, 4], [70000]]) {
    const plain = join(...lengths.map((length, i) => new Uint8Array(length).fill(i % 2)));
    assert.deepEqual(await decode(await compressHere(plain)), plain, `${lengths}`);
  }
});

Deno.test("decodeBzip2() undoes compressHere() for any content in any chunks", async () => {
  const letters = fc.array(fc.constantFrom(0, 1, 255), { maxLength: 3000, size: "max" });
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 3000, size: "max" }),
    letters.map((values) => Uint8Array.from(values)),
    fc.nat(20000).map(mixture),
  );
  await fc.assert(
    fc.asyncProperty(content, chunkSizes, async (plain, sizes) => {
      assert.deepEqual(await decode(await compressHere(plain), sizes), plain);
    }),
    { numRuns: 100 },
  );
});

Deno.test("decodeBzip2() refuses data cut anywhere", async () => {
  const data = join(HELLO, await compressHere(mixture(150)));
  for (let end = 0; end < data.length; end++) {
    if (end === HELLO.length) continue;
    await assert.rejects(decode(data.subarray(0, end)), isCorrupt, `cut to ${end}`);
  }
});

Deno.test("decodeBzip2() refuses data with any bit changed, or no byte of it differs", async () => {
  const plain = mixture(150);
  const data = await compressHere(plain);
  let refused = 0;
  for (let bit = 0; bit < 8 * data.length; bit++) {
    const changed = data.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
    try {
      // What no checksum covers: the level, codes that are not used, what fills the last byte.
      assert.deepEqual(await decode(changed), plain, `bit ${bit}`);
    } catch (error) {
      assert.ok(isCorrupt(error), `bit ${bit}: ${error}`);
      refused += 1;
    }
  }
  assert.ok(refused > 7 * data.length, `${refused} of ${8 * data.length}`);
});

Deno.test("decodeBzip2() refuses whatever else comes", async () => {
  const stale = HELLO.slice();
  stale[14] = 0x80 | (stale[14] ?? 0);
  const cases: readonly (readonly [Uint8Array, string])[] = [
    [new Uint8Array(0), "nothing"],
    [utf8("BZ"), "half a magic"],
    [utf8("BZh0"), "level 0"],
    [utf8("BZh:"), "level 10"],
    [utf8("bzh9"), "another magic"],
    [noise(5000), "noise"],
    [join(HELLO, utf8("x")), "something behind"],
    [join(HELLO, new Uint8Array(100)), "zeros behind"],
    [join(HELLO, utf8("\n"), HELLO), "something between"],
    [stale, "the randomised form"],
    [join(utf8("BZh9"), Uint8Array.fromHex("314159265359"), new Uint8Array(5000)), "zeros within"],
    [
      join(utf8("BZh9"), Uint8Array.fromHex("314159265359"), new Uint8Array(5000).fill(255)),
      "ones within",
    ],
  ];
  for (const [data, why] of cases) await assert.rejects(decode(data), isCorrupt, why);
});

Deno.test("decodeBzip2() only ever fails as corrupt", async () => {
  const data = await compressHere(mixture(3000));
  const change = fc.tuple(fc.nat(data.length - 1), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
      const changed = data.slice();
      for (const [at, byte] of changes) changed[at] = byte;
      await decode(changed).catch((error) => assert.ok(isCorrupt(error), `${error}`));
    }),
    { numRuns: 400 },
  );
});

Deno.test("decodeBzip2() gives up on a table that never ends", async () => {
  const bits = [
    bitsOf(0x314159265359, 48),
    bitsOf(0, 32 + 1 + 24), // checksum, not randomised, origin
    bitsOf(0x80008000, 32), // one byte in use
    bitsOf(2, 3), // tables
    bitsOf(1, 15), // selectors
    "0",
    bitsOf(5, 5), // the length of the first code, then up and down
    "1011".repeat(20),
  ].join("");
  const start = Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
  const more = new Uint8Array(6 << 20).fill(start.at(-1) ?? 0);
  const source = ReadableStream.from([utf8("BZh9"), start, more]);
  await assert.rejects(collect(ReadableStream.from(decodeBzip2(source))), isCorrupt);
});

function bitsOf(value: number, count: number): string {
  return value.toString(2).padStart(count, "0");
}

Deno.test("decodeBzip2() gives a bomb piece by piece, and no more of it than is asked for", async () => {
  const bomb = await compressHere(new Uint8Array(899_000));
  assert.ok(bomb.length < 100);
  let taken = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      taken += 1;
      controller.enqueue(
        new Uint8Array(10_000 * bomb.length).map((_, i) => bomb[i % bomb.length] ?? 0),
      );
    },
  }, { highWaterMark: 0 });
  let given = 0;
  for await (const chunk of decodeBzip2(source)) {
    assert.ok(chunk.length <= 65536);
    given += chunk.length;
    if (given > 3_000_000) break;
  }
  assert.ok(given < 3_100_000);
  assert.ok(taken <= 3, `took ${taken} chunks`);
});

Deno.test("decodeBzip2() tells its source when it is left, and passes its failures on", async () => {
  let cancelled = 0;
  const data = await compressHere(mixture(500_000));
  const source = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(data),
    cancel: () => {
      cancelled += 1;
    },
  });
  for await (const chunk of decodeBzip2(source)) if (chunk.length > 0) break;
  assert.equal(cancelled, 1);
  const failure = new Error("the source failed");
  const failing = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(failure) });
  await assert.rejects(collect(ReadableStream.from(decodeBzip2(failing))), failure);
});

testWithTools(["bzip2"], "decodeBzip2() reads what bzip2 writes at every level", async () => {
  const plain = mixture(1_300_000);
  for (const level of ["-1", "-2", "-5", "-9"]) {
    const data = await runTool(["bzip2", "-c", level], { input: plain });
    assert.deepEqual(await decode(data), plain, level);
  }
});
