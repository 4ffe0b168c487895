import assert from "node:assert/strict";

import { statusText, type StatusTextOptions } from "../../../lib/cli/status_text.ts";
import type { ClientStatus, StatusDocument, TransferStatus } from "../../../lib/daemon/status.ts";
import type { Outlook } from "../../../lib/sync/outlook.ts";

const NOW = 10_000_000;
const CLIENT: ClientStatus = {
  name: "photos",
  clientName: "laptop",
  localPath: "/photos",
  state: "idle",
  sinceMs: NOW - 12_000,
  heardMs: NOW,
  restarts: 0,
  pushed: 0,
  pulled: 0,
  transfers: [],
  problems: [],
  problemCount: 0,
};
const OUTLOOK: Outlook & { readonly atMs: number } = {
  atMs: NOW,
  toPush: { files: 0, bytes: 0 },
  toPull: { files: 0, bytes: 0 },
  localFiles: 3,
  relayFiles: 3,
  usedBytes: 2_048,
  conflictCopies: 0,
  renamed: [],
  renamedFiles: 0,
  refused: [],
  refusedFiles: 0,
  standing: [],
  standingFiles: 0,
  locks: [],
  lockedFiles: 0,
};

function textOf(changes: Partial<ClientStatus>, options: Partial<StatusTextOptions> = {}): string {
  const document: StatusDocument = {
    ...{ version: 1, configFile: "/a.conf", pid: 5, startedMs: NOW - 7_200_000 },
    ...{ atMs: NOW - 60_000, logFile: "/a.log", args: [], clients: [{ ...CLIENT, ...changes }] },
  };
  const commands = ["start", "restart", "doctor", "check", "conflicts"];
  return statusText(document, { nowMs: NOW, pid: 5, hasFiles: false, commands, ...options });
}

/** The lines about the client, without their first blanks. */
function linesOf(changes: Partial<ClientStatus>, options?: Partial<StatusTextOptions>): string[] {
  return textOf(changes, options).split("\n").slice(3).map((line) => line.slice(2));
}

Deno.test("statusText() says whether a process runs, or how old it is what it shows", () => {
  const head = (options: Partial<StatusTextOptions>) => textOf({}, options).split("\n").slice(0, 3);
  assert.deepEqual(head({}), [
    'Runs as process 5 since 2 h; its log is "/a.log"',
    "",
    "photos: idle for 12 s",
  ]);
  assert.deepEqual(head({ pid: undefined }), [
    "Nothing runs; this was so 1 min ago",
    "",
    "photos: not running; was idle",
  ]);
});

Deno.test("statusText() says that a client is suspended, and how it goes on", () => {
  assert.deepEqual(textOf({ isSuspended: true }).split("\n").slice(2), [
    "photos: suspended; idle for 12 s",
    "  run: escalectl resume -r photos",
  ]);
});

Deno.test("statusText() names the state of a client", () => {
  const state = (changes: Partial<ClientStatus>) => textOf(changes).split("\n")[2];
  assert.equal(state({ state: "silent" }), "photos: does not answer for 12 s");
  assert.equal(
    state({ state: "restarting", nextMs: NOW + 90_000, restarts: 2 }),
    "photos: failed, is started again in 1 min, restarted 2 times",
  );
  assert.equal(
    state({ state: "ended", result: { outcome: "stopped" } }),
    "photos: stopped, 12 s ago",
  );
});

Deno.test("statusText() shows what is pending and on its way", () => {
  const transfer: TransferStatus = {
    action: "push",
    path: "a\nb",
    doneBytes: 4_194_304,
    sizeBytes: 8_388_608,
    startedMs: NOW - 2_000,
    heardMs: NOW,
  };
  const outlook = {
    ...OUTLOOK,
    toPush: { files: 1, bytes: 5 },
    toPull: { files: 2, bytes: 2_048 },
  };
  assert.deepEqual(linesOf({ outlook, transfers: [transfer], quotaBytes: 4_096 }), [
    "to push: 1 file, 5 B; to pull: 2 files, 2.0 KiB",
    "pushing a\\u000ab: 4.0 MiB of 8.0 MiB, 2.0 MiB/s",
    "on the relay: 0 contents, 2.0 KiB of the quota of 4.0 KiB",
  ]);
});

