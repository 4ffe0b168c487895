import assert from "node:assert/strict";
import { BackendError, parseObjectName } from "../../../backends/backend.ts";
import { MemoryStore, openMemory } from "../../../backends/memory.ts";
import type { Section } from "../../../lib/config/section.ts";
import { firstFailure } from "../../../lib/relay/failure.ts";
import { hasMoved } from "../../../lib/sync/round.ts";
import { type Session, type TestClient, treeOf, World } from "../../support/engine.ts";
import {
  type Call,
  Crash,
  type Fault,
  FaultyBackend,
  onCall,
  type Verb,
} from "../../support/faulty_backend.ts";
import { sourceOf } from "../../support/sources.ts";

/**
 * A fault at every relay call of a set of histories on an index relay. After each the clients go on without faults: no
 * content may be lost, all folders become equal, and nothing but persistent indices is left on the relay.
 */
interface History {
  readonly name: string;
  readonly clients: readonly string[];
  readonly options?: Partial<Section>;
  readonly prepare: (world: SweptWorld) => Promise<void>;
  /** The client whose calls fail. */
  readonly victim: string;
  /** Contents that must stand in every folder in the end. */
  readonly survivors: readonly string[];
}

const T = 1_600_000_000;
const INDEX: Partial<Section> = { index: { kind: "pages", depth: 0 }, compression: "none" };

const HISTORIES: readonly History[] = [
  {
    name: "two new files are pushed on two pages",
    clients: ["A", "B"],
    options: { index: { kind: "pages", depth: 1 }, compression: "gzip" },
    prepare({ client }) {
      client("A").write("d/f", "one", T);
      client("A").write("g", "two", T);
      return Promise.resolve();
    },
    victim: "A",
    survivors: ["one", "two"],
  },
  {
    name: "an edit is pushed",
    clients: ["A", "B"],
    async prepare({ client, settle }) {
      client("A").write("f", "one", T);
      await settle();
      client("A").write("f", "two", T + 9);
    },
    victim: "A",
    survivors: ["two"],
  },
  {
    name: "an update is pulled",
    clients: ["A", "B"],
    async prepare({ client }) {
      client("A").write("d/f", "one", T);
      client("A").write("g", "two", T);
      await client("A").once();
    },
    victim: "B",
    survivors: ["one", "two"],
  },
  {
    name: "an edit is pulled by the first of two",
    clients: ["A", "B", "C"],
    options: { pullerCount: 2 },
    async prepare({ client, settle }) {
      client("A").write("f", "one", T);
      await settle();
      client("A").write("f", "two", T + 9);
      await client("A").once();
    },
    victim: "B",
    survivors: ["two"],
  },
  {
    name: "the last of two pullers comes",
    clients: ["A", "B", "C"],
    options: { pullerCount: 2 },
    async prepare({ client }) {
      client("A").write("f", "one", T);
      await client("A").once();
      await client("B").once();
    },
    victim: "C",
    survivors: ["one"],
  },
  {
    name: "both changed the same file",
    clients: ["A", "B"],
    async prepare({ client, settle }) {
      client("A").write("f.txt", "one", T);
      await settle();
      client("A").write("f.txt", "of A", T + 20);
      client("B").write("f.txt", "of B", T + 10);
      await client("A").once();
    },
    victim: "B",
    survivors: ["of A", "of B"],
  },
  {
    name: "a late joiner requests what is gone",
    clients: ["A", "B"],
    async prepare({ client, settle }) {
      client("A").write("f", "one", T);
      await settle();
      client("B").loseState();
      client("B").remove("f");
    },
    victim: "B",
    survivors: ["one"],
  },
  {
    name: "a request is answered",
    clients: ["A", "B"],
    async prepare({ client, settle }) {
      client("A").write("f", "one", T);
      await settle();
      client("B").loseState();
      client("B").remove("f");
      await client("B").once();
    },
    victim: "A",
    survivors: ["one"],
  },
  {
    name: "damaged data is pulled",
    clients: ["A", "B"],
    async prepare({ client, store }) {
      client("A").write("f", "one", T);
      await client("A").once();
      const name = store.names().find((it) => it.endsWith(".data")) ?? "";
      const bytes = store.latest(parseObjectName(name))?.slice() ?? new Uint8Array();
      bytes[512] = 0;
      await openMemory(store).put(parseObjectName(name), sourceOf(bytes));
    },
    victim: "B",
    survivors: ["one"],
  },
  {
    name: "a dead pusher's page is taken over",
    clients: ["A", "B"],
    async prepare({ client, through, store, advance }) {
      client("A").write("f", "one", T);
      await client("B").round();
      const dying = new FaultyBackend(
        openMemory(store),
        ({ verb, name }) =>
          verb === "put" && /\d\.index$/.test(name) ? { kind: "fail", dies: true } : undefined,
      );
      await through("A", dying).once();
      client("B").write("g", "of B", T + 5);
      await client("B").round();
      advance(400);
    },
    victim: "B",
    survivors: ["one", "of B"],
  },
];

const FAULTS: Readonly<Record<string, Fault>> = {
  "fails": { kind: "fail" },
  "loses its reply": { kind: "lose-reply" },
  "comes after a crash": { kind: "fail", dies: true },
  "is the last before a crash": { kind: "lose-reply", dies: true },
  "leaves a part and a crash": { kind: "cut", after: 2, leavesPart: true, dies: true },
};
const CHANGING: readonly Verb[] = ["put", "create", "remove", "makeFolder", "removeFolder"];

