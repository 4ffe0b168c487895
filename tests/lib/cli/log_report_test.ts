import assert from "node:assert/strict";

import { LogReport, type LogReportOptions } from "../../../lib/cli/log_report.ts";
import type { ClientEvent } from "../../../lib/sync/events.ts";
import { makeSection } from "../../support/sections.ts";

const section = makeSection();
const TIME = "2026-01-02T03:04:05.678Z";

function logOf(
  changes: Partial<LogReportOptions>,
  tell: (report: LogReport) => void,
): readonly string[] {
  const lines: string[] = [];
  tell(
    new LogReport({
      level: undefined,
      verbosity: undefined,
      format: "text",
      write: (line) => lines.push(line),
      now: () => new Date(TIME),
      ...changes,
    }),
  );
  return lines;
}

const EVENTS: readonly ClientEvent[] = [
  { kind: "problem", code: "full", message: "no\nspace", path: "a", hint: "Free some" },
  { kind: "log", level: "warn", event: "odd", fields: { path: "a\nb", count: 2 } },
  { kind: "action", action: "pull", path: "a\nb", sizeBytes: 3 },
  { kind: "mended", path: "a" },
  { kind: "action", action: "agree", path: "c" },
  { kind: "log", level: "trace", event: "wire", fields: {} },
  { kind: "beat" },
  { kind: "transfer", action: "pull", path: "a", doneBytes: 1, sizeBytes: 2 },
];

Deno.test("LogReport writes a line for each event, whatever stands in it", () => {
  const lines = logOf({ level: "trace" }, (report) => {
    report.note("started");
    report.warn("odd", "Look");
    for (const event of EVENTS) report.event(section, event);
    report.result(section, { outcome: "failed", error: { code: "twin", message: "two" } });
    report.result(section, { outcome: "done" });
    report.error({ code: "config", message: "wrong" });
    report.end(1);
  });
  assert.deepEqual(lines, [
    `${TIME} info started`,
    `${TIME} warn odd; hint: Look`,
    `${TIME} warn [photos] no; space; hint: Free some`,
    `${TIME} warn [photos] odd path=a\\u000ab count=2`,
    `${TIME} info [photos] pulled a\\u000ab 3 B`,
    `${TIME} info [photos] mended a`,
    `${TIME} debug [photos] agreed on c`,
    `${TIME} trace [photos] wire`,
    `${TIME} error [photos] client ended: two`,
    `${TIME} info [photos] client ended: done`,
    `${TIME} error wrong`,
    `${TIME} info escale ended with status 1`,
  ]);
});

Deno.test("LogReport goes by the level, else by what the user wants to hear, else by the section", () => {
  const count = (changes: Partial<LogReportOptions>, verbosity: number) =>
    logOf(changes, (report) => {
      for (const event of EVENTS) report.event(makeSection({ verbosity }), event);
    }).length;
  const levels = [["error", 0], ["warn", 2], ["info", 4], ["debug", 5], ["trace", 6]] as const;
  for (const [level, expected] of levels) assert.equal(count({ level, verbosity: 0 }, 1), expected);
  for (const [verbosity, expected] of [[0, 2], [1, 4], [2, 5]] as const) {
    assert.equal(count({ verbosity }, 1), expected);
    assert.equal(count({}, verbosity), expected);
  }
});

Deno.test("LogReport writes one JSON object a line if asked to", () => {
  const lines = logOf({ format: "json", level: "trace" }, (report) => {
    for (const event of EVENTS.slice(0, 3)) report.event(section, event);
    report.end(0);
  });
  const head = { time: TIME, section: "photos" };
  assert.deepEqual(lines.map((line) => JSON.parse(line)), [
    {
      ...{ ...head, level: "warn", kind: "problem", code: "full", message: "no\nspace" },
      ...{ path: "a", hint: "Free some" },
    },
    { ...head, level: "warn", kind: "log", event: "odd", fields: { path: "a\nb", count: 2 } },
    { ...head, level: "info", kind: "action", action: "pull", path: "a\nb", sizeBytes: 3 },
    { time: TIME, level: "info", kind: "end", status: 0 },
  ]);
});
