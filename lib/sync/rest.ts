import { hash } from "node:crypto";
import type { Scan } from "../local/scan.ts";
import type { Survey } from "../relay/relay.ts";
import type { Plan } from "./make_plan.ts";
import type { Outlook } from "./outlook.ts";
import { hasMoved, type Tally, type Workshop } from "./round.ts";

/** Both sides as they stood when nothing needed anything, and the settings by which that was found. */
interface NotedRest {
  readonly settings: string;
  readonly local: string;
  readonly relay: string;
  /** What there was to tell. */
  readonly outlook: Outlook;
}

/**
 * Looks whether both sides stand as they stood when a round found nothing to do, so that this one need look at no
 * single resource, and gives what there is to tell; `undefined` in any doubt.
 */
export async function findRest(workshop: Workshop, scan: Scan): Promise<Outlook | undefined> {
  const { quiet, relay, signal, state } = workshop;
  const text = state.rest();
  if (text === undefined || !mayRest(workshop)) return undefined;
  const noted: NotedRest = JSON.parse(text);
  if (noted.settings !== quiet.settings || noted.local !== localSign(scan)) return undefined;
  const recognised = await relay.recognise?.(noted.relay, { signal });
  return recognised && { ...noted.outlook, usedBytes: recognised.usedBytes };
}

/** Notes that a round found nothing to do, if it would find so again with both sides as they stand. */
export function noteRest(
  workshop: Workshop,
  found: {
    readonly scan: Scan;
    readonly survey: Survey;
    readonly plan: Plan;
    readonly outlook: Outlook;
    readonly tally: Tally;
  },
): void {
  const { survey, plan, tally } = found;
  const isQuiet = plan.isAtRest && !hasMoved(tally) && tally.waiting === 0 && tally.problems === 0;
  if (!isQuiet || survey.sign === undefined || !mayRest(workshop)) return;
  const noted: NotedRest = {
    settings: workshop.quiet.settings,
    local: localSign(found.scan),
    relay: survey.sign,
    outlook: found.outlook,
  };
  const text = JSON.stringify(noted);
  if (workshop.state.rest() !== text) workshop.state.noteRest(text);
}

/** What else decides about a resource must be as everywhere. */
function mayRest({ misfits, settings, state }: Workshop): boolean {
  return settings.isKeyProven() && misfits.size === 0 && state.allAccess().size === 0;
}

function localSign({ files, unreadable }: Scan): string {
  return hash("sha256", JSON.stringify([files.digest(), unreadable.toSorted()]), "hex");
}
