import type { RelativePath } from "../../lib/path.ts";
import { identityOf } from "../../lib/relay/checksum.ts";
import { hasAcknowledged } from "../../lib/relay/metadata.ts";
import {
  BrokenPromise,
  memoryOf,
  pathsOf,
  pullersBesides,
  rulesOf,
  short,
  slotOf,
  type World,
} from "./plan_world.ts";

/** (a) No content is lost that nobody, having seen it, replaced or deleted. */
export function checkNothingLost(world: World): void {
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

/** (b) At rest trees are equal where they should be, and the relay holds no residue. */
export function checkRest(world: World): void {
  if (world.clients.every(({ isGone }) => isGone)) return;
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
      const looksDeleted = client.deleted.has(path) || client.moved.has(path);
      const hasDeleted = looksDeleted && id !== undefined &&
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
