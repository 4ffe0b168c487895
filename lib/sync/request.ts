import { EscaleError } from "../errors.ts";
import { printable, type RelativePath } from "../path.ts";
import { turnGiver } from "./pause.ts";
import { decide } from "./plan.ts";
import {
  leaveForLater,
  noteRefused,
  type Planned,
  type Tally,
  tell,
  type Workshop,
} from "./round.ts";

/** A file that is sent so often, and is gone each time, is acknowledged by others before this client comes to it. */
const REQUESTS_IN_VAIN = 3;

/** Removes the records of versions whose content is gone, so that whoever has them sends them again. */
export async function requestBatch(
  batch: readonly Planned[],
  workshop: Workshop,
  tally: Tally,
): Promise<void> {
  const { relay, comparer, settings, state, signal } = workshop;
  const byName = new Map(batch.map((planned) => [planned.resource, planned]));
  await using transaction = await relay.open([...byName.keys()], { mode: "w", signal });
  noteRefused(transaction, workshop, tally);
  const requested: RelativePath[] = [];
  const giveTurn = turnGiver(signal);
  for (const [resource, entry] of transaction.entries) {
    await giveTurn();
    try {
      const file = byName.get(resource)?.file;
      const { situation } = await comparer.compare(resource, { file, entry, signal });
      const action = decide(situation, settings.rulesFor(resource, (name) => state.access(name)));
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
    await giveTurn();
    tally.settled++;
    tell(workshop, "request", { path });
    if (isInVain(path, workshop)) leaveForLater(path, requestedInVain(path), workshop, tally);
  }
}

/** Notes that a version was requested, and says whether that happens again and again without its coming here. */
export function isInVain(resource: RelativePath, { requests }: Workshop): boolean {
  const times = (requests.get(resource) ?? 0) + 1;
  requests.set(resource, times);
  return times >= REQUESTS_IN_VAIN;
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
