import assert from "node:assert/strict";
import fc from "fast-check";
import { type Backend, BackendError, parseObjectName } from "../../backends/backend.ts";
import { MemoryStore, openMemory } from "../../backends/memory.ts";
import { type RetryOptions, withRetries } from "../../backends/retry.ts";
import { collect, noise } from "../support/byte_streams.ts";
import { type Decide, type Fault, FaultyBackend, onVerb } from "../support/faulty_backend.ts";
import { isSame, sourceOf } from "../support/sources.ts";
import { assertCode, assertStands } from "./cases/case.ts";
import { conformance } from "./conformance.ts";

conformance("retried memory", {
  rounds: 5,
  start() {
    const store = new MemoryStore();
    return {
      open: () => Promise.resolve(withRetries(openMemory(store))),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
});

/** Every second call of each verb fails first; the contract holds all the same. */
conformance("memory that fails every second call", {
  rounds: 5,
  skip: {
    "makeFolder() makes a folder once, and those above it": "after a failure it cannot tell",
    "of overlapping makeFolders exactly one succeeds": "after a failure it cannot tell",
    "removeFolder() removes empty folders only": "after a failure what is gone counts as removed",
    "remove() removes one object once": "after a failure what is gone counts as removed",
    "what is missing is not found, in a missing folder either":
      "after a failure what is gone counts as removed",
    "of overlapping removes exactly one says that it was there":
      "after a failure what is gone counts as removed",
    "a folder is no object": "after a failure what is gone counts as removed",
    "an object is no folder": "after a failure what is gone counts as removed",
    "long names are kept or refused": "after a failure what is gone counts as removed",
  },
  start() {
    const store = new MemoryStore();
    const decide: Decide = ({ nthOfVerb }) => nthOfVerb % 2 === 1 ? { kind: "fail" } : undefined;
    return {
      open() {
        const faulty = new FaultyBackend(openMemory(store), decide);
        return Promise.resolve(
          withRetries(faulty, { attempts: 20, sleep: () => Promise.resolve() }),
        );
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
});

const f = parseObjectName("f");
const FAIL: Fault = { kind: "fail" };
const LOSE: Fault = { kind: "lose-reply" };

interface Fixture {
  readonly store: MemoryStore;
  readonly inner: FaultyBackend;
  readonly backend: Backend;
  /** The waits between attempts. */
  readonly waitsMs: number[];
}

function fixture(decide: Decide, options: RetryOptions = {}, store = new MemoryStore()): Fixture {
  const inner = new FaultyBackend(openMemory(store), decide);
  const waitsMs: number[] = [];
  let nowMs = 0;
  const backend = withRetries(inner, {
    random: () => 1,
    now: () => nowMs,
    sleep(waitMs) {
      waitsMs.push(waitMs);
      nowMs += waitMs;
      return Promise.resolve();
    },
    ...options,
  });
  return { store, inner, backend, waitsMs };
}

/** The faults in turn, then none. */
function inTurn(...faults: readonly (Fault | undefined)[]): Decide {
  return ({ nth }) => faults[nth - 1];
}

Deno.test("a call that fails for a passing reason is attempted again, after doubling waits", async () => {
  const { backend, inner, waitsMs } = fixture(inTurn(FAIL, FAIL, FAIL, FAIL));
  assert.equal(await backend.stat(f), undefined);
  assert.equal(inner.count("stat"), 5);
  assert.deepEqual(waitsMs, [250, 500, 1000, 2000]);
});

Deno.test("waits vary between the half and the whole, and have an upper bound", async () => {
  const half = fixture(inTurn(FAIL, FAIL), { random: () => 0 });
  await half.backend.stat(f);
  assert.deepEqual(half.waitsMs, [125, 250]);
  const short = fixture(inTurn(FAIL, FAIL, FAIL), { longestWaitMs: 300 });
  await short.backend.stat(f);
  assert.deepEqual(short.waitsMs, [250, 300, 300]);
});

Deno.test("attempts end after their number, with the last error", async () => {
  const { backend, inner } = fixture(() => FAIL, { attempts: 3 });
  await assertCode("unavailable", () => backend.read(f, { maxBytes: 1 }));
  assert.equal(inner.count(), 3);
});

Deno.test("attempts end when they would take too long", async () => {
  const { backend, waitsMs } = fixture(() => FAIL, { attempts: 100, totalMs: 2000 });
  await assertCode("unavailable", () => backend.flush());
  assert.deepEqual(waitsMs, [250, 500, 1000]);
});

Deno.test("the wait that a storage asks for is kept, or the call fails at once", async () => {
  const error = new BackendError("unavailable", "Slow down", { retryAfterMs: 20_000 });
  const { backend, waitsMs } = fixture(() => ({ kind: "fail", error }));
  await assert.rejects(backend.stat(f), (thrown) => thrown === error);
  assert.deepEqual(waitsMs, [20_000, 20_000, 20_000]);
});

Deno.test("an error that is not passing is thrown as it is", async () => {
  const errors = [new BackendError("denied", "No"), new Error("A bug"), new TypeError("A bug")];
  for (const error of errors) {
    const { backend, inner } = fixture(() => ({ kind: "fail", error }));
    await assert.rejects(backend.put(f, sourceOf(noise(1))), (thrown) => thrown === error);
    await assert.rejects(Array.fromAsync(backend.list("")), (thrown) => thrown === error);
    assert.equal(inner.count(), 2);
  }
});

Deno.test("a wait ends with the abort of the signal", async () => {
  const backend = withRetries(new FaultyBackend(openMemory(new MemoryStore()), () => FAIL), {
    firstWaitMs: 1e6,
    totalMs: 1e9,
  });
  const controller = new AbortController();
  const reason = new Error("Stop");
  const call = backend.stat(f, { signal: controller.signal });
  for (let i = 0; i < 20; i++) await Promise.resolve();
  controller.abort(reason);
  await assert.rejects(call, (thrown) => thrown === reason);
});

Deno.test("each failure that is followed by an attempt is traced", async () => {
  const lines: string[] = [];
  const { backend } = fixture(inTurn(FAIL), { trace: (line) => lines.push(line) });
  await backend.stat(f);
  assert.deepEqual(lines, ['Cannot stat "f": fail was asked for; attempt 2 in 250 ms']);
});

Deno.test("put() opens its source again", async () => {
  const { backend, inner } = fixture(inTurn({ kind: "cut", after: 5 }, LOSE));
  let opened = 0;
  const source = sourceOf(noise(200_000));
  await backend.put(f, {
    sizeBytes: source.sizeBytes,
    open() {
      opened++;
      return source.open();
    },
  });
  assert.equal(opened, 3);
  assert.equal(inner.count("put"), 3);
  await assertStands(backend, "f", noise(200_000));
});

Deno.test("get() attempts the opening again, not the reading", async () => {
  const decide = onVerb("get", 1, FAIL);
  const { backend, inner } = fixture((call) => {
    return decide(call) ?? (call.verb === "get" ? { kind: "cut", after: 3 } : undefined);
  });
  await backend.put(f, sourceOf(noise(9)));
  const content = await backend.get(f);
  await assertCode("unavailable", () => collect(content));
  assert.equal(inner.count("get"), 2);
});

Deno.test("list() goes on after a failure, with each object once", async () => {
  const { backend, inner } = fixture(({ verb, nthOfVerb }) => {
    return verb === "list" && nthOfVerb < 4 ? { kind: "cut", after: nthOfVerb * 2 } : undefined;
  });
  const names = Array.from({ length: 10 }, (_, i) => `f${i}`);
  for (const it of names) await backend.put(parseObjectName(it), sourceOf(noise(1)));
  const listed = await Array.fromAsync(backend.list(""), (info) => String(info.name));
  assert.deepEqual(listed, names);
  assert.equal(inner.count("list"), 4);
});

Deno.test("create() says true if a lost reply was of its own", async () => {
  for (const faults of [[LOSE], [FAIL], [FAIL, undefined, LOSE], [LOSE, FAIL], [LOSE, LOSE]]) {
    const { backend } = fixture(inTurn(...faults));
    assert.equal(await backend.create(f, noise(20)), true);
    await assertStands(backend, "f", noise(20));
  }
});

Deno.test("create() says false if another's bytes stand, whatever failed", async () => {
  for (const theirs of [noise(20, 2), noise(21, 2), noise(5), new Uint8Array()]) {
    for (const faults of [[], [LOSE], [FAIL], [FAIL, FAIL], [LOSE, FAIL, LOSE]]) {
      const store = new MemoryStore();
      await openMemory(store).create(f, theirs);
      const { backend } = fixture(inTurn(...faults), {}, store);
      assert.equal(await backend.create(f, noise(20)), false);
      await assertStands(openMemory(store), "f", theirs);
    }
  }
});

Deno.test("create() claims no empty object after a lost reply", async () => {
  const { backend } = fixture(inTurn(LOSE));
  assert.equal(await backend.create(f, new Uint8Array()), false);
});

Deno.test("remove() and removeFolder() count what is gone after a lost reply", async () => {
  const { backend, store } = fixture(({ nthOfVerb, verb }) => {
    return verb.startsWith("remove") && nthOfVerb === 1 ? LOSE : undefined;
  });
  await backend.create(f, noise(3));
  assert.equal(await backend.remove(f), true);
  assert.equal(await backend.remove(f), false);
  await backend.makeFolder(f);
  assert.equal(await backend.removeFolder(f), true);
  assert.equal(await backend.removeFolder(f), false);
  assert.equal(store.folders.size, 0);
});

Deno.test("makeFolder() does not claim a folder that it cannot know to be its own", async () => {
  const lost = fixture(inTurn(LOSE));
  const error = await assertCode("unavailable", () => lost.backend.makeFolder(f));
  assert.equal(error.retryable, false);
  const failed = fixture(inTurn(FAIL));
  assert.equal(await failed.backend.makeFolder(f), true);
  assert.equal(await failed.backend.makeFolder(f), false);
});

Deno.test("of clients with failing calls at most one is told that it created", async () => {
  const fault = fc.constantFrom<Fault | undefined>(undefined, undefined, FAIL, LOSE);
  const schedules = fc.array(fc.array(fault, { maxLength: 8 }), { minLength: 2, maxLength: 4 });
  await fc.assert(fc.asyncProperty(schedules, async (clients) => {
    const store = new MemoryStore();
    const results = await Promise.allSettled(clients.map((faults, i) => {
      return fixture(inTurn(...faults), {}, store).backend.create(f, noise(30, i + 1));
    }));
    const stands = await openMemory(store).read(f, { maxBytes: 30 }).catch(() => undefined);
    const winners = results.flatMap((result, i) => {
      return result.status === "fulfilled" && result.value ? [i] : [];
    });
    assert.ok(winners.length <= 1, `${winners.length} clients were told so`);
    for (const i of winners) assert.ok(stands !== undefined && isSame(stands, noise(30, i + 1)));
    const allAnswered = results.every((result) => result.status === "fulfilled");
    if (allAnswered) assert.equal(winners.length, 1);
  }));
});
