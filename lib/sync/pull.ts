import { EscaleError } from "../errors.ts";
import { identityOf } from "../relay/checksum.ts";
import { acknowledgedCount, hasAcknowledged } from "../relay/metadata.ts";
import { inParallel } from "../relay/parallel.ts";
import type { PlainContent, Transaction } from "../relay/relay.ts";
import { agreedOn } from "./agreed.ts";
import type { Arrived, Decided, Held } from "./exchange.ts";
import { fetchContent } from "./fetch.ts";
import { placeArrived } from "./place.ts";
import { decide, expectedCount, limited } from "./plan.ts";
import { isInVain } from "./request.ts";
import {
  leaveForLater,
  noteRefused,
  type Planned,
  type Tally,
  tell,
  type Workshop,
} from "./round.ts";

/** How many versions are answered at a time. The answers are small, and what is too many waits at the storage. */
const ANSWERS_AT_ONCE = 32;

/**
 * Pulls a batch: locks, decides again, fetches and verifies, makes the files durable, places them, remembers them, and
 * only then acknowledges. Versions that are held already, or not wanted, are acknowledged on the way.
 */
export async function pullBatch(
  batch: readonly Planned[],
  workshop: Workshop,
  tally: Tally,
): Promise<void> {
  const { relay, state, stager, signal } = workshop;
  const resources = batch.map(({ resource }) => resource);
  await using transaction = await relay.open(resources, { mode: "r", signal });
  noteRefused(transaction, workshop, tally);
  const decided = await decideAgain(transaction, workshop, tally);
  // What was not there may only have been unmounted.
  stager.checkRoot();

  const arrived: Arrived[] = [];
  const fetches = decided.filter(({ action }) =>
    action.kind === "pull" || action.kind === "keep-arriving"
  );
  try {
    const step = { transaction, workshop, tally };
    const damaged = await fetchAll(fetches, { ...step, arrived });
    const still = await fetchAll(damaged.map(({ item }) => item), { ...step, arrived });
    for (const { item, cause } of still) await giveUp(item, { ...step, cause });
    await stager.sync(arrived.map(({ staged }) => staged));
  } catch (cause) {
    arrived.forEach(({ staged }) => stager.discard(staged));
    throw cause;
  }
  const held = await placeArrived(arrived, workshop, tally);
  for (const item of decided) {
    if (item.action.kind === "agree" && item.compared.digest !== undefined) {
      const byPull = item.record.pusher !== workshop.settings.client;
      held.push({ ...item, digest: item.compared.digest, file: undefined, byPull });
    }
  }
  state.transaction(() => {
    held.forEach((item) => remember(item, workshop));
    for (const { action, resource, record } of decided) {
      if (action.kind === "refuse") state.change(resource, { refused: identityOf(record) });
    }
  });
  await answer(decided, { transaction, workshop, tally, held });
}

async function decideAgain(
  transaction: Transaction,
  workshop: Workshop,
  tally: Tally,
): Promise<Decided[]> {
  const { comparer, misfits, settings, state, signal } = workshop;
  const decided: Decided[] = [];
  for (const [resource, entry] of transaction.entries) {
    signal.throwIfAborted();
    if (entry.record.kind !== "present") continue;
    try {
      const file = misfits.stat(resource);
      if (file === undefined && workshop.leavesAlone(resource)) {
        transaction.pass(resource);
        continue;
      }
      const compared = await comparer.compare(resource, { file, entry, signal });
      const action = decide(
        compared.situation,
        settings.rulesFor(resource, (name) => state.access(name)),
      );
      const { record } = entry.record;
      // `pull overwrite`: equal content is transferred all the same.
      const isForced = settings.pullOverwrite && action.kind === "agree" &&
        record.pusher !== settings.client &&
        entry.storedBytes !== undefined;
      decided.push({
        resource,
        entry,
        record,
        compared,
        action: isForced ? { kind: "pull", keepLocal: false } : action,
      });
    } catch (cause) {
      leaveForLater(resource, cause, workshop, tally);
    }
  }
  return decided;
}

/** What a step works with. */
interface Step {
  readonly transaction: Transaction;
  readonly workshop: Workshop;
  readonly tally: Tally;
}

/** Fetches contents into temporary files and verifies them; returns those that do not verify. */
async function fetchAll(
  items: readonly Decided[],
  step: Step & { readonly arrived: Arrived[] },
): Promise<{ readonly item: Decided; readonly cause: EscaleError }[]> {
  const { transaction, workshop, tally, arrived } = step;
  const damaged: { item: Decided; cause: EscaleError }[] = [];
  const byName = new Map(items.map((item) => [item.resource, item]));
  const failed = await transaction.receive([...byName.keys()], async (resource, content) => {
    const item = byName.get(resource);
    if (item === undefined) return;
    workshop.signal.throwIfAborted();
    try {
      arrived.push(await fetchOnce(item, { content, workshop }));
    } catch (cause) {
      // With another key than the relay's all contents look damaged: touch nothing.
      if (isDamage(cause) && workshop.settings.isKeyProven()) damaged.push({ item, cause });
      else leaveForLater(resource, cause, workshop, tally);
    }
  });
  for (const [resource, cause] of failed) {
    const item = byName.get(resource);
    if (item === undefined) continue;
    const at = arrived.findIndex((it) => it.resource === resource);
    workshop.stager.discard(arrived.splice(at, at < 0 ? 0 : 1).map(({ staged }) => staged));
    if (damaged.some((it) => it.item === item)) continue;
    if (isDamage(cause) && workshop.settings.isKeyProven()) damaged.push({ item, cause });
    else leaveForLater(resource, cause, workshop, tally);
  }
  return damaged;
}

