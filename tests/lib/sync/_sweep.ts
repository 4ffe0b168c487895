import assert from "node:assert/strict";
import { BackendError } from "../../../backends/backend.ts";
import { MemoryStore, openMemory } from "../../../backends/memory.ts";
import type { Section } from "../../../lib/config/section.ts";
import { EscaleError } from "../../../lib/errors.ts";
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
import { type Loss, MortalDisk, type When } from "../../support/mortal_disk.ts";

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

const CHANGING: readonly Verb[] = ["put", "create", "remove", "makeFolder", "removeFolder"];
const LOOKING: readonly Verb[] = ["list", "stat", "get", "read"];

/** What can happen to calls of these verbs. */
type Faults = Readonly<Record<string, { readonly fault: Fault; readonly verbs: readonly Verb[] }>>;

/** Calls that fail, and clients that die of it. A call that only looks has no effect that its reply could miss. */
export const FAILURES: Faults = {
  "fails": { fault: { kind: "fail" }, verbs: [...CHANGING, ...LOOKING, "flush", "space"] },
  "loses its reply": { fault: { kind: "lose-reply" }, verbs: CHANGING },
  "comes after a crash": { fault: { kind: "fail", dies: true }, verbs: CHANGING },
  "is the last before a crash": { fault: { kind: "lose-reply", dies: true }, verbs: CHANGING },
  "leaves a part and a crash": {
    fault: { kind: "cut", after: 2, leavesPart: true, dies: true },
    verbs: ["put"],
  },
};

/** Storages that lie, are late, or refuse. */
export const DECEITS: Faults = {
  "finds the storage full": { fault: refusal("full"), verbs: ["put", "create", "makeFolder"] },
  "is not permitted": { fault: refusal("denied"), verbs: [...CHANGING, ...LOOKING] },
  "is cut half-way": {
    fault: { kind: "cut", after: 2, leavesPart: true },
    verbs: ["put", "get", "list"],
  },
  "has no content": { fault: { kind: "short", after: 0 }, verbs: ["put", "get", "read"] },
  "has a part of its content": {
    fault: { kind: "short", after: 2 },
    verbs: ["put", "get", "read"],
  },
  "gets a stale answer": { fault: { kind: "stale" }, verbs: ["list", "stat", "read"] },
  "has each name twice": { fault: { kind: "double" }, verbs: ["list"] },
  "takes effect one call after it failed": { fault: { kind: "late", calls: 1 }, verbs: CHANGING },
  "takes effect long after it failed": { fault: { kind: "late", calls: 6 }, verbs: CHANGING },
};

function refusal(code: "full" | "denied"): Fault {
  const error = new BackendError(code, `Cannot do this: ${code} was asked for`);
  return { kind: "fail", error };
}

/**
 * Runs a history once for every relay call of its victim and every fault of that call. After each the clients go on
 * without faults: no content may be lost, all folders become equal, and nothing is left on the relay that may not stay.
 */
export async function sweep(
  history: History,
  layout: SweptLayout,
  faults: Faults = FAILURES,
): Promise<void> {
  const calls = await callsOf(history, layout);
  assert.ok(calls.length > 3, `the history has only ${calls.length} calls`);
  for (const { nth, verb, name } of calls) {
    for (const [what, { fault, verbs }] of Object.entries(faults)) {
      if (!verbs.includes(verb)) continue;
      for (const isFirst of fault.dies ? [true, false] : [nth % 2 === 0]) {
        const claim = `call ${nth}, ${verb} "${name}", ${what}`;
        await goOn(history, { layout, claim, isFirst, breaks: failing({ nth, fault }) });
      }
    }
  }
}

/**
 * Runs a history once for every call of its victim to the disk or the relay that changes something, and lets it die
 * there, with what was not synced or without. Then as {@linkcode sweep}.
 */
export async function sweepCrashes(
  history: History,
  layout: SweptLayout,
  options: { readonly isWhole: boolean },
): Promise<void> {
  const losses: readonly Loss[] = ["nothing", "contents", "all"];
  let deaths = 0;
  for (let nth = 1, isOver = false; !isOver; nth++) {
    for (const [at, loss] of losses.entries()) {
      // Each loss has its turn where not all are tried.
      if (!options.isWhole && nth % losses.length !== at) continue;
      for (const when of ["before", "after"] as const) {
        const death: Death = { nth, when, loss, happened: false };
        const claim = `death ${when} call ${nth} that takes ${loss}`;
        const isFirst = (nth + at) % 2 === 0;
        await goOn(history, { layout, claim, isFirst, breaks: dying(death) });
        // A call that fails by itself has no moment after it.
        if (when === "before") isOver = !death.happened;
        if (death.happened) deaths++;
      }
    }
  }
  assert.ok(deaths > 12, `there were only ${deaths} deaths`);
}

/** Brings a trouble over the victim, and hands it back as it goes on. */
type Breaks = (world: SweptWorld, history: History) => Promise<{
  readonly session: Session;
  readonly story: () => string;
}>;

