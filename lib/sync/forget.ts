import { EscaleError } from "../errors.ts";
import { statFile } from "../local/repository.ts";
import { printable, type RelativePath } from "../path.ts";
import { readText } from "../relay/context.ts";
import { IndexRelay } from "../relay/index_relay.ts";
import { parseLock } from "../relay/lock_text.ts";
import { acknowledgedCount, hasAcknowledged, type RelayRecord } from "../relay/metadata.ts";
import { classify } from "../relay/names.ts";
import { listParts, type ObjectName } from "../relay/parts.ts";
import { PlaceholderRelay } from "../relay/placeholder_relay.ts";
import type { BatchItem, Relay, RelayEntry } from "../relay/relay.ts";
import { expectedCount } from "./plan.ts";
import { type Toolbox, toolName } from "./toolbox.ts";

/** What forgetting a client came to. */
export interface Forgotten {
  /** Locks of it that were taken over, and what they covered repaired. */
  readonly locks: number;
  /** Versions, or updates with an index, that wait for it no more. */
  readonly acknowledged: number;
  /** Files that are locked by others at the moment. */
  readonly locked: number;
}

/** How a client is forgotten. */
export interface ForgetOptions {
  /** Takes a name of which the relay shows no trace: a client that only received, with an index, leaves none. */
  readonly isUnknownFine: boolean;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly progress: (text: string) => void;
}

/** A client of ours rewrites its locks twice in this time. */
const WATCH_MS = 65_000;

/**
 * Has a relay wait for a client no more that is gone for good: takes over its locks, once it is sure that nobody rewrites
 * them, and acknowledges in its name what stands there. The toolbox is opened with that client as its `puller`.
 *
 * @throws {EscaleError} `usage` if that is this client itself, or nobody knows it; `refused` if it is alive
 * @throws {BackendError}
 */
export async function forgetClient(
  toolbox: Toolbox,
  client: string,
  options: ForgetOptions,
): Promise<Forgotten> {
  const { section, context, signal } = toolbox;
  if (client === section.clientName) {
    throw new EscaleError("usage", `Cannot forget "${printable(client)}": that is this client`);
  }
  const owned = await locksOf(client, toolbox);
  await makeSureItIsGone(owned, { ...options, toolbox, client });
  for (const [name, text] of owned) toolbox.noteStale(name, text);
  const relay = section.index.kind === "none"
    ? new PlaceholderRelay(context)
    : new IndexRelay(context);
  await takeOver([...owned.keys()], relay, toolbox);
  const { entries } = await relay.survey({ signal });
  if (!options.isUnknownFine && owned.size === 0 && !isKnown(client, entries.values())) {
    throw new EscaleError(
      "usage",
      `Cannot forget "${printable(client)}": nothing on the relay shows a client of that name`,
      { hint: "Look at the name; --unknown forgets it all the same" },
    );
  }
  const waiting: BatchItem[] = [];
  let locked = 0;
  for (const entry of entries.values()) {
    if (!waitsFor(entry, toolbox)) continue;
    if (entry.lock !== undefined && entry.lock.kind !== "busy") locked++;
    else waiting.push({ resource: entry.resource, sizeBytes: entry.storedBytes ?? 0 });
  }
  let acknowledged = 0;
  let done = 0;
  for (const batch of relay.batches(waiting, "r")) {
    signal.throwIfAborted();
    const names = batch.map(({ resource }) => resource);
    const outcome = await acknowledgeAll(names, relay, toolbox);
    acknowledged += outcome.acknowledged;
    locked += outcome.locked;
    options.progress(`${done += batch.length} of ${waiting.length} files`);
  }
  const left = await locksOf(client, toolbox);
  return { locks: owned.size - left.size, acknowledged, locked };
}

/** Whether a client has sent or acknowledged anything that is still recorded. */
function isKnown(client: string, entries: Iterable<RelayEntry>): boolean {
  for (const { record: view } of entries) {
    if (view.kind !== "present") continue;
    const { pusher, pullers } = view.record;
    if (pusher === client || pullers.includes(client)) return true;
  }
  return false;
}

