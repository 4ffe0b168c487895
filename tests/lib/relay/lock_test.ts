import assert from "node:assert/strict";
import type { Backend, BackendTraits, ObjectName } from "../../../backends/backend.ts";
import { parseObjectName } from "../../../backends/backend.ts";
import { MemoryStore, openMemory } from "../../../backends/memory.ts";
import { EscaleError } from "../../../lib/errors.ts";
import { silentLog } from "../../../lib/log.ts";
import { type HeldLock, type LockMemory, Locks } from "../../../lib/relay/lock.ts";
import { parseLock } from "../../../lib/relay/lock_text.ts";
import type { LockView } from "../../../lib/relay/relay.ts";
import { FaultyBackend } from "../../support/faulty_backend.ts";
import { sourceOf } from "../../support/sources.ts";

const NAME = parseObjectName("d/.f.lock");
const GUARD = parseObjectName("d/.f.guard");
const TRAITS: Readonly<Record<string, Partial<BackendTraits>>> = {
  "exclusive create": { exclusiveFolder: false },
  "exclusive create and folders": {},
  "exclusive folders only": { exclusiveCreate: false },
  "nothing exclusive": { exclusiveCreate: false, exclusiveFolder: false },
};
const TIMEOUT_S = 10_000;

/** What a client remembers, in memory. */
class Memory implements LockMemory {
  readonly locks: Map<string, string> = new Map();
  readonly sightings: Map<string, { text: string; uptimeS: number }> = new Map();

  ownLocks(): ReadonlyMap<string, string> {
    return new Map(this.locks);
  }
  noteLock(name: string, nonce: string): void {
    this.locks.set(name, nonce);
  }
  forgetLock(name: string): void {
    this.locks.delete(name);
  }
  sightingNames(): string[] {
    return [...this.sightings.keys()];
  }
  sighting(name: string): { readonly text: string; readonly uptimeS: number } | undefined {
    return this.sightings.get(name);
  }
  noteSighting(name: string, seen: { text: string; uptimeS: number } | undefined): void {
    if (seen === undefined) this.sightings.delete(name);
    else this.sightings.set(name, seen);
  }
  transaction<T>(work: () => T): T {
    return work();
  }
}

/** A relay with clients that lock on it, on one clock. */
class Place implements AsyncDisposable {
  readonly store: MemoryStore;
  uptimeS = 1_000_000;
  readonly #open = new AsyncDisposableStack();
  #nonces = 0;

  constructor(traits: Partial<BackendTraits> = {}) {
    this.store = new MemoryStore({ traits });
  }

  client(
    client: string,
    options: { readonly memory?: LockMemory; readonly backend?: Backend } = {},
  ): Locks {
    return this.#open.use(
      new Locks({
        backend: options.backend ?? openMemory(this.store),
        client,
        memory: options.memory ?? new Memory(),
        lockTimeoutS: TIMEOUT_S,
        uptimeS: () => this.uptimeS,
        nonce: () => (++this.#nonces).toString(16).padStart(32, "0"),
        // Long enough that every write under way is done.
        wait: () => new Promise((resolve) => setTimeout(resolve, 0)),
        log: silentLog,
      }),
    );
  }

  text(name: ObjectName = NAME): string | undefined {
    const bytes = this.store.latest(name);
    return bytes && new TextDecoder().decode(bytes);
  }

