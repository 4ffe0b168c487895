import fc from "fast-check";
import { parseRelativePath, type RelativePath } from "../../lib/path.ts";
import { identityOf } from "../../lib/relay/checksum.ts";
import { hasAcknowledged } from "../../lib/relay/metadata.ts";
import type { Mode } from "../../lib/sync/plan.ts";
import { exchange } from "./plan_client.ts";
import {
  BrokenPromise,
  type Client,
  forgetContent,
  memoryOf,
  newContent,
  noteMade,
  type Outcome,
  PATHS,
  pathsOf,
  rulesOf,
  setFile,
  short,
  slotOf,
  type World,
} from "./plan_world.ts";

/** One history: who takes part, and what happens, in order. */
export interface History {
  readonly clients: readonly ClientSetup[];
  /** So many clients are there from the beginning; the others may join. */
  readonly startsWith: number;
  /** The right puller counts, or one for all clients. */
  readonly pullerCount: "right" | number;
  readonly isAuthentic: boolean;
  readonly hasTornPuts: boolean;
  readonly hasRaces: boolean;
  readonly steps: readonly Step[];
  /** Orders the rounds after the last step. */
  readonly order: number;
}

export interface ClientSetup {
  readonly mode: Mode;
  readonly mayRead: boolean;
  readonly mayWrite: boolean;
}

/** What goes wrong within an exchange, before its effect number `at`. */
export interface Mishap {
  readonly at: number;
  readonly what: "crash" | "pause" | "edit" | "delete";
}

export type Step =
  | {
    readonly kind: "edit";
    readonly by: number;
    readonly file: number;
    /** The number of an earlier content, or a new one. */
    readonly earlier: number | undefined;
    /** How far the file's time is from now. */
    readonly skewS: number;
  }
  | { readonly kind: "delete"; readonly by: number; readonly file: number }
  | {
    readonly kind: "sync";
    readonly by: number;
    /** One file, or all. */
    readonly file: number | undefined;
    readonly mishap: Mishap | undefined;
  }
  /** All locks that stand grow stale; or all clients come to rest. */
  | { readonly kind: "wait" }
  | { readonly kind: "rest" }
  /** A client's state is lost, or its files too, or the client for ever. */
  | { readonly kind: "forget" | "wipe" | "leave"; readonly by: number }
  | { readonly kind: "join" }
  /** Somebody takes from the relay, spoils a content, or puts one there without a record. */
  | {
    readonly kind: "lose-record" | "lose-content" | "damage" | "put-whole" | "put-part";
    readonly by: number;
    readonly file: number;
  };

const NAMES = ["A", "B", "C", "D"];
const MAX_ROUNDS = 40;

const someFile = fc.nat(9);
const someClient = fc.nat(3);
const often = <T>(weight: number, common: T, rare: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight, arbitrary: fc.constant(common) }, { weight: 1, arbitrary: rare });

const simpleSetup: fc.Arbitrary<ClientSetup> = fc.record({
  mode: often<Mode>(4, "shared", fc.constant("download")),
  mayRead: fc.constant(true),
  mayWrite: fc.constant(true),
});
const anySetup: fc.Arbitrary<ClientSetup> = fc.record({
  mode: often<Mode>(2, "shared", fc.constantFrom("upload", "download", "conservative")),
  mayRead: often(12, true, fc.constant(false)),
  mayWrite: often(12, true, fc.constant(false)),
});
const someMishap: fc.Arbitrary<Mishap> = fc.record({
  at: fc.nat(12),
  what: fc.constantFrom("crash", "crash", "pause", "edit", "delete"),
});
const syncStep: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant("sync"),
  by: someClient,
  file: fc.option(someFile, { nil: undefined }),
  mishap: often(4, undefined, someMishap),
});
const editStep: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant("edit"),
  by: someClient,
  file: someFile,
  earlier: fc.constant(undefined),
  skewS: often(3, 0, fc.integer({ min: -9, max: 9 })),
});
const steadyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: syncStep },
  { weight: 6, arbitrary: editStep },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("delete"), by: someClient, file: someFile }),
  },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: "wait" }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: "rest" }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: "join" }) },
);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 16, arbitrary: steadyStep },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("edit"),
      by: someClient,
      file: someFile,
      earlier: fc.nat(9),
      skewS: fc.constant(0),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("forget", "wipe", "leave"), by: someClient }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("lose-record", "lose-content", "damage", "put-whole", "put-part"),
      by: someClient,
      file: someFile,
    }),
  },
);

