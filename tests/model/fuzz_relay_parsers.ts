import assert from "node:assert/strict";
import { parseObjectName, whyNotObjectName } from "../../backends/backend.ts";
import { whyNotClientName } from "../../lib/config/client_name.ts";
import { EscaleError } from "../../lib/errors.ts";
import { baseOf, folderOf, isRelativePath, joinPath, parseRelativePath } from "../../lib/path.ts";
import { IndexReader, parseIndex } from "../../lib/relay/index_parse.ts";
import type { IndexText } from "../../lib/relay/index_text.ts";
import { appendUpdatePuller } from "../../lib/relay/index_text.ts";
import { formatLock, nonceOf, parseLock } from "../../lib/relay/lock_text.ts";
import {
  appendPuller,
  decodeText,
  formatRecord,
  parseRecord,
  type RelayRecord,
} from "../../lib/relay/metadata.ts";
import { classify, lockName, placeholderName } from "../../lib/relay/names.ts";
import { classifyPageObject, pageOf, whyNotIndexed } from "../../lib/relay/pages.ts";
import { utf8 } from "../support/byte_streams.ts";
import { readGolden } from "../support/golden.ts";
import { type Dice, inPieces } from "./fuzz_inputs.ts";
import { escale, nothing, type Parser } from "./fuzz_run.ts";
import { RECORDS } from "./hostile_relay.ts";

interface Row {
  readonly text: string;
  readonly bz2?: boolean;
}

const PULLER = "a client that pulls";
const records = readGolden<readonly Row[]>("placeholders.json").map(({ text }) => utf8(text));
const indices = readGolden<readonly Row[]>("indices.json");
const OURS: RelayRecord = {
  ...{ pusher: "Zoé", timeS: 1_600_000_000, checksum: "ab".repeat(64), algorithm: "sha512" },
  ...{ base: ["cd".repeat(64), "ef".repeat(64)], sizeBytes: 12_345, expected: 2 },
  ...{ seal: "01".repeat(32), pullers: ["B", "C d"] },
};