  async put(text: string): Promise<void> {
    await openMemory(this.store).put(NAME, sourceOf(new TextEncoder().encode(text)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open.disposeAsync();
  }
}

async function acquire(
  locks: Locks,
  mode: "r" | "w" = "w",
): Promise<HeldLock | LockView> {
  const { held, refused } = await locks.acquire([NAME], { mode });
  const [lock] = held;
  if (lock !== undefined) {
    assert.equal(refused.size, 0);
    return lock;
  }
  return refused.get(NAME) ?? assert.fail("neither held nor refused");
}

function assertHeld(got: HeldLock | LockView): asserts got is HeldLock {
  assert.ok("nonce" in got, `refused: ${JSON.stringify(got)}`);
}

function assertRefused(got: HeldLock | LockView, kind: LockView["kind"] = "held"): void {
  assert.ok("kind" in got, "it was held");
  assert.equal(got.kind, kind);
}

function isLocked(thrown: unknown): boolean {
  return thrown instanceof EscaleError && thrown.code === "locked";
}

for (const [name, traits] of Object.entries(TRAITS)) {
  Deno.test(`Locks, ${name}: a lock is written, checked, refused to others and given back`, async () => {
    await using place = new Place(traits);
    const memory = new Memory();
    const [a, b] = [place.client("A", { memory }), place.client("B")];
    const lock = await acquire(a, "r");
    assertHeld(lock);
    assert.deepEqual(parseLock(place.text() ?? ""), {
      owner: "A",
      mode: "r",
      nonce: lock.nonce,
      beat: 0,
    });
    assert.equal(memory.locks.get(NAME), lock.nonce);
    await a.check(lock);
    const got = await acquire(b);
    assertRefused(got);
    assert.equal("kind" in got && got.kind === "held" && got.owner, "A");
    await a.check(lock);
    assert.equal(await a.look(NAME), undefined, "held by this process");
    await a.release([lock]);
    assert.equal(place.text(), undefined);
    assert.deepEqual([memory.locks.size, place.store.folders.has(GUARD)], [0, false]);
    assertHeld(await acquire(b));
  });

  Deno.test(`W7, Locks, ${name}: of eight that try at once one gets it, in 40 rounds`, async () => {
    await using place = new Place(traits);
    const clients = Array.from({ length: 8 }, (_, at) => place.client(`C${at}`));
    let got = 0;
    for (let round = 0; round < 40; round++) {
      const order = clients.map((_, at) => clients[(at + round) % 8] ?? assert.fail());
      const results = await Promise.all(order.map((locks) => acquire(locks)));
      const held = results.filter((it) => "nonce" in it);
      assert.ok(held.length <= 1, `${held.length} holders in round ${round}`);
      got += held.length;
      for (const [at, lock] of results.entries()) {
        if ("nonce" in lock) await order[at]?.release([lock]);
      }
      assert.deepEqual([place.text(), place.store.folders.has(GUARD)], [undefined, false]);
    }
    assert.ok(got > 30, `someone gets on: ${got} of 40`);
  });

  Deno.test(`Locks, ${name}: of eight that take a dead lock over at once one gets it`, async () => {
    await using place = new Place(traits);
    const clients = Array.from({ length: 8 }, (_, at) => place.client(`C${at}`));
    for (let round = 0; round < 20; round++) {
      await place.put(`lock%1.0\nowner: dead\nmode: w\nnonce: dead${round}\nbeat: 1`);
      for (const locks of clients) assertRefused(await acquire(locks));
      place.uptimeS += 300;
      let got = 0;
      // Whoever saw another at it tries again in its next round.
      for (let attempt = 0; attempt < 4 && got === 0; attempt++) {
        const results = await Promise.all(clients.map((locks) => acquire(locks)));
        for (const [at, lock] of results.entries()) {
          if (!("nonce" in lock)) continue;
          got++;
          assert.equal(lock.taken?.owner, "dead");
          await clients[at]?.check(lock);
          await clients[at]?.release([lock]);
        }
      }
      assert.equal(got, 1);
      await openMemory(place.store).remove(NAME);
      await openMemory(place.store).removeFolder(GUARD);
    }
  });
}

Deno.test("Locks, one of ours is stale when its text has not changed for 5 minutes", async () => {
  await using place = new Place();
  await place.put("lock%1.0\nowner: A\nmode: w\nnonce: 00\nbeat: 1");
  const b = place.client("B");
  assert.deepEqual(await b.look(NAME), { kind: "held", owner: "A", unchangedS: 0 });
  place.uptimeS += 299;
  assert.deepEqual(await b.look(NAME), { kind: "held", owner: "A", unchangedS: 299 });
  await place.put("lock%1.0\nowner: A\nmode: w\nnonce: 00\nbeat: 2");
  place.uptimeS += 1;
  assert.deepEqual(await b.look(NAME), { kind: "held", owner: "A", unchangedS: 0 }, "it lives");
  place.uptimeS += 300;
  assert.deepEqual(await b.look(NAME), { kind: "leftover", owner: "A" });
});

Deno.test("W20, Locks, one of 0.7, an empty and an unreadable one are stale after the lock timeout", async () => {
  for (
    const text of [
      "lock%1.0\nowner: A\nmode: w",
      "A",
      "",
      "rubbish\nin two lines",
      "\0\u0001\0",
      "x".repeat(100_000),
    ]
  ) {
    await using place = new Place();
    await place.put(text);
    const b = place.client("B");
    assertRefused(await acquire(b));
    place.uptimeS += TIMEOUT_S - 1;
    assertRefused(await acquire(b));
    place.uptimeS += 1;
    const lock = await acquire(b, "r");
    assertHeld(lock);
    assert.equal(parseLock(place.text() ?? "").mode, "w", "whoever takes over may have to undo");
    await b.release([lock]);
    assert.equal(place.text(), undefined);
  }
});

Deno.test("Locks, first sight is remembered from one run to the next, and begins again after a restart", async () => {
  await using place = new Place();
  await place.put("lock%1.0\nowner: A\nmode: w\nnonce: 00\nbeat: 1");
  const memory = new Memory();
  assertRefused(await acquire(place.client("B", { memory })));
  place.uptimeS += 299;
  assertRefused(await acquire(place.client("B", { memory })));
  // The machine was started anew: its uptime is less than at the first sight.
  place.uptimeS = 100;
  assertRefused(await acquire(place.client("B", { memory })));
  place.uptimeS += 299;
  assertRefused(await acquire(place.client("B", { memory })));
  place.uptimeS += 1;
  assertHeld(await acquire(place.client("B", { memory })));
});

Deno.test("Locks, a lock that an earlier run left is known by its nonce and taken over at once", async () => {
  await using place = new Place();
  const memory = new Memory();
  const before = await acquire(place.client("A", { memory }));
  assertHeld(before);
  const after = place.client("A", { memory });
  assert.deepEqual(await after.look(NAME), { kind: "leftover", owner: "A" });
  const lock = await acquire(after);
  assertHeld(lock);
  assert.equal(lock.taken?.nonce, before.nonce);
  assert.equal(memory.locks.get(NAME), lock.nonce);
});

Deno.test("W8, Locks, a second client of the same name is found out, and its lock left alone", async () => {
  await using place = new Place();
  const [one, two] = [place.client("A"), place.client("A")];
  const lock = await acquire(one);
  assertHeld(lock);
  assertRefused(await acquire(two));
  place.uptimeS += 30;
  await place.put((place.text() ?? "").replace("beat: 0", "beat: 1"));
  assert.deepEqual(await two.look(NAME), { kind: "twin" });
  await one.check(lock);
});

Deno.test("Locks, an own lock of an unknown nonce that never changes is watched for two beats", async () => {
  await using place = new Place();
  assertHeld(await acquire(place.client("A")));
  const after = place.client("A");
  assertRefused(await acquire(after));
  place.uptimeS += 64;
  assertRefused(await acquire(after));
  place.uptimeS += 1;
  assertHeld(await acquire(after));
});

Deno.test("Locks, what was seen of another's lock is no sign of a twin", async () => {
  await using place = new Place();
  const memory = new Memory();
  const a = place.client("A", { memory });
  await place.put("lock%1.0\nowner: B\nmode: w\nnonce: 00\nbeat: 1");
  assertRefused(await acquire(a));
  await place.put("lock%1.0\nowner: A\nmode: w\nnonce: 99\nbeat: 1");
  assert.equal((await a.look(NAME))?.kind, "held");
});

Deno.test("Locks, check() and release() notice a lock that was lost, and leave a foreign one alone", async () => {
  for (const now of [undefined, "lock%1.0\nowner: B\nmode: w\nnonce: 99\nbeat: 0", "B", "x\ny"]) {
    await using place = new Place();
    const a = place.client("A");
    const lock = await acquire(a);
    assertHeld(lock);
    if (now === undefined) await openMemory(place.store).remove(NAME);
    else await place.put(now);
    await assert.rejects(a.check(lock), isLocked);
    await a.release([lock]);
    assert.equal(place.text(), now);
  }
});

Deno.test("Locks, a held lock is rewritten every 30 s, so that others see it live", async () => {
  using clock = new FakeIntervals();
  await using place = new Place();
  const [a, b] = [place.client("A"), place.client("B")];
  const lock = await acquire(a);
  assertHeld(lock);
  const clients = clock.callbacks.length;
  assert.deepEqual([clients, clock.periodsMs], [2, [30_000, 30_000]]);
  for (let beat = 1; beat < 20; beat++) {
    place.uptimeS += 200;
    await clock.tick();
    assert.equal(parseLock(place.text() ?? "").beat, beat);
    assertRefused(await acquire(b));
  }
  await place.put("lock%1.0\nowner: B\nmode: w\nnonce: 99\nbeat: 0");
  const foreign = place.text();
  await clock.tick();
  assert.equal(place.text(), foreign, "it is not beaten over another's");
  a.abandon(lock);
});

Deno.test("Locks, an abandoned lock stands still and goes stale", async () => {
  using clock = new FakeIntervals();
  await using place = new Place();
  const [a, b] = [place.client("A"), place.client("B")];
  const lock = await acquire(a);
  assertHeld(lock);
  a.abandon(lock);
  assertRefused(await acquire(b));
  place.uptimeS += 300;
  await clock.tick();
  assertHeld(await acquire(b));
});

Deno.test("Locks, one that cannot be given back is given up, and found again", async () => {
  await using place = new Place();
  const memory = new Memory();
  const backend = new FaultyBackend(
    openMemory(place.store),
    ({ verb, nthOfVerb }) => verb === "remove" && nthOfVerb === 1 ? { kind: "fail" } : undefined,
  );
  const a = place.client("A", { memory, backend });
  const names = ["f", "g", "h"].map((name) => parseObjectName(`.${name}.lock`));
  const { held } = await a.acquire(names, { mode: "w" });
  assert.equal(held.length, 3);
  await assert.rejects(a.release(held));
  for (const name of names) {
    assert.deepEqual(await a.look(name), { kind: "leftover", owner: "A" }, name);
  }
  const again = await a.acquire(names, { mode: "w" });
  assert.equal(again.held.length, 3);
  await a.release(again.held);
  assert.deepEqual([place.store.names(), memory.locks.size], [[], 0]);
});

Deno.test("Locks, a taker that dies leaves a lock like any other", async () => {
  for (let call = 1; call <= 8; call++) {
    await using place = new Place();
    await place.put("lock%1.0\nowner: dead\nmode: w\nnonce: 00\nbeat: 1");
    const backend = new FaultyBackend(
      openMemory(place.store),
      ({ nth }) => nth === 2 + call ? { kind: "fail", dies: true } : undefined,
    );
    const [taker, b] = [place.client("T", { backend }), place.client("B")];
    assertRefused(await acquire(taker));
    assertRefused(await acquire(b));
    place.uptimeS += 300;
    await acquire(taker).then((got) => assert.ok("nonce" in got), () => {});
    let lock: HeldLock | undefined;
    for (let attempt = 0; attempt < 6 && lock === undefined; attempt++) {
      const got = await acquire(b);
      if ("nonce" in got) lock = got;
      place.uptimeS += 300;
    }
    assert.ok(lock !== undefined, `never got on after a death at call ${call}`);
    await b.release([lock]);
    assert.deepEqual([place.text(), place.store.folders.has(GUARD)], [undefined, false]);
  }
});

Deno.test("Locks, a guard left alone is removed after 5 minutes, one seen long ago counts anew", async () => {
  await using place = new Place({ exclusiveCreate: false });
  const b = place.client("B");
  const other = openMemory(place.store);
  await other.makeFolder(GUARD);
  assertRefused(await acquire(b));
  place.uptimeS += 299;
  assertRefused(await acquire(b));
  // Its maker went on: the lock stood, and is gone.
  await other.removeFolder(GUARD);
  const lock = await acquire(b);
  assertHeld(lock);
  await b.release([lock]);
  place.uptimeS += 1000;
  await other.makeFolder(GUARD);
  assertRefused(await acquire(b));
  assert.equal(place.store.folders.has(GUARD), true, "it is seen for the first time");
  place.uptimeS += 300;
  assertRefused(await acquire(b));
  assertHeld(await acquire(b));
});

Deno.test("forgetOthers() forgets first sights of locks that stand no more", async () => {
  await using place = new Place();
  const memory = new Memory();
  const b = place.client("B", { memory });
  await place.put("A");
  await b.look(NAME);
  b.forgetOthers(new Set([NAME]));
  assert.deepEqual(memory.sightingNames(), [NAME]);
  b.forgetOthers(new Set());
  assert.deepEqual(memory.sightingNames(), []);
  assert.equal(await b.look(parseObjectName(".gone.lock")), undefined);
});

Deno.test("acquire() stops when its signal aborts, and what it wrote is known to be its own", async () => {
  await using place = new Place();
  const memory = new Memory();
  const a = place.client("A", { memory });
  await assert.rejects(
    a.acquire([NAME], { mode: "w", signal: AbortSignal.abort() }),
    { name: "AbortError" },
  );
  assert.equal(place.text(), undefined);
  assertHeld(await acquire(a));
});

/** Intervals that run when a test says so. */
class FakeIntervals implements Disposable {
  readonly callbacks: (() => void)[] = [];
  readonly periodsMs: number[] = [];
  readonly #setInterval = globalThis.setInterval;
  readonly #clearInterval = globalThis.clearInterval;

  constructor() {
    const set = (callback: () => void, periodMs: number) => {
      this.periodsMs.push(periodMs);
      return this.callbacks.push(callback);
    };
    Object.assign(globalThis, { setInterval: set, clearInterval: () => {} });
  }

  /** Lets every interval's time come once, and what follows from it. */
  async tick(): Promise<void> {
    this.callbacks.forEach((callback) => callback());
    await new Promise((resolve) => setTimeout(resolve, 0));
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, {
      setInterval: this.#setInterval,
      clearInterval: this.#clearInterval,
    });
  }
}
