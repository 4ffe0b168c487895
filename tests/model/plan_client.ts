import type { RelativePath } from "../../lib/path.ts";
import { identityOf } from "../../lib/relay/checksum.ts";
import { acknowledgedCount } from "../../lib/relay/metadata.ts";
import { type Action, expectedCount } from "../../lib/sync/plan.ts";
import {
  acknowledge,
  agreeWith,
  confirm,
  keepAside,
  Left,
  place,
  publish,
  recordFor,
  recordOf,
  type Steps,
  type Task,
  versionOf,
} from "./plan_task.ts";
import {
  BrokenPromise,
  type Client,
  describe,
  type Exchange,
  forgetContent,
  memoryOf,
  newContent,
  noteMade,
  rulesOf,
  situationOf,
  slotOf,
  type World,
} from "./plan_world.ts";

/** Plans, locks, repairs what a dead lock covered, decides again, and does it, as the engine does. */
export function* exchange(world: World, client: Client, path: RelativePath): Exchange {
  const planned = world.decide(situationOf(world, client, path), rulesOf(client, path));
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
    const action = world.decide(situationOf(world, client, path), rulesOf(client, path));
    world.trace?.(`  ${client.name} decides on "${path}": ${describe(action, slot, task.seen)}`);
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
  yield* agreeWith(task, record, { isKeptAside: action.kind === "keep-arriving" });
  yield* acknowledge(task);
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