const record: Parser = {
  name: "record",
  seeds: [
    ...records,
    utf8(formatRecord(OURS)),
    ...Object.values(RECORDS).map(asBytes).filter(({ length }) => length < 5_000),
  ],
  mayThrow: escale("corrupt"),
  read(input) {
    const text = decodeText(input);
    const read = parseRecord(text);
    assert.deepEqual(parseRecord(appendPuller(text, PULLER)), {
      ...read,
      pullers: [...new Set([...read.pullers, PULLER])],
    });
    const isOurs = /^\s*[a-z]+%\d/.test(text) &&
      !read.pullers.some((name) => /^[-=+#%]/.test(name));
    const written = isOurs ? formatOrNothing(read) : undefined;
    if (written !== undefined) assert.deepEqual(parseRecord(written), read);
  },
};

const lock: Parser = {
  name: "lock",
  seeds: [
    ...readGolden<readonly Row[]>("locks.json").map(({ text }) => utf8(text)),
    utf8(formatLock({ owner: "Zoé", mode: "w", nonce: "0123456789abcdef", beat: 17 })),
  ],
  mayThrow: escale("corrupt"),
  read(input) {
    const text = decodeText(input);
    const { owner, mode, nonce, beat } = parseLock(text);
    assert.equal(nonceOf(text), nonce);
    if (owner === undefined || mode === undefined || nonce === undefined || beat === undefined) {
      return;
    }
    if (/[\r\n]/.test(owner + nonce)) return;
    assert.deepEqual(parseLock(formatLock({ owner, mode, nonce, beat })), {
      ...{ owner, mode, nonce, beat },
    });
  },
};

const accepts = (name: string) => isRelativePath(name);

function contentsOf(index: IndexText): unknown {
  const entries = [...index.names()].map((name) => [name, index.text(name), index.sign(name)]);
  return [entries, index.pullers, index.hasPullers, index.refused];
}

function readInPieces(input: Uint8Array, dice: Dice, isGrouped: boolean): IndexText {
  const reader = new IndexReader({ isGrouped, accepts });
  for (const piece of inPieces(input, dice)) reader.push(piece);
  return reader.end();
}

const persistentIndex: Parser = {
  name: "persistent index",
  isCostly: true,
  seeds: indices.filter(({ bz2 }) => bz2 === true).map(({ text }) => utf8(text)),
  mayThrow: escale("corrupt", "refused"),
  read(input, dice) {
    const index = parseIndex(input, { isGrouped: true, accepts });
    assert.deepEqual(contentsOf(readInPieces(input, dice, true)), contentsOf(index));
    const chunks = [...index.grouped(new Map())];
    const again = parseIndex(Uint8Array.from(chunks.flatMap((chunk) => [...chunk])), {
      ...{ isGrouped: true, accepts },
    });
    const sorted = (it: IndexText) => [...it.names()].sort().map((name) => [name, it.text(name)]);
    assert.deepEqual(sorted(again), sorted(index));
  },
};

const updateIndex: Parser = {
  name: "update index",
  seeds: indices.map(({ text }) => utf8(text)),
  mayThrow: escale("corrupt", "refused"),
  read(input, dice) {
    const index = parseIndex(input, { isGrouped: false, accepts });
    assert.deepEqual(contentsOf(readInPieces(input, dice, false)), contentsOf(index));
    const stored = appendUpdatePuller(input, index, PULLER);
    const again = parseIndex(stored, { isGrouped: false, accepts });
    assert.deepEqual(again.pullers, [...new Set([...index.pullers, PULLER])]);
    assert.deepEqual([...again.names()], [...index.names()]);
  },
};

const names: Parser = {
  name: "names on a relay",
  seeds: readGolden<readonly { path: string; placeholder: string; lock: string }[]>(
    "special_names.json",
  ).flatMap((row) => [row.path, row.placeholder, row.lock]).concat([
    ...[".0.index", ".0.1600000000.index", ".a_b.1600000000.data", ".0.lock", "a/b/c d/é"],
  ]).map(utf8),
  mayThrow: escale("refused"),
  read(input) {
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(input);
    classifyPageObject(text);
    const kind = whyNotObjectName(text) === undefined ? classify(text) : { kind: "none" } as const;
    if ("resource" in kind) {
      assert.ok(isRelativePath(kind.resource));
      if (kind.kind === "placeholder") assert.equal(placeholderName(kind.resource), text);
      if (kind.kind === "lock") assert.equal(lockName(kind.resource), text);
    }
    const path = parseRelativePath(text);
    assert.ok(!text.split("/").some((part) => part === "" || part.startsWith(".")));
    assert.equal(parseObjectName(path), text);
    assert.equal(joinPath(folderOf(path), baseOf(path)), text);
    assert.deepEqual(classify(placeholderName(path)), { kind: "placeholder", resource: path });
    assert.deepEqual(classify(lockName(path)), { kind: "lock", resource: path });
    for (const depth of [0, 1, 3]) {
      if (whyNotIndexed(path, depth) === undefined) assert.match(pageOf(path, depth), /^[^./]+$/);
    }
  },
};

const clientNames: Parser = {
  name: "client names",
  seeds: ["A", "Zoé's laptop", "host.example.org", "a (1)", "漢字", "x".repeat(100)].map(utf8),
  mayThrow: nothing,
  read(input) {
    const name = new TextDecoder("utf-8", { ignoreBOM: true }).decode(input);
    if (whyNotClientName(name) !== undefined) return;
    const written = { ...OURS, pusher: name, pullers: [name] };
    assert.deepEqual(parseRecord(formatRecord(written)), written);
    const locked = { owner: name, mode: "r", nonce: "ab", beat: 1 } as const;
    assert.deepEqual(parseLock(formatLock(locked)), locked);
  },
};

/** What is read of what other clients write. */
export const RELAY_PARSERS: readonly Parser[] = [
  ...[record, lock, persistentIndex, updateIndex, names, clientNames],
];

function formatOrNothing(read: RelayRecord): string | undefined {
  try {
    return formatRecord(read);
  } catch (thrown) {
    if (thrown instanceof EscaleError && thrown.code === "internal") return undefined;
    throw thrown;
  }
}

function asBytes(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? utf8(content) : content;
}
