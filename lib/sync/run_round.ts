import { EscaleError } from "../errors.ts";
import type { Agreed } from "../local/state.ts";
import { checkRoot, type RootFacts } from "../local/root.ts";
import { mayHide, type Scan, scanRepository } from "../local/scan.ts";
import type { RelativePath } from "../path.ts";
import { identityOf } from "../relay/checksum.ts";
import type { RelayEntry, Survey } from "../relay/relay.ts";
import { agreedOn } from "./agreed.ts";
import type { Compared } from "./compare.ts";
import { mayAdopt, settleOrphans } from "./orphan.ts";
import { type Action, decide } from "./plan.ts";
import { pullBatch } from "./pull.ts";
import { pushBatch } from "./push.ts";
import { leaveForLater, newTally, type Planned, type Tally, tell, type Workshop } from "./round.ts";
import { admit } from "./schedule.ts";
import type { OpenedWorkshop } from "./workshop.ts";

/** Work on end between two turns of the event loop. */
const SLICE_MS = 50;
const ROOT_FACT = "root";

/** Everything that is to be done in a round, by how it is done. */
interface Plan {
  readonly repairs: RelativePath[];
  /** What only has to be remembered: nothing moves, no lock is needed. */
  readonly notes: { readonly resource: RelativePath; readonly agreed: Agreed }[];
  readonly pulls: Planned[];
  readonly requests: Planned[];
  readonly pushes: Planned[];
  readonly orphans: Planned[];
}

/**
 * One round: looks at both sides, decides about every file, and does what is to be done in locked batches.
 *
 * @throws {EscaleError} `no-repository`, `wrong-key`, `twin`: the client cannot go on
 * @throws {BackendError} the relay cannot be used now
 */
export async function runRound(
  opened: OpenedWorkshop,
  options: { readonly plansOnly?: boolean } = {},
): Promise<Tally> {
  const { workshop, keyProof, section } = opened;
  const { problems, relay, comparer, emit, nowMs, signal } = workshop;
  const startMs = nowMs();
  const tally = newTally();
  problems.beginRound();
  signal.throwIfAborted();
  const scan = await look(opened);
  const survey = await relay.survey({ signal });
  await keyProof.check(survey, relay, { client: section.clientName });
  const plan = await makePlan(opened, { scan, survey, tally });
  if (options.plansOnly) {
    tellPlan(plan, workshop);
    return tally;
  }
  noteAll(plan.notes, workshop, tally);
  await repairAll(plan.repairs, workshop, tally);
  for (const batch of relay.batches(plan.pulls)) await pullBatch(batch, workshop, tally);
  for (const batch of relay.batches(plan.requests)) await requestBatch(batch, workshop, tally);
  for (const batch of relay.batches(plan.orphans)) await settleOrphans(batch, workshop, tally);
  const { now, later } = admit(plan.pushes, {
    quotaBytes: section.quotaBytes,
    maxPending: section.maxPendingTransfers,
    usedBytes: survey.usedBytes,
    pending: [...survey.entries.values()].filter(({ storedBytes }) =>
      storedBytes !== undefined
    ).length,
  });
  tally.waiting += later.length;
  for (const batch of relay.batches(now)) await pushBatch(batch, workshop, tally);
  comparer.endRound();
  emit({
    kind: "round",
    summary: {
      ms: nowMs() - startMs,
      localFiles: scan.files.size,
      relayFiles: survey.entries.size,
      pushed: tally.pushed,
      pulled: tally.pulled,
      conflicts: tally.conflicts,
      problems: tally.problems,
      waiting: tally.waiting,
    },
  });
  return tally;
}