function isDamage(cause: unknown): cause is EscaleError {
  return cause instanceof EscaleError && (cause.code === "corrupt" || cause.code === "wrong-key");
}

/** What does not verify on two reads under our lock is withdrawn, so that its pusher writes it again. */
async function giveUp(
  { resource }: Decided,
  { transaction, workshop, tally, cause }: Step & { readonly cause: EscaleError },
): Promise<void> {
  try {
    await transaction.withdraw(resource);
    // What stands in an update that is not ours to remove is still there after that: no next round would differ.
    if (isInVain(resource, workshop)) return leaveForLater(resource, cause, workshop, tally);
    tally.settled++;
    workshop.log.warn("removed a damaged content from the relay: its author sends it again", {
      path: resource,
      why: cause.message,
    });
    tell(workshop, "request", { path: resource, detail: "damaged on the relay" });
  } catch (thrown) {
    leaveForLater(resource, thrown, workshop, tally);
  }
}

async function fetchOnce(
  item: Decided,
  { content, workshop }: {
    readonly content: () => Promise<PlainContent>;
    readonly workshop: Workshop;
  },
): Promise<Arrived> {
  const { resource, record, entry } = item;
  const { checksums, stager, settings } = workshop;
  if (record.checksum !== undefined && checksums.algorithmOf(record) === undefined) {
    workshop.warnOnce("took content without verifying it: its checksum is of an unknown kind");
  }
  const fetched = await fetchContent(resource, {
    content,
    workshop,
    sizeBytes: record.sizeBytes ?? entry.storedBytes ?? 0,
    statedBytes: record.sizeBytes,
    timeS: settings.timestamps ? record.timeS : undefined,
    algorithm: checksums.algorithmOf(record),
  });
  const { theirDigest } = fetched;
  if (theirDigest !== undefined && !checksums.matches(record, theirDigest)) {
    stager.discard(fetched.staged);
    const why = "its checksum is not the one of its record";
    throw new EscaleError("corrupt", `Refused the content of "${resource}" on the relay: ${why}`, {
      path: resource,
    });
  }
  settings.noteKeyProven();
  return { ...item, staged: fetched.staged, digest: fetched.digest };
}

/** Notes a version as agreed: its content is durable here. */
function remember(item: Held, { comparer, requests, state }: Workshop): void {
  const { resource, record, digest, file, byPull, action, compared } = item;
  requests.delete(resource);
  if (file !== undefined) comparer.note(resource, file, digest);
  const agreed = agreedOn(record, { digest, byPull });
  const before = compared.state.agreed;
  // The local file that keeps the name was made from the version agreed on before.
  const base = action.kind === "keep-arriving" && before !== undefined
    ? limited([...agreed.base, before.id, ...before.base])
    : agreed.base;
  state.change(resource, { agreed: { ...agreed, base }, intended: [] });
}

/** Tells the relay what became of each version, now that all is durable here. */
async function answer(
  decided: readonly Decided[],
  context: {
    readonly transaction: Transaction;
    readonly workshop: Workshop;
    readonly tally: Tally;
    readonly held: readonly Held[];
  },
): Promise<void> {
  const { transaction, workshop, tally } = context;
  const held = new Set(context.held.map(({ resource }) => resource));
  await inParallel(decided, ANSWERS_AT_ONCE, async (item) => {
    const { action, resource } = item;
    try {
      switch (action.kind) {
        case "pull":
        case "keep-arriving":
        case "agree":
          if (!held.has(resource)) break;
          await acknowledge(item, transaction, workshop);
          if (action.kind === "agree") tally.settled++;
          break;
        case "acknowledge":
        case "refuse":
          if (await acknowledge(item, transaction, workshop)) tally.settled++;
          if (action.kind === "refuse" && !isRefused(item)) {
            workshop.log.info("refused a version", {
              path: resource,
              pusher: item.record.pusher ?? "",
            });
          }
          break;
        case "push":
          // What goes over it needs it out of the way.
          transaction.pass(resource);
          break;
        case "sweep":
          await transaction.removeContent(resource);
          tally.settled++;
          break;
        default:
          // It turned into a matter of another kind meanwhile: the next round sees to it.
          break;
      }
    } catch (cause) {
      leaveForLater(resource, cause, workshop, tally);
    }
  });
  tally.settled += await transaction.commit();
}

function isRefused({ compared, record }: Decided): boolean {
  return compared.state.refused === identityOf(record);
}

/** Adds this client to a version's pullers, and removes the content if it was the last one expected. */
async function acknowledge(
  item: Decided,
  transaction: Transaction,
  { settings, log }: Workshop,
): Promise<boolean> {
  const { record, resource, entry } = item;
  const { client, sibling, pullerCount } = settings;
  const isFromHere = record.pusher === client ||
    (sibling !== undefined && record.pusher === sibling);
  if (isFromHere || hasAcknowledged(record, client)) return false;
  const expected = expectedCount(record, pullerCount);
  const count = acknowledgedCount(record) + 1;
  if (count > expected) {
    log.warn("more clients have a file than are expected: check puller count", {
      path: resource,
      expected,
      count,
    });
  }
  const removeContent = entry.storedBytes !== undefined && count >= expected;
  return await transaction.acknowledge(resource, { removeContent });
}