/** The locks of a client and of its commands, with their texts. */
async function locksOf(
  client: string,
  { backend, signal }: Toolbox,
): Promise<ReadonlyMap<ObjectName, string>> {
  const { locks } = await listParts(backend, { signal });
  const owned = new Map<ObjectName, string>();
  for (const name of locks.keys()) {
    const text = await readText(backend, name);
    const owner = text === undefined ? undefined : ownerOf(text);
    if (text !== undefined && (owner === client || owner === toolName(client))) {
      owned.set(name, text);
    }
  }
  return owned;
}

function ownerOf(text: string): string | undefined {
  try {
    return parseLock(text).owner;
  } catch (cause) {
    if (cause instanceof EscaleError) return undefined;
    throw cause;
  }
}

async function makeSureItIsGone(
  owned: ReadonlyMap<ObjectName, string>,
  { toolbox, client, wait, progress }: ForgetOptions & {
    readonly toolbox: Toolbox;
    readonly client: string;
  },
): Promise<void> {
  if (owned.size === 0) return;
  progress(`watching the locks of ${client} for ${WATCH_MS / 1000} s`);
  await wait(WATCH_MS, toolbox.signal);
  for (const [name, text] of owned) {
    if (await readText(toolbox.backend, name) === text) continue;
    throw new EscaleError(
      "refused",
      `Cannot forget "${printable(client)}": it is alive, since its lock "${
        printable(name)
      }" has changed`,
      { hint: "Stop that client first" },
    );
  }
}

async function takeOver(
  locks: readonly ObjectName[],
  relay: Relay,
  { section, signal }: Toolbox,
): Promise<void> {
  if (locks.length === 0) return;
  if (section.index.kind === "pages") {
    await relay.survey({ signal });
    await relay.repair({ signal });
    return;
  }
  const resources = locks.flatMap((name) => {
    const kind = classify(name);
    return kind.kind === "lock" ? [kind.resource] : [];
  });
  await using _repaired = await relay.open(resources, { mode: "w", signal });
}

/** Whether an entry's content stands for want of this client's acknowledgement. */
function waitsFor(entry: RelayEntry, { context: { client, pullerCount } }: Toolbox): boolean {
  if (entry.record.kind !== "present" || entry.storedBytes === undefined) return false;
  if (entry.isOwed !== undefined) return entry.isOwed;
  const { record } = entry.record;
  return record.pusher !== client && !hasAcknowledged(record, client) &&
    acknowledgedCount(record) < expectedCount(record, pullerCount);
}

async function acknowledgeAll(
  names: readonly RelativePath[],
  relay: Relay,
  toolbox: Toolbox,
): Promise<{ readonly acknowledged: number; readonly locked: number }> {
  const { context, signal } = toolbox;
  await using transaction = await relay.open(names, { mode: "r", signal });
  let acknowledged = 0;
  for (const [resource, entry] of transaction.entries) {
    signal.throwIfAborted();
    if (entry.record.kind !== "present") {
      transaction.pass(resource);
      continue;
    }
    if (entry.isOwed === undefined && !waitsFor(entry, toolbox)) continue;
    if (mayBeOnlyCopy(resource, entry.record.record, toolbox)) {
      context.log.warn("left on the relay, where the only copy may be", { path: resource });
      continue;
    }
    const removeContent = isLast(entry.record.record, context.pullerCount);
    if (await transaction.acknowledge(resource, { removeContent })) acknowledged++;
  }
  acknowledged += await transaction.commit();
  return { acknowledged, locked: transaction.refused.size };
}

/** Whether this client has sent a version and does not hold the file any more. */
function mayBeOnlyCopy(
  resource: RelativePath,
  { pusher }: RelayRecord,
  { section, state }: Toolbox,
): boolean {
  if (pusher !== section.clientName) return false;
  const place = state.misfits().get(resource) ?? resource;
  return statFile(section.localPath, place) === undefined;
}

function isLast(record: RelayRecord, pullerCount: number): boolean {
  return acknowledgedCount(record) + 1 >= expectedCount(record, pullerCount);
}
