import type { RelativePath } from "../../lib/path.ts";
import { identityOf } from "../../lib/relay/checksum.ts";
import { acknowledgedCount, hasAcknowledged, type RelayRecord } from "../../lib/relay/metadata.ts";
import { conflictName } from "../../lib/sync/conflict_name.ts";
import { type Action, decide, expectedCount } from "../../lib/sync/plan.ts";
import {
  BrokenPromise,
  type Client,
  type Exchange,
  forgetContent,
  isMadeFrom,
  type LocalFile,
  memoryOf,
  newContent,
  noteMade,
  PATHS,
  rulesOf,
  setFile,
  short,
  situationOf,
  type Slot,
  slotOf,
  type World,
} from "./plan_world.ts";

/** An exchange in progress: what one client does about one resource under its lock. */
interface Task {
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

type Steps<Result = void> = Generator<string, Result, undefined>;

/** Why an exchange ends early: the lock is no longer ours, or something changed under it. */
class Left extends Error {
  readonly isLockLost: boolean;

  constructor(isLockLost: boolean) {
    super();
    this.isLockLost = isLockLost;
  }
}

/** Plans, locks, repairs what a dead lock covered, decides again, and does it, as the engine does. */
export function* exchange(world: World, client: Client, path: RelativePath): Exchange {
  const planned = decide(situationOf(world, client, path), rulesOf(client, path));
  const slot = slotOf(world, path);
  const memory = memoryOf(client, path);
  const lock = slot.lock;
  const isLeftover = lock !== undefined &&
    (lock.isStale || (lock.owner === client.name && lock.nonce === memory.nonce));
  if (planned.kind === "none" && !isLeftover) return "idle";
  if (lock !== undefined && !isLeftover) return "locked";

  const nonce = world.nextNonce++;
  yield lock === undefined ? "lock" : "take over the lock";
  if (slot.lock !== lock) return "locked";
  memory.nonce = nonce;
  const mode = lock === undefined ? modeFor(planned) : "w";
  slot.lock = { owner: client.name, nonce, mode, isStale: false };
  const task: Task = {
    world,
    client,
    path,
    slot,
    nonce,
    seen: undefined,
    record: undefined,
    unconfirmed: undefined,
  };
  let end = yield* untilLeft(task, function* () {
    if (lock?.mode === "w") yield* undo(task);
    task.seen = client.files.get(path);
    task.record = slot.record;
    const action = decide(situationOf(world, client, path), rulesOf(client, path));
    world.trace?.(`  ${client.name} decides on "${path}": ${describe(action, task)}`);
    return yield* perform(action, task);
  });
  if (end === "changed") {
    end = yield* untilLeft(task, function* () {
      if (task.unconfirmed !== undefined) yield* undo(task);
      return true;
    });
  }
  if (end === "lock lost") return "done";
  yield "unlock";
  if (slot.lock?.nonce === nonce) slot.lock = undefined;
  memory.nonce = undefined;
  return end === "fruitful" || lock !== undefined ? "done" : "fruitless";
}

/** Runs a part of an exchange to its end, or to where it finds that it must not go on. */
function* untilLeft(
  { world }: Task,
  part: () => Steps<boolean>,
): Steps<"fruitful" | "fruitless" | "changed" | "lock lost"> {
  try {
    return (yield* part()) ? "fruitful" : "fruitless";
  } catch (cause) {
    if (!(cause instanceof Left)) throw cause;
    world.trace?.(cause.isLockLost ? "    the lock is lost" : "    something changed");
    return cause.isLockLost ? "lock lost" : "changed";
  }
}

function modeFor({ kind }: Action): "r" | "w" {
  return kind === "push" || kind === "settle-orphan" || kind === "request" ? "w" : "r";
}

function describe(action: Action, { slot, seen }: Task): string {
  const { record, content } = slot;
  const bases = record?.base.map(short).join(" ") ?? "";
  const said = record === undefined
    ? "no record"
    : `record ${
      short(identityOf(record))
    } by ${record.pusher} time ${record.timeS} base [${bases}] pullers [${
      record.pullers.join(" ")
    }]`;
  const details = Object.entries(action).filter(([key]) => key !== "kind").map(([key, value]) =>
    `${key}=${Array.isArray(value) ? `[${value.map(short).join(" ")}]` : value}`
  );
  return `${[action.kind, ...details].join(" ")} (here ${short(seen?.id)}; ${said}; content ${
    short(content?.id)
  })`;
}

/** Does what was decided; says whether anything came of it. */
function* perform(action: Action, task: Task): Steps<boolean> {
  const { slot } = task;
  switch (action.kind) {
    case "none":
      return false;
    case "push":
      yield* push(task, action);
      return true;
    case "pull":
    case "keep-arriving":
      yield* pull(task, action);
      return true;
    case "agree":
      yield* agreeWith(task, recordOf(task));
      if (action.acknowledge) yield* acknowledge(task);
      return true;
    case "acknowledge":
      yield* acknowledge(task);
      return true;
    case "refuse":
      yield "note the refused version";
      memoryOf(task.client, task.path).refused = identityOf(recordOf(task));
      yield* acknowledge(task);
      return true;
    case "request":
      if (slot.content !== undefined) throw new BrokenPromise("a request while content stands");
      yield* publish(task, "remove the record", () => slot.record = undefined);
      return true;
    case "sweep":
      yield* publish(task, "remove the content", () => slot.content = undefined);
      return true;
    case "adopt":
      return yield* adopt(task);
    case "settle-orphan":
      yield* settleOrphan(task, action.base);
      return true;
    default:
      action satisfies never;
      return false;
  }
}

/** A change on the relay, made only while the lock is ours. */
function* publish(task: Task, what: string, effect: () => void): Steps {
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

/** Judges what stands: a whole push stays, a partial one is removed (SEMANTICS, "Locks"). */
function* undo(task: Task): Steps {
  const { slot, client } = task;
  const { record, content } = slot;
  if (record === undefined || content?.id === identityOf(record)) return;
  const isServed = acknowledgedCount(record) >= expectedCount(record, client.pullerCount);
  if (content === undefined && isServed) return;
  yield* publish(task, "undo: remove the content", () => slot.content = undefined);
  yield* publish(task, "undo: remove the record", () => slot.record = undefined);
}

function* push(task: Task, action: { base: readonly string[]; over?: string }): Steps {
  const { world, client, path, slot, seen } = task;
  const memory = memoryOf(client, path);
  if (seen === undefined) throw new BrokenPromise("a push without a local file");
  const record = recordFor(task, seen, action.base);
  yield "note what is intended";
  memory.intended = [...new Set([...memory.intended, seen.id])];
  if (action.over !== undefined) memory.refused = action.over;
  yield* publish(task, "write the record", () => slot.record = record);
  task.unconfirmed = record;
  if (world.hasTornPuts) {
    const torn = { id: newContent(world), isWhole: false, timeS: world.nowS };
    yield* publish(task, "write a part of the content", () => slot.content = torn);
  }
  yield* publish(task, "write the content", () => {
    if (client.files.get(path)?.id !== seen.id) throw new Left(false);
    slot.content = { id: seen.id, isWhole: true, timeS: world.nowS };
  });
  yield* confirm(task, record);
}

/** Reads the put back, and only then agrees. */
function* confirm(task: Task, record: RelayRecord): Steps {
  const { slot } = task;
  yield "read back";
  if (slot.record !== record || slot.content?.id !== identityOf(record)) throw new Left(false);
  task.unconfirmed = undefined;
  yield* agreeWith(task, record);
}

function recordFor(task: Task, file: LocalFile, base: readonly string[]): RelayRecord {
  const { client, path, slot } = task;
  const { agreed } = memoryOf(client, path);
  const replacedS = slot.record?.timeS ?? (agreed?.id === file.id ? undefined : agreed?.timeS);
  return {
    pusher: client.name,
    timeS: replacedS !== undefined && replacedS >= file.timeS ? replacedS + 1 : file.timeS,
    checksum: file.id,
    algorithm: "sha512",
    base,
    sizeBytes: 1,
    expected: client.pullerCount,
    seal: undefined,
    pullers: [],
  };
}

function* pull(task: Task, action: Extract<Action, { kind: "pull" | "keep-arriving" }>): Steps {
  const { world, client, path, slot, seen } = task;
  const record = recordOf(task);
  yield "read the content";
  const { content } = slot;
  if (content === undefined) throw new Left(false);
  if (content.id !== identityOf(record)) {
    yield* publish(task, "withdraw: remove the record", () => slot.record = undefined);
    yield* publish(task, "withdraw: remove the content", () => slot.content = undefined);
    return;
  }
  const arriving = { id: content.id, timeS: record.timeS ?? world.nowS };
  if (action.kind === "keep-arriving") {
    yield* keepAside(task, { ...arriving, client: record.pusher });
  } else {
    let expected = seen;
    if (action.keepLocal && seen !== undefined) {
      yield* keepAside(task, versionOf(task, seen), { isMove: true });
      if (!client.files.has(path)) expected = undefined;
    }
    yield "place the file";
    if (client.files.get(path) !== expected) throw new Left(false);
    place(task, arriving);
  }
  yield* agreeWith(task, record);
  yield* acknowledge(task);
}

/** The local version as a conflict copy is named after it: the agreed one, or one made here. */
function versionOf({ client, path }: Task, file: LocalFile): LocalFile & { client?: string } {
  const { agreed } = memoryOf(client, path);
  if (agreed?.id !== file.id) return { ...file, client: client.name };
  return { id: file.id, timeS: agreed.timeS ?? file.timeS, client: agreed.pusher ?? "" };
}

/** Keeps a version under a conflict copy's name; never replaces a file. */
function* keepAside(
  task: Task,
  version: LocalFile & { readonly client?: string | undefined },
  options: { readonly isMove?: true } = {},
): Steps {
  const { client, path, seen, world } = task;
  const other = options.isMove ? identityOf(recordOf(task)) : seen?.id;
  if (world.kind === "calm" && PATHS.includes(path) && isMadeFrom(world, other, version.id)) {
    throw new BrokenPromise(`a needless conflict copy of ${short(version.id)}`);
  }
  world.disputed.add(path);
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
      if (options.isMove) client.files.delete(path);
    }
    world.trace?.(`    ${short(id)} is "${name}" now`);
    return;
  }
}