/** Histories of 2 to 4 clients and up to 40 steps. */
export const someHistory: fc.Arbitrary<History> = fc.oneof(
  { weight: 1, arbitrary: historyOf(simpleSetup, steadyStep, fc.constant(false)) },
  { weight: 1, arbitrary: historyOf(anySetup, steadyStep, fc.constant(false)) },
  { weight: 2, arbitrary: historyOf(anySetup, anyStep, fc.boolean()) },
);

function historyOf(
  setup: fc.Arbitrary<ClientSetup>,
  step: fc.Arbitrary<Step>,
  hasRaces: fc.Arbitrary<boolean>,
): fc.Arbitrary<History> {
  return fc.record({
    clients: fc.array(setup, { minLength: 2, maxLength: 4, size: "max" }),
    startsWith: fc.integer({ min: 1, max: 4 }),
    pullerCount: often<"right" | number>(6, "right", fc.integer({ min: 1, max: 3 })),
    isAuthentic: fc.boolean(),
    hasTornPuts: fc.boolean(),
    hasRaces,
    steps: fc.array(step, { maxLength: 40, size: "max" }),
    order: fc.nat(),
  });
}

/**
 * Lets a history happen, then lets all clients come to rest.
 *
 * @throws {BrokenPromise} if a content is lost, or they do not come to rest, or rest with something left to do
 */
export function run(history: History, trace?: (line: string) => void): void {
  const world: World = {
    relay: new Map(),
    clients: [],
    isAuthentic: history.isAuthentic,
    hasTornPuts: history.hasTornPuts,
    hasRaces: history.hasRaces,
    isSteady: isSteady(history),
    isCalm: isCalm(history),
    isResting: false,
    nowS: 1000,
    nextNonce: 1,
    nextContent: 1,
    contents: [],
    alive: new Set(),
    guests: new Map(),
    published: new Set(),
    ancestors: new Map(),
    trace,
  };
  for (let i = 0; i < history.startsWith; i++) join(world, history);
  for (const step of history.steps) {
    world.nowS++;
    take(world, step, history);
    if (step.kind !== "rest") world.isResting = false;
    checkNothingLost(world);
  }
  comeToRest(world, history);
}

function isSteady({ steps, hasRaces, pullerCount }: History): boolean {
  return !hasRaces && pullerCount === "right" && steps.every((step) => {
    if (step.kind === "edit") return step.earlier === undefined;
    return [
      "delete",
      "sync",
      "wait",
      "rest",
      "join",
      "leave",
      "lose-record",
      "lose-content",
      "damage",
    ]
      .includes(step.kind);
  });
}

/**
 * Who was broken off may not know what it held; who came late, or does not take all versions, may send one that names
 * no base.
 */
function isCalm(history: History): boolean {
  const hasBreaks = history.steps.some((step) => {
    if (step.kind !== "sync") return step.kind === "join";
    return step.mishap?.what === "crash" || step.mishap?.what === "pause";
  });
  return isSteady(history) && !hasBreaks && history.clients.every(({ mode, mayRead, mayWrite }) => {
    return (mode === "shared" || mode === "download") && mayRead && mayWrite;
  });
}

function join(world: World, { clients, pullerCount }: History): void {
  const number = world.clients.length;
  const setup = clients[number];
  const name = NAMES[number];
  if (setup === undefined || name === undefined) return;
  world.trace?.(`${name} joins: ${JSON.stringify(setup)}`);
  world.clients.push({
    name,
    ...setup,
    pullerCount: 1,
    isGone: false,
    files: new Map(),
    memory: new Map(),
    running: new Map(),
    deleted: new Map(),
    held: new Map(),
    made: new Map(),
  });
  for (const client of world.clients) {
    client.pullerCount = pullerCount === "right"
      ? Math.max(1, pullersBesides(world, client.name).length)
      : pullerCount;
  }
}

