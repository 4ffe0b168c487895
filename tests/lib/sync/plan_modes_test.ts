import { check, KEEP_LOCAL, ME, NONE, PEER, PULL, push, REQUEST } from "./plan_rows.ts";

// Upload mode
check([
  ["pushes over a foreign version in upload mode, without naming it", {
    mode: "upload",
    local: "b",
    agreed: { id: "a" },
    record: { checksum: "c" },
  }, push(["a"], "c")],
  ["pushes an agreed file over a foreign version once in upload mode", {
    mode: "upload",
    local: "a",
    agreed: { id: "a" },
    record: { checksum: "c" },
  }, push([], "c")],
  ["does not push an agreed file over a foreign version twice", {
    mode: "upload",
    local: "a",
    agreed: { id: "a" },
    refused: "c",
    record: { checksum: "c" },
  }, NONE],
  ["pushes over an own version that it no longer knows, as often as it stands", {
    mode: "upload",
    local: "b",
    agreed: { id: "b" },
    refused: "a",
    record: { checksum: "a", pusher: ME },
  }, push([], "a")],
  ["pushes a change over a foreign version that it pushed over before", {
    mode: "upload",
    local: "b",
    agreed: { id: "a" },
    refused: "c",
    record: { checksum: "c" },
  }, push(["a"], "c")],
  ["agrees with a foreign version of equal content in upload mode, silently", {
    mode: "upload",
    local: "a",
    record: { checksum: "a" },
  }, { kind: "agree", acknowledge: false }],
  ["does not pull in upload mode", { mode: "upload", record: { checksum: "a" } }, NONE],
  ["does not pull its own push in upload mode", {
    mode: "upload",
    record: { checksum: "a", pusher: ME },
  }, NONE],
  ["does not push in upload mode what may not be read", {
    mode: "upload",
    mayPush: false,
    local: "a",
    record: { checksum: "c" },
  }, NONE],
  ["never acknowledges in upload mode", {
    mode: "upload",
    agreed: { id: "a" },
    record: { checksum: "a" },
  }, NONE],
]);

// "Who pulls what"
check([
  ["pulls its own push where it has neither state nor file", {
    record: { checksum: "a", pusher: ME },
  }, PULL],
  ["acknowledges what it holds if that is not written down", {
    local: "a",
    agreed: { id: "a" },
    record: { checksum: "a" },
  }, { kind: "acknowledge", why: "held" }],
  ["does not acknowledge its own push", {
    local: "a",
    agreed: { id: "a", pusher: ME },
    record: { checksum: "a", pusher: ME },
  }, NONE],
  ["acknowledges only for those who do not have it", {
    local: "a",
    record: { checksum: "a", pullers: [ME] },
  }, { kind: "agree", acknowledge: false }],
  ["sweeps content that everyone expected has", {
    local: "a",
    agreed: { id: "a", pusher: ME },
    record: { checksum: "a", pusher: ME, pullers: [PEER] },
  }, { kind: "sweep" }],
  ["leaves content that the record expects more clients for", {
    local: "a",
    agreed: { id: "a", pusher: ME },
    record: { checksum: "a", pusher: ME, pullers: [PEER], expected: 2 },
  }, NONE],
  ["leaves content that its own setting expects more clients for", {
    local: "a",
    agreed: { id: "a", pusher: ME },
    record: { checksum: "a", pusher: ME, pullers: [PEER] },
    pullerCount: 2,
  }, NONE],
  ["requests what it lacks and the relay no longer has", {
    record: { checksum: "a", pullers: ["another"] },
    content: false,
  }, REQUEST],
  ["requests an update whose content is gone", {
    local: "a",
    agreed: { id: "a" },
    record: { checksum: "b", base: ["a"] },
    content: false,
  }, REQUEST],
  ["adopts content without a record where nothing stands", { content: true }, { kind: "adopt" }],
  ["does not adopt content in upload mode", { mode: "upload", content: true }, NONE],
  ["does not adopt content that may not be written here", { mayPull: false, content: true }, NONE],
  ["settles content without a record where a file stands", {
    local: "b",
    agreed: { id: "a" },
    content: true,
  }, { kind: "settle-orphan", base: ["a"] }],
  ["leaves content without a record to those who may push", {
    mode: "download",
    local: "a",
    content: true,
  }, NONE],
  ["does not push in download mode", { mode: "download", local: "a" }, NONE],
  ["does not push what may not be read", { mayPush: false, local: "a" }, NONE],
]);

