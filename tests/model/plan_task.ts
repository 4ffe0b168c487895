import type { RelativePath } from "../../lib/path.ts";
import { identityOf } from "../../lib/relay/checksum.ts";
import { acknowledgedCount, hasAcknowledged, type RelayRecord } from "../../lib/relay/metadata.ts";
import { conflictName } from "../../lib/sync/conflict_name.ts";
import { expectedCount, limited } from "../../lib/sync/plan.ts";
import {
  BrokenPromise,
  type Client,
  isMadeFrom,
  type LocalFile,
  memoryOf,
  noteMade,
  PATHS,
  setFile,
  short,
  type Slot,
  type World,
} from "./plan_world.ts";

/** An exchange in progress: what one client does about one resource under its lock. */
export interface Task {
  readonly world: World;
  readonly client: Client;
  readonly path: RelativePath;
  readonly slot: Slot;
  readonly nonce: number;
  /** The local file and the record as the decision under the lock saw them. */
  seen: LocalFile | undefined;
  record: RelayRecord | undefined;
  unconfirmed: RelayRecord | undefined;
}

/** A part of an exchange. */
export type Steps<Result = void> = Generator<string, Result, undefined>;

/** Why an exchange ends early: the lock is no longer ours, or something changed under it. */
export class Left extends Error {
  readonly isLockLost: boolean;

  constructor(isLockLost: boolean) {
    super();
    this.isLockLost = isLockLost;
  }
}

/** A change on the relay, made only while the lock is ours. */
export function* publish(task: Task, what: string, effect: () => void): Steps {
  const { world, slot, nonce, path } = task;
  yield what;
  if (slot.lock?.nonce !== nonce) throw new Left(true);
  if (world.hasRaces) yield `${what}, having looked at the lock`;
  if (slot.lock?.nonce !== nonce) {
    // Somebody else's content without a record cannot be kept from a client that lost its lock unawares.
    for (const [id, home] of world.guests) if (home === path) world.guests.delete(id);
  }
  effect();
  if (slot.record !== undefined && slot.content?.id === identityOf(slot.record)) {
    world.published.add(slot.content.id);
  }
  world.trace?.(`    ${what}`);
}

/** Reads the put back, and only then agrees. */
export function* confirm(task: Task, record: RelayRecord): Steps {
  const { slot } = task;
  yield "read back";
  if (slot.record !== record || slot.content?.id !== identityOf(record)) throw new Left(false);
  task.unconfirmed = undefined;
  yield* agreeWith(task, record);
}

/** The record of a version that is about to be pushed; its time moves forward. */
export function recordFor(task: Task, file: LocalFile, base: readonly string[]): RelayRecord {
  const { client, path, slot } = task;
  const { agreed } = memoryOf(client, path);
  const replacedS = slot.record?.timeS ?? (agreed?.id === file.id ? undefined : agreed?.timeS);
  const timeS = replacedS !== undefined && replacedS >= file.timeS ? replacedS + 1 : file.timeS;
  return {
    pusher: client.name,
    timeS: client.recordsTimes ? timeS : undefined,
    checksum: file.id,
    algorithm: "sha512",
    base,
    sizeBytes: 1,
    expected: client.pullerCount,
    seal: undefined,
    pullers: [],
  };
}

/** The local version as a conflict copy is named after it: the agreed one, or one made here. */
export function versionOf(
  { client, path }: Task,
  file: LocalFile,
): LocalFile & { client?: string } {
  const { agreed } = memoryOf(client, path);
  if (agreed?.id !== file.id) return { ...file, client: client.name };
  return { id: file.id, timeS: agreed.timeS ?? file.timeS, client: agreed.pusher ?? "" };
}