function place({ client, path, world, seen }: Task, file: LocalFile): void {
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
    const isClear = world.kind === "calm" || (world.kind === "lossy" && !world.disputed.has(path));
    if (isClear && isMadeFrom(world, seen.id, file.id)) {
      throw new BrokenPromise(`${client.name}'s ${short(seen.id)} gives way to an earlier version`);
    }
  }
  client.deleted.delete(path);
  client.made.get(path)?.delete(file.id);
  setFile(client, path, file);
  world.trace?.(`    ${client.name} has ${short(file.id)} now`);
}

function* agreeWith({ client, path, world }: Task, record: RelayRecord): Steps {
  yield "note what is agreed";
  const memory = memoryOf(client, path);
  memory.agreed = {
    id: identityOf(record),
    base: record.base,
    pusher: record.pusher,
    timeS: record.timeS,
    byPull: record.pusher !== client.name,
    pullers: record.pullers,
  };
  memory.intended = [];
  world.trace?.(`    agreed is ${short(identityOf(record))} now`);
}

/** Adds the client's name to the version's pullers; the last one expected removes the content first. */
function* acknowledge(task: Task): Steps {
  const { client, slot } = task;
  const record = recordOf(task);
  if (record.pusher === client.name || hasAcknowledged(record, client.name)) return;
  const count = acknowledgedCount(record) + 1;
  if (slot.content !== undefined && count >= expectedCount(record, client.pullerCount)) {
    yield* publish(task, "remove the content", () => slot.content = undefined);
  }
  const acknowledged = { ...record, pullers: [...record.pullers, client.name] };
  yield* publish(task, "acknowledge", () => slot.record = acknowledged);
}

