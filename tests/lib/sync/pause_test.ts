import assert from "node:assert/strict";
import { mock } from "node:test";
import { turnGiver } from "../../../lib/sync/pause.ts";

Deno.test("turnGiver() gives others a turn once work has gone on for a while, and stops on demand", async () => {
  let nowMs = 0;
  const clock = mock.method(performance, "now", () => nowMs);
  try {
    const stop = new AbortController();
    const giveTurn = turnGiver(stop.signal);
    let turns = 0;
    const inTurn = () => new Promise<void>((resolve) => setTimeout(() => resolve(void turns++), 0));
    const other = inTurn();
    for (nowMs = 0; nowMs < 50; nowMs++) await giveTurn();
    assert.equal(turns, 0);
    await giveTurn();
    assert.equal(turns, 1);
    await other;
    stop.abort(new Error("stopped"));
    await giveTurn();
    nowMs += 50;
    await assert.rejects(giveTurn(), /stopped/);
  } finally {
    clock.mock.restore();
  }
});
