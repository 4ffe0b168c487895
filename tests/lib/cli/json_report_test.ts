import assert from "node:assert/strict";

import { JsonReport } from "../../../lib/cli/json_report.ts";
import { recordOutput } from "../../support/output.ts";
import { makeSection } from "../../support/sections.ts";

const section = makeSection();

Deno.test("JsonReport writes one object a line on standard output, and nothing else", () => {
  const output = recordOutput();
  const report = new JsonReport(output, { verbosity: undefined });
  report.warn("odd", "Look");
  report.event(section, { kind: "action", action: "pull", path: "a\nb", sizeBytes: 3 });
  report.event(section, { kind: "problem", code: "full", message: "no", path: "c" });
  report.result(section, { outcome: "skipped" });
  report.error({ code: "wrong-key", message: "bad", hint: "Mend" });
  report.end(12);
  assert.equal(output.stderr(), "");
  assert.deepEqual(output.stdout().trimEnd().split("\n").map((line) => JSON.parse(line)), [
    { kind: "warning", message: "odd", hint: "Look" },
    { kind: "action", section: "photos", action: "pull", path: "a\nb", sizeBytes: 3 },
    { kind: "problem", section: "photos", code: "full", message: "no", path: "c" },
    { kind: "result", section: "photos", outcome: "skipped" },
    { kind: "error", code: "wrong-key", message: "bad", hint: "Mend", status: 12 },
    { kind: "end", status: 12 },
  ]);
});

Deno.test("JsonReport tells actions always, transfers and details only when verbose", () => {
  const kindsAt = (verbosity: 0 | 1 | 2) => {
    const output = recordOutput();
    const report = new JsonReport(output, { verbosity });
    report.event(section, { kind: "beat" });
    report.event(section, { kind: "action", action: "agree", path: "a" });
    report.event(section, {
      kind: "transfer",
      action: "push",
      path: "a",
      doneBytes: 1,
      sizeBytes: 2,
    });
    report.event(section, { kind: "log", level: "debug", event: "why", fields: {} });
    return output.stdout().match(/(?<="kind":")\w+/g);
  };
  assert.deepEqual(kindsAt(0), ["action"]);
  assert.deepEqual(kindsAt(1), ["action"]);
  assert.deepEqual(kindsAt(2), ["action", "transfer", "log"]);
});
