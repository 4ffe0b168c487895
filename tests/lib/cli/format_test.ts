import assert from "node:assert/strict";

import { formatBytes, formatSeconds } from "../../../lib/cli/format.ts";

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