Deno.test("statusText() says that files wait for space within the quota", () => {
  const over = { ...OUTLOOK, toPush: { files: 1, bytes: 1_025 } };
  const line = "  what does not fit into the quota waits until others fetch files";
  assert.equal(linesOf({ outlook: over, quotaBytes: 3_072 }).at(-1), line);
  assert.equal(linesOf({ outlook: over, quotaBytes: 3_073 }).length, 2);
  assert.equal(linesOf({ outlook: over }).length, 2);
});

Deno.test("statusText() shows who has and who lacks what stands on the relay", () => {
  const standing = [
    { path: "a", storedBytes: 1, pusher: "laptop", have: ["phone"], lacking: 1 },
    { path: "b", storedBytes: 2, pusher: "phone", have: [], lacking: 2 },
    { path: "c", storedBytes: 3, pusher: "laptop", have: ["phone"], lacking: 0 },
    { path: "d", storedBytes: 4, have: [], lacking: 0, isOrphan: true as const },
  ];
  const outlook = { ...OUTLOOK, standing, standingFiles: 9 };
  const [, ...lines] = linesOf({ outlook }, { hasFiles: true });
  assert.deepEqual(lines, [
    "on the relay: 9 contents, 2.0 KiB",
    "  laptop has 2, lacks 1",
    "  phone has 3, lacks 0",
    "  1 content without a record",
    "  a 1 B: with laptop, phone; 1 client to come",
    "  b 2 B: with phone; lacking: laptop",
    "  c 3 B: with laptop, phone; nobody lacks it",
    "  d 4 B: no record tells of it",
    "  (of the first 4)",
  ]);
  assert.equal(linesOf({ outlook }).length, 6);
});

Deno.test("statusText() names locks, conflict copies and problems, and the command that mends them", () => {
  const outlook = {
    ...OUTLOOK,
    conflictCopies: 2,
    renamed: [{ path: "F", place: "F.renamed-1a2b3c4d" }],
    renamedFiles: 2,
    refused: ["kept.txt"],
    refusedFiles: 1,
    locks: [{ path: "a", owner: "phone", unchangedS: 61 }],
    lockedFiles: 3,
  };
  const problems = [
    { code: "corrupt", message: "damaged\ntwice", path: "a", hint: "Look", sinceMs: NOW - 1_000 },
    { code: "refused", message: "odd name", path: "b", sinceMs: NOW },
  ] as const;
  const result = { outcome: "failed", error: { code: "twin", message: "two" } } as const;
  const lines = linesOf({ outlook, problems, problemCount: 5, state: "restarting", result });
  assert.deepEqual(lines.slice(2), [
    "2 conflict copies beside files here",
    "  run: escalectl conflicts -r photos",
    "2 files kept under another name: here its own cannot be had",
    "  F as F.renamed-1a2b3c4d",
    "  and more",
    "1 file not replaced by the version on the relay, to keep what is here:",
    "  kept.txt",
    "locked: a by phone, unchanged for 1 min; taken over by itself once it is stale",
    "locked: 2 more files",
    "error: two (12 s ago)",
    "  run: escalectl restart photos",
    "warning: damaged (1 s ago)",
    "  twice",
    "  hint: Look",
    "  run: escalectl check -r photos",
    "warning: odd name (0 s ago)",
    "warning: 3 more problems",
  ]);
});

Deno.test("statusText() recommends no command that there is not, and quotes odd names", () => {
  const result = { outcome: "failed", error: { code: "internal", message: "bug" } } as const;
  const changes = { name: "my photos", state: "ended", result } as const;
  assert.deepEqual(linesOf(changes, { commands: [] }), ["error: bug (12 s ago)"]);
  assert.deepEqual(linesOf(changes), [
    "error: bug (12 s ago)",
    '  run: escalectl start "my photos"',
  ]);
});
