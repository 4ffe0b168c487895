import assert from "node:assert/strict";
import fc from "fast-check";
import { type Action, decide } from "../../lib/sync/plan.ts";
import { type History, someHistory } from "./plan_history.ts";
import { run } from "./plan_model.ts";

const CASES = Number(Deno.env.get("ESCALE_CASES") ?? 5000);
const SEED = Number(Deno.env.get("ESCALE_SEED") ?? Date.now() % 2 ** 31);

Deno.test(`decide() loses no content and lets all clients come to rest (seed ${SEED})`, () => {
  const details = fc.check(fc.property(someHistory, (history) => run(history)), {
    numRuns: CASES,
    seed: SEED,
  });
  const [history] = details.counterexample ?? [];
  if (history !== undefined) assert.fail(narrate(history));
  assert.equal(details.failed, false);
});

/** Decisions spoiled in one way each; the model is to notice all of them. */
const SPOILED: readonly (readonly [claim: string, spoil: (action: Action) => Action])[] = [
  ["keeps no local file aside", (action) => {
    return action.kind === "pull" ? { ...action, keepLocal: false } : action;
  }],
  ["names no base", (action) => action.kind === "push" ? { ...action, base: [] } : action],
  ["names what it pushes over as its base", (action) => {
    return action.kind === "push" && action.over !== undefined
      ? { ...action, base: [action.over] }
      : action;
  }],
  ["pushes over content without a record", (action) => {
    return action.kind === "settle-orphan" ? { ...action, kind: "push" } : action;
  }],
  ["never acknowledges what it knows", (action) => {
    return action.kind === "acknowledge" ? { kind: "none" } : action;
  }],
  ["never requests", (action) => action.kind === "request" ? { kind: "none" } : action],
];

for (const [claim, spoil] of SPOILED) {
  Deno.test(`run() notices a decide() that ${claim}`, () => {
    const spoiled: typeof decide = (situation, rules) => spoil(decide(situation, rules));
    const property = fc.property(someHistory, (history) => run(history, { decide: spoiled }));
    const { failed } = fc.check(property, { numRuns: 5000, seed: 1, endOnFailure: true });
    assert.equal(failed, true);
  });
}

/** The shortest failing history found, told in plain words. */
function narrate(history: History): string {
  const lines: string[] = [];
  try {
    run(history, { trace: (line) => lines.push(line) });
  } catch (cause) {
    lines.push(String(cause));
  }
  if (lines.length > 140) lines.splice(100, lines.length - 140, "...");
  return [`ESCALE_SEED=${SEED}`, JSON.stringify(history), ...lines].join("\n");
}
