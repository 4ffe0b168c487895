import assert from "node:assert/strict";
import { parseAlgorithm } from "../../../lib/crypto/digest.ts";
import { CHECKSUM_PURPOSE, deriveKey, SEAL_PURPOSE } from "../../../lib/crypto/keys.ts";
import { parseRelativePath } from "../../../lib/path.ts";
import {
  type ChecksumOptions,
  Checksums,
  identityOf,
  sealWith,
} from "../../../lib/relay/checksum.ts";
import type { RelayRecord } from "../../../lib/relay/metadata.ts";

const SECRET = new TextEncoder().encode("secret");
const KEY = deriveKey(SECRET, CHECKSUM_PURPOSE);
const DIGEST = "ab".repeat(64);
const RECORD: RelayRecord = {
  pusher: "A",
  timeS: 5,
  checksum: DIGEST,
  algorithm: undefined,
  base: ["c1", "c2"],
  sizeBytes: 7,
  expected: undefined,
  seal: undefined,
  pullers: [],
};

function checksums(changes: Partial<ChecksumOptions> = {}): Checksums {
  return new Checksums({
    algorithm: parseAlgorithm("sha512"),
    isRecorded: true,
    key: undefined,
    isKeyed: false,
    ...changes,
  });
}

Deno.test("toRecord() names the algorithm, and nothing where checksums are off", () => {
  assert.deepEqual(checksums().toRecord(DIGEST), { checksum: DIGEST, algorithm: "sha512" });
  assert.deepEqual(checksums({ isRecorded: false }).toRecord(DIGEST), {
    checksum: undefined,
    algorithm: undefined,
  });
});

Deno.test("a keyed checksum is another one for each key, and shows nothing of the digest", () => {
  const keyed = checksums({ key: KEY, isKeyed: true });
  const { checksum = "", algorithm } = keyed.toRecord(DIGEST);
  assert.equal(algorithm, "sha512-keyed");
  assert.match(checksum, /^[0-9a-f]{64}$/);
  assert.notEqual(checksum, DIGEST.slice(0, 64));
  const record = { ...RECORD, checksum, algorithm };
  assert.equal(keyed.matches(record, DIGEST), true);
  assert.equal(keyed.matches(record, "cd".repeat(64)), false);
  const other = deriveKey(new Uint8Array([1]), CHECKSUM_PURPOSE);
  assert.equal(checksums({ key: other, isKeyed: true }).matches(record, DIGEST), false);
  assert.equal(checksums().algorithmOf(record), undefined, "without the key it cannot be verified");
  assert.equal(
    checksums({ key: KEY }).matches(record, DIGEST),
    true,
    "a reader need not write them",
  );
});

Deno.test("algorithmOf() goes by the record's algorithm, else by the section's, if the length fits", () => {
  const here = checksums({ algorithm: parseAlgorithm("sha256") });
  assert.equal(here.algorithmOf({ ...RECORD, algorithm: "sha512" })?.name, "sha512");
  assert.equal(here.algorithmOf(RECORD), undefined, "of 0.7, and not as long as ours");
  assert.equal(here.algorithmOf({ ...RECORD, checksum: "ab".repeat(32) })?.name, "sha256");
  assert.equal(here.algorithmOf({ ...RECORD, checksum: undefined }), undefined);
  for (const algorithm of ["", "unheard-of", "sha512-keyed-keyed", "-keyed"]) {
    assert.equal(here.algorithmOf({ ...RECORD, algorithm }), undefined, algorithm);
    assert.equal(here.matches({ ...RECORD, algorithm }, DIGEST), false);
  }
});

Deno.test("identityOf() is the checksum, or the time where there is none", () => {
  assert.equal(identityOf(RECORD), DIGEST);
  assert.equal(identityOf({ checksum: undefined, timeS: -5 }), "@-5");
  assert.equal(identityOf({ checksum: undefined, timeS: undefined }), "@");
});

Deno.test("a seal holds for one resource and one set of fields under one key", () => {
  const sealer = sealWith(deriveKey(SECRET, SEAL_PURPOSE));
  const resource = parseRelativePath("d/f");
  const sealed = { ...RECORD, seal: sealer.seal(resource, RECORD) };
  assert.equal(sealer.isValid(resource, sealed), true);
  assert.equal(
    sealer.isValid(resource, { ...sealed, pullers: ["B"] }),
    true,
    "pullers come and go",
  );
  assert.equal(sealer.isValid(parseRelativePath("d/g"), sealed), false);
  const changes: Partial<RelayRecord>[] = [
    { timeS: 6 },
    { timeS: undefined },
    { checksum: undefined },
    { checksum: "ab" },
    { pusher: "B" },
    { pusher: undefined },
    { base: ["c1"] },
    { base: ["c2", "c1"] },
    { sizeBytes: 8 },
    { sizeBytes: undefined },
    { seal: undefined },
    { seal: "" },
    { seal: sealed.seal.slice(1) },
    { seal: sealed.seal.replace(/.$/, (digit) => digit === "0" ? "1" : "0") },
  ];
  for (const change of changes) {
    assert.equal(sealer.isValid(resource, { ...sealed, ...change }), false, JSON.stringify(change));
  }
  const other = sealWith(deriveKey(new Uint8Array([1]), SEAL_PURPOSE));
  assert.equal(other.isValid(resource, sealed), false);
});
