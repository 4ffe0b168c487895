import assert from "node:assert/strict";
import { BackendError } from "../../../backends/backend.ts";
import { collect, noise } from "../../support/byte_streams.ts";
import { isSame, sourceOf } from "../../support/sources.ts";
import { assertAbsent, assertCode, assertStands, type Case, listing, name } from "./case.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Sizes around those of chunks, pages and buffers. */
const SIZES: readonly number[] = [
  0,
  1,
  ...[4 * KIB, 64 * KIB, 256 * KIB, MIB].flatMap((size) => [size - 1, size, size + 1]),
  3 * MIB + 7,
];

/** Claims about what is stored and read back. */
export const CONTENT: readonly Case[] = [
  {
    title: "put() and get() keep objects of every size",
    async run({ backend }) {
      for (const size of SIZES) {
        await backend.put(name(`size-${size}`), sourceOf(noise(size, size)));
      }
      for (const size of SIZES) {
        await assertStands(backend, `size-${size}`, noise(size, size));
      }
    },
  },
  {
    title: "put() takes streams of chunks of any size",
    async run({ backend }) {
      const bytes = noise(300 * KIB);
      for (const chunkBytes of [1023, 64 * KIB, MIB]) {
        await backend.put(name("chunks"), sourceOf(bytes, { chunkBytes }));
        await assertStands(backend, "chunks", bytes);
      }
    },
  },
  {
    title: "put() takes empty chunks",
    async run({ backend }) {
      const open = () => ReadableStream.from([new Uint8Array(), noise(3), new Uint8Array()]);
      await backend.put(name("gaps"), { sizeBytes: 3, open });
      await assertStands(backend, "gaps", noise(3));
    },
  },
  {
    title: "put() replaces an object by a shorter, a longer and an empty one",
    async run({ backend }) {
      for (const size of [500 * KIB, 10, 300 * KIB, 0]) {
        await backend.put(name("f"), sourceOf(noise(size, size)));
        await assertStands(backend, "f", noise(size, size));
      }
      assert.equal((await listing(backend)).size, 1);
    },
  },
  {
    title: "what is missing is not found, in a missing folder either",
    async run({ backend }) {
      for (const text of ["missing", "no/such/folder/missing"]) {
        await assertAbsent(backend, text);
        assert.equal(await backend.remove(name(text)), false);
      }
      assert.equal((await listing(backend)).size, 0);
    },
  },
  {
    title: "remove() removes one object once",
    async run({ backend }) {
      await backend.put(name("d/a"), sourceOf(noise(1)));
      await backend.put(name("d/b"), sourceOf(noise(2)));
      assert.equal(await backend.remove(name("d/a")), true);
      assert.equal(await backend.remove(name("d/a")), false);
      await assertAbsent(backend, "d/a");
      await assertStands(backend, "d/b", noise(2));
    },
  },
  {
    title: "create() stores only where there is no object",
    async run({ backend }) {
      assert.equal(await backend.create(name("d/lock"), noise(40, 1)), true);
      assert.equal(await backend.create(name("d/lock"), noise(50, 2)), false);
      await assertStands(backend, "d/lock", noise(40, 1));
      assert.equal(await backend.remove(name("d/lock")), true);
      assert.equal(await backend.create(name("d/lock"), new Uint8Array()), true);
      assert.equal(await backend.create(name("d/lock"), noise(60, 3)), false);
      await assertStands(backend, "d/lock", new Uint8Array());
    },
  },
  {
    title: "read() takes objects up to maxBytes",
    async run({ backend }) {
      await backend.put(name("f"), sourceOf(noise(1000)));
      await backend.put(name("empty"), sourceOf(new Uint8Array()));
      await assertCode("too-large", () => backend.read(name("f"), { maxBytes: 999 }));
      const bytes = await backend.read(name("f"), { maxBytes: 1000 });
      assert.ok(isSame(bytes, noise(1000)));
      assert.equal((await backend.read(name("empty"), { maxBytes: 0 })).length, 0);
    },
  },
  {
    title: "get() can be cancelled midway",
    async run({ backend }) {
      const bytes = noise(8 * MIB);
      await backend.put(name("large"), sourceOf(bytes));
      for (let i = 0; i < 5; i++) {
        const reader = (await backend.get(name("large"))).getReader();
        await reader.read();
        await reader.cancel();
      }
      await (await backend.get(name("large"))).cancel();
      await assertStands(backend, "large", bytes);
    },
  },
  {
    title: "get() ends with the abort of its signal",
    async run({ backend }) {
      await backend.put(name("large"), sourceOf(noise(16 * MIB)));
      const controller = new AbortController();
      const content = await backend.get(name("large"), { signal: controller.signal });
      const reader = content.getReader();
      await reader.read();
      controller.abort();
      await assert.rejects(async () => {
        while (!(await reader.read()).done);
      }, { name: "AbortError" });
    },
  },
  {
    title: "get() gives the old version whole, or fails, when it is replaced midway",
    lacks: (traits) => traits.atomicReplace ? undefined : "a replace is not atomic",
    async run({ backend }) {
      for (const size of [100 * KIB, 8 * MIB]) {
        const old = noise(size, 1);
        await backend.put(name("f"), sourceOf(old));
        const content = await backend.get(name("f"));
        await backend.put(name("f"), sourceOf(noise(size, 2)));
        try {
          assert.ok(isSame(await collect(content), old), "the content is mixed");
        } catch (thrown) {
          if (!(thrown instanceof BackendError)) throw thrown;
        }
        await assertStands(backend, "f", noise(size, 2));
      }
    },
  },
  {
    title: "stat() tells what list() tells",
    async run({ backend, timeSlackMs }) {
      for (const text of ["a", "d/b", "d/e/c", "d/.c.lock"]) {
        await backend.put(name(text), sourceOf(noise(text.length)));
      }
      const infos = await listing(backend);
      assert.equal(infos.size, 4);
      for (const { modifiedMs, ...listed } of infos.values()) {
        const { modifiedMs: toldMs, ...told } = await backend.stat(listed.name) ?? {};
        assert.deepEqual(told, listed);
        assert.equal(modifiedMs !== undefined, backend.traits.timePrecisionMs !== undefined);
        assert.equal(toldMs !== undefined, modifiedMs !== undefined);
        assert.ok(Math.abs((toldMs ?? 0) - (modifiedMs ?? 0)) <= timeSlackMs, `${toldMs}`);
      }
    },
  },
  {
    title: "an object's time does not go back",
    lacks: ({ timePrecisionMs }) => timePrecisionMs === undefined ? "it has no times" : undefined,
    async run({ backend }) {
      let lastMs = 0;
      for (let i = 0; i < 20; i++) {
        await backend.put(name("f"), sourceOf(noise(10, i)));
        const ms = (await backend.stat(name("f")))?.modifiedMs ?? NaN;
        assert.ok(ms >= lastMs, `${ms} after ${lastMs}`);
        lastMs = ms;
      }
    },
  },
  {
    title: "tags differ between versions of equal size",
    async run({ backend, skip }) {
      const tags = new Set<string>();
      for (let i = 0; i < 50; i++) {
        await backend.put(name("f"), sourceOf(noise(10, i)));
        const tag = (await backend.stat(name("f")))?.tag;
        if (tag === undefined) return await skip("it has no tags");
        tags.add(tag);
      }
      assert.equal(tags.size, 50);
    },
  },
  {
    title: "flush() succeeds after every kind of change",
    async run({ backend }) {
      await backend.flush();
      await backend.put(name("kept"), sourceOf(noise(5)));
      await backend.put(name("d/removed"), sourceOf(noise(5)));
      await backend.create(name("d/.lock"), noise(5));
      await backend.remove(name("d/removed"));
      await backend.makeFolder(name("gone"));
      await backend.removeFolder(name("gone"));
      await backend.flush();
      await assertStands(backend, "kept", noise(5));
    },
  },
  {
    title: "space() tells bytes if the traits say so",
    async run({ backend }) {
      const space = await backend.space();
      const told = [space.usedBytes, space.freeBytes].filter((it) => it !== undefined);
      assert.equal(told.length > 0, backend.traits.knowsSpace);
      for (const bytes of told) assert.ok(Number.isSafeInteger(bytes) && bytes >= 0);
    },
  },
  {
    title: "disposing twice does nothing more",
    async run({ relay }) {
      const backend = await relay.open();
      backend.watch?.(() => {}, new AbortController().signal);
      await backend[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    },
  },
  {
    title: "what one client writes and removes, another sees",
    async run({ backend, relay }) {
      await using other = await relay.open();
      await backend.put(name("d/f"), sourceOf(noise(100)));
      await relay.settle?.();
      await assertStands(other, "d/f", noise(100));
      assert.deepEqual([...(await listing(other)).keys()], ["d/f"]);
      await other.remove(name("d/f"));
      await relay.settle?.();
      await assertAbsent(backend, "d/f");
      assert.equal((await listing(backend)).size, 0);
    },
  },
];
