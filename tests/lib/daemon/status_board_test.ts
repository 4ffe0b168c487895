import assert from "node:assert/strict";

import type { ClientStatus } from "../../../lib/daemon/status.ts";
import { StatusBoard } from "../../../lib/daemon/status_board.ts";
import type { ClientEvent } from "../../../lib/sync/events.ts";
import type { Outlook } from "../../../lib/sync/outlook.ts";
import { makeSection } from "../../support/sections.ts";
import { ManualTimers } from "./_manual_timers.ts";

const section = makeSection({ name: "photos", quotaBytes: 100 });
const SUMMARY = {
  ...{ ms: 5, localFiles: 2, relayFiles: 1, pushed: 0, pulled: 0 },
  ...{ conflicts: 0, problems: 0, waiting: 0 },
};
const ROUND: ClientEvent = { kind: "round", summary: SUMMARY };
const AWAY: ClientEvent = { kind: "problem", code: "relay", message: "away" };

function setUp(former: readonly ClientStatus[] = []) {
  const clock = new ManualTimers();
  const board = new StatusBoard({ nowMs: () => clock.nowMs, former });
  const only = (): ClientStatus => {
    const [client] = board.clients();
    assert(client !== undefined);
    return client;
  };
  return { clock, board, only };
}

Deno.test("StatusBoard follows a client through its life", () => {
  const { clock, board, only } = setUp();
  const state = () => [only().state, only().sinceMs - 1_000_000];
  board.change(section, { kind: "started" });
  assert.deepEqual(state(), ["starting", 0]);
  assert.deepEqual([only().clientName, only().quotaBytes], ["laptop", 100]);
  clock.pass(10);
  board.event(section, { kind: "action", action: "push", path: "a" });
  assert.deepEqual([...state(), only().pushed, only().pulled], ["working", 10, 1, 0]);
  clock.pass(10);
  board.event(section, { kind: "round", summary: { ...SUMMARY, pushed: 1 } });
  assert.deepEqual(state(), ["working", 10], "the next round follows at once");
  board.event(section, ROUND);
  assert.deepEqual(state(), ["idle", 20]);
  assert.deepEqual(only().lastRound, { ...SUMMARY, endedMs: 1_000_020 });
  board.change(section, { kind: "silent", silentMs: 30_000 });
  assert.deepEqual(state(), ["silent", 20]);
  board.event(section, { kind: "beat" });
  assert.deepEqual(state(), ["working", 20]);
  const result = { outcome: "failed", error: { code: "twin", message: "two" } } as const;
  board.change(section, { kind: "failed", result, waitMs: 60_000 });
  assert.deepEqual([only().state, only().nextMs, only().result], ["restarting", 1_060_020, result]);
  board.change(section, { kind: "started" });
  assert.deepEqual([only().state, only().restarts, only().result], ["starting", 1, undefined]);
  board.ended(section, { outcome: "stopped" });
  assert.deepEqual([only().state, only().result?.outcome], ["ended", "stopped"]);
});

Deno.test("StatusBoard takes what is done away from what is pending", () => {
  const { board, only } = setUp();
  const outlook: Outlook = {
    ...{ toPush: { files: 2, bytes: 10 }, toPull: { files: 2, bytes: 10 } },
    ...{
      localFiles: 2,
      relayFiles: 2,
      usedBytes: 0,
      conflictCopies: 0,
      renamed: [],
      renamedFiles: 0,
      refused: [],
      refusedFiles: 0,
    },
    ...{ standing: [], standingFiles: 0, locks: [], lockedFiles: 0 },
  };
  board.event(section, { kind: "outlook", outlook });
  const pending = () => [only().outlook?.toPush, only().outlook?.toPull];
  board.event(section, { kind: "action", action: "push", path: "a", sizeBytes: 4 });
  board.event(section, { kind: "action", action: "conflict", path: "c", sizeBytes: 4 });
  assert.deepEqual(pending(), [{ files: 1, bytes: 6 }, { files: 2, bytes: 10 }]);
  board.event(section, { kind: "action", action: "push", path: "b", sizeBytes: 4 });
  board.event(section, { kind: "action", action: "pull", path: "d", sizeBytes: 40 });
  assert.deepEqual(pending(), [{ files: 0, bytes: 0 }, { files: 1, bytes: 0 }]);
  board.event(section, { kind: "action", action: "push", path: "e", sizeBytes: 4 });
  assert.deepEqual(pending(), [{ files: 0, bytes: 0 }, { files: 1, bytes: 0 }]);
});

Deno.test("StatusBoard shows transfers until they end, fail or are not heard of any more", () => {
  const { clock, board, only } = setUp();
  const transfer = (path: string, doneBytes: number) =>
    board.event(section, { kind: "transfer", action: "pull", path, doneBytes, sizeBytes: 9 });
  const paths = () => only().transfers.map(({ path }) => path);
  for (const path of ["a", "b", "c", "d"]) transfer(path, 1);
  clock.pass(1_000);
  transfer("a", 5);
  assert.deepEqual(only().transfers[0], {
    ...{ action: "pull", path: "a", doneBytes: 5, sizeBytes: 9 },
    ...{ startedMs: 1_000_000, heardMs: 1_001_000 },
  });
  transfer("b", 9);
  board.event(section, { kind: "problem", code: "full", message: "no", path: "c" });
  assert.deepEqual(paths(), ["a", "d"]);
  clock.pass(59_500);
  assert.deepEqual(paths(), ["a"]);
  board.event(section, ROUND);
  assert.deepEqual(paths(), []);
});

Deno.test("StatusBoard shows a problem once, until it is mended", () => {
  const { board, only } = setUp();
  const problem = (path: string) =>
    board.event(section, { kind: "problem", code: "full", message: "no", path });
  for (const path of ["a", "b", "a"]) problem(path);
  board.event(section, AWAY);
  assert.deepEqual(only().problems.map(({ path }) => path), ["a", "b", undefined]);
  board.event(section, { kind: "mended", path: "a" });
  board.event(section, ROUND);
  assert.deepEqual(only().problems.map(({ path }) => path), ["b"]);
  for (let number = 0; number < 1_000; number++) problem(`${number}`);
  assert.deepEqual([only().problems.length, only().problemCount], [100, 1_001]);
});

Deno.test("StatusBoard says what is worth showing", () => {
  const { board } = setUp();
  assert.equal(board.event(section, { kind: "beat" }), false);
  assert.equal(
    board.event(section, { kind: "log", level: "info", event: "x", fields: {} }),
    false,
  );
  assert.equal(board.event(section, AWAY), true);
});

Deno.test("StatusBoard keeps how clients were until it hears of them", () => {
  const first = setUp();
  first.board.event(section, AWAY);
  const { board } = setUp(first.board.clients());
  board.change(makeSection({ name: "music" }), { kind: "started" });
  const shown = () => board.clients().map(({ name, problemCount }) => [name, problemCount]);
  assert.deepEqual(shown(), [["music", 0], ["photos", 1]]);
  board.change(section, { kind: "started" });
  assert.deepEqual(shown(), [["music", 0], ["photos", 0]]);
  board.forget("music");
  assert.deepEqual(shown(), [["photos", 0]]);
});
