import assert from "node:assert/strict";
import { IndexReader, parseIndex } from "../../../lib/relay/index_parse.ts";
import { formatUpdateIndex, type IndexText } from "../../../lib/relay/index_text.ts";

const OPTIONS = { isGrouped: false, accepts: () => true };

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Entries of some megabytes, with lengths that are not the same in bytes, and some without metadata. */
function manyEntries(): [name: string, text: string][] {
  return Array.from({ length: 9_000 }, (_, at): [string, string] => {
    const long = at % 1000 === 7 ? "x".repeat(100_000) : "é".repeat(at % 400);
    const text = at % 50 === 3
      ? ""
      : `placeholder%1.0\npusher: Zoé\nnote: ${long}\n---pullers---\n`;
    return [`folder ${at % 7}/file ${at} é ${at}`, text];
  });
}

function read(chunks: Iterable<Uint8Array>, options = OPTIONS): IndexText {
  const reader = new IndexReader(options);
  for (const chunk of chunks) reader.push(chunk);
  return reader.end();
}

function* inChunks(bytes: Uint8Array, sizeBytes: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += sizeBytes) yield bytes.subarray(at, at + sizeBytes);
}

function assertHolds(index: IndexText, entries: readonly [string, string][]): void {
  assert.equal(index.size, entries.length);
  for (const [name, text] of entries) assert.equal(index.text(name), text, name);
}

Deno.test("IndexReader reads the same whatever the chunks", () => {
  const entries = manyEntries();
  const bytes = bytesOf(formatUpdateIndex(entries, ["B", "C d"]));
  assert.ok(bytes.length > 4_000_000);
  for (const sizeBytes of [777, 65_536, 1_048_576, 1_048_577, bytes.length]) {
    const index = read(inChunks(bytes, sizeBytes));
    assertHolds(index, entries);
    assert.deepEqual(index.pullers, ["B", "C d"]);
  }
});

Deno.test("IndexReader reads a persistent index that comes in chunks", () => {
  const entries = manyEntries();
  const whole = parseIndex(bytesOf(formatUpdateIndex(entries)), OPTIONS);
  const chunks = [...whole.grouped(new Map())];
  const index = read(chunks, { ...OPTIONS, isGrouped: true });
  assertHolds(index, entries);
  const again = [...index.grouped(new Map([["added", "placeholder%1.0\npusher: B\n"]]))];
  assertHolds(read(again, { ...OPTIONS, isGrouped: true }), [
    ...entries,
    ["added", "placeholder%1.0\npusher: B\n"],
  ]);
});

Deno.test("IndexReader takes line ends of all kinds, also where a chunk ends within one", () => {
  for (const end of ["\r\n", "\r", "\n"]) {
    const bytes = bytesOf(`a 5${end}x: 1${end}b 0${end}`);
    for (let sizeBytes = 1; sizeBytes <= bytes.length; sizeBytes++) {
      const index = read(inChunks(bytes, sizeBytes));
      assert.deepEqual([...index.names()], ["a", "b"]);
      assert.equal(index.text("a"), "x: 1\n");
    }
  }
});

Deno.test("IndexReader refuses early what is no index, however much of it comes", () => {
  const cases: readonly [name: string, start: string, message: RegExp][] = [
    ["no line", "", /has no length/],
    ["an entry too long", "a 90000000\n", /an entry is too long/],
    ["something behind a blank line", "a 0\n\n", /a blank line/],
    ["pullers without end", "a 0\n---pullers---\n", /too many pullers/],
  ];
  for (const [name, start, message] of cases) {
    const reader = new IndexReader(OPTIONS);
    const zeros = new Uint8Array(100_000);
    const push = () => {
      reader.push(bytesOf(start));
      for (let at = 0; at < 100; at++) reader.push(zeros);
    };
    assert.throws(push, { message }, name);
  }
});

Deno.test("an entry's sign stands for its name's metadata, its group's lines included", () => {
  const grouped = (header: string, text: string) => {
    const index = bytesOf(`---group---\n${header}-----------\nf ${text.length}\n${text}`);
    return parseIndex(index, { ...OPTIONS, isGrouped: true }).sign("f");
  };
  const sign = grouped("pusher: A\n", "time: 1\n");
  assert.equal(grouped("pusher: A\n", "time: 1\n"), sign);
  assert.notEqual(grouped("pusher: B\n", "time: 1\n"), sign);
  assert.notEqual(grouped("pusher: A\n", "time: 2\n"), sign);
  assert.ok(Number.isSafeInteger(sign) && sign > 0);
  assert.equal(parseIndex(bytesOf(""), OPTIONS).sign("f"), 0);
});
