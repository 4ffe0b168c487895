import assert from "node:assert/strict";

import { EscaleError } from "../../../lib/errors.ts";
import type { ClientEvent } from "../../../lib/sync/events.ts";
import { Problems } from "../../../lib/sync/problems.ts";

Deno.test("Problems tells each problem once, and when it is mended", () => {
  const told: string[] = [];
  const problems = new Problems((event: ClientEvent) => {
    if (event.kind === "problem") told.push(`${event.path}: ${event.message}`);
    if (event.kind === "mended") told.push(`${event.path} mended`);
  });
  const round = (...added: readonly (readonly [path: string, message: string])[]) => {
    told.length = 0;
    problems.beginRound();
    for (const [path, message] of added) problems.add(path, new EscaleError("full", message));
    problems.endRound();
    return told;
  };
  assert.deepEqual(round(["a", "no"], ["b", "no"]), ["a: no", "b: no"]);
  assert.deepEqual(round(["a", "no"], ["b", "never"]), ["b: never"]);
  assert.equal(problems.count, 2);
  assert.deepEqual(round(["b", "never"]), ["a mended"]);
  assert.deepEqual(round(["a", "no"], ["b", "never"]), ["a: no"]);
  assert.deepEqual(round(), ["a mended", "b mended"].toSorted((x, y) => y.localeCompare(x)));
});

Deno.test("Problems takes nothing for mended in a round that did not come to its end", () => {
  const told: string[] = [];
  const problems = new Problems(({ kind }: ClientEvent) => told.push(kind));
  problems.beginRound();
  problems.add("a", new EscaleError("full", "no"));
  problems.endRound();
  problems.beginRound();
  problems.beginRound();
  problems.add("a", new EscaleError("full", "no"));
  problems.endRound();
  assert.deepEqual(told, ["problem"]);
});