/** The clients that are to have a version of this pusher. */
function pullersBesides(world: World, pusher: string | undefined): Client[] {
  return world.clients.filter(({ name, mode }) => mode !== "upload" && name !== pusher);
}

function take(world: World, step: Step, history: History): void {
  if (step.kind === "wait") {
    for (const slot of world.relay.values()) {
      if (slot.lock !== undefined) slot.lock = { ...slot.lock, isStale: true };
    }
    world.trace?.("the locks that stand grow stale");
    return;
  }
  if (step.kind === "rest") return comeToRest(world, history);
  if (step.kind === "join") return join(world, history);
  const client = world.clients[step.by % world.clients.length];
  if (client === undefined || client.isGone) return;
  switch (step.kind) {
    case "edit":
      return edit(world, client, pathFor(client, step.file), step);
    case "delete":
      return remove(world, client, pathFor(client, step.file));
    case "sync": {
      const paths = step.file === undefined
        ? new Set([...PATHS, ...pathsOf(world)])
        : [pathFor(client, step.file)];
      for (const path of paths) {
        if (sync(world, client, path, step.mishap) === "crashed") return;
      }
      return;
    }
    case "forget":
      world.trace?.(`${client.name} loses its state`);
      return forget(client);
    case "wipe":
      return wipe(world, client);
    case "leave":
      world.trace?.(`${client.name} is gone for ever`);
      client.isGone = true;
      client.running.clear();
      return;
    default:
      return meddle(world, pathFor(client, step.file), step.kind);
  }
}

/** "p" mostly, "q.txt", or one of the client's conflict copies. */
function pathFor(client: Client, file: number): RelativePath {
  const [p = parseRelativePath("p"), q = p] = PATHS;
  if (file < 6) return p;
  if (file < 8) return q;
  const copies = [...client.files.keys()].filter((path) => path !== p && path !== q).sort();
  return copies[(file - 8) % Math.max(copies.length, 1)] ?? p;
}

function edit(
  world: World,
  client: Client,
  path: RelativePath,
  change: { readonly earlier: number | undefined; readonly skewS: number },
): void {
  const earlier = change.earlier === undefined
    ? undefined
    : world.contents[change.earlier % Math.max(world.contents.length, 1)];
  const id = earlier ?? newContent(world);
  const timeS = world.nowS + change.skewS;
  const old = client.files.get(path)?.id ?? client.deleted.get(path);
  if (old !== undefined && old !== id) {
    forgetContent(world, old);
  }
  // Checksums cannot tell a return to an earlier content from that earlier version (SEMANTICS, 5).
  if (earlier === undefined) {
    world.contents.push(id);
    if (old !== undefined) {
      world.ancestors.set(id, new Set([old, ...world.ancestors.get(old) ?? []]));
    }
    world.alive.add(id);
  } else if (world.isResting && !standsInFiles(world, id)) world.alive.add(id);
  else forgetContent(world, id);
  client.deleted.delete(path);
  setFile(client, path, { id, timeS });
  noteMade(client, path, id);
  world.trace?.(`${client.name}'s user makes "${path}" ${short(id)}, time ${timeS}`);
}

function remove(world: World, client: Client, path: RelativePath): void {
  const old = client.files.get(path);
  if (old === undefined) return;
  client.files.delete(path);
  client.deleted.set(path, old.id);
  world.trace?.(`${client.name}'s user deletes "${path}" ${short(old.id)}`);
  // A deletion does not propagate: what others have stays, unless they too are asked to forget a conflict copy.
  if (!PATHS.includes(path) || !standsInFiles(world, old.id)) {
    forgetContent(world, old.id);
  }
}

function forget(client: Client): void {
  client.memory.clear();
  client.running.clear();
  client.deleted.clear();
  // What stands here differs for all it knows: it is as good as made here.
  for (const [path, { id }] of client.files) noteMade(client, path, id);
  for (const path of client.held.keys()) if (!client.files.has(path)) client.held.delete(path);
}

