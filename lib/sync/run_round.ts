import { EscaleError } from "../errors.ts";
import type { Agreed } from "../local/state.ts";
import { checkRoot, type RootFacts } from "../local/root.ts";
import { isSettled } from "../local/repository.ts";
import { type LocalFile, mayHide, type Scan, scanRepository } from "../local/scan.ts";
import { printable, type RelativePath } from "../path.ts";
import { identityOf } from "../relay/checksum.ts";
import type { RelayEntry, Survey } from "../relay/relay.ts";
import { agreedOn } from "./agreed.ts";
import type { Compared } from "./compare.ts";
import { mayAdopt, settleOrphans } from "./orphan.ts";
import { type Action, decide } from "./plan.ts";
import { pullBatch } from "./pull.ts";
import { pushBatch } from "./push.ts";
import {
  leaveForLater,
  newTally,
  noteRefused,
  type Planned,
  type Tally,
  tell,
  type Workshop,
} from "./round.ts";
import { admit } from "./schedule.ts";
import type { OpenedWorkshop } from "./workshop.ts";

/** Work on end between two turns of the event loop. */
const SLICE_MS = 50;
/** A file that is sent so often, and is gone each time, is acknowledged by others before this client comes to it. */
const REQUESTS_IN_VAIN = 3;
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
  const { section } = opened;
  const { problems, relay, comparer, emit, nowMs, signal } = opened.workshop;
  const startMs = nowMs();
  const tally = newTally();
  problems.beginRound();
  signal.throwIfAborted();
  const scan = await look(opened);
  const workshop: Workshop = {
    ...opened.workshop,
    leavesAlone: (path) => mayHide(scan, path) || !opened.filter.acceptsFile(path),
  };
  const survey = await surveyRelay(opened, { tally, mayRepair: options.plansOnly !== true });
  const plan = await makePlan(workshop, { scan, survey, tally });
  if (options.plansOnly) {
    tellPlan(plan, workshop);
    return tally;
  }
  noteAll(plan.notes, workshop, tally);
  await repairAll(plan.repairs, workshop, tally);
  if (section.priorityUpload) await pushAll(opened, { plan, survey, workshop, tally });
  for (const batch of relay.batches(plan.pulls, "r")) await pullBatch(batch, workshop, tally);
  for (const batch of relay.batches(plan.requests, "w")) await requestBatch(batch, workshop, tally);
  for (const batch of relay.batches(plan.orphans, "w")) await settleOrphans(batch, workshop, tally);
  if (!section.priorityUpload) await pushAll(opened, { plan, survey, workshop, tally });
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

/** Looks at the relay; what stands there without use is repaired first, and the key proven before that. */
async function surveyRelay(
  { workshop, keyProof, section }: OpenedWorkshop,
  { tally, mayRepair }: { readonly tally: Tally; readonly mayRepair: boolean },
): Promise<Survey> {
  const { relay, signal, problems } = workshop;
  let survey = await relay.survey({ signal });
  await keyProof.check(survey, relay, { client: section.clientName });
  const repaired = mayRepair ? await relay.repair({ signal }) : [];
  for (const path of repaired) {
    tally.settled++;
    tell(workshop, "repair", { path });
  }
  if (repaired.length > 0) survey = await relay.survey({ signal });
  for (const { where, error } of survey.problems ?? []) {
    tally.problems++;
    problems.add(where, error);
  }
  return survey;
}

async function pushAll(
  { section }: OpenedWorkshop,
  { plan, survey, workshop, tally }: {
    readonly plan: Plan;
    readonly survey: Survey;
    readonly workshop: Workshop;
    readonly tally: Tally;
  },
): Promise<void> {
  const { now, later } = admit(plan.pushes, {
    quotaBytes: section.quotaBytes,
    maxPending: section.maxPendingTransfers,
    usedBytes: survey.usedBytes,
    pending: section.maxPendingTransfers === undefined ? 0 : countContents(survey),
  });
  tally.waiting += later.length;
  for (const batch of workshop.relay.batches(now, "w")) await pushBatch(batch, workshop, tally);
}