/** Takes content without a record where nothing stands; what was deleted here does not come back. */
function* adopt(task: Task): Steps<boolean> {
  const { world, client, path, slot } = task;
  yield "read the content";
  const { content } = slot;
  const { agreed, intended } = memoryOf(client, path);
  if (content === undefined || (world.isAuthentic && !content.isWhole)) return false;
  const isKnown = agreed?.id === content.id || intended.includes(content.id);
  if (isKnown && client.mode !== "download") return false;
  yield "place the file";
  if (client.files.has(path)) throw new Left(false);
  // What the user deleted here is replaced by what is put in its place.
  const deleted = client.deleted.get(path);
  if (deleted !== undefined) forgetContent(world, deleted);
  place(task, { id: content.id, timeS: content.timeS });
  if (client.mode !== "conservative") noteMade(client, path, content.id);
  // Known from now on, so that it stays away if the user deletes it here.
  memoryOf(client, path).intended = [content.id];
  return true;
}

/** Writes the record of equal content; keeps other content aside and pushes over it. */
function* settleOrphan(task: Task, base: readonly string[]): Steps {
  const { world, client, path, slot, seen } = task;
  yield "read the content";
  const { content } = slot;
  if (seen === undefined) throw new BrokenPromise("an orphan is settled without a local file");
  if (content?.id === seen.id) {
    const memory = memoryOf(client, path);
    const record = recordFor(task, seen, base);
    yield "note what is intended";
    memory.intended = [...new Set([...memory.intended, seen.id])];
    yield* publish(task, "write the record", () => slot.record = record);
    task.unconfirmed = record;
    yield* confirm(task, record);
    return;
  }
  if (content !== undefined && (content.isWhole || !world.isAuthentic)) {
    yield* keepAside(task, { id: content.id, timeS: content.timeS, client: "" });
  }
  yield* push(task, { base });
}

function recordOf({ record }: Task): RelayRecord {
  if (record === undefined) throw new BrokenPromise("an answer to a record that is not there");
  return record;
}
