import assert from "node:assert/strict";
import fc from "fast-check";
import { EscaleError } from "../../../lib/errors.ts";
import {
  acknowledgedCount,
  appendPuller,
  decodeText,
  formatRecord,
  hasAcknowledged,
  MAX_BASE,
  parseRecord,
  type RelayRecord,
} from "../../../lib/relay/metadata.ts";
import { readGolden } from "../../support/golden.ts";

interface GoldenPlaceholder {
  readonly what: string;
  readonly text: unknown;
  readonly read_back: {
    readonly error?: string;
    readonly pusher: string | null;
    readonly timestamp: number | null;
    readonly checksum: string | null;
    readonly pullers: readonly string[];
    readonly reader_count: number;
    readonly written_again: string;
  } | null;
}

const GOLDEN = readGolden<readonly GoldenPlaceholder[]>("placeholders.json");
const RECORD: RelayRecord = {
  pusher: "A",
  timeS: 1_600_000_000,
  checksum: "ab",
  algorithm: undefined,
  base: [],
  sizeBytes: undefined,
  expected: undefined,
  seal: undefined,
  pullers: [],
};

function isCorrupt(thrown: unknown): boolean {
  return thrown instanceof EscaleError && thrown.code === "corrupt";
}

Deno.test("parseRecord() reads every golden text as 0.7 does, or refuses it too", () => {
  for (const { what, text, read_back } of GOLDEN) {
    if (typeof text !== "string" || read_back === null) continue;
    if (read_back.error !== undefined || text === "") {
      // An empty placeholder is nothing for 0.7 and was cut for ours.
      assert.throws(() => parseRecord(text), isCorrupt, what);
      continue;
    }
    const record = parseRecord(text);
    assert.equal(record.pusher ?? null, read_back.pusher, what);
    assert.equal(record.timeS ?? null, read_back.timestamp, what);
    assert.equal(record.checksum ?? null, read_back.checksum, what);
    assert.deepEqual(record.pullers, read_back.pullers, what);
    assert.equal(acknowledgedCount(record), read_back.reader_count, what);
  }
});

Deno.test("formatRecord() writes what 0.7 writes again, where that is the current format", () => {
  let count = 0;
  for (const { what, text, read_back } of GOLDEN) {
    if (typeof text !== "string" || !read_back?.written_again?.startsWith("placeholder%1")) {
      continue;
    }
    // `parts` is unused, and ours does not write it.
    const expected = read_back.written_again.replace(/\nparts: \d+/, "");
    assert.equal(formatRecord(parseRecord(text)), expected, what);
    count++;
  }
  assert.ok(count >= 12);
});

Deno.test("formatRecord() puts our extra keys behind those of 0.7", () => {
  const text = formatRecord({
    ...RECORD,
    algorithm: "sha512",
    base: ["c1", "c2"],
    sizeBytes: 7,
    expected: 2,
    seal: "ff",
    pullers: ["B"],
  });
  assert.equal(
    text,
    "placeholder%1.0\npusher: A\ntimestamp: 1600000000\nchecksum: ab\nalgorithm: sha512\nsize: 7\n" +
      "expected: 2\nbase: c1 c2\nseal: ff\n---pullers---\nB",
  );
});

Deno.test("formatRecord() and parseRecord() are each other's inverse", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 })
    .map((text) => text.replace(/[:\r\n\0]/g, "_").trim())
    .filter((text) => text !== "" && !/^[-=+#%]/.test(text));
  const hex = fc.stringMatching(/^[0-9a-f]{1,128}$/);
  const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
  const record: fc.Arbitrary<RelayRecord> = fc.record({
    pusher: maybe(name),
    timeS: fc.integer({ min: -1e12, max: 1e12 }),
    checksum: maybe(hex),
    algorithm: maybe(fc.constantFrom("sha512", "sha256-keyed")),
    base: fc.array(fc.oneof(hex, fc.integer().map((at) => `@${at}`)), { maxLength: MAX_BASE }),
    sizeBytes: maybe(fc.nat({ max: Number.MAX_SAFE_INTEGER })),
    expected: maybe(fc.nat({ max: 1000 })),
    seal: maybe(hex),
    pullers: fc.uniqueArray(name, { maxLength: 4 }),
  }, { noNullPrototype: true });
  fc.assert(fc.property(record, (it) => {
    assert.deepEqual(parseRecord(formatRecord(it)), it);
  }));
});

Deno.test("formatRecord() refuses a value that 0.7 could not read", () => {
  for (const pusher of ["a:b", "a\nb", "a\rb"]) {
    assert.throws(
      () => formatRecord({ ...RECORD, pusher }),
      (thrown) => thrown instanceof EscaleError && thrown.code === "internal",
    );
  }
});

