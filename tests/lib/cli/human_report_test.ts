import assert from "node:assert/strict";

import { HumanReport } from "../../../lib/cli/human_report.ts";
import type { Verbosity } from "../../../lib/cli/report.ts";
import type { ClientEvent, RoundSummary } from "../../../lib/sync/events.ts";
import { makeSection } from "../../support/sections.ts";
import { recordOutput } from "../../support/output.ts";

const section = makeSection();
const SUMMARY: RoundSummary = {
  ms: 1_234,
  localFiles: 12,
  relayFiles: 11,
  pushed: 3,
  pulled: 0,
  conflicts: 0,
  problems: 1,
  waiting: 0,
};

function setUp(
  { verbosity, hasLabels = false, hasSummaries = false, isTerminal = false, hasColor = false }: {
    readonly verbosity?: Verbosity;
    readonly hasLabels?: boolean;
    readonly hasSummaries?: boolean;
    readonly isTerminal?: boolean;
    readonly hasColor?: boolean;
  } = {},
) {
  const output = recordOutput({ isTerminal, hasColor });
  const clock = { nowMs: 0 };
  const nowMs = () => clock.nowMs;
  return {
    output,
    clock,
    report: new HumanReport(output, { verbosity, hasLabels, hasSummaries, nowMs }),
  };
}

/** What an event prints on standard error at each verbosity. */
function linesOf(event: ClientEvent, verbosity: Verbosity): string {
  const { output, report } = setUp({ verbosity });
  report.event(section, event);
  assert.equal(output.stdout(), "");
  return output.stderr();
}

Deno.test("HumanReport tells events from the verbosity that each is worth", () => {
  const cases: readonly [ClientEvent, fromVerbosity: number, text: string][] = [
    [{ kind: "beat" }, 3, ""],
    [
      { kind: "action", action: "pull", path: "a/b.jpg", sizeBytes: 4_404_019 },
      1,
      "pulled a/b.jpg 4.2 MiB\n",
    ],
    [
      { kind: "action", action: "conflict", path: "a", detail: 'the other is "a.conflict"' },
      1,
      'kept both versions of a: the other is "a.conflict"\n',
    ],
    [{ kind: "action", action: "agree", path: "a" }, 2, "agreed on a\n"],
    [{ kind: "mended", path: "a" }, 2, "mended a\n"],
    [
      { kind: "log", level: "info", event: "the relay is back", fields: { ms: 5, why: undefined } },
      1,
      "the relay is back ms=5\n",
    ],
    [{ kind: "log", level: "debug", event: "decision", fields: {} }, 2, "decision\n"],
    [{ kind: "log", level: "trace", event: "wire", fields: {} }, 3, ""],
    [{ kind: "log", level: "warn", event: "odd", fields: {} }, 0, "escale: warning: odd\n"],
    [{ kind: "log", level: "error", event: "bad", fields: {} }, 0, "escale: error: bad\n"],
    [
      { kind: "problem", code: "full", message: 'Cannot pull "a"', path: "a", hint: "Free space" },
      0,
      'escale: warning: Cannot pull "a"\nescale: hint: Free space\n',
    ],
    [
      { kind: "round", summary: SUMMARY },
      2,
      "round of 1.2 s: 12 here, 11 on the relay, 3 pushed, 1 with problems\n",
    ],
  ];
  for (const [event, fromVerbosity, text] of cases) {
    for (const verbosity of [0, 1, 2] as const) {
      const expected = verbosity >= fromVerbosity ? text : "";
      assert.equal(linesOf(event, verbosity), expected, `${event.kind} at ${verbosity}`);
    }
  }
});

Deno.test("HumanReport goes by the section's verbosity unless told otherwise", () => {
  const { output, report } = setUp();
  const event: ClientEvent = { kind: "action", action: "push", path: "a" };
  report.event(makeSection({ verbosity: 0 }), event);
  assert.equal(output.stderr(), "");
  report.event(makeSection({ verbosity: 1 }), event);
  assert.equal(output.stderr(), "pushed a\n");
});

Deno.test("HumanReport puts the plan of a dry run on standard output, also when quiet", () => {
  const { output, report } = setUp({ verbosity: 0 });
  report.event(section, { kind: "action", action: "pull", path: "a", sizeBytes: 3, planned: true });
  report.event(section, { kind: "action", action: "agree", path: "b", planned: true });
  assert.equal(output.stdout(), "would pull a 3 B\n");
  assert.equal(output.stderr(), "");
});

Deno.test("HumanReport sums up what a client did that was to end", () => {
  const { output, report } = setUp({ hasSummaries: true });
  report.event(section, { kind: "round", summary: SUMMARY });
  report.event(section, { kind: "round", summary: { ...SUMMARY, pushed: 1, problems: 0 } });
  assert.equal(output.stderr(), "");
  report.result(section, { outcome: "done" });
  assert.equal(output.stderr(), "ended after 2.5 s: 12 here, 11 on the relay, 4 pushed\n");
});

Deno.test("HumanReport names the section in each line where there are several", () => {
  const { output, report } = setUp({ hasLabels: true });
  report.event(section, { kind: "action", action: "push", path: "a" });
  report.result(section, {
    outcome: "failed",
    error: { code: "relay", message: "Cannot reach it", hint: "Look" },
  });
  report.warn("No section");
  assert.deepEqual(output.stderr().split("\n"), [
    "[photos] pushed a",
    "[photos] escale: error: Cannot reach it",
    "[photos] escale: hint: Look",
    "escale: warning: No section",
    "",
  ]);
});

Deno.test("HumanReport escapes control characters and cuts nothing", () => {
  const { output, report } = setUp();
  const path = `${"long/".repeat(100)}\x1b[2J`;
  report.event(section, { kind: "action", action: "push", path });
  report.error({ code: "config", message: "first line\nsecond \x07line" });
  assert.equal(
    output.stderr(),
    `pushed ${"long/".repeat(100)}\\u001b[2J\nescale: error: first line\n` +
      "escale: error: second \\u0007line\n",
  );
});

Deno.test("HumanReport uses colours only where the output has them", () => {
  for (const hasColor of [false, true]) {
    const { output, report } = setUp({ isTerminal: true, hasColor });
    report.error({ code: "relay", message: "bad" });
    assert.equal(output.stderr().includes("\x1b["), hasColor);
  }
});

Deno.test("HumanReport draws progress on a terminal only, and clears it before a line", () => {
  for (const isTerminal of [false, true]) {
    const { output, report, clock } = setUp({ isTerminal });
    const transfer = { kind: "transfer", action: "push", path: "a", sizeBytes: 100 } as const;
    report.event(section, { ...transfer, doneBytes: 1 });
    clock.nowMs = 2_000;
    report.event(section, { ...transfer, doneBytes: 50 });
    const drawn = output.stderr();
    assert.equal(drawn.includes("pushing a 50 B of 100 B"), isTerminal);
    report.warn("odd");
    const expected = `${isTerminal ? "\r\x1b[K" : ""}escale: warning: odd\n`;
    assert.equal(output.stderr().slice(drawn.length), expected);
  }
});