function failing({ nth, fault }: { readonly nth: number; readonly fault: Fault }): Breaks {
  return async (swept, { victim }) => {
    const backend = new FaultyBackend(openMemory(swept.store), onCall(nth, fault));
    const story = () => backend.calls.map((it) => `${it.verb} ${it.name}`).join("\n");
    const session = await swept.through(victim, backend).open();
    await runUntilFault(session);
    if (!fault.dies) return { session, story };
    await session[Symbol.asyncDispose]();
    return { session: await swept.client(victim).open(), story };
  };
}

interface Death {
  readonly nth: number;
  readonly when: When;
  readonly loss: Loss;
  happened: boolean;
}

function dying(death: Death): Breaks {
  return async (swept, { victim }) => {
    const { localPath: root, statePath: state } = swept.client(victim).section;
    let calls = 0;
    const at = (when: When) => {
      if (when === "before") calls++;
      if (calls !== death.nth || when !== death.when) return;
      death.happened = true;
      disk.die(death.loss);
    };
    using disk = new MortalDisk({ root, state, vault: `${root}.vault` }, (_nth, when) => at(when));
    const backend = new FaultyBackend(openMemory(swept.store), () => {
      if (!disk.isDead) at("before");
      if (disk.isDead) return { kind: "fail", dies: true };
      at("after");
      return disk.isDead ? { kind: "lose-reply", dies: true } : undefined;
    });
    try {
      await using session = await swept.through(victim, backend).open();
      await runUntilFault(session);
    } catch (cause) {
      if (!disk.isDead) throw cause;
    }
    disk.bury();
    const story = () => backend.calls.map((it) => `${it.verb} ${it.name}`).join("\n");
    return { session: await swept.client(victim).open(), story };
  };
}

/** Plays a history with its trouble; then the clients go on, and must come to what the history promises. */
async function goOn(
  history: History,
  { layout, claim, isFirst, breaks }: {
    readonly layout: SweptLayout;
    readonly claim: string;
    /** Whether the victim goes on before the others, or after them. */
    readonly isFirst: boolean;
    readonly breaks: Breaks;
  },
): Promise<void> {
  const store = new MemoryStore();
  using world = new World({ store });
  await using open = new AsyncDisposableStack();
  let told = () => "";
  try {
    const swept = await prepared(history, { world, store, layout });
    const { session, story } = await breaks(swept, history);
    told = story;
    open.use(session);
    const others: Session[] = [];
    for (const name of history.clients.filter((name) => name !== history.victim)) {
      others.push(open.use(await swept.client(name).open()));
    }
    await comeToRest(world, isFirst ? [session, ...others] : [...others, session]);
    verify(history, { swept, world, layout });
  } catch (cause) {
    const turn = isFirst ? "first" : "last";
    throw new Error(`${claim}; then the victim runs ${turn}\n${told()}`, { cause });
  }
}

function verify(
  { clients, survivors }: History,
  { swept, world, layout }: {
    readonly swept: SweptWorld;
    readonly world: World;
    readonly layout: SweptLayout;
  },
): void {
  const trees = clients.map((name) => swept.client(name).tree());
  const [first = {}] = trees;
  for (const tree of trees) assert.deepEqual(tree, first);
  for (const content of survivors) {
    assert.ok(Object.values(first).includes(content), `"${content}" is lost`);
  }
  const residue = [...world.relayNames(), ...swept.store.folders]
    .filter((name) => !layout.mayStay(name));
  assert.deepEqual(residue, []);
  for (const name of clients) {
    const hidden = Object.keys(treeOf(swept.client(name).section.localPath))
      .filter((path) => path.startsWith("."));
    assert.deepEqual(hidden, []);
  }
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

/** Runs rounds until nothing moves, or the fault ends one. */
async function runUntilFault(session: Session): Promise<void> {
  try {
    while (hasMoved((await session.round()).tally));
  } catch (cause) {
    const first = firstFailure(cause);
    if (!(first instanceof BackendError || first instanceof Crash || isLostLock(first))) {
      throw cause;
    }
  }
}

function isLostLock(cause: unknown): boolean {
  return cause instanceof EscaleError && cause.code === "locked";
}

/** How much a round did. One whose lock was overwritten ends, and another follows. */
async function movedBy(session: Session): Promise<number> {
  try {
    const { actions, tally } = await session.round();
    return actions.length + tally.settled;
  } catch (cause) {
    if (!isLostLock(firstFailure(cause))) throw cause;
    return 1;
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
      moved += await movedBy(session);
    }
    world.clock.uptimeS += 400;
    quiet = moved === 0 && JSON.stringify(world.relayTree()) === before ? quiet + 1 : 0;
    // A lock, and a guard left at its take-over, each have to be seen twice.
    if (quiet === 4) return;
  }
  assert.fail("the clients do not come to rest");
}
