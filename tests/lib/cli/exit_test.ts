import assert from "node:assert/strict";

import {
  EXIT_STATUS_HELP,
  type ExitStatus,
  mostSevere,
  statusOfCode,
  statusOfResult,
} from "../../../lib/cli/exit.ts";
import type { ClientResult } from "../../../lib/sync/events.ts";

Deno.test("statusOfResult() gives each outcome its public status", () => {
  const cases: readonly [ClientResult, ExitStatus][] = [
    [{ outcome: "done" }, 0],
    [{ outcome: "skipped" }, 3],
    [{ outcome: "locked" }, 11],
    [{ outcome: "stopped" }, 130],
    [{ outcome: "failed" }, 1],
    [{ outcome: "failed", error: { code: "relay", message: "" } }, 1],
    [{ outcome: "failed", error: { code: "no-repository", message: "" } }, 10],
    [{ outcome: "failed", error: { code: "wrong-key", message: "" } }, 12],
    [{ outcome: "failed", error: { code: "locked", message: "" } }, 11],
  ];
  for (const [result, status] of cases) assert.equal(statusOfResult(result), status);
});

Deno.test("statusOfCode() tells a wrong command line from a missing and from a wrong configuration", () => {
  assert.equal(statusOfCode("usage"), 2);
  assert.equal(statusOfCode("no-config"), 10);
  assert.equal(statusOfCode("config"), 1);
});

Deno.test("mostSevere() prefers what the user must mend to what may pass", () => {
  const cases: readonly [readonly ExitStatus[], ExitStatus][] = [
    [[], 0],
    [[0, 0], 0],
    [[0, 3], 3],
    [[3, 11], 11],
    [[11, 1], 1],
    [[1, 10], 10],
    [[10, 12], 12],
    [[12, 130, 0], 130],
  ];
  for (const [statuses, status] of cases) {
    assert.equal(mostSevere(statuses), status);
    assert.equal(mostSevere(statuses.toReversed()), status);
  }
});

Deno.test("EXIT_STATUS_HELP lists every status", () => {
  const listed = EXIT_STATUS_HELP.match(/^ {2}\d+/gm)?.map(Number);
  assert.deepEqual(listed, [0, 1, 2, 3, 10, 11, 12, 130]);
});
