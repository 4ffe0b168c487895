import assert from "node:assert/strict";
import { parseObjectName } from "../../../backends/backend.ts";
import { openMemory } from "../../../backends/memory.ts";
import type { HeldLock } from "../../../lib/relay/lock.ts";
import { parseLock } from "../../../lib/relay/lock_text.ts";
import type { LockView } from "../../../lib/relay/relay.ts";
import { FaultyBackend } from "../../support/faulty_backend.ts";
import {
  acquire,
  assertHeld,
  assertRefused,
  GUARD,
  isLocked,
  Memory,
  NAME,
  Place,
  TIMEOUT_S,
  TRAITS,
} from "./_locking.ts";

for (const [name, traits] of Object.entries(TRAITS)) {
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
  const run = async () => {
    await using client = place.client("B", { memory });
    return await acquire(client);
  };
  assertRefused(await run());
  place.uptimeS += 299;
  assertRefused(await run());
  // The machine was started anew: its uptime is less than at the first sight.
  place.uptimeS = 100;
  assertRefused(await run());
  place.uptimeS += 299;
  assertRefused(await run());
  place.uptimeS += 1;
  assertHeld(await run());
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

Deno.test("Locks, a taker that comes late finds the lock of the one before it", async () => {
  await using place = new Place();
  await place.put("lock%1.0\nowner: dead\nmode: w\nnonce: 00\nbeat: 1");
  const first = place.client("A");
  let got: HeldLock | LockView | undefined;
  const backend = openMemory(place.store);
  const makeFolder = backend.makeFolder.bind(backend);
  backend.makeFolder = async (name, options) => {
    got ??= await acquire(first);
    return await makeFolder(name, options);
  };
  const second = place.client("B", { backend });
  assertRefused(await acquire(first));
  assertRefused(await acquire(second));
  place.uptimeS += 300;
  assertRefused(await acquire(second));
  assert.ok(got !== undefined);
  assertHeld(got);
  await first.check(got);
});

for (const [name, traits] of Object.entries(TRAITS)) {
  Deno.test(`Locks, ${name}: a taker that is slow to write is alone, or is found out`, async () => {
    await using place = new Place(traits);
    await place.put("lock%1.0\nowner: dead\nmode: w\nnonce: 00\nbeat: 1");
    if (traits.exclusiveCreate === false) await openMemory(place.store).makeFolder(GUARD);
    const backend = openMemory(place.store);
    const put = backend.put.bind(backend);
    const [reached, goesOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    backend.put = async (...args) => {
      reached.resolve();
      await goesOn.promise;
      await put(...args);
    };
    const slow = place.client("S", { backend, legacyPeers: false });
    const quick = place.client("Q", { legacyPeers: false });
    assertRefused(await acquire(slow));
    assertRefused(await acquire(quick));
    place.uptimeS += 300;
    const taking = acquire(slow);
    await reached.promise;
    const taken = await acquire(quick);
    goesOn.resolve();
    assertHeld(await taking);
    if ("nonce" in taken) await assert.rejects(quick.check(taken), isLocked);
    assert.equal(
      "nonce" in taken,
      traits.exclusiveFolder === false || name === "nothing exclusive",
    );
  });
}

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
  assert.deepEqual(memory.sightingNames(), [], "what goes soon is not worth a write");
  place.uptimeS += 5;
  b.forgetOthers(new Set([NAME]));
  assert.deepEqual(memory.sightingNames(), [NAME]);
  b.forgetOthers(new Set());
  assert.deepEqual(memory.sightingNames(), []);
  assert.equal(await b.look(parseObjectName(".gone.lock")), undefined);
});
