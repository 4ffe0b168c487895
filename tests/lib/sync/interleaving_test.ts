import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import type { BackendTraits } from "../../../backends/backend.ts";
import { MemoryStore, openMemory } from "../../../backends/memory.ts";
import { type Session, type TestClient, World } from "../../support/engine.ts";
import { FaultyBackend } from "../../support/faulty_backend.ts";

const T = 1_600_000_000;
const FILES = ["f", "g.txt"] as const;

/** A history of clients that run at the same time while their users write. */
interface History {
  readonly clients: number;
  /** Which client writes which file, at which relay call of all, with which time. */
  readonly edits: readonly { by: number; file: number; atCall: number; timeS: number }[];
  /** How many turns of the event loop each call waits, over and over. */
  readonly waits: readonly number[];
}

const someHistory: fc.Arbitrary<History> = fc.record({
  clients: fc.integer({ min: 2, max: 3 }),
  edits: fc.array(
    fc.record({
      by: fc.nat({ max: 2 }),
      file: fc.nat({ max: FILES.length - 1 }),
      atCall: fc.nat({ max: 120 }),
      timeS: fc.nat({ max: 10 }),
    }),
    { minLength: 1, maxLength: 8 },
  ),
  waits: fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 12 }),
});

async function run({ clients: count, edits, waits }: History): Promise<void> {
  const store = new MemoryStore();
  using world = new World({ store });
  const options = { pullerCount: count - 1 };
  const clients: TestClient[] = [];
  const standing = new Set<string>();
  const pending = [...edits.entries()].sort(([, a], [, b]) => a.atCall - b.atCall);
  let calls = 0;
  const writeDue = () => {
    for (let next = pending[0]; next !== undefined && next[1].atCall <= calls; next = pending[0]) {
      pending.shift();
      const [number, { by, file, timeS }] = next;
      const [author, name] = [clients[by % count], FILES[file]];
      assert.ok(author !== undefined && name !== undefined);
      // Whoever writes replaces what stands under the name in the own folder, and nothing else.
      standing.delete(author.tree()[name] ?? "");
      // A write leaves a time with a fraction, which tells it from a file that was just placed.
      author.write(name, `edit ${number}`, T + timeS + 0.5);
      standing.add(`edit ${number}`);
    }
  };
  const waiting = async () => {
    writeDue();
    const turns = waits[calls++ % waits.length] ?? 0;
    for (let turn = 0; turn < turns; turn++) await setImmediate();
  };
  await using open = new AsyncDisposableStack();
  const sessions: Session[] = [];
  for (let at = 0; at < count; at++) {
    const client = world.client(`C${at}`, options)
      .with({}, () => Promise.resolve(delayed(openMemory(store), waiting)));
    clients.push(client);
    sessions.push(open.use(await client.open()));
  }
  for (let round = 0; pending.length > 0 || round < 3; round++) {
    await Promise.all(sessions.map((session) => session.round()));
    // Idle rounds make no calls that count.
    calls += 10;
    writeDue();
  }
  await comeToRest(world, sessions);
  const [first = {}] = clients.map((client) => client.tree());
  for (const client of clients) assert.deepEqual(client.tree(), first);
  for (const content of standing) {
    assert.ok(Object.values(first).includes(content), `"${content}" is lost`);
  }
  assert.deepEqual(world.relayNames().filter((name) => !name.endsWith(".placeholder")), []);
}

/** Waits before every call of a backend. */
function delayed(inner: ReturnType<typeof openMemory>, wait: () => Promise<void>): FaultyBackend {
  const backend = new FaultyBackend(inner);
  const { stat, get, read, put, create, remove, makeFolder, removeFolder, flush } = backend;
  return Object.assign(backend, {
    stat: async (...args: Parameters<typeof stat>) => (await wait(), stat.apply(backend, args)),
    get: async (...args: Parameters<typeof get>) => (await wait(), get.apply(backend, args)),
    read: async (...args: Parameters<typeof read>) => (await wait(), read.apply(backend, args)),
    put: async (...args: Parameters<typeof put>) => (await wait(), put.apply(backend, args)),
    create: async (...args: Parameters<typeof create>) => (
      await wait(), create.apply(backend, args)
    ),
    remove: async (...args: Parameters<typeof remove>) => (
      await wait(), remove.apply(backend, args)
    ),
    makeFolder: async (...args: Parameters<typeof makeFolder>) => (
      await wait(), makeFolder.apply(backend, args)
    ),
    removeFolder: async (...args: Parameters<typeof removeFolder>) => (
      await wait(), removeFolder.apply(backend, args)
    ),
    flush: async (...args: Parameters<typeof flush>) => (await wait(), flush.apply(backend, args)),
  });
}

async function comeToRest(world: World, sessions: readonly Session[]): Promise<void> {
  for (let turn = 0, quiet = 0; turn < 40; turn++) {
    const before = JSON.stringify(world.relayTree());
    let moved = 0;
    for (const session of sessions) {
      const { actions, tally } = await session.round();
      moved += actions.length + tally.settled;
    }
    quiet = moved === 0 && JSON.stringify(world.relayTree()) === before ? quiet + 1 : 0;
    if (quiet === 2) return;
  }
  assert.fail("the clients do not come to rest");
}

Deno.test("clients that run at the same time while users write lose nothing and converge", async () => {
  const numRuns = Number(Deno.env.get("ESCALE_INTERLEAVINGS") ?? 150);
  await fc.assert(fc.asyncProperty(someHistory, run), { numRuns });
});

for (
  const [name, traits] of Object.entries<Partial<BackendTraits>>({
    "exclusive folders only": { exclusiveCreate: false },
    "nothing exclusive": { exclusiveCreate: false, exclusiveFolder: false },
    "no replacing at once": { atomicReplace: false, exclusiveFolder: false },
  })
) {
  Deno.test(`two clients on a relay with ${name} exchange files, edits and a conflict`, async () => {
    const store = new MemoryStore({ traits });
    using world = new World({ store });
    const [a, b] = [world.client("A"), world.client("B")];
    a.write("f", "1", T);
    await a.once();
    await Promise.all([a.once(), b.once()]);
    assert.equal(b.read("f"), "1");
    a.write("f", "of A", T + 1);
    b.write("f", "of B", T + 2);
    await Promise.all([a.round(), b.round()]);
    await world.settle([a, b]);
    assert.deepEqual(a.tree(), b.tree());
    assert.deepEqual(Object.values(a.tree()).sort(), ["of A", "of B"]);
    assert.deepEqual(world.relayNames().filter((it) => !it.endsWith(".placeholder")), []);
    assert.deepEqual([...store.folders], []);
  });
}