for (const history of HISTORIES) {
  Deno.test(`a fault at any call on an index relay loses nothing when ${history.name}`, async () => {
    const calls = await callsOf(history);
    assert.ok(calls.length > 3, `the history has only ${calls.length} calls`);
    for (const { nth, verb, name } of calls) {
      for (const [what, fault] of faultsOf(verb)) {
        for (const isFirst of fault.dies ? [true, false] : [nth % 2 === 0]) {
          try {
            await sweepOnce(history, { nth, fault, isFirst });
          } catch (cause) {
            const when = isFirst ? "first" : "last";
            throw new Error(
              `call ${nth}, ${verb} "${name}", ${what}; then the victim runs ${when}`,
              { cause },
            );
          }
        }
      }
    }
  });
}

/** A call that only looks may fail; its reply and its effect are the same thing. */
function faultsOf(verb: Verb): [string, Fault][] {
  return Object.entries(FAULTS).filter(([what, { kind }]) => {
    if (!CHANGING.includes(verb)) return what === "fails";
    return kind !== "cut" || verb === "put";
  });
}

interface SweptWorld {
  readonly store: MemoryStore;
  readonly client: (name: string) => TestClient;
  readonly settle: () => Promise<void>;
  readonly advance: (seconds: number) => void;
  /** The client of that name, with this way to the relay. */
  readonly through: (name: string, backend: FaultyBackend) => TestClient;
}

async function callsOf(history: History): Promise<readonly Call[]> {
  const store = new MemoryStore();
  using world = new World({ store });
  const swept = await prepared(history, { world, store });
  const backend = new FaultyBackend(openMemory(store));
  await swept.through(history.victim, backend).once();
  return backend.calls;
}

async function sweepOnce(
  history: History,
  { nth, fault, isFirst }: {
    readonly nth: number;
    readonly fault: Fault;
    readonly isFirst: boolean;
  },
): Promise<void> {
  const { clients, victim, survivors } = history;
  const store = new MemoryStore();
  using world = new World({ store });
  const swept = await prepared(history, { world, store });
  const backend = new FaultyBackend(openMemory(store), onCall(nth, fault));
  await using open = new AsyncDisposableStack();
  let session = open.use(await swept.through(victim, backend).open());
  await runUntilFault(session);
  if (fault.dies) {
    await session[Symbol.asyncDispose]();
    session = open.use(await swept.client(victim).open());
  }
  const others: Session[] = [];
  for (const name of clients.filter((name) => name !== victim)) {
    others.push(open.use(await swept.client(name).open()));
  }
  const story = () => backend.calls.map((it) => `${it.verb} ${it.name}`).join("\n");
  await comeToRest(world, isFirst ? [session, ...others] : [...others, session]);
  const trees = clients.map((name) => swept.client(name).tree());
  const [first = {}] = trees;
  for (const tree of trees) assert.deepEqual(tree, first, story());
  for (const content of survivors) {
    assert.ok(Object.values(first).includes(content), `"${content}" is lost: ${story()}`);
  }
  const residue = world.relayNames().filter((name) => !/^\.[^.]+\.index$/.test(name));
  assert.deepEqual([...residue, ...store.folders], [], story());
  for (const name of clients) {
    const hidden = Object.keys(treeOf(swept.client(name).section.localPath))
      .filter((path) => path.startsWith("."));
    assert.deepEqual(hidden, []);
  }
}

/** Runs rounds until nothing moves, or the fault ends one. */
async function runUntilFault(session: Session): Promise<void> {
  try {
    while (hasMoved((await session.round()).tally));
  } catch (cause) {
    const first = firstFailure(cause);
    if (!(first instanceof BackendError || first instanceof Crash)) throw cause;
  }
}

async function prepared(
  history: History,
  { world, store }: { readonly world: World; readonly store: MemoryStore },
): Promise<SweptWorld> {
  const options = { lockTimeoutS: 350, ...INDEX, ...history.options };
  const clients = new Map(history.clients.map((name) => [name, world.client(name, options)]));
  const client = (name: string) => clients.get(name) ?? assert.fail(`no client "${name}"`);
  const swept: SweptWorld = {
    store,
    client,
    settle: () => world.settle(history.clients.map(client)),
    advance: (seconds) => {
      world.clock.uptimeS += seconds;
    },
    through: (name, backend) => client(name).with({}, () => Promise.resolve(backend)),
  };
  await history.prepare(swept);
  return swept;
}

/** Lets the clients run in turn, with pauses in which locks grow stale, until nothing changes any more. */
async function comeToRest(world: World, sessions: readonly Session[]): Promise<void> {
  let quiet = 0;
  for (let turn = 0; turn < 30; turn++) {
    const before = JSON.stringify(world.relayTree());
    let moved = 0;
    for (const session of sessions) {
      const { actions, tally } = await session.round();
      moved += actions.length + tally.settled;
    }
    world.clock.uptimeS += 400;
    quiet = moved === 0 && JSON.stringify(world.relayTree()) === before ? quiet + 1 : 0;
    // A lock, and a guard left at its take-over, each have to be seen twice.
    if (quiet === 4) return;
  }
  assert.fail("the clients do not come to rest");
}
