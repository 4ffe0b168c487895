import assert from "node:assert/strict";
import { type Backend, BackendError, type CallOptions } from "../../../backends/backend.ts";
import { noise } from "../../support/byte_streams.ts";
import { heldSource, sourceOf } from "../../support/sources.ts";
import {
  assertCode,
  assertPutFails,
  assertStands,
  type Case,
  listing,
  name,
  namesIn,
} from "./case.ts";

const SMALL = 1000;
const LARGE = 3 * 1024 * 1024;

function isProtocol(thrown: unknown): void {
  assert.ok(thrown instanceof BackendError, String(thrown));
  assert.equal(thrown.code, "protocol");
}

/** Claims about what is left of calls that fail. */
export const FAILURES: readonly Case[] = [
  {
    title: "put() refuses a stream that ends early, and changes nothing",
    async run({ backend }) {
      await backend.put(name("old"), sourceOf(noise(10)));
      for (const size of [1, SMALL, LARGE]) {
        const source = sourceOf(noise(size - 1), { sizeBytes: size });
        await assertPutFails(backend, "old", { source, check: isProtocol });
        await assertPutFails(backend, "new", { source, check: isProtocol });
      }
    },
  },
  {
    title: "put() refuses a stream that ends late, and changes nothing",
    async run({ backend }) {
      await backend.put(name("old"), sourceOf(noise(10)));
      for (const size of [0, SMALL, LARGE]) {
        const source = sourceOf(noise(size + 1), { sizeBytes: size });
        await assertPutFails(backend, "old", { source, check: isProtocol });
        await assertPutFails(backend, "new", { source, check: isProtocol });
      }
    },
  },
  {
    title: "put() throws on what the stream throws, and changes nothing",
    async run({ backend }) {
      await backend.put(name("old"), sourceOf(noise(10)));
      const error = new Error("The source failed");
      const check = (thrown: unknown) => assert.equal(thrown, error);
      for (const size of [0, SMALL, LARGE]) {
        const source = sourceOf(noise(size), { sizeBytes: size + 1, error });
        await assertPutFails(backend, "old", { source, check });
        await assertPutFails(backend, "new", { source, check });
      }
    },
  },
  {
    title: "put() ends with the abort of its signal, and changes nothing",
    async run({ backend }) {
      await backend.put(name("old"), sourceOf(noise(10)));
      for (const size of [SMALL, LARGE]) {
        for (const text of ["old", "new"]) await abortMidway(backend, text, size);
      }
      await assertStands(backend, "old", noise(10));
      assert.deepEqual(await namesIn(backend), ["old"]);
    },
  },
  {
    title: "a call with an aborted signal does nothing",
    async run({ backend }) {
      await backend.put(name("old"), sourceOf(noise(10)));
      const before = await listing(backend);
      const options: CallOptions = { signal: AbortSignal.abort() };
      const calls: readonly (() => Promise<unknown>)[] = [
        () => Array.fromAsync(backend.list("", options)),
        () => backend.stat(name("old"), options),
        () => backend.get(name("old"), options),
        () => backend.read(name("old"), { maxBytes: 10, ...options }),
        () => backend.put(name("new"), sourceOf(noise(1)), options),
        () => backend.create(name("new"), noise(1), options),
        () => backend.remove(name("old"), options),
        () => backend.makeFolder(name("new"), options),
        () => backend.removeFolder(name("new"), options),
        () => backend.flush(options),
        () => backend.space(options),
      ];
      for (const call of calls) {
        await assert.rejects(call, { name: "AbortError" }, call.toString());
      }
      assert.deepEqual(await listing(backend), before);
    },
  },
  {
    title: "list() shows nothing of a put under way",
    async run({ backend, relay }) {
      await using other = await relay.open();
      await backend.put(name("d/old"), sourceOf(noise(10)));
      await relay.settle?.();
      const source = heldSource(noise(LARGE));
      const put = backend.put(name("d/new"), source);
      await source.reached;
      for (const client of [backend, other]) {
        assert.deepEqual(await namesIn(client), ["d/old"]);
        assert.deepEqual(await namesIn(client, name("d"), false), ["d/old"]);
        assert.equal(await client.stat(name("d/new")), undefined);
      }
      source.letGo();
      await put;
      await assertStands(backend, "d/new", noise(LARGE));
      assert.deepEqual(await namesIn(backend), ["d/new", "d/old"]);
    },
  },
  {
    title: "a relay whose own folder is gone is never taken for an empty one",
    async run({ backend, relay, skip }) {
      if (relay.removeRoot === undefined) return await skip("the folder cannot be removed here");
      await backend.put(name("d/f"), sourceOf(noise(10)));
      await relay.removeRoot();
      await assertCode("not-found", () => Array.fromAsync(backend.list("")));
      await assertCode("not-found", () => Array.fromAsync(backend.list(name("d"))));
      await assertCode(undefined, () => backend.stat(name("f")));
      await assertCode(undefined, () => backend.get(name("f")));
      await assertCode(undefined, () => backend.remove(name("f")));
    },
  },
];

async function abortMidway(backend: Backend, text: string, sizeBytes: number): Promise<void> {
  const controller = new AbortController();
  const source = heldSource(noise(sizeBytes));
  const put = backend.put(name(text), source, { signal: controller.signal });
  await source.reached;
  controller.abort();
  await assert.rejects(put, { name: "AbortError" });
  assert.ok(source.isCancelled(), "the source was not cancelled");
}
