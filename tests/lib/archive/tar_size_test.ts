import assert from "node:assert/strict";
import fc from "fast-check";
import { packTar, tarSize } from "../../../lib/archive/tar.ts";
import { isRelativePath } from "../../../lib/path.ts";

Deno.test("tarSize() is the size of what packTar() gives", async () => {
  const member = fc.record({
    path: fc.string({ unit: "grapheme", minLength: 1, maxLength: 300 }).filter(isRelativePath),
    sizeBytes: fc.nat(3000),
    timeS: fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constant(9e10)),
  });
  await fc.assert(fc.asyncProperty(fc.array(member, { maxLength: 30 }), async (members) => {
    const archive = packTar(members.map((header) => ({
      ...header,
      open: () => ReadableStream.from([new Uint8Array(header.sizeBytes)]),
    })));
    let sizeBytes = 0;
    for await (const chunk of archive) sizeBytes += chunk.length;
    assert.equal(tarSize(members), sizeBytes);
  }));
});
