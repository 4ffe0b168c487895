import { parseRelativePath, type RelativePath } from "../../lib/path.ts";
import { decide } from "../../lib/sync/plan.ts";
import { exchange } from "./plan_client.ts";
import type { History, Meddling, Mishap, Step } from "./plan_history.ts";
import { checkNothingLost, checkRest } from "./plan_oracle.ts";
import {
  BrokenPromise,
  type Client,
  forgetContent,
  newContent,
  noteMade,
  type Outcome,
  PATHS,
  pathsOf,
  pullersBesides,
  setFile,
  short,
  slotOf,
  standsInFiles,
  type World,
} from "./plan_world.ts";

const NAMES = ["A", "B", "C", "D"];
const MAX_ROUNDS = 40;

/**
 * Lets a history happen, then lets all clients come to rest.
 *
 * @throws {BrokenPromise} if a content is lost, or they do not come to rest, or rest with something left to do
 */
export function run(
  history: History,
  options: {
    readonly trace?: (line: string) => void;
    /** Another one than ours, to see whether the model notices. */
    readonly decide?: typeof decide;
  } = {},
): void {
  const world: World = {
    relay: new Map(),
    clients: [],
    decide: options.decide ?? decide,
    isAuthentic: history.isAuthentic,
    hasTornPuts: history.hasTornPuts,
    hasRaces: history.hasRaces,
    kind: history.kind,
    nowS: 1000,
    nextNonce: 1,
    nextContent: 1,
    contents: [],
    alive: new Set(),
    guests: new Map(),
    published: new Set(),
    hasReturned: false,
    ancestors: new Map(),
    trace: options.trace,
  };
  for (let i = 0; i < history.startsWith; i++) join(world, history);
  for (const step of history.steps) {
    world.nowS++;
    take(world, step, history);
    checkNothingLost(world);
  }
  comeToRest(world, history);
}

function join(world: World, { clients, pullerCount }: History): void {
  const number = world.clients.length;
  const setup = clients[number];
  const name = NAMES[number];
  if (setup === undefined || name === undefined) return;
  world.trace?.(`${name} joins: ${JSON.stringify(setup)}`);
  const sibling = setup.isSibling ? world.clients[number - 1] : undefined;
  const { mode, mayRead, mayWrite, recordsTimes } = setup;
  const { files, deleted, moved, held, made } = sibling ?? {
    files: new Map(),
    deleted: new Map(),
    moved: new Set<RelativePath>(),
    held: new Map(),
    made: new Map(),
  };
  world.clients.push({
    name,
    ...{ mode, mayRead, mayWrite, recordsTimes, files, deleted, moved, held, made },
    sibling: sibling?.name,
    pullerCount: 1,
    isGone: false,
    memory: new Map(),
    running: new Map(),
  });
  if (sibling !== undefined) sibling.sibling = name;
  for (const client of world.clients) {
    client.pullerCount = pullerCount === "right"
      ? Math.max(1, pullersBesides(world, client.name).length)
      : pullerCount;
  }
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
    case "return":
      return goBack(world, client, { step, history });
    case "delete":
      return remove(world, client, pathFor(client, step.file));
    case "sync": {
      const paths = step.all
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
  if (earlier === undefined) {
    world.contents.push(id);
    world.alive.add(id);
    if (old !== undefined) {
      world.ancestors.set(id, new Set([old, ...world.ancestors.get(old) ?? []]));
    }
  } else {
    // Checksums cannot tell a return to an earlier content from that earlier version (SEMANTICS, 5).
    forgetContent(world, id);
  }
  client.deleted.delete(path);
  client.moved.delete(path);
  setFile(client, path, { id, timeS });
  noteMade(client, path, id);
  world.trace?.(`${client.name}'s user makes "${path}" ${short(id)}, time ${timeS}`);
}

/** In a calm world where all have the same, an earlier content that stands nowhere is as good as a new one. */
function goBack(
  world: World,
  client: Client,
  { step, history }: {
    readonly step: Extract<Step, { kind: "return" }>;
    readonly history: History;
  },
): void {
  comeToRest(world, history);
  const id = world.contents[step.earlier % Math.max(world.contents.length, 1)];
  const path = pathFor(client, step.file);
  const versions = new Set(world.clients.map(({ files }) => files.get(path)?.id));
  const areEqual = versions.size === 1 && !versions.has(undefined);
  const isGone = id !== undefined && !standsInFiles(world, id) && areEqual;
  if (world.kind === "calm" && !isGone) return;
  edit(world, client, path, { earlier: step.earlier, skewS: 0 });
  if (world.kind !== "calm" || id === undefined) return;
  world.alive.add(id);
  world.hasReturned = true;
}

function remove(world: World, client: Client, path: RelativePath): void {
  const old = client.files.get(path);
  if (old === undefined) return;
  client.files.delete(path);
  client.deleted.set(path, old.id);
  world.trace?.(`${client.name}'s user deletes "${path}" ${short(old.id)}`);
  // A deletion does not propagate: what others have stays. But a conflict copy may be the last one, and an uploader takes
  // what its sibling puts in a file's place for its user's next version.
  const isLast = !PATHS.includes(path) || !standsInFiles(world, old.id);
  if (isLast || client.sibling !== undefined) {
    forgetContent(world, old.id);
  }
}

function forget(client: Client): void {
  client.memory.clear();
  client.running.clear();
  client.deleted.clear();
  client.moved.clear();
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
  const sibling = world.clients.find(({ name }) => name === client.sibling);
  if (sibling !== undefined) forget(sibling);
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
  what: Meddling,
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

/** (c) All come to rest in few rounds, whatever their order. */
function comeToRest(world: World, history: History): void {
  world.trace?.("nothing happens but rounds");
  const living = world.clients.filter(({ isGone }) => !isGone);
  const isRightlySet = history.pullerCount === "right";
  const arrange = arrangerOf(history.order);
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    take(world, { kind: "wait" }, history);
    const turns = living.flatMap((client) => {
      const paths = new Set([...PATHS, ...pathsOf(world), ...client.running.keys()]);
      return [...paths].map((path) => ({ client, path }));
    });
    let isMoving = false;
    for (const { client, path } of arrange(turns)) {
      world.nowS++;
      if (client.running.has(path)) isMoving = true;
      const outcome = sync(world, client, path);
      if (outcome === "done" || outcome === "locked") isMoving = true;
    }
    checkNothingLost(world);
    if (isMoving) continue;
    world.trace?.(`at rest after ${round} rounds`);
    if (isRightlySet) checkRest(world);
    return;
  }
  if (isRightlySet) throw new BrokenPromise(`no rest after ${MAX_ROUNDS} rounds`);
}

/** Clients in turn, forwards or backwards, or everything in a random order, another one each time. */
function arrangerOf(order: number): <T>(all: readonly T[]) => T[] {
  if (order % 4 === 0) return (all) => [...all];
  if (order % 4 === 1) return (all) => [...all].reverse();
  let random = order;
  return (all) => {
    const keyed = all.map((item) => {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
      return { item, key: random };
    });
    return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
  };
}
