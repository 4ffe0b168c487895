import assert from "node:assert/strict";
import fc from "fast-check";
import {
  MAX_REPLY_BYTES,
  parseAnnouncedSize,
  parseExtendedPassive,
  parseFeatures,
  parsePassive,
  parsePath,
  parseSize,
  type Reply,
  ReplyError,
  ReplyParser,
} from "../../../backends/ftp/_reply.ts";

const encoder = new TextEncoder();
const newParser = () => new ReplyParser((bytes) => new TextDecoder().decode(bytes));
const reply = (code: number, ...lines: string[]): Reply => ({ code, lines });

const STREAMS: readonly (readonly [string, readonly Reply[]])[] = [
  ["220 Hello\r\n", [reply(220, "Hello")]],
  ["220\r\n", [reply(220, "")]],
  ["220 bare line end\n200 \r\n", [reply(220, "bare line end"), reply(200, "")]],
  ["211-One\r\n two\r\n211 End\r\n", [reply(211, "One", " two", "End")]],
  ["230-One\r\n220 other\r\n230-still\r\n230 End\r\n", [
    reply(230, "One", "220 other", "230-still", "End"),
  ]],
  ["150 Coming\r\n226 Done\r\n", [reply(150, "Coming"), reply(226, "Done")]],
  ["550 h\u00e4\r\n", [reply(550, "h\u00e4")]],
];

Deno.test("ReplyParser gives the same replies however the bytes are split", () => {
  for (const [text, expected] of STREAMS) {
    const bytes = encoder.encode(text);
    fc.assert(fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
      const parser = newParser();
      const ends = [...cuts.toSorted((a, b) => a - b), bytes.length];
      let start = 0;
      const found = ends.flatMap((end) => {
        const part = bytes.subarray(start, end);
        start = end;
        return parser.feed(part);
      });
      assert.deepEqual(found, expected);
      assert.equal(parser.isMidway, false);
    }));
  }
});

Deno.test("ReplyParser refuses what is no reply, and what has no end", () => {
  for (const text of ["hello\r\n", "99 x\r\n", "600 x\r\n", "2200 x\r\n", "SSH-2.0-x\r\n"]) {
    assert.throws(() => newParser().feed(encoder.encode(text)), ReplyError, text);
  }
  for (const text of ["x", "220-x\r\n", "220 x"]) {
    const parser = newParser();
    assert.throws(() => {
      for (let bytes = 0; bytes <= MAX_REPLY_BYTES; bytes += text.length) {
        parser.feed(encoder.encode(text));
      }
    }, ReplyError);
  }
});

Deno.test("numbers and names are taken from answers, and nothing from wrong ones", () => {
  const extended: readonly (readonly [string, number | undefined])[] = [
    ["Entering (|||6446|)", 6446],
    ["(!!!1!)", 1],
    ["(|||0|)", undefined],
    ["(|||65536|)", undefined],
    ["(||6446|)", undefined],
    ["no port", undefined],
  ];
  for (const [text, port] of extended) assert.equal(parseExtendedPassive(reply(229, text)), port);
  const passive: readonly (readonly [string, number | undefined])[] = [
    ["Passive (10,0,0,1,4,1)", 1025],
    ["=127,0,0,1,255,255", 65_535],
    ["(10,0,0,1,256,1)", undefined],
    ["(10,0,0,1,0,0)", undefined],
    ["(10,0,0,1)", undefined],
  ];
  for (const [text, port] of passive) assert.equal(parsePassive(reply(227, text)), port);
  assert.equal(parsePath(reply(257, '"/a ""b"" c" is it')), '/a "b" c');
  assert.equal(parsePath(reply(257, "/a is it")), undefined);
  assert.equal(parseSize(reply(213, "12")), 12);
  assert.equal(parseSize(reply(550, "12")), undefined);
  assert.equal(parseSize(reply(213, "99999999999999999999")), undefined);
  assert.equal(parseAnnouncedSize(reply(150, "Opening f (12) (7 bytes).")), 7);
  assert.equal(parseAnnouncedSize(reply(150, "0.4 kbytes to come")), undefined);
  const features = parseFeatures(reply(211, "Features", " MDTM", "211-mlst type*;size*;", "End"));
  assert.deepEqual([...features], [["MDTM", ""], ["MLST", "type*;size*;"]]);
});
