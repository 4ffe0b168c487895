import assert from "node:assert/strict";
import { parseObjectName } from "../../../backends/backend.ts";
import { openMemory } from "../../../backends/memory.ts";
import { parseLock } from "../../../lib/relay/lock_text.ts";
import { FaultyBackend } from "../../support/faulty_backend.ts";
import { sourceOf } from "../../support/sources.ts";
import {
  acquire,
  assertHeld,
  assertRefused,
  FakeIntervals,
  GUARD,
  isLocked,
  Memory,
  NAME,
  Place,
  TRAITS,
} from "./_locking.ts";

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
}

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

Deno.test("a lock is trusted for a minute from its last beat, unless the beat found it lost", async () => {
  using clock = new FakeIntervals();
  await using place = new Place();
  const backend = new FaultyBackend(openMemory(place.store));
  const a = place.client("A", { backend, legacyPeers: false });
  const lock = await acquire(a);
  assertHeld(lock);
  place.uptimeS += 50;
  await clock.tick();
  place.uptimeS += 50;
  backend.calls.splice(0);
  await a.check(lock);
  assert.deepEqual(backend.calls, []);
  await place.put("lock%1.0\nowner: B\nmode: w\nnonce: 77\nbeat: 0");
  await clock.tick();
  await assert.rejects(a.check(lock), isLocked);
});

Deno.test("Locks, those that cannot be given back are given up, and found again", async () => {
  await using place = new Place();
  const memory = new Memory();
  const backend = new FaultyBackend(
    openMemory(place.store),
    ({ verb, nthOfVerb }) => verb === "remove" && nthOfVerb <= 3 ? { kind: "fail" } : undefined,
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

Deno.test("with clients of 0.7 about, a lock is looked at before each step", async () => {
  await using place = new Place();
  const backend = new FaultyBackend(openMemory(place.store));
  const a = place.client("A", { backend });
  const lock = await acquire(a);
  assertHeld(lock);
  const seen = () => backend.calls.splice(0).map(({ verb }) => verb);
  seen();
  await a.check(lock);
  assert.deepEqual(seen(), ["stat", "read"]);
  await a.check(lock);
  assert.deepEqual(seen(), ["stat"], "its tag shows that it is the one that was read");
  await place.put("lock%1.0\nowner: Old\nmode: w");
  await assert.rejects(a.check(lock), isLocked);
  assert.deepEqual(seen(), ["stat", "read"]);
  await a.release([lock]);
  assert.match(place.text() ?? "", /owner: Old/, "it is not ours to remove");
});

Deno.test("where all clients are ours, a lock that was written within a minute is trusted", async () => {
  await using place = new Place();
  const backend = new FaultyBackend(openMemory(place.store));
  const a = place.client("A", { backend, legacyPeers: false });
  const lock = await acquire(a);
  assertHeld(lock);
  const seen = () => backend.calls.splice(0).map(({ verb }) => verb);
  seen();
  place.uptimeS += 59;
  await a.check(lock);
  assert.deepEqual(seen(), []);
  // It may have been taken over meanwhile, and no look at it changes that.
  place.uptimeS += 1;
  await a.check(lock);
  assert.deepEqual(seen(), ["stat", "read"]);
  await a.check(lock);
  assert.deepEqual(seen(), ["stat"]);
  place.uptimeS += 400;
  await place.put("lock%1.0\nowner: B\nmode: w\nnonce: 77\nbeat: 0");
  await assert.rejects(a.check(lock), isLocked);
  await a.release([lock]);
  assert.match(place.text() ?? "", /owner: B/);
});

Deno.test("where nothing is exclusive, a lock is looked at before each step: another may be late to write", async () => {
  await using place = new Place(TRAITS["nothing exclusive"]);
  const backend = openMemory(place.store);
  const late = place.client("B", { backend, legacyPeers: false });
  const [looked, goesOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  // The storage's create is a look and a put here.
  backend.create = async (name, bytes) => {
    const isFree = await backend.stat(name) === undefined;
    looked.resolve();
    await goesOn.promise;
    if (isFree) await backend.put(name, sourceOf(bytes));
    return isFree;
  };
  const acquiring = acquire(late);
  await looked.promise;
  const a = place.client("A", { legacyPeers: false });
  const lock = await acquire(a);
  assertHeld(lock);
  await a.check(lock);
  goesOn.resolve();
  assertHeld(await acquiring);
  await assert.rejects(a.check(lock), isLocked);
  await a.release([lock]);
  assert.match(place.text() ?? "", /owner: B/);
});

Deno.test("the locks of a batch have one nonce only where all clients are ours", async () => {
  const names = ["d/.f.lock", "d/.g.lock"].map(parseObjectName);
  for (const legacyPeers of [true, false]) {
    await using place = new Place();
    const { held } = await place.client("A", { legacyPeers }).acquire(names, { mode: "w" });
    assert.equal(new Set(held.map(({ nonce }) => nonce)).size, legacyPeers ? 2 : 1);
  }
});
