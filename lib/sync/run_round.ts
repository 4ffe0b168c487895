import { EscaleError } from "../errors.ts";
import { checkRoot, type RootFacts } from "../local/root.ts";
import { mayHide, type Scan, scanRepository } from "../local/scan.ts";
import type { RelativePath } from "../path.ts";
import type { Survey } from "../relay/relay.ts";
import { inspectBatch } from "./inspect.ts";
import { outlookOf } from "./make_outlook.ts";
import type { Outlook } from "./outlook.ts";
import { makePlan, type Plan, tellPlan } from "./make_plan.ts";
import { settleOrphans } from "./orphan.ts";
import { pullBatch } from "./pull.ts";
import { pushBatch } from "./push.ts";
import { requestBatch } from "./request.ts";
import { findRest, noteRest } from "./rest.ts";
import { newTally, noteRefused, type Tally, tell, type Workshop } from "./round.ts";
import { admit } from "./schedule.ts";
import type { OpenedWorkshop } from "./workshop.ts";

const ROOT_FACT = "root";

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
  const seen = await look(opened);
  const rest = await findRest(opened.workshop, seen);
  if (rest !== undefined) {
    emit({ kind: "outlook", outlook: rest });
    if (!options.plansOnly) endRound(opened.workshop, tally, { startMs, outlook: rest });
    return tally;
  }
  const workshop: Workshop = {
    ...opened.workshop,
    leavesAlone: (path) => mayHide(seen, path) || !opened.filter.acceptsFile(path),
  };
  const survey = await surveyRelay(opened, { tally, mayRepair: options.plansOnly !== true });
  const scan = workshop.misfits.apply(seen, survey.entries);
  const plan = await makePlan(workshop, { scan, survey, tally });
  const { pullerCount } = section;
  const outlook = outlookOf({ scan, survey, plan }, {
    pullerCount,
    renamed: workshop.misfits.all,
    // What an upload client goes over is no version that was offered to it.
    refused: section.mode === "upload" ? new Map() : workshop.state.refused(),
  });
  emit({ kind: "outlook", outlook });
  if (options.plansOnly) {
    tellPlan(plan, workshop);
    return tally;
  }
  noteAll(plan.notes, workshop, tally);
  await repairAll(plan.repairs, workshop, tally);
  for (const batch of relay.batches(plan.inspections, "w")) {
    await inspectBatch(batch, workshop, tally);
  }
  if (section.priorityUpload) await pushAll(opened, { plan, survey, workshop, tally });
  for (const batch of relay.batches(plan.pulls, "r")) await pullBatch(batch, workshop, tally);
  for (const batch of relay.batches(plan.requests, "request")) {
    await requestBatch(batch, workshop, tally);
  }
  for (const batch of relay.batches(plan.orphans, "w")) await settleOrphans(batch, workshop, tally);
  if (!section.priorityUpload) await pushAll(opened, { plan, survey, workshop, tally });
  comparer.save();
  workshop.quiet.save();
  noteRest(workshop, { scan, survey, plan, outlook, tally });
  endRound(workshop, tally, { startMs, outlook });
  return tally;
}

function endRound(
  { comparer, emit, nowMs, problems }: Workshop,
  tally: Tally,
  { startMs, outlook }: { readonly startMs: number; readonly outlook: Outlook },
): void {
  comparer.endRound();
  problems.endRound();
  const { pushed, pulled, conflicts, problems: failed, waiting } = tally;
  const { localFiles, relayFiles } = outlook;
  const done = { localFiles, relayFiles, pushed, pulled, conflicts, problems: failed, waiting };
  emit({ kind: "round", summary: { ms: nowMs() - startMs, ...done } });
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
    pending: survey.entries.contents,
  });
  tally.waiting += later.length;
  for (const batch of workshop.relay.batches(now, "w")) await pushBatch(batch, workshop, tally);
}

/** Scans the repository and makes sure that it is the one that was there before. */
async function look(opened: OpenedWorkshop): Promise<Scan> {
  const { workshop, filter } = opened;
  const { root, state, signal, stager, problems } = workshop;
  const known = state.fact(ROOT_FACT);
  const remembered: RootFacts | undefined = known === undefined ? undefined : JSON.parse(known);
  checkRoot(root, remembered);
  const scan = await scanRepository(root, { filter, signal });
  const now = checkRoot(root, remembered, scan);
  stager.keepTo(now.device);
  const facts = JSON.stringify(now);
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