/** Keeps a version under a conflict copy's name; never replaces a file. */
export function* keepAside(
  task: Task,
  version: LocalFile & { readonly client?: string | undefined },
  options: { readonly isMove?: true } = {},
): Steps {
  const { client, path, seen, world } = task;
  const other = options.isMove ? identityOf(recordOf(task)) : seen?.id;
  const isFromHere = client.sibling !== undefined && task.record?.pusher === client.sibling;
  const isNeedless = world.kind === "calm" && PATHS.includes(path) &&
    isMadeFrom(world, other, version.id);
  if (isNeedless || (isFromHere && world.kind !== "wild")) {
    throw new BrokenPromise(`a needless conflict copy of ${short(version.id)}`);
  }
  for (let digits = 8;; digits += 8) {
    const { id, timeS } = version;
    const name = conflictName(path, { client: version.client, timeS, id, digits });
    // A conflict about a conflict copy: its own name is about to be taken by the other version.
    if (name === path) continue;
    const standing = client.files.get(name);
    if (standing !== undefined && standing.id !== id) continue;
    yield "keep a conflict copy";
    if (options.isMove && client.files.get(path) !== seen) throw new Left(false);
    if (client.files.get(name) !== standing) throw new Left(false);
    if (standing === undefined) {
      setFile(client, name, { id, timeS });
      noteMade(client, name, id);
      if (options.isMove) {
        client.files.delete(path);
        client.moved.add(path);
      }
    }
    world.trace?.(`    ${short(id)} is "${name}" now`);
    return;
  }
}

/** Gives the name to what arrived. */
export function place({ client, path, world, seen }: Task, file: LocalFile): void {
  const { agreed, intended } = memoryOf(client, path);
  const isKnown = agreed?.id === file.id || intended.includes(file.id);
  if (client.mode !== "download" && isKnown && client.deleted.get(path) === file.id) {
    throw new BrokenPromise(`${client.name} gets "${path}" back although it was deleted there`);
  }
  if (PATHS.includes(path) && seen !== undefined) {
    const isOwn = client.made.get(path)?.has(seen.id);
    if (world.kind !== "wild" && client.mode === "conservative" && isOwn) {
      throw new BrokenPromise(`${client.name}'s own ${short(seen.id)} is replaced`);
    }
    const isClear = world.kind === "calm" || world.kind === "lossy";
    if (isClear && isMadeFrom(world, seen.id, file.id)) {
      throw new BrokenPromise(`${client.name}'s ${short(seen.id)} gives way to an earlier version`);
    }
  }
  client.deleted.delete(path);
  client.moved.delete(path);
  client.made.get(path)?.delete(file.id);
  setFile(client, path, file);
  world.trace?.(`    ${client.name} has ${short(file.id)} now`);
}

/** Remembers a version whose content stands here. */
export function* agreeWith(
  { client, path, world }: Task,
  record: RelayRecord,
  options: { readonly isKeptAside?: boolean } = {},
): Steps {
  yield "note what is agreed";
  const memory = memoryOf(client, path);
  const { agreed } = memory;
  // What the local file was made from stays known where the other version is kept aside.
  const madeFrom = options.isKeptAside && agreed ? [agreed.id, ...agreed.base] : [];
  memory.agreed = {
    id: identityOf(record),
    base: limited([...record.base, ...madeFrom]),
    pusher: record.pusher,
    timeS: record.timeS,
    byPull: record.pusher !== client.name,
    pullers: record.pullers,
  };
  memory.intended = [];
  world.trace?.(`    agreed is ${short(identityOf(record))} now`);
}

/** Adds the client's name to the version's pullers; the last one expected removes the content first. */
export function* acknowledge(task: Task): Steps {
  const { client, slot } = task;
  const record = recordOf(task);
  const isFromHere = record.pusher === client.name ||
    (client.sibling !== undefined && record.pusher === client.sibling);
  if (isFromHere || hasAcknowledged(record, client.name)) return;
  const count = acknowledgedCount(record) + 1;
  if (slot.content !== undefined && count >= expectedCount(record, client.pullerCount)) {
    yield* publish(task, "remove the content", () => slot.content = undefined);
  }
  const acknowledged = { ...record, pullers: [...record.pullers, client.name] };
  yield* publish(task, "acknowledge", () => slot.record = acknowledged);
}

/** The record as it was read under the lock. */
export function recordOf({ record }: Task): RelayRecord {
  if (record === undefined) throw new BrokenPromise("an answer to a record that is not there");
  return record;
}