function wipe(world: World, client: Client): void {
  world.trace?.(`${client.name} loses its files and its state`);
  const lost = [...client.files];
  client.files.clear();
  client.made.clear();
  forget(client);
  for (const [path, { id }] of lost) {
    // A conflict copy may have been the only one, though the version that it lost to replaces it elsewhere later.
    if (PATHS.includes(path) && standsInFiles(world, id)) continue;
    forgetContent(world, id);
  }
}

/** Somebody who knows of no rules works on the relay. */
function meddle(
  world: World,
  path: RelativePath,
  what: "lose-record" | "lose-content" | "damage" | "put-whole" | "put-part",
): void {
  const slot = slotOf(world, path);
  if (slot.lock !== undefined) return;
  const { content, record } = slot;
  if (what === "put-whole" || what === "put-part") {
    if (content !== undefined || record !== undefined) return;
    const id = newContent(world);
    const isWhole = what === "put-whole";
    if (isWhole) world.guests.set(id, path);
    slot.content = { id, isWhole, timeS: world.nowS };
    world.trace?.(`somebody puts ${isWhole ? "" : "a part of "}${short(id)} for "${path}"`);
    return;
  }
  if (what === "lose-record") slot.record = undefined;
  else if (content !== undefined) {
    if (!standsInFiles(world, content.id)) world.guests.delete(content.id);
    slot.content = what === "lose-content"
      ? undefined
      : { id: newContent(world), isWhole: false, timeS: world.nowS };
  }
  world.trace?.(`the relay's "${path}": ${what}`);
}

/** Lets a client exchange one file, or go on with an exchange that was stopped. */
function sync(
  world: World,
  client: Client,
  path: RelativePath,
  mishap?: Mishap,
): Outcome | "crashed" | "paused" {
  const steps = client.running.get(path) ?? exchange(world, client, path);
  client.running.delete(path);
  for (let count = 0;; count++) {
    const next = steps.next();
    if (next.done) return next.value;
    if (count !== mishap?.at) continue;
    world.trace?.(`    ${mishap.what} before: ${next.value}`);
    switch (mishap.what) {
      case "crash":
        client.running.clear();
        return "crashed";
      case "pause":
        client.running.set(path, steps);
        return "paused";
      case "edit":
        edit(world, client, path, { earlier: undefined, skewS: 0 });
        break;
      case "delete":
        remove(world, client, path);
        break;
      default:
        mishap.what satisfies never;
    }
  }
}

function standsInFiles(world: World, id: string): boolean {
  return world.clients.some(({ files }) => files.values().some((file) => file.id === id));
}

/** (a) No content is lost that nobody, having seen it, replaced or deleted. */
function checkNothingLost(world: World): void {
  const standing = new Set<string>();
  for (const { files } of world.clients) for (const { id } of files.values()) standing.add(id);
  for (const id of world.alive) {
    if (!standing.has(id)) throw new BrokenPromise(`${short(id)} is lost`);
  }
  for (const [id, path] of world.guests) {
    if (!standing.has(id) && world.relay.get(path)?.content?.id !== id) {
      throw new BrokenPromise(`${short(id)}, put on the relay without a record, is lost`);
    }
  }
}

/** (c) After the last event all come to rest in few rounds, whatever their order. */
function comeToRest(world: World, history: History): void {
  world.trace?.("nothing happens but rounds");
  let random = history.order;
  const draw = (below: number): number => {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(random / 2 ** 32 * below);
  };
  const living = world.clients.filter(({ isGone }) => !isGone);
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    let isMoving = false;
    take(world, { kind: "wait" }, history);
    const turns = living.flatMap((client) => {
      const paths = new Set([...PATHS, ...pathsOf(world), ...client.running.keys()]);
      return [...paths].map((path) => [client, path] as const);
    });
    while (turns.length > 0) {
      const at = draw(turns.length);
      const turn = turns[at];
      const last = turns.pop();
      if (turn === undefined || last === undefined) break;
      if (at < turns.length) turns[at] = last;
      world.nowS++;
      const [client, path] = turn;
      if (client.running.has(path)) isMoving = true;
      const outcome = sync(world, client, path);
      if (outcome === "done" || outcome === "locked") isMoving = true;
    }
    checkNothingLost(world);
    if (isMoving) continue;
    world.isResting = history.pullerCount === "right";
    world.trace?.(`at rest after ${round} rounds`);
    return checkRest(world, history);
  }
  const isMisconfigured = history.pullerCount !== "right";
  if (!isMisconfigured) throw new BrokenPromise(`no rest after ${MAX_ROUNDS} rounds`);
}