Deno.test("parseRecord() reads the first format with the time format that is set", () => {
  assert.equal(parseRecord("2020-09-13", "%Y-%m-%d").timeS, 1_599_955_200);
  assert.equal(parseRecord("13.9.2020 12h26:40%", "%d.%m.%Y %Hh%M:%S%%").timeS, 1_600_000_000);
  assert.equal(parseRecord("680101_000000").timeS, Date.UTC(2068, 0, 1) / 1000);
  assert.equal(parseRecord("690101_000000").timeS, Date.UTC(1969, 0, 1) / 1000);
  assert.deepEqual(parseRecord("200913_122640\n\nB\nB \nC\n").pullers, ["B", "C"]);
  for (const text of ["200230_000000", "201301_000000", "200913 122640", "x200913_122640"]) {
    assert.throws(() => parseRecord(text), isCorrupt, text);
  }
  assert.throws(() => parseRecord("13x09x2020", "%d.%m.%Y"), isCorrupt, "a dot is a dot");
});

Deno.test("parseRecord() reads a checksum in capitals as the same checksum", () => {
  assert.equal(parseRecord("placeholder%1.0\nchecksum: ABcd\n---pullers---").checksum, "abcd");
});

Deno.test("parseRecord() counts each puller once, and the pusher never", () => {
  const record = parseRecord(`${formatRecord(RECORD)}\nB\n\nB\nA\n C `);
  assert.deepEqual(record.pullers, ["B", "A", "C"]);
  assert.equal(acknowledgedCount(record), 2);
  assert.equal(hasAcknowledged(record, "C"), true);
  assert.equal(hasAcknowledged(record, "D"), false);
});

Deno.test("parseRecord() refuses hostile texts by name and never anything else", () => {
  const hostile = [
    "\n\n",
    "placeholder%1.0",
    "placeholder%1.0\n---pullers---",
    "placeholder%1.0\ntimestamp: 1e5\n---pullers---",
    "placeholder%1.0\ntimestamp: 99999999999999999999\n---pullers---",
    "placeholder%1.0\ntimestamp: \n---pullers---",
    "placeholder%1.0\nchecksum: xyz\n---pullers---",
    `placeholder%1.0\nchecksum: ${"a".repeat(300)}\n---pullers---`,
    "placeholder%1.0\ntimestamp: 1\nsize: -1\n---pullers---",
    "placeholder%1.0\ntimestamp: 1\nsize: 9007199254740992\n---pullers---",
    "placeholder%1.0\ntimestamp: 1\nexpected: 1000000000\n---pullers---",
    "placeholder%1.0\ntimestamp: 1\nseal: !\n---pullers---",
  ];
  for (const text of hostile) assert.throws(() => parseRecord(text), isCorrupt, text);
  fc.assert(fc.property(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(
        fc.constantFrom(
          "placeholder%1.0",
          "\n",
          "timestamp: ",
          "checksum: ",
          "1",
          "ab",
          ":",
          "---pullers---",
          "%",
          "base: a b",
        ),
      ).map((parts) => parts.join("")),
    ),
    (text) => {
      try {
        const { timeS, checksum } = parseRecord(text);
        assert.ok(timeS !== undefined || checksum !== undefined);
      } catch (thrown) {
        if (!isCorrupt(thrown)) throw thrown;
      }
    },
  ));
});

Deno.test("parseRecord() takes 16 bases at most, and a record cut anywhere is read as less or not at all", () => {
  const many = Array.from({ length: 40 }, (_, at) => `c${at}`);
  const whole = formatRecord({ ...RECORD, checksum: "ab".repeat(64), base: many, pullers: ["B"] });
  assert.deepEqual(parseRecord(whole).base, many.slice(0, MAX_BASE));
  for (let end = 0; end < whole.length; end++) {
    try {
      const { pullers } = parseRecord(whole.slice(0, end));
      assert.deepEqual(pullers, []);
    } catch (thrown) {
      assert.ok(isCorrupt(thrown));
    }
  }
});

Deno.test("appendPuller() leaves every other byte as it is", () => {
  assert.equal(appendPuller("200913_122640", "B"), "200913_122640\nB");
  assert.equal(appendPuller("x: y\r\n---pullers---\n", "B"), "x: y\r\n---pullers---\nB");
});

Deno.test("decodeText() gives a text that can be remembered, whatever the bytes are", () => {
  const text = decodeText(Uint8Array.from([0x61, 0, 0xff, 0x62]));
  assert.equal(text, "a\ufffd\ufffdb");
});
