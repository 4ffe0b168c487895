import assert from "node:assert/strict";
import { decide, expectedCount } from "../../../lib/sync/plan.ts";
import {
  agreedOf,
  check,
  KEEP_ARRIVING,
  KEEP_LOCAL,
  ME,
  NONE,
  PEER,
  PULL,
  push,
  recordOf,
  REQUEST,
} from "./plan_rows.ts";

/** What a version of 0.7 says: no size, no base. */
const LEGACY = { sizeBytes: undefined, algorithm: undefined };
const MANY = Array.from({ length: 16 }, (_, number) => `old${number}`);

// "Words", "Deletions"
check([
  ["does nothing where nothing is", {}, NONE],
  ["rests where local, agreed and record are equal", {
    local: "a",
    agreed: { id: "a" },
    record: { checksum: "a", pullers: [ME] },
    content: false,
  }, NONE],
  ["pushes a file that the relay has no record of", { local: "a" }, push([])],
  ["pushes a change with the known version and its bases as base", {
    local: "c",
    agreed: { id: "b", base: ["a"] },
    record: { checksum: "b", base: ["a"], pullers: [ME], expected: 2 },
  }, push(["b", "a"])],
  ["names no bases of a version that everyone expected has", {
    local: "c",
    agreed: { id: "b", base: ["a"] },
    record: { checksum: "b", base: ["a"], pullers: [ME] },
  }, push(["b"])],
  ["takes the larger of both puller counts for everyone expected", {
    local: "c",
    agreed: { id: "b", base: ["a"] },
    record: { checksum: "b", base: ["a"], pullers: [ME] },
    pullerCount: 2,
  }, push(["b", "a"])],
  ["does not count the pusher among those who have a version", {
    local: "c",
    agreed: { id: "b", base: ["a"] },
    record: { checksum: "b", base: ["a"], pullers: [PEER] },
  }, push(["b", "a"])],
  ["names what the local file was made from, where the known version was kept aside", {
    local: "d",
    agreed: { id: "c", base: ["b"] },
    record: { checksum: "c" },
  }, push(["c", "b"])],
  ["names 16 bases at most: the newest first, and the oldest, which everyone had", {
    local: "new",
    agreed: { id: "now", base: MANY },
    record: { checksum: "now", base: MANY },
  }, push(["now", ...MANY.slice(0, 14), "old15"])],
  ["names each base once", {
    local: "c",
    agreed: { id: "b", base: ["a", "b"] },
    record: { checksum: "b", base: ["a", "b"] },
  }, push(["b", "a"])],
  ["pushes over a version that it only intended to push", {
    local: "b",
    intended: ["a"],
    record: { checksum: "a", pusher: ME },
  }, push(["a"])],
  ["agrees with its own push that was broken off after it was whole", {
    local: "a",
    intended: ["a"],
    record: { checksum: "a", pusher: ME },
  }, { kind: "agree", acknowledge: false }],
  ["sends a version again whose record vanished, with the bases that it had", {
    local: "b",
    agreed: { id: "b", base: ["a"] },
  }, push(["a"])],
  ["pushes a change over a vanished record with the agreed version as base", {
    local: "c",
    agreed: { id: "b", base: ["a"] },
  }, push(["b", "a"])],
  ["does not pull what was deleted here, but acknowledges it", {
    agreed: { id: "a" },
    record: { checksum: "a" },
  }, { kind: "acknowledge", why: "deleted" }],
  ["does not request what was deleted here", {
    agreed: { id: "a" },
    record: { checksum: "a", pullers: [ME] },
    content: false,
  }, NONE],
  ["does not acknowledge its own push that it deleted", {
    agreed: { id: "a", pusher: ME },
    record: { checksum: "a", pusher: ME },
  }, NONE],
  ["pulls another version of what was deleted here", {
    agreed: { id: "a" },
    record: { checksum: "b", base: ["a"] },
  }, PULL],
  ["does not send again what was deleted here", { agreed: { id: "a" } }, NONE],
  ["keeps a known version that it may not replace, and acknowledges it", {
    mode: "download",
    local: "b",
    agreed: { id: "a" },
    record: { checksum: "a" },
  }, { kind: "acknowledge", why: "outdated" }],
  ["leaves a known version beside a local change that may not be pushed", {
    mode: "download",
    local: "b",
    agreed: { id: "a" },
    record: { checksum: "a", pullers: [ME] },
  }, NONE],
  ["pulls again what is missing in download mode", {
    mode: "download",
    agreed: { id: "a" },
    record: { checksum: "a", pullers: [ME] },
  }, PULL],
  ["requests again what is missing in download mode", {
    mode: "download",
    agreed: { id: "a" },
    record: { checksum: "a", pullers: [ME] },
    content: false,
  }, REQUEST],
  ["does not pull again in download mode what may not be written here", {
    mode: "download",
    mayPull: false,
    agreed: { id: "a" },
    record: { checksum: "a", pullers: [ME] },
  }, NONE],
]);

