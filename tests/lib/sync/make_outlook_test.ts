import assert from "node:assert/strict";

import type { Scan } from "../../../lib/local/scan.ts";
import { ScannedFiles } from "../../../lib/local/scanned_files.ts";
import { parseRelativePath, type RelativePath } from "../../../lib/path.ts";
import { EVERYONE, parseRecord } from "../../../lib/relay/metadata.ts";
import type { LockView, RecordView, RelayEntry, Survey } from "../../../lib/relay/relay.ts";
import { outlookOf } from "../../../lib/sync/make_outlook.ts";
import { MAX_LISTED } from "../../../lib/sync/outlook.ts";
import type { Plan } from "../../../lib/sync/make_plan.ts";
import type { Action } from "../../../lib/sync/plan.ts";

const NO_PLAN: Plan = {
  ...{ repairs: [], notes: [], inspections: [], pulls: [] },
  ...{ requests: [], pushes: [], orphans: [], isAtRest: false },
};

function scanOf(names: readonly string[]): Scan {
  const file = { sizeBytes: 1, modifiedMs: 0, changedMs: 0, inode: 1 };
  const files = new ScannedFiles();
  for (const name of names.toSorted()) files.append({ ...file, path: parseRelativePath(name) });
  return { files, skipped: [], unreadable: [], leftovers: [], scannedMs: 0 };
}

function recordOf(pullers: readonly string[], expected?: number): RecordView {
  const text = "placeholder%1.0\ntimestamp: 5\n";
  const record = { ...parseRecord(text), pusher: "laptop", pullers, expected };
  return { kind: "present", record, text };
}

function surveyOf(entries: readonly Partial<RelayEntry>[]): Survey {
  const full = entries.map((entry, number): [RelativePath, RelayEntry] => {
    const resource = parseRelativePath(`f${number}`);
    const others = { record: { kind: "absent" }, storedBytes: undefined, lock: undefined } as const;
    return [resource, { resource, ...others, ...entry }];
  });
  const all = full.map(([, entry]) => entry);
  const standing = all.filter(({ storedBytes }) => storedBytes !== undefined);
  const locked = all.filter(({ lock }) => lock !== undefined);
  const views = { contents: standing.length, standing: () => standing, locked: () => locked };
  return { entries: Object.assign(new Map(full), views), usedBytes: 500 };
}

Deno.test("outlookOf() says who has and who lacks each content that stands", () => {
  const survey = surveyOf([
    { storedBytes: 5, record: recordOf(["phone"], 3) },
    { storedBytes: 6, record: recordOf(["phone"]) },
    { storedBytes: 7, record: recordOf([EVERYONE], 3) },
    { storedBytes: 8 },
    { storedBytes: 9, record: { kind: "unreadable", why: "damaged" } },
    { record: recordOf(["phone"]) },
  ]);
  const scan = scanOf([]);
  const outlook = outlookOf({ scan, survey, plan: NO_PLAN }, {
    pullerCount: 2,
    renamed: new Map(),
    refused: new Map(),
  });
  assert.deepEqual(outlook.standing, [
    { path: "f0", storedBytes: 5, pusher: "laptop", have: ["phone"], lacking: 2 },
    { path: "f1", storedBytes: 6, pusher: "laptop", have: ["phone"], lacking: 1 },
    { path: "f2", storedBytes: 7, pusher: "laptop", have: [], lacking: 0 },
    { path: "f3", storedBytes: 8, have: [], lacking: 0, isOrphan: true },
    { path: "f4", storedBytes: 9, have: [], lacking: 2 },
  ]);
  assert.deepEqual([outlook.standingFiles, outlook.relayFiles, outlook.usedBytes], [5, 6, 500]);
});

Deno.test("outlookOf() lists a few and counts all", () => {
  const lock: LockView = { kind: "held", owner: "phone", unchangedS: 3 };
  const many = Array.from({ length: MAX_LISTED + 7 }, () => ({ storedBytes: 1, lock }));
  const outlook = outlookOf(
    { scan: scanOf([]), survey: surveyOf(many), plan: NO_PLAN },
    { pullerCount: 1, renamed: new Map(), refused: new Map() },
  );
  assert.deepEqual([outlook.standing.length, outlook.standingFiles], [50, 57]);
  assert.deepEqual([outlook.locks.length, outlook.lockedFiles], [50, 57]);
  assert.deepEqual(outlook.locks[0], { path: "f0", owner: "phone", unchangedS: 3 });
});

Deno.test("outlookOf() counts what is to move, and the conflict copies here", () => {
  const item = (name: string, action: Action) => ({
    ...{
      resource: parseRelativePath(name),
      action,
      sizeBytes: 4,
      file: undefined,
      entry: undefined,
    },
  });
  const push: Action = { kind: "push", base: [] };
  const pulls: readonly Action[] = [
    { kind: "pull", keepLocal: false },
    { kind: "keep-arriving" },
    { kind: "none" },
    { kind: "acknowledge", why: "held" },
  ];
  const plan: Plan = {
    ...NO_PLAN,
    pushes: [item("a", push), item("b", push), item("c", push)],
    pulls: pulls.map((action) => item("d", action)),
  };
  const names = ["a", "a.conflict-laptop-20260102-030405-0123abcd", "not.conflict-", "b"];
  const seen = { scan: scanOf(names), survey: surveyOf([]), plan };
  const outlook = outlookOf(seen, { pullerCount: 1, renamed: new Map(), refused: new Map() });
  assert.deepEqual(outlook.toPush, { files: 3, bytes: 12 });
  assert.deepEqual(outlook.toPull, { files: 2, bytes: 8 }, "some are only acknowledged");
  assert.deepEqual([outlook.localFiles, outlook.conflictCopies], [4, 1]);
});

Deno.test("outlookOf() lists what stands under another name", () => {
  const [path, place] = ["F", "F.renamed-12345678"].map(parseRelativePath);
  assert.ok(path !== undefined && place !== undefined);
  const seen = { scan: scanOf([]), survey: surveyOf([]), plan: NO_PLAN };
  const { renamed, renamedFiles } = outlookOf(seen, {
    pullerCount: 1,
    renamed: new Map([[path, place]]),
    refused: new Map(),
  });
  assert.deepEqual([renamed, renamedFiles], [[{ path, place }], 1]);
});
