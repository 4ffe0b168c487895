import assert from "node:assert/strict";

import { whyNotClientName } from "../../../lib/config/client_name.ts";

Deno.test("whyNotClientName() refuses what does not survive in locks and placeholders", () => {
  const refused: [name: string, why: RegExp][] = [
    ["", /empty/],
    ["a:b", /contains ":"/],
    ["a\nb", /control character/],
    ["a\rb", /control character/],
    ["a\0b", /control character/],
    ["a\u2029b", /line end/],
    [" a", /blank/],
    ["a\t", /blank/],
    ["a\u00a0", /blank/],
    ["\ud800", /Unicode/],
    ["---pullers---", /starts with "-"/],
    ["=", /starts with "="/],
    ["a".repeat(101), /longer/],
  ];
  for (const [name, why] of refused) assert.match(whyNotClientName(name) ?? "", why, name);
  for (const name of ["A", "Zoé 1", "a.b-c_d", "漢字", "a-", "a%", "a".repeat(100)]) {
    assert.equal(whyNotClientName(name), undefined);
  }
});