// "Two changed the same file"
check([
  ["pulls what it lacks", { record: { checksum: "a" } }, PULL],
  ["agrees without a transfer where contents are equal", {
    local: "a",
    record: { checksum: "a" },
  }, { kind: "agree", acknowledge: true }],
  ["agrees with equal content also when it is gone from the relay", {
    local: "a",
    record: { checksum: "a" },
    content: false,
  }, { kind: "agree", acknowledge: true }],
  ["agrees with equal content before it looks at bases", {
    local: "a",
    agreed: { id: "b", base: ["a"] },
    record: { checksum: "a" },
  }, { kind: "agree", acknowledge: true }],
  ["takes an update of the agreed version", {
    local: "a",
    agreed: { id: "a" },
    record: { checksum: "b", base: ["a"] },
  }, PULL],
  ["takes a later update that names the agreed version further back", {
    local: "a",
    agreed: { id: "a" },
    record: { checksum: "c", base: ["b", "a"] },
  }, PULL],
  ["takes an update of what stands here without agreed state", {
    local: "a",
    record: { checksum: "b", base: ["a"] },
  }, PULL],
  ["does not take what stands further back for the replaced version without agreed state", {
    local: "a",
    localTimeS: 1,
    record: { checksum: "c", base: ["b", "a"] },
  }, KEEP_LOCAL],
  ["keeps the agreed local file beside a version that was not made from it", {
    local: "a",
    localTimeS: 999,
    agreed: { id: "a" },
    record: { checksum: "b" },
  }, KEEP_LOCAL],
  ["keeps a local change beside a later version", {
    local: "b",
    localTimeS: 99,
    agreed: { id: "a" },
    record: { checksum: "c", base: ["a"] },
  }, KEEP_LOCAL],
  ["keeps an earlier version beside a local change", {
    local: "b",
    localTimeS: 101,
    agreed: { id: "a" },
    record: { checksum: "c", base: ["a"] },
  }, KEEP_ARRIVING],
  ["gives the name to the greater checksum where times are equal", {
    local: "b",
    agreed: { id: "a" },
    record: { checksum: "c", base: ["a"] },
  }, KEEP_LOCAL],
  ["keeps the name with the greater checksum where times are equal", {
    local: "c",
    agreed: { id: "a" },
    record: { checksum: "b", base: ["a"] },
  }, KEEP_ARRIVING],
  ["goes by checksums where no time is recorded", {
    local: "c",
    localTimeS: 1,
    record: { checksum: "b", timeS: undefined },
  }, KEEP_ARRIVING],
  ["treats different contents without agreed state as a conflict", {
    local: "a",
    localTimeS: 1,
    record: { checksum: "b" },
  }, KEEP_LOCAL],
  ["keeps a local change beside the newer one in download mode too", {
    mode: "download",
    local: "b",
    localTimeS: 1,
    agreed: { id: "a" },
    record: { checksum: "c", base: ["a"] },
  }, KEEP_LOCAL],
  ["requests a conflicting version whose content is gone", {
    local: "b",
    agreed: { id: "a" },
    record: { checksum: "c" },
    content: false,
  }, REQUEST],
  ["pushes over an old version that was sent again", {
    local: "b",
    agreed: { id: "b", base: ["a"] },
    record: { checksum: "a" },
  }, push(["a"])],
  ["pushes a change over an old version that was sent again", {
    local: "c",
    agreed: { id: "b", base: ["a"] },
    record: { checksum: "a" },
  }, push(["b", "a"])],
  ["names the old version that was sent again first, then the other bases", {
    local: "c",
    agreed: { id: "c", base: ["b", "a"] },
    record: { checksum: "a" },
  }, push(["a", "b"])],
  ["acknowledges an old version that was sent again where it may not push", {
    mode: "download",
    local: "b",
    agreed: { id: "b", base: ["a"] },
    record: { checksum: "a" },
  }, { kind: "acknowledge", why: "outdated" }],
  ["is done with an old version that it acknowledged", {
    mode: "download",
    local: "b",
    agreed: { id: "b", base: ["a"] },
    record: { checksum: "a", pullers: [ME] },
  }, NONE],
  ["takes a return to an old version that was made from the agreed one", {
    local: "b",
    agreed: { id: "b", base: ["a"] },
    record: { checksum: "a", base: ["b"] },
  }, PULL],
  ["takes a version of 0.7 whose pusher pushed the agreed one", {
    local: "a",
    agreed: { id: "a" },
    record: { checksum: "b", ...LEGACY },
  }, PULL],
  ["takes a version of 0.7 whose pusher acknowledged the agreed one", {
    local: "a",
    agreed: { id: "a", pusher: ME, byPull: false, pullers: [PEER] },
    record: { checksum: "b", ...LEGACY },
  }, PULL],
  ["keeps its own push beside a version of 0.7 whose pusher did not acknowledge it", {
    local: "a",
    agreed: { id: "a", pusher: ME, byPull: false, pullers: ["another"] },
    record: { checksum: "b", ...LEGACY },
  }, KEEP_LOCAL],
  ["does not take a version of ours without a base for one of 0.7", {
    local: "a",
    agreed: { id: "a" },
    record: { checksum: "b" },
  }, KEEP_LOCAL],
]);

Deno.test("decide() goes by times where records have no checksum", () => {
  const record = recordOf({ ...LEGACY, timeS: 100 });
  const situation = {
    local: { id: "@100", timeS: 100, equalsRecord: true, equalsAgreed: false },
    agreed: undefined,
    intended: [],
    refused: undefined,
    record,
    contentStands: true,
  };
  const rules = {
    client: ME,
    mode: "shared",
    mayPush: true,
    mayPull: true,
    pullerCount: 1,
  } as const;
  assert.deepEqual(decide(situation, rules), { kind: "agree", acknowledge: true });
  const agreed = agreedOf({ id: "@100" });
  assert.deepEqual(
    decide({ ...situation, local: undefined, agreed }, rules),
    { kind: "acknowledge", why: "deleted" },
  );
});

Deno.test("expectedCount() is the larger of both settings, and 1 without any", () => {
  for (
    const [expected, pullerCount, count] of [[undefined, 1, 1], [3, 1, 3], [1, 2, 2], [
      undefined,
      2,
      2,
    ]] as const
  ) {
    assert.equal(expectedCount(recordOf({ expected }), pullerCount), count);
  }
});
