import assert from "node:assert/strict";
import { noise } from "../../support/byte_streams.ts";
import { sourceOf } from "../../support/sources.ts";
import { assertAbsent, assertCode, assertStands, type Case, name, namesIn } from "./case.ts";

/** Claims about folders. */
export const FOLDERS: readonly Case[] = [
  {
    title: "list() gives a folder, or all below it",
    async run({ backend }) {
      const texts = ["top", "a/one", "a/two", "a/b/three", "a/b/c/d/e/four", "z/five"];
      for (const text of texts) await backend.put(name(text), sourceOf(noise(3)));
      assert.deepEqual(await namesIn(backend), texts.toSorted());
      assert.deepEqual(await namesIn(backend, "", false), ["top"]);
      assert.deepEqual(await namesIn(backend, name("a"), false), ["a/one", "a/two"]);
      assert.deepEqual(await namesIn(backend, name("a/b")), ["a/b/c/d/e/four", "a/b/three"]);
      assert.deepEqual(await namesIn(backend, name("a/b/c"), false), []);
    },
  },
  {
    title: "list() of what is missing or no folder is empty",
    async run({ backend }) {
      await backend.put(name("object"), sourceOf(noise(3)));
      for (const text of ["missing", "missing/below", "object", "object/below"]) {
        assert.deepEqual(await namesIn(backend, name(text)), [], text);
        assert.deepEqual(await namesIn(backend, name(text), false), [], text);
      }
      await backend.remove(name("object"));
      assert.deepEqual(await namesIn(backend), []);
    },
  },
  {
    title: "list() keeps on when its loop is left early",
    async run({ backend }) {
      for (let i = 0; i < 20; i++) await backend.put(name(`f${i}`), sourceOf(noise(1)));
      for await (const info of backend.list("")) {
        assert.equal(info.sizeBytes, 1);
        break;
      }
      assert.equal((await namesIn(backend)).length, 20);
    },
  },
  {
    title: "list() bears changes while it runs",
    async run({ backend }) {
      const names = Array.from({ length: 60 }, (_, i) => `d${i % 6}/f${i}`);
      for (const text of names) await backend.put(name(text), sourceOf(noise(1)));
      const seen = new Set<string>();
      for await (const info of backend.list("", { recursive: true })) {
        seen.add(info.name);
        if (seen.size !== 1) continue;
        for (const text of names.slice(0, 30)) await backend.remove(name(text));
      }
      for (const text of names.slice(30)) assert.ok(seen.has(text), `"${text}" is not listed`);
    },
  },
  {
    title: "makeFolder() makes a folder once, and those above it",
    async run({ backend }) {
      assert.equal(await backend.makeFolder(name("a/b/.guard")), true);
      assert.equal(await backend.makeFolder(name("a/b/.guard")), false);
      assert.equal(await backend.makeFolder(name("a/b")), false);
      await backend.put(name("object"), sourceOf(noise(3)));
      assert.equal(await backend.makeFolder(name("object")), false);
      await assertStands(backend, "object", noise(3));
      assert.deepEqual(await namesIn(backend), ["object"]);
    },
  },
  {
    title: "removeFolder() removes empty folders only",
    async run({ backend }) {
      await backend.makeFolder(name("empty"));
      assert.equal(await backend.removeFolder(name("empty")), true);
      assert.equal(await backend.removeFolder(name("empty")), false);
      assert.equal(await backend.removeFolder(name("no/such")), false);
      await backend.put(name("full/object"), sourceOf(noise(3)));
      await assertCode(undefined, () => backend.removeFolder(name("full")));
      assert.equal(await backend.removeFolder(name("full/object")), false);
      await assertStands(backend, "full/object", noise(3));
      assert.equal(await backend.makeFolder(name("empty")), true);
    },
  },
  {
    title: "a folder removed by another client is made again",
    async run({ backend, relay }) {
      await using other = await relay.open();
      for (let i = 0; i < 5; i++) {
        const text = `d/e/${i}`;
        await backend.put(name(text), sourceOf(noise(i)));
        await backend.remove(name(text));
        await relay.settle?.();
        await other.removeFolder(name("d/e"));
        await other.removeFolder(name("d"));
      }
      await backend.put(name("d/e/f"), sourceOf(noise(9)));
      await other.removeFolder(name("x"));
      await assertStands(backend, "d/e/f", noise(9));
    },
  },
  {
    title: "a folder is no object",
    async run({ backend }) {
      await backend.put(name("x/y"), sourceOf(noise(3)));
      await assertCode(undefined, () => backend.put(name("x"), sourceOf(noise(1))));
      await assertCode(undefined, () => backend.put(name("x"), sourceOf(noise(400_000))));
      await assertAbsent(backend, "x");
      assert.equal(await backend.remove(name("x")), false);
      assert.equal(await backend.create(name("x"), noise(1)).catch(() => false), false);
      await assertStands(backend, "x/y", noise(3));
      assert.deepEqual(await namesIn(backend), ["x/y"]);
    },
  },
  {
    title: "an object is no folder",
    async run({ backend }) {
      await backend.put(name("o"), sourceOf(noise(3)));
      await assertCode(undefined, () => backend.put(name("o/p"), sourceOf(noise(1))));
      await assertCode(undefined, () => backend.put(name("o/p/q"), sourceOf(noise(400_000))));
      await assertCode(undefined, () => backend.create(name("o/p"), noise(1)));
      await assertCode(undefined, () => backend.makeFolder(name("o/p")));
      await assertAbsent(backend, "o/p");
      assert.equal(await backend.remove(name("o/p")), false);
      await assertStands(backend, "o", noise(3));
      assert.deepEqual(await namesIn(backend), ["o"]);
    },
  },
];
