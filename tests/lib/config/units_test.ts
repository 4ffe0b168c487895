import assert from "node:assert/strict";

import { BYTES_OF_UNIT, parseSize } from "../../../lib/config/units.ts";
import { readGolden } from "./_fake_environment.ts";

const MB = 1024 ** 2;
const golden: {
  units_in_mb: Record<string, number>;
  cases: { text: string; quota_mb?: number | null }[];
} = JSON.parse(readGolden("numbers.json"));

Deno.test("every unit of 0.7 has its size", () => {
  for (const [unit, mb] of Object.entries(golden.units_in_mb)) {
    assert.equal(BYTES_OF_UNIT.get(unit), mb * MB, unit);
  }
});

/** What 0.7 read up to the first odd character, and is an error here. */
const REFUSED = ["1.2.3 MB", "5 MB trailing", "1 000 MB"];

Deno.test("parseSize() reads what 0.7 read, and refuses what it refused or guessed", () => {
  for (const { text, quota_mb } of golden.cases) {
    const isRead = typeof quota_mb === "number" && !REFUSED.includes(text);
    const size = parseSize(text);
    if (isRead) assert.deepEqual(size, { bytes: Math.floor(quota_mb * MB) }, text);
    else assert.ok("problem" in size, text);
  }
});

Deno.test("parseSize() goes by whole bytes and keeps within safe numbers", () => {
  assert.deepEqual(parseSize("1.5 KiB"), { bytes: 1536 });
  assert.deepEqual(parseSize("0.1 Kb"), { bytes: 12 });
  assert.deepEqual(parseSize("7.99 PB"), { bytes: Math.floor(7.99 * 1024 ** 5) });
  assert.deepEqual(parseSize("8 PB"), { problem: "should be less than 8 PB" });
  assert.deepEqual(parseSize("1 EB"), { problem: "should be less than 8 PB" });
  for (
    const text of ["0", "0.0 GB", "0.1 B", "1 kB", "1 mb", "1  MB", "1,5,5", "1. MB", "+1", "١"]
  ) {
    assert.ok("problem" in parseSize(text), text);
  }
});