/** Scans the repository and makes sure that it is the one that was there before. */
async function look(opened: OpenedWorkshop): Promise<Scan> {
  const { workshop, filter } = opened;
  const { root, state, signal, stager, problems } = workshop;
  const known = state.fact(ROOT_FACT);
  const remembered: RootFacts | undefined = known === undefined ? undefined : JSON.parse(known);
  checkRoot(root, remembered);
  const scan = await scanRepository(root, { filter, signal });
  const facts = JSON.stringify(checkRoot(root, remembered, scan));
  if (facts !== known) state.setFact(ROOT_FACT, facts);
  if (!opened.isClean) {
    stager.cleanLeftovers(scan);
    opened.isClean = true;
  }
  for (const { path, reason } of scan.skipped) {
    problems.add(path, new EscaleError("refused", `Left out "${path}": ${reason}`, { path }));
  }
  return scan;
}

async function makePlan(
  opened: OpenedWorkshop,
  seen: { readonly scan: Scan; readonly survey: Survey; readonly tally: Tally },
): Promise<Plan> {
  const { workshop, filter } = opened;
  const { comparer, settings, signal, state } = workshop;
  const { scan, survey, tally } = seen;
  const access = state.allAccess();
  const plan: Plan = { repairs: [], notes: [], pulls: [], requests: [], pushes: [], orphans: [] };
  let sliceEndMs = performance.now() + SLICE_MS;
  for (const resource of new Set([...scan.files.keys(), ...survey.entries.keys()])) {
    if (performance.now() > sliceEndMs) {
      await new Promise((resume) => setTimeout(resume, 0));
      signal.throwIfAborted();
      sliceEndMs = performance.now() + SLICE_MS;
    }
    const file = scan.files.get(resource);
    if (file === undefined && (mayHide(scan, resource) || !filter.acceptsFile(resource))) continue;
    const entry = survey.entries.get(resource);
    if (entry?.lock !== undefined) {
      meetLock(entry, { plan, tally });
      continue;
    }
    try {
      const compared = await comparer.compare(resource, { file, entry, isSketch: true, signal });
      const action = decide(compared.situation, settings.rulesFor(resource, access.get(resource)));
      const sizeBytes = file?.sizeBytes ?? entry?.storedBytes ?? 0;
      const agreed = noteworthy(action, compared, settings.client);
      if (agreed !== undefined) plan.notes.push({ resource, agreed });
      else sortIn({ resource, action, file, entry, sizeBytes }, plan);
      if (entry?.record.kind === "unreadable") {
        const why = `Refused the record of "${resource}" on the relay: ${entry.record.why}`;
        leaveForLater(
          resource,
          new EscaleError("refused", why, { path: resource }),
          workshop,
          tally,
        );
      }
    } catch (cause) {
      leaveForLater(resource, cause, workshop, tally);
    }
  }
  comparer.save();
  return plan;
}

/** What is to be remembered of a version that is held already, where that is all there is to do. */
function noteworthy(action: Action, compared: Compared, client: string): Agreed | undefined {
  const { situation: { record, agreed }, digest } = compared;
  if (record === undefined) return undefined;
  if (action.kind === "agree" && !action.acknowledge && digest !== undefined) {
    return agreedOn(record, { digest, byPull: record.pusher !== client });
  }
  const isNews = action.kind === "none" && agreed?.id === identityOf(record) &&
    agreed.pullers.length !== record.pullers.length;
  const remembered = compared.state.agreed;
  return isNews && remembered ? { ...remembered, pullers: record.pullers } : undefined;
}

function meetLock(
  entry: RelayEntry,
  { plan, tally }: { readonly plan: Plan; readonly tally: Tally },
): void {
  switch (entry.lock?.kind) {
    case "leftover":
      plan.repairs.push(entry.resource);
      break;
    case "twin":
      throw new EscaleError(
        "twin",
        "Stopped: another client runs under this client's name on the same relay",
        {
          hint: 'Give each client its own name with "client" in its configuration',
        },
      );
    case "held":
      tally.waiting++;
      tally.locked++;
      break;
    case undefined:
      break;
    default:
      entry.lock satisfies never;
  }
}

