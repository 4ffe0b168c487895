import assert from "node:assert/strict";
import { type Backend, parseObjectName } from "../../backends/backend.ts";
import { withLimits } from "../../backends/limit.ts";
import { MemoryStore, openMemory } from "../../backends/memory.ts";
import { collect, noise } from "../support/byte_streams.ts";
import { FaultyBackend, onVerb } from "../support/faulty_backend.ts";
import { type HeldSource, heldSource, sourceOf } from "../support/sources.ts";
import { conformance } from "./conformance.ts";

conformance("limited memory", {
  rounds: 5,
  start() {
    const store = new MemoryStore();
    return {
      open: () => Promise.resolve(withLimits(openMemory(store), { maxTransfers: 2 })),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
});

const f = parseObjectName("f");

/** Lets all that can go on without outside help go on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 200; i++) await Promise.resolve();
}

async function limited(maxTransfers: number): Promise<{ inner: FaultyBackend; backend: Backend }> {
  const inner = new FaultyBackend(openMemory(new MemoryStore()));
  await inner.put(f, sourceOf(noise(200_000)));
  return { inner, backend: withLimits(inner, { maxTransfers }) };
}

Deno.test("no more puts than allowed are under way, the others follow in order", async () => {
  const { inner, backend } = await limited(3);
  const before = inner.count("put");
  const sources = Array.from({ length: 7 }, () => heldSource(noise(10)));
  const puts = sources.map((source, i) => backend.put(parseObjectName(`put-${i}`), source));
  await settle();
  assert.equal(inner.count("put") - before, 3);
  for (const [i, source] of sources.entries()) {
    source.letGo();
    await puts[i];
    await settle();
    assert.equal(inner.count("put") - before, Math.min(7, i + 4));
  }
  assert.deepEqual(inner.calls.slice(before).map((it) => it.name), puts.map((_, i) => `put-${i}`));
});

/** The ways in which a get comes to its end. */
const ENDINGS: Readonly<Record<string, (content: ReadableStream<Uint8Array>) => Promise<unknown>>> =
  {
    "is read to its end": collect,
    "is cancelled before it is read": (content) => content.cancel(),
    async "is cancelled midway"(content) {
      const reader = content.getReader();
      await reader.read();
      await reader.cancel();
    },
  };

for (const [how, end] of Object.entries(ENDINGS)) {
  Deno.test(`a get holds its turn until its stream ${how}`, async () => {
    const { inner, backend } = await limited(1);
    const first = await backend.get(f);
    const second = backend.get(f);
    await settle();
    assert.equal(inner.count("get"), 1);
    await end(first);
    assert.equal((await collect(await second)).length, 200_000);
  });
}

Deno.test("transfers that fail give their turn back", async () => {
  const inner = new FaultyBackend(openMemory(new MemoryStore()), ({ verb, nthOfVerb }) => {
    if (nthOfVerb === 1 && verb !== "create") return { kind: "fail" };
    return verb === "get" && nthOfVerb === 2 ? { kind: "cut", after: 5 } : undefined;
  });
  const backend = withLimits(inner, { maxTransfers: 1 });
  await assert.rejects(backend.put(f, sourceOf(noise(9))));
  await backend.create(f, noise(9));
  await assert.rejects(backend.get(f));
  await assert.rejects(collect(await backend.get(f)));
  assert.equal((await collect(await backend.get(f))).length, 9);
});

Deno.test("a call that is aborted while it waits leaves its place", async () => {
  const { backend } = await limited(1);
  const first = await backend.get(f);
  const controller = new AbortController();
  const second = backend.get(f, { signal: controller.signal });
  const third = backend.get(f);
  controller.abort();
  await assert.rejects(second, { name: "AbortError" });
  await first.cancel();
  assert.equal((await collect(await third)).length, 200_000);
});

Deno.test("other calls pass while all turns are taken", async () => {
  const { backend } = await limited(1);
  const content = await backend.get(f);
  assert.equal((await backend.stat(f))?.sizeBytes, 200_000);
  assert.equal(await backend.create(parseObjectName("lock"), noise(5)), true);
  assert.equal((await backend.read(parseObjectName("lock"), { maxBytes: 5 })).length, 5);
  assert.equal((await Array.fromAsync(backend.list(""))).length, 2);
  await content.cancel();
});

/** A clock that sleeping moves. */
class FakeClock {
  nowMs = 0;
  now = (): number => this.nowMs;
  sleep = (waitMs: number): Promise<void> => {
    this.nowMs += waitMs;
    return Promise.resolve();
  };
}

Deno.test("content passes at the pace that is set, up and down", async () => {
  const clock = new FakeClock();
  const backend = withLimits(openMemory(new MemoryStore()), {
    maxTransfers: 4,
    upBytesPerSecond: 1000,
    downBytesPerSecond: 100_000,
    ...clock,
  });
  const bytes = noise(50_000);
  await backend.put(f, sourceOf(bytes, { chunkBytes: 500 }));
  assert.equal(clock.nowMs, 49_500);
  await backend.put(f, sourceOf(noise(1_000_000), { chunkBytes: 100_000 }));
  clock.nowMs = 2_000_000;
  await collect(await backend.get(f));
  const tookMs = clock.nowMs - 2_000_000;
  assert.ok(tookMs > 9000 && tookMs <= 10_000, `${tookMs} ms`);
});

Deno.test("transfers share the pace", async () => {
  const clock = new FakeClock();
  const backend = withLimits(openMemory(new MemoryStore()), {
    maxTransfers: 4,
    upBytesPerSecond: 1000,
    ...clock,
  });
  const names = ["a", "b", "c", "d"].map(parseObjectName);
  await Promise.all(names.map((it) => backend.put(it, sourceOf(noise(1000), { chunkBytes: 100 }))));
  assert.equal(clock.nowMs, 3900);
});

Deno.test("a wait for the pace ends with the abort or the cancel of its transfer", async () => {
  const backend = withLimits(openMemory(new MemoryStore()), {
    maxTransfers: 1,
    upBytesPerSecond: 0.001,
    downBytesPerSecond: 0.001,
  });
  const controller = new AbortController();
  const { signal } = controller;
  const held: HeldSource = heldSource(noise(9));
  const put = backend.put(f, held, { signal });
  await held.reached;
  held.letGo();
  await settle();
  controller.abort();
  await assert.rejects(put, { name: "AbortError" });

  await backend.create(f, noise(200_000));
  const reader = (await backend.get(f)).getReader();
  await reader.read();
  const waiting = reader.read();
  await settle();
  await reader.cancel();
  assert.equal((await waiting).done, true);

  const again = new AbortController();
  const content = (await backend.get(f, { signal: again.signal })).getReader();
  await Promise.all([
    assert.rejects(content.read(), { name: "AbortError" }),
    settle().then(() => again.abort()),
  ]);
});

Deno.test("a get that is cancelled while it waits for the pace gives one turn back", async () => {
  const inner = new FaultyBackend(openMemory(new MemoryStore()));
  await inner.put(f, sourceOf(noise(200_000)));
  const backend = withLimits(inner, { maxTransfers: 1, downBytesPerSecond: 0.001 });
  const reader = (await backend.get(f)).getReader();
  await reader.read();
  const waiting = reader.read();
  await settle();
  await reader.cancel();
  await waiting;
  await settle();
  const second = await backend.get(f);
  const third = backend.get(f);
  await settle();
  assert.equal(inner.count("get"), 2);
  await second.cancel();
  await (await third).cancel();
});

Deno.test("limits leave the error of the backend as it is", async () => {
  const error = new Error("Broken");
  const inner = new FaultyBackend(
    openMemory(new MemoryStore()),
    onVerb("put", 1, { kind: "cut", after: 3, error }),
  );
  const backend = withLimits(inner, { maxTransfers: 1, upBytesPerSecond: 1e9 });
  await assert.rejects(backend.put(f, sourceOf(noise(9))), (thrown) => thrown === error);
});