/** (b) At rest trees are equal where they should be, and the relay holds no residue. */
function checkRest(world: World, history: History): void {
  if (history.pullerCount !== "right" || world.clients.every(({ isGone }) => isGone)) return;
  for (const path of pathsOf(world)) {
    checkFiles(world, path);
    checkRelay(world, path);
  }
}

function checkFiles(world: World, path: RelativePath): void {
  const { record } = slotOf(world, path);
  const living = world.clients.filter(({ isGone }) => !isGone);
  const id = record && identityOf(record);
  const source = living.find((client) => rulesOf(client, path).mayPush && client.files.has(path));
  if (source !== undefined && record === undefined) {
    throw new BrokenPromise(`${source.name} has "${path}", but the relay has no record`);
  }
  for (const client of living) {
    const { name, mode } = client;
    const { mayPull, mayPush } = rulesOf(client, path);
    const file = client.files.get(path);
    if (file !== undefined && mayPush && !world.hasRaces && !world.published.has(file.id)) {
      throw new BrokenPromise(`${name} never pushes "${path}"`);
    }
    if (!mayPull || source === undefined) continue;
    if (file === undefined) {
      const hasDeleted = client.deleted.has(path) && id !== undefined &&
        (client.held.get(path)?.has(id) || client.memory.get(path)?.agreed?.id === id);
      const isWanted = mode === "download"
        ? living.some((other) => rulesOf(other, path).mayPush && other.files.get(path)?.id === id)
        : !hasDeleted;
      if (isWanted) throw new BrokenPromise(`${name} waits for "${path}"`);
    } else if (file.id !== id) {
      const isOwn = client.made.get(path)?.has(file.id) ?? false;
      // An old version sent again is not taken; who may not push cannot mend it either.
      const isOutdated = id !== undefined && client.memory.get(path)?.agreed?.base.includes(id);
      const mayDiffer = mode === "conservative" || (!mayPush && (isOwn || isOutdated));
      if (!mayDiffer) {
        throw new BrokenPromise(
          `${name} has ${short(file.id)} for "${path}", the relay ${short(id)}`,
        );
      }
    }
  }
}

function checkRelay(world: World, path: RelativePath): void {
  const { record, content, lock } = slotOf(world, path);
  if (lock !== undefined) throw new BrokenPromise(`a lock for "${path}" stays`);
  if (content === undefined) return;
  const living = world.clients.filter(({ isGone }) => !isGone);
  if (record === undefined) {
    const isKept = !content.isWhole && world.isAuthentic;
    const canSettle = living.find((client) => {
      const { mayPush, mayPull } = rulesOf(client, path);
      if (client.files.has(path)) return mayPush;
      const { agreed, intended } = memoryOf(client, path);
      const isKnown = agreed?.id === content.id || intended.includes(content.id);
      return mayPull && !isKept && (!isKnown || client.mode === "download");
    });
    if (canSettle) {
      throw new BrokenPromise(`${canSettle.name} leaves the content of "${path}" without a record`);
    }
    return;
  }
  const waitsFor = pullersBesides(world, record.pusher).filter(({ name }) =>
    !hasAcknowledged(record, name)
  );
  const others = pullersBesides(world, record.pusher);
  if (waitsFor.length === 0 && others.length > 0) {
    throw new BrokenPromise(`the content of "${path}" stays although all have it`);
  }
  const idle = waitsFor.find(({ isGone }) => !isGone);
  if (idle !== undefined) throw new BrokenPromise(`${idle.name} never acknowledges "${path}"`);
}
