import assert from "node:assert/strict";
import fc from "fast-check";
import { BackendError } from "../../backends/backend.ts";
import { MemoryStore, openMemory } from "../../backends/memory.ts";
import type { Mode } from "../../lib/config/section.ts";
import { firstFailure } from "../../lib/relay/failure.ts";
import { type Session, type TestClient, World } from "../support/engine.ts";
import { Crash, type Fault, FaultyBackend, onCall } from "../support/faulty_backend.ts";

/**
 * Whole clients around an index relay in memory: users edit and delete, relay calls fail, clients die. Then all go on
 * without faults: no content may be lost that nobody, having it, replaced or deleted; all come to rest; nothing but
 * persistent indices is left on the relay.
 */

const CASES = Number(Deno.env.get("ESCALE_CASES") ?? 60);
const SEED = Number(Deno.env.get("ESCALE_SEED") ?? Date.now() % 2 ** 31);
const T = 1_600_000_000;
const FILES = ["f", "d/g", "d/h"];
const FAULTS: readonly Fault[] = [
  { kind: "fail" },
  { kind: "lose-reply" },
  { kind: "fail", dies: true },
  { kind: "lose-reply", dies: true },
  { kind: "cut", after: 0, leavesPart: true, dies: true },
  { kind: "cut", after: 25, leavesPart: true, dies: true },
];

type Step =
  | { readonly kind: "edit"; readonly by: number; readonly file: number; readonly skewS: number }
  | { readonly kind: "delete"; readonly by: number; readonly file: number }
  | { readonly kind: "round"; readonly by: number }
  | { readonly kind: "fault"; readonly by: number; readonly fault: number; readonly at: number }
  | { readonly kind: "wait" };

interface History {
  readonly modes: readonly Mode[];
  readonly depth: number;
  readonly hasTags: boolean;
  readonly atomicReplace: boolean;
  readonly steps: readonly Step[];
}

const someClient = fc.nat(2);
const someFile = fc.nat(FILES.length - 1);
const someStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 7,
    arbitrary: fc.record({
      kind: fc.constant("edit"),
      by: someClient,
      file: someFile,
      skewS: fc.nat(7),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("delete"), by: someClient, file: someFile }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("round"), by: someClient }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("fault"),
      by: someClient,
      fault: fc.nat(FAULTS.length - 1),
      at: fc.integer({ min: 1, max: 24 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: "wait" }) },
);
const someHistory: fc.Arbitrary<History> = fc.record({
  // Two at least that pull, so that nobody pushes for nobody.
  modes: fc.constantFrom<readonly Mode[]>(
    ["shared", "shared"],
    ["shared", "shared", "shared"],
    ["upload", "download", "download"],
    ["upload", "shared", "download"],
    ["conservative", "shared", "shared"],
  ),
  depth: fc.nat(1),
  hasTags: fc.boolean(),
  atomicReplace: fc.boolean(),
  steps: fc.array(someStep, { minLength: 10, maxLength: 40, size: "max" }),
});

Deno.test(`clients of an index relay lose nothing whatever happens (seed ${SEED})`, async () => {
  await fc.assert(fc.asyncProperty(someHistory, run), { seed: SEED, numRuns: CASES });
});

async function run(history: History): Promise<void> {
  const { hasTags, atomicReplace, steps } = history;
  const store = new MemoryStore({ hasTags, traits: { atomicReplace } });
  using world = new World({ store });
  await using crowd = new Crowd(clientsOf(world, history), store);
  for (const [at, step] of steps.entries()) await crowd.take(step, { world, at });
  await comeToRest(world, crowd);
  const residue = world.relayNames().filter((name) => !/^\.[^.]+\.index$/.test(name));
  assert.deepEqual([...residue, ...store.folders], []);
  const standing = new Set(crowd.clients.flatMap((client) => Object.values(client.tree())));
  for (const content of crowd.alive) assert.ok(standing.has(content), `"${content}" is lost`);
}

function clientsOf(world: World, { modes, depth }: History): TestClient[] {
  return modes.map((mode, at) =>
    world.client("ABC".charAt(at), {
      mode,
      index: { kind: "pages", depth },
      compression: "none",
      legacyPeers: false,
      lockTimeoutS: 350,
      pullerCount: modes.filter((other, i) => i !== at && other !== "upload").length,
    })
  );
}

async function comeToRest(world: World, { clients, round }: Crowd): Promise<void> {
  let quiet = 0;
  for (let turn = 0; turn < 60; turn++) {
    const before = JSON.stringify(world.relayTree());
    let moved = 0;
    for (const client of clients) moved += await round(client);
    world.clock.uptimeS += 400;
    quiet = moved === 0 && JSON.stringify(world.relayTree()) === before ? quiet + 1 : 0;
    if (quiet === 4) return;
  }
  assert.fail("the clients do not come to rest");
}

/** The clients, those that run, and what their users made. */
class Crowd implements AsyncDisposable {
  readonly clients: readonly TestClient[];
  /** Contents that nobody who had them has replaced or deleted. */
  readonly alive: Set<string> = new Set();
  readonly #store: MemoryStore;
  readonly #running = new Map<TestClient, Session>();
  #made = 0;

  constructor(clients: readonly TestClient[], store: MemoryStore) {
    this.clients = clients;
    this.#store = store;
  }

  async take(step: Step, { world, at }: { readonly world: World; readonly at: number }) {
    if (step.kind === "wait") {
      world.clock.uptimeS += 400;
      return;
    }
    const client = this.clients[step.by % this.clients.length];
    assert.ok(client);
    if (step.kind === "round") await this.round(client);
    else if (step.kind === "fault") {
      await this.#fail(client, { ...FAULTS[step.fault] ?? { kind: "fail" } }, step.at);
    } else {
      const path = FILES[step.file] ?? "f";
      const tree = client.tree();
      const old = tree[path];
      // A repository without any file would stop its client.
      if (step.kind === "delete" && Object.keys(tree).length < 2) return;
      if (old !== undefined) this.alive.delete(old);
      if (step.kind === "edit") {
        const content = `${client.section.name}${++this.#made}`;
        this.alive.add(content);
        client.write(path, content, T + 3 * at + step.skewS);
      } else if (old !== undefined) client.remove(path);
    }
  }

  /** One round, and how much it did. */
  readonly round = async (client: TestClient): Promise<number> => {
    const session = this.#running.get(client) ?? await client.open();
    this.#running.set(client, session);
    return await this.#roundOf(session);
  };

  /** One round in which a call goes wrong; then the client starts anew. */
  async #fail(client: TestClient, fault: Fault, at: number): Promise<void> {
    await this.#running.get(client)?.[Symbol.asyncDispose]();
    this.#running.delete(client);
    const backend = new FaultyBackend(openMemory(this.#store), onCall(at, fault));
    await using session = await client.with({}, () => Promise.resolve(backend)).open();
    await this.#roundOf(session);
  }

  async #roundOf(session: Session): Promise<number> {
    try {
      const { actions, tally } = await session.round();
      return actions.length + tally.settled;
    } catch (cause) {
      const first = firstFailure(cause);
      if (first instanceof BackendError || first instanceof Crash) return 1;
      throw cause;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#running.values()) await session[Symbol.asyncDispose]();
  }
}
