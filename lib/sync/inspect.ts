import type { RelativePath } from "../path.ts";
import { agreedOn } from "./agreed.ts";
import { decide } from "./plan.ts";
import { contentOf } from "./push.ts";
import {
  leaveForLater,
  noteRefused,
  type Planned,
  type Tally,
  tell,
  type Workshop,
} from "./round.ts";

/**
 * Reads back, once, what this client pushed and nobody has acknowledged, where it does not remember having done so:
 * after an upgrade, or with its state lost. A content that is damaged is put again, since the file still is the one
 * of the record.
 */
export async function inspectBatch(
  batch: readonly Planned[],
  workshop: Workshop,
  tally: Tally,
): Promise<void> {
  const { relay, comparer, misfits, settings, state, signal } = workshop;
  const resources = batch.map(({ resource }) => resource);
  await using transaction = await relay.open(resources, { mode: "w", signal });
  noteRefused(transaction, workshop, tally);
  const agree = new Map<RelativePath, () => void>();
  const rewritten = new Set<RelativePath>();
  for (const [resource, entry] of transaction.entries) {
    signal.throwIfAborted();
    try {
      const file = misfits.stat(resource);
      const compared = await comparer.compare(resource, { file, entry, signal });
      const { digest, situation } = compared;
      const action = decide(situation, settings.rulesFor(resource, (name) => state.access(name)));
      const { record } = situation;
      if (action.kind !== "agree" || !file || digest === undefined || !record) continue;
      const check = await transaction.check(resource);
      agree.set(resource, () => {
        state.change(resource, {
          agreed: agreedOn(record, { digest, byPull: false }),
          intended: [],
        });
        tally.settled++;
      });
      if (check !== "damaged") continue;
      const content = contentOf(
        { resource, file, digest, isSettled: false, bytes: undefined },
        workshop,
      );
      rewritten.add(resource);
      await transaction.put(resource, record, content);
      tell(workshop, "repair", { path: resource, detail: "its content was damaged on the relay" });
    } catch (cause) {
      agree.delete(resource);
      leaveForLater(resource, cause, workshop, tally);
    }
  }
  const confirmed = await transaction.confirm();
  state.transaction(() => {
    for (const [resource, note] of agree) {
      if (!rewritten.has(resource) || confirmed.has(resource)) note();
    }
  });
}