function countContents({ entries }: Survey): number {
  let count = 0;
  for (const { storedBytes } of entries.values()) if (storedBytes !== undefined) count++;
  return count;
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
  workshop: Workshop,
  seen: { readonly scan: Scan; readonly survey: Survey; readonly tally: Tally },
): Promise<Plan> {
  const { comparer, settings, signal, state } = workshop;
  const { scan, survey, tally } = seen;
  const access = state.allAccess();
  const plan: Plan = { repairs: [], notes: [], pulls: [], requests: [], pushes: [], orphans: [] };
  let sliceEndMs = performance.now() + SLICE_MS;
  for (const resource of resourcesOf(scan, survey)) {
    if (performance.now() > sliceEndMs) {
      await new Promise((resume) => setTimeout(resume, 0));
      signal.throwIfAborted();
      sliceEndMs = performance.now() + SLICE_MS;
    }
    const file = scan.files.get(resource);
    const mark = markOf(file);
    if (!access.has(resource) && survey.quiet?.isQuiet(resource, mark)) continue;
    const isLeftAlone = file === undefined && workshop.leavesAlone(resource);
    const entry = survey.entries.get(resource);
    if (isLeftAlone && (entry?.isOwed !== true || entry.lock !== undefined)) continue;
    if (isLeftAlone) {
      plan.pulls.push({ resource, action: { kind: "none" }, file, entry, sizeBytes: 0 });
      continue;
    }
    if (entry?.lock !== undefined) {
      meetLock(entry, { plan, tally, workshop });
      continue;
    }
    try {
      const compared = await comparer.compare(resource, { file, entry, isSketch: true, signal });
      const action = decide(compared.situation, settings.rulesFor(resource, access.get(resource)));
      const sizeBytes = file?.sizeBytes ?? entry?.storedBytes ?? 0;
      const agreed = noteworthy(action, compared, settings.client);
      const isQuiet = action.kind === "none" && agreed === undefined &&
        entry?.record.kind === "present" && (!file || isSettled(file, scan.scannedMs));
      if (isQuiet) survey.quiet?.note(resource, mark);
      if (agreed !== undefined) plan.notes.push({ resource, agreed });
      else sortIn({ resource, action, file, entry, sizeBytes }, workshop, plan);
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

/** All resources of either side, each once. */
function* resourcesOf({ files }: Scan, { entries }: Survey): Generator<RelativePath> {
  yield* files.keys();
  for (const resource of entries.keys()) if (!files.has(resource)) yield resource;
}

/** A number that stands for a file as it is. Never 0. */
function markOf(file: LocalFile | undefined): number {
  if (file === undefined) return 1;
  let [high, low] = [0x811c9dc5, 0x01000193];
  for (const part of [file.sizeBytes, file.modifiedMs, file.changedMs, file.inode]) {
    for (const word of [part % 0x1_0000_0000, part / 0x1_0000_0000, part % 1 * 0x1_0000_0000]) {
      high = Math.imul(high ^ word, 0x01000193);
      low = Math.imul(low ^ word ^ high >>> 15, 0x85ebca6b);
    }
  }
  return 2 + (high >>> 11) * 0x1_0000_0000 + (low >>> 0);
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
  { plan, tally, workshop }: {
    readonly plan: Plan;
    readonly tally: Tally;
    readonly workshop: Workshop;
  },
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
    case "failed":
      leaveForLater(entry.resource, entry.lock.cause, workshop, tally);
      break;
    case "held":
      tally.waiting++;
      tally.locked++;
      break;
    case "busy":
      tally.waiting++;
      break;
    case undefined:
      break;
    default:
      entry.lock satisfies never;
  }
}

function sortIn(planned: Planned, { relay, settings }: Workshop, plan: Plan): void {
  const { action, resource, entry } = planned;
  switch (action.kind) {
    case "none":
      if (entry?.isOwed) plan.pulls.push(planned);
      break;
    case "adopt":
      if (entry === undefined) break;
      if (mayAdopt(entry, settings)) plan.orphans.push(planned);
      else if (entry.record.kind === "absent") {
        throw new EscaleError(
          "refused",
          `Left "${
            printable(resource)
          }" on the relay: it has no record, so that nothing shows what it is`,
          { path: resource, hint: "A client that has the file sends it again by itself" },
        );
      }
      break;
    case "settle-orphan":
      plan.orphans.push(planned);
      break;
    case "push": {
      // What it goes over is to be acknowledged before.
      if (entry?.isOwed) plan.pulls.push({ ...planned, action: { kind: "none" } });
      const why = relay.whyNotHeld(resource);
      if (why !== undefined) {
        throw new EscaleError("refused", `Cannot push "${printable(resource)}": ${why}`, {
          path: resource,
          hint: "Rename the file",
        });
      }
      plan.pushes.push(planned);
      break;
    }
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
  for (const batch of workshop.relay.batches(items, "w")) {
    const names = batch.map(({ resource }) => resource);
    await using transaction = await workshop.relay.open(names, {
      mode: "w",
      signal: workshop.signal,
    });
    for (const path of transaction.entries.keys()) {
      tally.settled++;
      tell(workshop, "repair", { path });
    }
    noteRefused(transaction, workshop, tally);
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
  noteRefused(transaction, workshop, tally);
  const requested: RelativePath[] = [];
  for (const [resource, entry] of transaction.entries) {
    try {
      const file = byName.get(resource)?.file;
      const { situation } = await comparer.compare(resource, { file, entry, signal });
      const action = decide(situation, settings.rulesFor(resource, state.access(resource)));
      if (action.kind !== "request") continue;
      const isLost = situation.local === undefined && situation.agreed !== undefined;
      await transaction.withdraw(resource, { isLost });
      requested.push(resource);
    } catch (cause) {
      leaveForLater(resource, cause, workshop, tally);
    }
  }
  try {
    await transaction.commit();
  } catch (cause) {
    const [first] = requested;
    if (first === undefined) throw cause;
    return leaveForLater(first, cause, workshop, tally);
  }
  for (const path of requested) {
    tally.settled++;
    tell(workshop, "request", { path });
    const times = (workshop.requests.get(path) ?? 0) + 1;
    workshop.requests.set(path, times);
    if (times >= REQUESTS_IN_VAIN) {
      leaveForLater(path, requestedInVain(path), workshop, tally);
    }
  }
}

function requestedInVain(path: RelativePath): EscaleError {
  const message = `Requested "${
    printable(path)
  }" again and again: it goes each time before it comes here`;
  return new EscaleError("refused", message, {
    path,
    hint:
      'Set "puller count" on each client to the number of clients that receive, but for the sender',
  });
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