function sortIn(planned: Planned, plan: Plan): void {
  const { action } = planned;
  switch (action.kind) {
    case "none":
      break;
    case "adopt":
      if (planned.entry !== undefined && mayAdopt(planned.entry)) plan.orphans.push(planned);
      break;
    case "settle-orphan":
      plan.orphans.push(planned);
      break;
    case "push":
      plan.pushes.push(planned);
      break;
    case "request":
      plan.requests.push(planned);
      break;
    case "pull":
    case "keep-arriving":
    case "agree":
    case "acknowledge":
    case "refuse":
    case "sweep":
      plan.pulls.push(planned);
      break;
    default:
      action satisfies never;
  }
}

function noteAll(notes: Plan["notes"], { state }: Workshop, tally: Tally): void {
  if (notes.length === 0) return;
  state.transaction(() => {
    for (const { resource, agreed } of notes) {
      if (state.resource(resource).agreed?.id !== agreed.id) tally.settled++;
      state.change(resource, { agreed, intended: [] });
    }
  });
}

/** Takes over locks that were left behind; that repairs what they covered. The next round sees the rest. */
async function repairAll(
  resources: readonly RelativePath[],
  workshop: Workshop,
  tally: Tally,
): Promise<void> {
  if (resources.length === 0) return;
  const items = resources.map((resource) => ({ resource, sizeBytes: 0 }));
  for (const batch of workshop.relay.batches(items)) {
    const names = batch.map(({ resource }) => resource);
    await using transaction = await workshop.relay.open(names, {
      mode: "w",
      signal: workshop.signal,
    });
    for (const path of transaction.entries.keys()) {
      tally.settled++;
      tell(workshop, "repair", { path });
    }
    tally.waiting += transaction.refused.size;
    tally.locked += transaction.refused.size;
  }
}

/** Removes the records of versions whose content is gone, so that whoever has them sends them again. */
async function requestBatch(
  batch: readonly Planned[],
  workshop: Workshop,
  tally: Tally,
): Promise<void> {
  const { relay, comparer, settings, state, signal } = workshop;
  const byName = new Map(batch.map((planned) => [planned.resource, planned]));
  await using transaction = await relay.open([...byName.keys()], { mode: "w", signal });
  tally.waiting += transaction.refused.size;
  tally.locked += transaction.refused.size;
  for (const [resource, entry] of transaction.entries) {
    try {
      const file = byName.get(resource)?.file;
      const { situation } = await comparer.compare(resource, { file, entry, signal });
      const action = decide(situation, settings.rulesFor(resource, state.access(resource)));
      if (action.kind !== "request") continue;
      await transaction.withdraw(resource);
      tally.settled++;
      tell(workshop, "request", { path: resource });
    } catch (cause) {
      leaveForLater(resource, cause, workshop, tally);
    }
  }
}

/** Tells what a dry run would do. */
function tellPlan(plan: Plan, { emit }: Workshop): void {
  for (const path of plan.repairs) emit({ kind: "action", action: "repair", path, planned: true });
  for (
    const { resource, action, sizeBytes } of [
      ...plan.pulls,
      ...plan.requests,
      ...plan.orphans,
      ...plan.pushes,
    ]
  ) {
    const name = nameOf(action);
    if (name !== undefined) {
      emit({ kind: "action", action: name, path: resource, sizeBytes, planned: true });
    }
  }
}

function nameOf(action: Action) {
  switch (action.kind) {
    case "push":
    case "agree":
    case "acknowledge":
    case "request":
      return action.kind;
    case "pull":
      return action.keepLocal ? "conflict" : "pull";
    case "keep-arriving":
      return "conflict";
    case "refuse":
      return "acknowledge";
    case "sweep":
      return "repair";
    case "adopt":
      return "pull";
    case "settle-orphan":
      return "push";
    default:
      return undefined;
  }
}