// Conservative mode and access modifiers
check([
  ["pulls what it lacks in conservative mode", {
    mode: "conservative",
    record: { checksum: "a" },
  }, PULL],
  ["updates in conservative mode what came by a pull", {
    mode: "conservative",
    local: "a",
    agreed: { id: "a", byPull: true },
    record: { checksum: "b", base: ["a"] },
  }, PULL],
  ["refuses in conservative mode to replace its own push", {
    mode: "conservative",
    local: "a",
    agreed: { id: "a", pusher: ME, byPull: false },
    record: { checksum: "b", base: ["a"] },
  }, { kind: "refuse" }],
  ["refuses in conservative mode to replace a changed file", {
    mode: "conservative",
    local: "b",
    agreed: { id: "a", byPull: true },
    record: { checksum: "c", base: ["a"] },
  }, { kind: "refuse" }],
  ["refuses in conservative mode to replace a file without agreed state", {
    mode: "conservative",
    local: "a",
    record: { checksum: "b", base: ["a"] },
  }, { kind: "refuse" }],
  ["keeps beside in conservative mode what came by a pull and was not replaced", {
    mode: "conservative",
    local: "a",
    agreed: { id: "a", byPull: true },
    record: { checksum: "b" },
  }, KEEP_LOCAL],
  ["acknowledges a refused version that was sent again", {
    mode: "conservative",
    local: "a",
    agreed: { id: "a", byPull: false },
    refused: "b",
    record: { checksum: "b", base: ["a"] },
  }, { kind: "refuse" }],
  ["leaves a refused version that it acknowledged", {
    mode: "conservative",
    local: "a",
    agreed: { id: "a", byPull: false },
    refused: "b",
    record: { checksum: "b", base: ["a"], pullers: [ME] },
  }, NONE],
  ["pushes unpushed content over a refused version with the agreed one as base", {
    mode: "conservative",
    local: "c",
    agreed: { id: "a", byPull: false },
    refused: "b",
    record: { checksum: "b", base: ["a"], pullers: [ME] },
  }, push(["a"], "b")],
  ["pushes unpushed content over a refused version without a base", {
    mode: "conservative",
    local: "c",
    refused: "b",
    record: { checksum: "b", pullers: [ME] },
  }, push([], "b")],
  ["refuses a return to an old version that was made from a refused one", {
    mode: "conservative",
    local: "b",
    agreed: { id: "b", base: ["a"], byPull: false },
    refused: "c",
    record: { checksum: "a", base: ["c"] },
  }, { kind: "refuse" }],
  ["pushes a change of a known version in conservative mode", {
    mode: "conservative",
    local: "b",
    agreed: { id: "a" },
    record: { checksum: "a", pullers: [ME] },
  }, push(["a"])],
  ["refuses what may not be written here", {
    mayPull: false,
    local: "a",
    agreed: { id: "a" },
    record: { checksum: "b", base: ["a"] },
  }, { kind: "refuse" }],
  ["refuses what may not be written here where nothing stands", {
    mayPull: false,
    record: { checksum: "a" },
  }, { kind: "refuse" }],
  ["leaves a refused version where nothing stands", {
    mayPull: false,
    refused: "a",
    record: { checksum: "a", pullers: [ME] },
  }, NONE],
  ["pushes a change that may be read but not replaced over a refused version", {
    mayPull: false,
    local: "c",
    agreed: { id: "a" },
    refused: "b",
    record: { checksum: "b", base: ["a"], pullers: [ME] },
  }, push(["a"], "b")],
  ["keeps a file to itself that may be neither read nor replaced", {
    mayPull: false,
    mayPush: false,
    local: "c",
    refused: "b",
    record: { checksum: "b", pullers: [ME] },
  }, NONE],
  ["takes an update of a file that may not be read", {
    mayPush: false,
    local: "a",
    agreed: { id: "a" },
    record: { checksum: "b", base: ["a"] },
  }, PULL],
]);

// Two clients on one folder
check([
  ["does not acknowledge what its sibling pushed from the same folder", {
    mode: "download",
    sibling: "up",
    local: "a",
    agreed: { id: "a" },
    record: { checksum: "a", pusher: "up" },
  }, NONE],
  ["agrees silently with what its sibling pushed", {
    mode: "download",
    sibling: "up",
    local: "a",
    record: { checksum: "a", pusher: "up" },
  }, { kind: "agree", acknowledge: false }],
  ["takes what its sibling pushed for known where the file changed since", {
    mode: "download",
    sibling: "up",
    local: "b",
    localTimeS: 1,
    record: { checksum: "a", pusher: "up" },
  }, NONE],
  ["pulls back what its sibling pushed where the file is missing", {
    mode: "download",
    sibling: "up",
    record: { checksum: "a", pusher: "up" },
  }, PULL],
  ["acknowledges the versions of others beside a sibling", {
    mode: "download",
    sibling: "up",
    local: "a",
    record: { checksum: "a" },
  }, { kind: "agree", acknowledge: true }],
]);
