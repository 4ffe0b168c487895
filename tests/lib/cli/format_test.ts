import assert from "node:assert/strict";

import { formatAge, formatBytes, formatSeconds } from "../../../lib/cli/format.ts";

Deno.test("formatBytes() keeps one decimal and never shows 1024", () => {
  const cases: readonly [number, string][] = [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [4_404_019, "4.2 MiB"],
    [1024 ** 2 - 1, "1.0 MiB"],
    [1024 ** 3 - 1, "1.0 GiB"],
    [Number.MAX_SAFE_INTEGER, "8.0 PiB"],
  ];
  for (const [bytes, text] of cases) assert.equal(formatBytes(bytes), text);
});

Deno.test("formatSeconds() rounds up and adds hours when there are any", () => {
  const cases: readonly [number, string][] = [
    [0, "0:00"],
    [0.1, "0:01"],
    [59.5, "1:00"],
    [754, "12:34"],
    [7384, "2:03:04"],
  ];
  for (const [seconds, text] of cases) assert.equal(formatSeconds(seconds), text);
});

Deno.test("formatAge() takes the largest unit that fits, rounded down", () => {
  const cases: readonly (readonly [ms: number, text: string])[] = [
    ...[[-5, "0 s"], [0, "0 s"], [59_999, "59 s"], [60_000, "1 min"]] as const,
    ...[[3_599_999, "59 min"], [3_600_000, "1 h"], [86_399_999, "23 h"]] as const,
    ...[[86_400_000, "1 d"], [864_000_000, "10 d"]] as const,
  ];
  for (const [ms, text] of cases) assert.equal(formatAge(ms), text);
});
