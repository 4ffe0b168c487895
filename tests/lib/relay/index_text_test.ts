import assert from "node:assert/strict";
import fc from "fast-check";
import { compressBytes, decompressBytes } from "../../../lib/archive/codec.ts";
import { EscaleError } from "../../../lib/errors.ts";
import { isRelativePath } from "../../../lib/path.ts";
import { parseIndex } from "../../../lib/relay/index_parse.ts";
import {
  appendUpdatePuller,
  EMPTY_INDEX,
  formatUpdateIndex,
  type IndexText,
} from "../../../lib/relay/index_text.ts";
import { readGolden } from "../../support/golden.ts";

interface GoldenIndex {
  readonly what: string;
  readonly bz2: boolean;
  readonly text: string;
  readonly raw_base64?: string;
  readonly read_back: {
    readonly entries?: Readonly<Record<string, string | null>>;
    readonly pullers?: readonly string[];
    readonly error?: string;
  };
}

const GOLDEN = readGolden<readonly GoldenIndex[]>("indices.json");
const META = "placeholder%1.0\npusher: A\ntimestamp: 1\n---pullers---\n";

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function parse(text: string, options: { isGrouped?: boolean } = {}): IndexText {
  return parseIndex(bytesOf(text), {
    isGrouped: options.isGrouped ?? false,
    accepts: isRelativePath,
  });
}

function entriesOf(index: IndexText): Record<string, string> {
  return Object.fromEntries([...index.names()].map((name) => [name, index.text(name) ?? ""]));
}

function groupedText(
  index: IndexText,
  changes: ReadonlyMap<string, string | undefined> = new Map(),
): string {
  return new TextDecoder().decode(
    Uint8Array.from([...index.grouped(changes)].flatMap((chunk) => [...chunk])),
  );
}

/** What ours takes for damage, where 0.7 goes on or fails. */
const STRICTER = ["blank line ends"];

for (const golden of GOLDEN) {
  Deno.test(`parseIndex() reads the golden index "${golden.what}"`, () => {
    const read = () => parse(golden.text, { isGrouped: golden.bz2 });
    if (golden.read_back.error !== undefined || STRICTER.includes(golden.what)) {
      assert.throws(read, { name: "EscaleError", code: "corrupt" });
      return;
    }
    const index = read();
    const expected = Object.entries(golden.read_back.entries ?? {});
    const [accepted, refused] = [true, false].map((wanted) =>
      expected.filter(([name]) => isRelativePath(name) === wanted)
    );
    assert.deepEqual(
      entriesOf(index),
      Object.fromEntries((accepted ?? []).map(([name, text]) => [name, text ?? ""])),
    );
    assert.deepEqual(index.refused, (refused ?? []).map(([name]) => name));
    assert.deepEqual(index.pullers, (golden.read_back.pullers ?? []).filter((it) => it !== ""));
  });
}

Deno.test("an index is written byte for byte as 0.7 wrote it", async () => {
  for (const { what, bz2, text, raw_base64, read_back } of GOLDEN) {
    if (raw_base64 === undefined) continue;
    const raw = Uint8Array.fromBase64(raw_base64);
    const entries = Object.entries(read_back.entries ?? {})
      .map(([name, metadata]) => [name, metadata ?? ""] as const);
    if (!bz2) {
      const pullers = (read_back.pullers ?? []).filter((it) => it !== "");
      assert.deepEqual(bytesOf(formatUpdateIndex(entries, pullers)), raw, what);
      continue;
    }
    const written = groupedText(EMPTY_INDEX, new Map(entries));
    assert.equal(written, text, what);
    assert.deepEqual(await compressBytes(bytesOf(written), { compression: "bz2" }), raw, what);
    const stored = await decompressBytes(raw, { maxBytes: 1e6 });
    assert.equal(groupedText(parse(new TextDecoder().decode(stored), { isGrouped: true })), text);
  }
});

Deno.test("appendUpdatePuller() adds a section of pullers, then names", () => {
  const append = (text: string, client: string) => {
    return new TextDecoder().decode(appendUpdatePuller(bytesOf(text), parse(text), client));
  };
  const text = formatUpdateIndex([["a", META]]);
  const one = append(text, "B");
  assert.equal(one, `a ${META.length}\n${META}---pullers---\nB`);
  const two = append(one, "C d");
  assert.equal(two, `${one}\nC d`);
  assert.deepEqual(parse(two).pullers, ["B", "C d"]);
  const blank = `${text}---pullers---\n\n`;
  assert.equal(append(blank, "B"), one);
});

Deno.test("parseIndex() takes lengths in characters and in bytes", () => {
  const text = "placeholder%1.0\npusher: Zoé 漢\ntimestamp: 1\n---pullers---\n";
  for (const length of [[...text].length, bytesOf(text).length]) {
    for (const isGrouped of [true, false]) {
      const index = parse(`a ${length}\n${text}b ${length}\n${text}c 0\n`, { isGrouped });
      assert.deepEqual(entriesOf(index), { a: text, b: text, c: "" });
    }
  }
  const astral = "placeholder%1.0\npusher: \u{1f600}\ntimestamp: 1\n";
  assert.equal(parse(formatUpdateIndex([["a", astral]])).text("a"), astral);
});

