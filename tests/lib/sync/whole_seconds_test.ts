import assert from "node:assert/strict";
import { parseObjectName } from "../../../backends/backend.ts";
import { MemoryStore, openMemory } from "../../../backends/memory.ts";
import type { Section } from "../../../lib/config/section.ts";
import { type Session, World } from "../../support/engine.ts";
import { FaultyBackend } from "../../support/faulty_backend.ts";

const T = 1_600_000_000;
const LAYOUTS: Readonly<Record<string, Partial<Section>>> = {
  "without an index": {},
  "with an index": { index: { kind: "pages", depth: 0 } },
};

/** Clients on a storage that gives whole seconds and nothing else to tell versions apart; its clock stands still. */
class Place implements Disposable {
  readonly store: MemoryStore;
  readonly world: World;
  readonly #backends: FaultyBackend[] = [];
  #storageMs = T * 1000;

  constructor() {
    const store = new MemoryStore({
      hasTags: false,
      traits: { timePrecisionMs: 1000, exclusiveCreate: false },
      now: () => this.#storageMs,
    });
    this.store = store;
    this.world = new World({
      openBackend: () => {
        const backend = new FaultyBackend(openMemory(store));
        this.#backends.push(backend);
        return Promise.resolve(backend);
      },
    });
  }

  pass(seconds: number): void {
    this.#storageMs += seconds * 1000;
    this.world.clock.uptimeS += seconds;
  }

  /** The calls since the last time. */
  asked(): string[] {
    return this.#backends.flatMap(({ calls }) =>
      calls.splice(0).map(({ verb, name }) => `${verb} ${name}`.trim())
    );
  }

  sizeOf(name: string): number | undefined {
    return this.store.latest(parseObjectName(name))?.length;
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }
}

/** Runs rounds until one asks for no more than a listing. */
async function idle(place: Place, session: Session): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    place.asked();
    await session.round();
    if (place.asked().join() === "list") return;
  }
}

for (const [layout, options] of Object.entries(LAYOUTS)) {
  const [record, ackBytes] = options.index === undefined ? [".f.placeholder", 2] : [".0.index", 0];

  Deno.test(`${layout}: of two versions in one second, alike in size, none goes unseen`, async () => {
    using place = new Place();
    const [a, c] = [place.world.client("A", options), place.world.client("C", options)];
    a.write("f", "version 0", T);
    await place.world.settle([a, c]);
    place.pass(100);
    await using sender = await a.open();
    await using watcher = await c.open();
    // A record grows until it names 16 bases, and of indices, which are compressed, some are alike in size.
    for (let at = 1;; at++) {
      assert.ok(at < 500);
      await idle(place, watcher);
      const before = place.sizeOf(record) ?? 0;
      a.write("f", `version ${at}`, T + at);
      assert.deepEqual((await sender.round()).actions, ["push f"]);
      if (place.sizeOf(record) === before - ackBytes) break;
      await watcher.round();
    }
    // Only one puller is expected, and it is not the one that watches.
    const b = place.world.client("B", options);
    assert.deepEqual((await b.round()).actions, ["pull f"]);
    place.asked();
    await watcher.round();
    assert.ok(place.asked().includes(`read ${record}`));
  });

  Deno.test(`${layout}: versions that follow each other in one second all arrive`, async () => {
    using place = new Place();
    const [a, b] = [place.world.client("A", options), place.world.client("B", options)];
    await using one = await a.open();
    await using two = await b.open();
    for (let at = 0; at < 40; at++) {
      const [author, from, to] = at % 3 === 0 ? [b, two, one] : [a, one, two];
      author.write("f", `version ${at}`, T + at);
      await from.round();
      await to.round();
      await from.round();
      assert.equal(a.read("f"), `version ${at}`);
      assert.deepEqual(b.tree(), a.tree());
    }
  });

  Deno.test(`${layout}: once all is still a poll is one listing, also while something waits`, async () => {
    using place = new Place();
    const clients = ["A", "B"].map((name) => {
      return place.world.client(name, { ...options, pullerCount: 2 });
    });
    clients[0]?.write("f", "1", T);
    await place.world.settle(clients);
    for (const client of clients) {
      await using session = await client.open();
      place.pass(5);
      for (let turn = 0; turn < 3; turn++) await session.round();
      place.asked();
      await session.round();
      assert.deepEqual(place.asked(), ["list"]);
    }
    if (options.index !== undefined) return;
    for (const client of clients) {
      place.asked();
      await client.once();
      assert.deepEqual(place.asked(), ["list"], "in another run");
    }
  });
}
