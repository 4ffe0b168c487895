import type { Scan } from "../local/scan.ts";
import type { RelativePath } from "../path.ts";
import { identityOf } from "../relay/checksum.ts";
import { EVERYONE } from "../relay/metadata.ts";
import type { BatchItem, RelayEntry, Survey } from "../relay/relay.ts";
import { originalName } from "./conflict_name.ts";
import type { Plan } from "./make_plan.ts";
import { type Amount, type HeldLock, MAX_LISTED, type Outlook, type Standing } from "./outlook.ts";
import type { Action } from "./plan.ts";

const MOVES: readonly Action["kind"][] = ["pull", "keep-arriving"];
const MARK = ".conflict-";

/** Sums up a round before it does anything. `pullerCount` is that of the section. */
export function outlookOf(
  { scan, survey, plan }: { readonly scan: Scan; readonly survey: Survey; readonly plan: Plan },
  { pullerCount, renamed, refused }: {
    readonly pullerCount: number;
    /** By resource. */
    readonly renamed: ReadonlyMap<RelativePath, RelativePath>;
    /** The identity of a version that each of these did not let in at some time. */
    readonly refused: ReadonlyMap<RelativePath, string>;
  },
): Outlook {
  const standing: Standing[] = [];
  const locks: HeldLock[] = [];
  for (const entry of survey.entries.standing()) {
    if (standing.length === MAX_LISTED) break;
    standing.push(standingOf(entry, { storedBytes: entry.storedBytes ?? 0, pullerCount }));
  }
  // A version that has been replaced since on the relay no longer matters.
  const refusedFiles = [...refused].flatMap(([path, id]) => {
    const record = survey.entries.get(path)?.record;
    return record?.kind === "present" && identityOf(record.record) === id ? [path] : [];
  });
  let lockedFiles = 0;
  for (const { resource, lock } of survey.entries.locked()) {
    if (lock?.kind === "held" && lockedFiles++ < MAX_LISTED) {
      locks.push({ path: resource, owner: lock.owner, unchangedS: lock.unchangedS });
    }
  }
  return {
    toPush: amountOf(plan.pushes),
    // Among the pulls are versions that are only acknowledged.
    toPull: amountOf(plan.pulls.filter(({ action }) => MOVES.includes(action.kind))),
    localFiles: scan.files.size,
    relayFiles: survey.entries.size,
    usedBytes: survey.usedBytes,
    conflictCopies: countCopies(scan.files.keys()),
    renamed: [...renamed.entries().take(MAX_LISTED).map(([path, place]) => ({ path, place }))],
    renamedFiles: renamed.size,
    refused: refusedFiles.slice(0, MAX_LISTED),
    refusedFiles: refusedFiles.length,
    standing,
    standingFiles: survey.entries.contents,
    locks,
    lockedFiles,
  };
}

function standingOf(
  { resource, record }: RelayEntry,
  { storedBytes, pullerCount }: { readonly storedBytes: number; readonly pullerCount: number },
): Standing {
  const about = { path: resource, storedBytes };
  if (record.kind === "absent") return { ...about, have: [], lacking: 0, isOrphan: true };
  if (record.kind === "unreadable") return { ...about, have: [], lacking: pullerCount };
  const { pusher, pullers, expected = 0 } = record.record;
  const lacking = Math.max(expected, pullerCount) - pullers.length;
  return {
    ...about,
    ...(pusher === undefined ? {} : { pusher }),
    have: pullers.filter((name) => name !== EVERYONE),
    lacking: pullers.includes(EVERYONE) ? 0 : Math.max(0, lacking),
  };
}

function amountOf(items: readonly BatchItem[]): Amount {
  return { files: items.length, bytes: items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}

function countCopies(paths: Iterable<RelativePath>): number {
  let count = 0;
  for (const path of paths) if (path.includes(MARK) && originalName(path) !== path) count++;
  return count;
}