Deno.test("parseIndex() takes names with blanks, numbers and signs at either end", () => {
  for (const name of ["a b 12", "-x", "#y 3", "---group---", "+", "%1", " lead", "---pullers---"]) {
    const index = parse(formatUpdateIndex([[name, META], ["z", ""]], ["B"]));
    assert.deepEqual([...index.names()], [name, "z"], name);
    const grouped = groupedText(EMPTY_INDEX, new Map([[name, META]]));
    assert.equal(parse(grouped, { isGrouped: true }).text(name), META, name);
  }
});

Deno.test("parseIndex() says that an index is cut, wherever it is, but for the end of an entry", () => {
  const text = formatUpdateIndex([["a", META], ["b c", META]]);
  const ends = [0, text.indexOf("b c")];
  for (let length = 1; length < text.length; length++) {
    const read = () => parse(text.slice(0, length));
    if (ends.includes(length)) assert.ok(read().size < 2);
    else assert.throws(read, { code: "corrupt" }, `cut after ${length}`);
  }
});

Deno.test("a persistent index that is cut anywhere cannot be decompressed", async () => {
  const text = groupedText(EMPTY_INDEX, new Map([["a", META], ["b", META]]));
  const stored = await compressBytes(bytesOf(text), { compression: "bz2" });
  for (let length = 0; length < stored.length; length++) {
    await assert.rejects(
      decompressBytes(stored.subarray(0, length), { maxBytes: 1e6 }),
      (cause: unknown) => cause instanceof EscaleError && cause.code === "corrupt",
    );
  }
});

Deno.test("parseIndex() refuses what is no index", () => {
  const texts: Record<string, string> = {
    "a name with a line break": `a\nb ${META.length}\n${META}`,
    "a blank line": `a 0\n\nb 0\n`,
    "another section": "---other---\nx\n",
    "a group where there are none": `---group---\n-----------\na 0\n`,
    "bytes that are no text": "\ud800 0\n",
  };
  for (const [what, text] of Object.entries(texts)) {
    const bytes = what.startsWith("bytes") ? new Uint8Array([0xff, 32, 48, 10]) : bytesOf(text);
    const read = () => parseIndex(bytes, { isGrouped: false, accepts: () => true });
    assert.throws(read, { code: "corrupt" }, what);
  }
  const endless = "---group---\nplaceholder%1.0\npusher: A\n";
  assert.throws(() => parse(endless, { isGrouped: true }), { code: "corrupt" });
});

Deno.test("grouped() replaces, adds and drops entries and keeps what it does not know", () => {
  const other = META.replace("pusher: A", "pusher: B");
  const start = groupedText(EMPTY_INDEX, new Map([["a", META], ["../x", META], ["b", META]]));
  const changes = new Map([["a", other], ["b", undefined], ["c", META], ["d", ""]]);
  const text = groupedText(parse(start, { isGrouped: true }), changes);
  const index = parse(text, { isGrouped: true });
  assert.deepEqual(entriesOf(index), { a: other, c: META, d: "" });
  assert.deepEqual(index.refused, ["../x"]);
  assert.equal(text.split("---group---\n").length - 1, 3, "one group for each header");
});

Deno.test("the last of equal names counts, and it alone is written again", () => {
  const other = META.replace("timestamp: 1", "timestamp: 2");
  const text = `---group---\n-----------\na ${META.length}\n${META}a ${other.length}\n${other}`;
  const index = parse(text, { isGrouped: true });
  assert.equal(index.text("a"), other);
  assert.deepEqual(entriesOf(parse(groupedText(index), { isGrouped: true })), { a: other });
  assert.equal(groupedText(index).split("a ").length, 2);
});

Deno.test("any entries survive an update index and a persistent index", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) =>
    isRelativePath(text) && !/[\r\n]/.test(text) && text === text.trimEnd() &&
    // deno-lint-ignore no-control-regex -- what Python takes for blank
    !/[\u001c-\u001f\u0085]$/.test(text)
  );
  const value = fc.string({ unit: "grapheme" }).map((text) => text.replace(/[\r\n:\0]/g, ""));
  const metadata = fc.tuple(value, value).map(([pusher, extra]) =>
    `placeholder%1.0\npusher: ${pusher}\nextra: ${extra}\n---pullers---\n`
  );
  const entries = fc.uniqueArray(fc.tuple(name, metadata), { selector: ([key]) => key });
  fc.assert(fc.property(entries, (all) => {
    const expected = Object.fromEntries(all);
    assert.deepEqual(entriesOf(parse(formatUpdateIndex(all))), expected);
    const text = groupedText(EMPTY_INDEX, new Map(all));
    assert.deepEqual(entriesOf(parse(text, { isGrouped: true })), expected);
  }));
});

Deno.test("parseIndex() holds a million names", () => {
  const count = 1_000_000;
  const encoder = new TextEncoder();
  const bytes = new Uint8Array(70 * count);
  let at = 0;
  at += encoder.encodeInto("---group---\nplaceholder%1.0\npusher: A\n-----------\n", bytes).written;
  for (let i = 0; i < count; i++) {
    const entry = `folder/file ${i} 31\ntimestamp: 12345\n---pullers---\n`;
    at += encoder.encodeInto(entry, bytes.subarray(at)).written;
  }
  const index = parseIndex(bytes.subarray(0, at), { isGrouped: true, accepts: isRelativePath });
  assert.equal(index.size, count);
  assert.match(index.text(`folder/file ${count - 1}`) ?? "", /^placeholder%1\.0\npusher: A\n/);
});
