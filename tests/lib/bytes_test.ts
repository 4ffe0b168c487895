import assert from "node:assert/strict";
import { concatBytes } from "../../lib/bytes.ts";

Deno.test("concatBytes() joins parts and shares no memory with them", () => {
  assert.deepEqual(concatBytes(), new Uint8Array(0));
  const part = Uint8Array.of(1, 2, 3);
  const joined = concatBytes(part.subarray(1), new Uint8Array(0), part);
  part.fill(9);
  assert.deepEqual(joined, Uint8Array.of(2, 3, 1, 2, 3));
});
