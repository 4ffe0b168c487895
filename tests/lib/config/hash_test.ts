import assert from "node:assert/strict";
import { getHashes } from "node:crypto";

import { findHash } from "../../../lib/config/hash.ts";
import { DIGEST_ALGORITHMS, parseAlgorithm } from "../../../lib/crypto/digest.ts";

Deno.test("findHash() finds the algorithms that contents can be hashed with, and no other", () => {
  for (const { name, runtimeName } of DIGEST_ALGORITHMS) {
    assert.equal(findHash(name), runtimeName);
    assert.equal(findHash(runtimeName.toUpperCase()), runtimeName);
  }
  const found = new Set(getHashes().map(findHash).filter((name) => name !== undefined));
  assert.deepEqual(
    [...found].toSorted(),
    DIGEST_ALGORITHMS.map((hash) => hash.runtimeName).toSorted(),
  );
  for (const name of found) assert.equal(parseAlgorithm(name).runtimeName, name);
  for (const name of ["shake_128", "shake256", "crc32", "", "RSA-SHA256", "md4", "sha", "SHA-2"]) {
    assert.equal(findHash(name), undefined, name);
  }
  assert.equal(findHash("SHA2-256"), "sha256");
});
