import assert from "node:assert/strict";
import { clearSpool, spool, type SpooledContent } from "../../../lib/local/spool.ts";

async function bytesOf(content: SpooledContent): Promise<Uint8Array> {
  return new Uint8Array(await new Response(content.open()).arrayBuffer());
}

function chunks(count: number): ReadableStream<Uint8Array> {
  return ReadableStream.from(
    Array.from({ length: count }, (_, at) => new Uint8Array(1000).fill(at)),
  );
}

async function inFolder(work: (place: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(`${folder}/spool`);
    assert.deepEqual([...Deno.readDirSync(folder)], [], "nothing is left");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function isThere(place: string): boolean {
  try {
    return Deno.statSync(place).isFile;
  } catch {
    return false;
  }
}

Deno.test("spool() holds a content in memory or in a file, to be read again and again", () =>
  inFolder(async (place) => {
    const expected = await new Response(chunks(7)).bytes();
    for (const memoryBytes of [7000, 6999, 0]) {
      using held = await spool(chunks(7), place, { memoryBytes });
      assert.equal(held.sizeBytes, 7000);
      assert.equal(isThere(place), memoryBytes < 7000);
      assert.equal(held.bytes !== undefined, memoryBytes === 7000);
      for (let i = 0; i < 2; i++) assert.deepEqual(await bytesOf(held), expected);
      await held.open().cancel();
    }
  }));

Deno.test("spool() keeps the file for the user alone", () =>
  inFolder(async (place) => {
    using _held = await spool(chunks(2), place, { memoryBytes: 0 });
    assert.equal((Deno.statSync(place).mode ?? 0) & 0o777, 0o600);
  }));

Deno.test("spool() leaves nothing when the content fails, and throws what it failed with", () =>
  inFolder(async (place) => {
    const failure = new Error("broken");
    const content = ReadableStream.from((async function* () {
      yield* chunks(3);
      throw failure;
    })());
    await assert.rejects(spool(content, place, { memoryBytes: 0 }), failure);
  }));

Deno.test("spool() overwrites what an earlier run left, and clearSpool() removes it", () =>
  inFolder(async (place) => {
    await Deno.writeTextFile(place, "left".repeat(5000));
    {
      using held = await spool(chunks(1), place, { memoryBytes: 0 });
      assert.equal((await bytesOf(held)).length, 1000);
    }
    await Deno.writeTextFile(place, "left");
    clearSpool(place);
    clearSpool(place);
  }));

Deno.test("spool() says that the file cannot be written", () =>
  inFolder(async (place) => {
    await assert.rejects(spool(chunks(1), `${place}/none`, { memoryBytes: 0 }), {
      name: "EscaleError",
      message: /Cannot write ".*spool\/none"/,
    });
  }));

Deno.test("spool() foresees that a disk will be full, says where, and leaves nothing", () =>
  inFolder(async (place) => {
    const MIB = 1024 * 1024;
    const block = new Uint8Array(MIB);
    let taken = 0;
    const content = (count: number) =>
      ReadableStream.from((function* () {
        for (taken = 0; taken < count; taken++) yield block;
      })());
    // A tenth has come after a MiB: about nine are still to come, and less than half of them would fit.
    const options = { memoryBytes: 0, share: () => 0.1, freeBytes: () => 20 * MIB };
    await assert.rejects(spool(content(10), place, options), {
      code: "full",
      message: /^Cannot hold .* in ".*\/spool": about 25 MiB more are needed, and 20 MiB are free/,
    });
    assert.equal(taken, 0);
    // So much more may yet turn out to fit.
    using held = await spool(content(10), place, { ...options, freeBytes: () => 21 * MIB });
    assert.equal(held.sizeBytes, 10 * MIB);
  }));

Deno.test("spool() looks at the disk again while it fills", () =>
  inFolder(async (place) => {
    const block = new Uint8Array(1024 * 1024);
    let looks = 0;
    const content = ReadableStream.from(Array.from({ length: 70 }, () => block));
    const freeBytes = () => ++looks < 3 ? Infinity : 0;
    await assert.rejects(spool(content, place, { memoryBytes: 0, freeBytes }), { code: "full" });
    assert.equal(looks, 3);
  }));
