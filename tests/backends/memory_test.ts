import assert from "node:assert/strict";
import { type Backend, parseObjectName } from "../../backends/backend.ts";
import { type MemoryOptions, MemoryStore, openMemory } from "../../backends/memory.ts";
import { collect, noise } from "../support/byte_streams.ts";
import { sourceOf } from "../support/sources.ts";
import { assertCode } from "./cases/case.ts";
import { conformance, type TestRelay } from "./conformance.ts";

function start(options: MemoryOptions = {}): TestRelay {
  const store = new MemoryStore(options);
  return {
    open: () => Promise.resolve(openMemory(store)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

conformance("memory", { start: () => start() });

conformance("weak memory", {
  rounds: 20,
  start() {
    let nowMs = 1_500_000_000_000;
    const relay = start({
      now: () => nowMs,
      hasTags: false,
      traits: {
        exclusiveCreate: false,
        exclusiveFolder: false,
        atomicReplace: false,
        timePrecisionMs: 2000,
        listingLagMs: 5000,
        knowsSpace: false,
      },
    });
    return {
      ...relay,
      settle() {
        nowMs += 5000;
        return Promise.resolve();
      },
    };
  },
});

conformance("memory without times", {
  rounds: 5,
  start: () => start({ traits: { timePrecisionMs: undefined } }),
});

const f = parseObjectName("f");

function races(backend: Backend): Promise<boolean[]> {
  return Promise.all([1, 2, 3].map((i) => backend.create(f, noise(9, i))));
}

Deno.test("a store without exclusive create lets several win", async () => {
  const store = new MemoryStore({ traits: { exclusiveCreate: false } });
  assert.deepEqual(await races(openMemory(store)), [true, true, true]);
  assert.deepEqual(await races(openMemory(store)), [false, false, false]);
});

Deno.test("a store without exclusive folders lets several win", async () => {
  const backend = openMemory(new MemoryStore({ traits: { exclusiveFolder: false } }));
  assert.deepEqual(await Promise.all([backend.makeFolder(f), backend.makeFolder(f)]), [true, true]);
});

Deno.test("a store without atomic replace shows a gap", async () => {
  const backend = openMemory(new MemoryStore({ traits: { atomicReplace: false } }));
  await backend.put(f, sourceOf(noise(9, 1)));
  let isPutting = true;
  const put = backend.put(f, sourceOf(noise(9, 2))).then(() => isPutting = false);
  let gaps = 0;
  while (isPutting) if (await backend.stat(f) === undefined) gaps++;
  await put;
  assert.ok(gaps > 0);
});

Deno.test("a lagging store shows a write to others only after the lag", async () => {
  let nowMs = 0;
  const store = new MemoryStore({ now: () => nowMs, traits: { listingLagMs: 100 } });
  const [a, b] = [openMemory(store), openMemory(store)];
  await a.put(f, sourceOf(noise(1)));
  assert.equal((await a.stat(f))?.sizeBytes, 1);
  assert.equal(await b.stat(f), undefined);
  nowMs = 99;
  await assertCode("not-found", () => b.get(f));
  nowMs = 100;
  await a.put(f, sourceOf(noise(2)));
  assert.equal((await b.stat(f))?.sizeBytes, 1);
  nowMs = 200;
  await a.remove(f);
  assert.equal((await b.stat(f))?.sizeBytes, 2);
  assert.equal((await Array.fromAsync(a.list(""))).length, 0);
  nowMs = 300;
  assert.equal(await b.stat(f), undefined);
});

Deno.test("a full store refuses and keeps the old version", async () => {
  const backend = openMemory(new MemoryStore({ capacityBytes: 100 }));
  await backend.put(f, sourceOf(noise(90, 1)));
  await assertCode("full", () => backend.put(parseObjectName("g"), sourceOf(noise(11))));
  await assertCode("full", () => backend.put(f, sourceOf(noise(101))));
  await backend.put(f, sourceOf(noise(100, 2)));
  assert.deepEqual(await collect(await backend.get(f)), noise(100, 2));
  assert.deepEqual(await backend.space(), { usedBytes: 100, freeBytes: 0 });
});

Deno.test("times are deterministic", async () => {
  const times = await Promise.all([1, 2].map(async () => {
    const backend = openMemory(new MemoryStore());
    await backend.put(f, sourceOf(noise(1)));
    return (await backend.stat(f))?.modifiedMs;
  }));
  assert.equal(times[0], times[1]);
});

Deno.test("a watcher hears of every change until its signal aborts", async () => {
  const store = new MemoryStore();
  const [a, b] = [openMemory(store), openMemory(store)];
  const controller = new AbortController();
  let heard = 0;
  b.watch?.(() => heard++, controller.signal);
  await a.put(f, sourceOf(noise(1)));
  await a.remove(f);
  await Promise.resolve();
  assert.equal(heard, 2);
  controller.abort();
  await a.put(f, sourceOf(noise(1)));
  await Promise.resolve();
  assert.equal(heard, 2);
});
