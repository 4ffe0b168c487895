import { EscaleError } from "../errors.ts";
import type { Agreed } from "../local/state.ts";
import { isSettled } from "../local/repository.ts";
import type { LocalFile, Scan } from "../local/scan.ts";
import { printable, type RelativePath } from "../path.ts";
import { identityOf } from "../relay/checksum.ts";
import { acknowledgedCount } from "../relay/metadata.ts";
import type { RelayEntry, Survey } from "../relay/relay.ts";
import { agreedOn } from "./agreed.ts";
import type { Compared } from "./compare.ts";
import type { ActionName } from "./events.ts";
import { mayAdopt } from "./orphan.ts";
import { turnGiver } from "./pause.ts";
import { type Action, decide } from "./plan.ts";
import {
  leaveForLater,
  type Planned,
  type Tally,
  type Workshop,
  type WorkshopSettings,
} from "./round.ts";

/** Everything that is to be done in a round, by how it is done. */
export interface Plan {
  readonly repairs: RelativePath[];
  /** What only has to be remembered: nothing moves, no lock is needed. */
  readonly notes: { readonly resource: RelativePath; readonly agreed: Agreed }[];
  /** Contents that this client pushed and does not remember having read back. */
  readonly inspections: Planned[];
  readonly pulls: Planned[];
  readonly requests: Planned[];
  readonly pushes: Planned[];
  readonly orphans: Planned[];
  /** Nothing is to be done, nor will be as long as both sides stand as they do. */
  isAtRest: boolean;
}

/** Decides about every resource of either side, and sorts what is to be done by how it is done. */
export async function makePlan(
  workshop: Workshop,
  seen: { readonly scan: Scan; readonly survey: Survey; readonly tally: Tally },
): Promise<Plan> {
  const { comparer, settings, signal, state } = workshop;
  const { scan, survey, tally } = seen;
  const access = state.allAccess();
  const plan: Plan = {
    repairs: [],
    notes: [],
    inspections: [],
    pulls: [],
    requests: [],
    pushes: [],
    orphans: [],
    isAtRest: true,
  };
  const remembered = state.reader();
  const giveTurn = turnGiver(signal);
  for (const resource of resourcesOf(scan, survey)) {
    await giveTurn();
    const file = scan.files.get(resource);
    const mark = markOf(file);
    if (access.size === 0 && survey.quiet?.isQuiet(resource, mark)) continue;
    const isLeftAlone = file === undefined && workshop.leavesAlone(resource);
    const entry = survey.entries.get(resource);
    if (isLeftAlone && (entry?.isOwed !== true || entry.lock !== undefined)) continue;
    if (isLeftAlone) {
      plan.isAtRest = false;
      plan.pulls.push({ resource, action: { kind: "none" }, file, sizeBytes: 0 });
      continue;
    }
    if (entry?.lock !== undefined) {
      plan.isAtRest = false;
      meetLock(entry, { plan, tally, workshop });
      continue;
    }
    try {
      const compared = await comparer.compare(resource, {
        file,
        entry,
        state: remembered(resource),
        isSketch: true,
        signal,
      });
      const action = decide(
        compared.situation,
        settings.rulesFor(resource, (name) => access.get(name)),
      );
      const sizeBytes = file?.sizeBytes ?? entry?.storedBytes ?? 0;
      const agreed = noteworthy(action, compared, settings.client);
      const isSettledSo = action.kind === "none" && agreed === undefined &&
        access.size === 0 && (!file || isSettled(file, scan.scannedMs));
      if (!isSettledSo) plan.isAtRest = false;
      const isQuiet = isSettledSo && entry?.record.kind === "present";
      if (isQuiet) survey.quiet?.note(resource, mark);
      const isUnchecked = action.kind === "agree" && !action.acknowledge &&
        isOwnAndAlone(entry, settings);
      if (isUnchecked) plan.inspections.push({ resource, action, file, sizeBytes });
      else if (agreed !== undefined) plan.notes.push({ resource, agreed });
      else sortIn({ resource, action, file, sizeBytes }, entry, { workshop, plan });
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
      plan.isAtRest = false;
      leaveForLater(resource, cause, workshop, tally);
    }
  }
  comparer.save();
  return plan;
}

/** Whether this client's own push stands there, can be verified, and nobody has acknowledged it. */
function isOwnAndAlone(entry: RelayEntry | undefined, settings: WorkshopSettings): boolean {
  if (entry?.record.kind !== "present" || entry.storedBytes === undefined) return false;
  const { record } = entry.record;
  return entry.canCheck === true && record.checksum !== undefined &&
    record.pusher === settings.client &&
    acknowledgedCount(record) === 0 && settings.isKeyProven();
}

/** All resources of either side, each once, in order. */
function* resourcesOf({ files }: Scan, { entries }: Survey): Generator<RelativePath> {
  const others: RelativePath[] = [];
  for (const resource of entries.keys()) if (!files.has(resource)) others.push(resource);
  others.sort();
  let next = 0;
  for (const path of files.keys()) {
    for (let one = others[next]; one !== undefined && one < path; one = others[++next]) yield one;
    yield path;
  }
  yield* others.slice(next);
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

function sortIn(
  planned: Planned,
  entry: RelayEntry | undefined,
  { workshop: { relay, settings }, plan }: { readonly workshop: Workshop; readonly plan: Plan },
): void {
  const { action, resource } = planned;
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

/** Tells what a dry run would do. */
export function tellPlan(plan: Plan, { emit }: Workshop): void {
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

function nameOf(action: Action): ActionName | undefined {
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
