import assert from "node:assert/strict";
import { BackendError } from "../../../backends/backend.ts";
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

/** Something that clients do, and what must be left of it. */
export interface History {
  readonly name: string;
  /** It cannot happen where all clients are ours. */
  readonly onlyLegacy?: true;
  readonly clients: readonly string[];
  readonly options?: Partial<Section>;
  readonly prepare: (world: SweptWorld) => Promise<void>;
  /** The client whose calls fail. */
  readonly victim: string;
  /** Contents that must stand in every folder in the end. */
  readonly survivors: readonly string[];
}

/** The layout of the relay that is swept. */
export interface SweptLayout {
  readonly options: Partial<Section>;
  /** Whether an object or folder of this name may be left on the relay in the end. */
  readonly mayStay: (name: string) => boolean;
}

/** What can happen to a call that changes something. */
const FAULTS: Readonly<Record<string, Fault>> = {
  "fails": { kind: "fail" },
  "loses its reply": { kind: "lose-reply" },
  "comes after a crash": { kind: "fail", dies: true },
  "is the last before a crash": { kind: "lose-reply", dies: true },
  "leaves a part and a crash": { kind: "cut", after: 2, leavesPart: true, dies: true },
};
const CHANGING: readonly Verb[] = ["put", "create", "remove", "makeFolder", "removeFolder"];

/**
 * Runs a history once for every relay call of its victim and every fault of that call. After each the clients go on
 * without faults: no content may be lost, all folders become equal, and nothing is left on the relay that may not stay.
 */
export async function sweep(history: History, layout: SweptLayout): Promise<void> {
  const calls = await callsOf(history, layout);
  assert.ok(calls.length > 3, `the history has only ${calls.length} calls`);
  for (const { nth, verb, name } of calls) {
    for (const [what, fault] of faultsOf(verb)) {
      for (const isFirst of fault.dies ? [true, false] : [nth % 2 === 0]) {
        try {
          await sweepOnce(history, { nth, fault, isFirst, layout });
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
}

/** A call that only looks may fail; its reply and its effect are the same thing. */
function faultsOf(verb: Verb): [string, Fault][] {
  return Object.entries(FAULTS).filter(([what, { kind }]) => {
    if (!CHANGING.includes(verb)) return what === "fails";
    return kind !== "cut" || verb === "put";
  });
}

/** A world with what a history needs. */
export interface SweptWorld {
  readonly store: MemoryStore;
  readonly client: (name: string) => TestClient;
  readonly settle: () => Promise<void>;
  readonly advance: (seconds: number) => void;
  /** The client of that name, with this way to the relay. */
  readonly through: (name: string, backend: FaultyBackend) => TestClient;
}

async function callsOf(history: History, layout: SweptLayout): Promise<readonly Call[]> {
  const store = new MemoryStore();
  using world = new World({ store });
  const swept = await prepared(history, { world, store, layout });
  const backend = new FaultyBackend(openMemory(store));
  await swept.through(history.victim, backend).once();
  return backend.calls;
}

async function sweepOnce(
  history: History,
  { nth, fault, isFirst, layout }: {
    readonly layout: SweptLayout;
    readonly nth: number;
    readonly fault: Fault;
    readonly isFirst: boolean;
  },
): Promise<void> {
  const { clients, victim, survivors } = history;
  const store = new MemoryStore();
  using world = new World({ store });
  const swept = await prepared(history, { world, store, layout });
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
  const residue = [...world.relayNames(), ...store.folders].filter((name) => !layout.mayStay(name));
  assert.deepEqual(residue, [], story());
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
  { world, store, layout }: {
    readonly world: World;
    readonly store: MemoryStore;
    readonly layout: SweptLayout;
  },
): Promise<SweptWorld> {
  const options = { lockTimeoutS: 350, ...layout.options, ...history.options };
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
