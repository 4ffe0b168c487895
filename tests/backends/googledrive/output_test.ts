import assert from "node:assert/strict";
import {
  OddLine,
  parseIds,
  parseList,
  parseQuota,
  parseStat,
  parseUsage,
} from "../../../backends/googledrive/_output.ts";

Deno.test("what drive id prints is read, for the path that was asked for only", () => {
  const text = [
    "FileId                                           Relative Path",
    '"0By5qKlgRJeV2NB1OTlpmSkg8TFU"                   "/say \\"hi\\" \\\\"',
    '"0Bz5wQlgRJeP2QkRSenBTaUowU3c"                   "/say \\"hi\\" \\\\"',
    "",
  ].join("\n");
  assert.deepEqual(parseIds(text, '/say "hi" \\'), [
    "0By5qKlgRJeV2NB1OTlpmSkg8TFU",
    "0Bz5wQlgRJeP2QkRSenBTaUowU3c",
  ]);
  assert.deepEqual(parseIds("", "/x"), []);
  for (const line of ['"id"  "/other"', '"a b"  "/x"', '"--help" x', "googleapi: Error 500"]) {
    assert.throws(() => parseIds(line, "/x"), OddLine, line);
  }
});

Deno.test("what drive stat prints is read, file by file", () => {
  const text = [
    "\n\u001b[92m0By5qKlgRJ\u001b[00m",
    "Filename                   a name  with blanks         ",
    "FileId                    0By5qKlgRJ                    ",
    "Bytes                     1234567                       ",
    "Size                      1.18MB                        ",
    "DirType                   file                          ",
    "VersionNumber             77                            ",
    "Owners                    Filename                      ",
    "Md5Checksum               d41d8cd98f00b204e9800998ecf8427e",
    "\n*\nName: me <me@example.org>",
    "Role                 owner                         ",
    "*",
    "\n\u001b[92m1Z-_\u001b[00m",
    "Filename                  d                             ",
    "FileId                    1Z-_                          ",
    "Bytes                     0                             ",
    "DirType                   folder                        ",
    "VersionNumber             5                             ",
  ].join("\n");
  assert.deepEqual(parseStat(text), [
    {
      ...{ id: "0By5qKlgRJ", title: " a name  with blanks", sizeBytes: 1_234_567 },
      ...{ isFolder: false, version: "77", md5: "d41d8cd98f00b204e9800998ecf8427e" },
    },
    { id: "1Z-_", title: "d", sizeBytes: 0, isFolder: true, version: "5", md5: "" },
  ]);
  assert.deepEqual(parseStat(""), []);
  assert.throws(
    () => parseStat("Filename                  x\nBytes                     1"),
    OddLine,
  );
});

Deno.test("what drive list prints is read, with and without a role", () => {
  const text = [
    "d- owner       v12 0.00B     \t1abcdefghij\t\t2016-09-10 08:06:39 +0000 UTC\t/Escale/d" +
    " ".repeat(41),
    "-s v9007199254740993 1.18MB    \t0B-_       \t\t0001-01-01 00:00:00 +0000 UTC\t/Escale/a\tb  c",
    "-- writer      v1 1.00KB    \tx1        \t\tnever               \t/e",
  ].join("\n");
  assert.deepEqual(parseList(text).map(({ modifiedMs: _, ...rest }) => rest), [
    { id: "1abcdefghij", isFolder: true, version: "12", path: "/Escale/d" },
    { id: "0B-_", isFolder: false, version: "9007199254740993", path: "/Escale/a\tb  c" },
    { id: "x1", isFolder: false, version: "1", path: "/e" },
  ]);
  const [first, , last] = parseList(text);
  assert.equal(first?.modifiedMs, Date.UTC(2016, 8, 10, 8, 6, 39));
  assert.ok(Number.isNaN(last?.modifiedMs));
  for (const line of ["/just/a/path ", "googleapi: Error 403: Rate Limit Exceeded", "b"]) {
    assert.throws(() => parseList(line), OddLine, line);
  }
});

Deno.test("what drive du prints is read; of several of one path the first", () => {
  const text = "0            /e/ leading\n123456789012 /e/x\n7            /e/x\n";
  assert.deepEqual([...parseUsage(text)], [["/e/ leading", 0], ["/e/x", 123_456_789_012]]);
  for (const line of ["/e/x", "x /e", "12 e", "net lookup failed"]) {
    assert.throws(() => parseUsage(line), OddLine, line);
  }
});

Deno.test("what drive quota prints is read, without what makes no sense", () => {
  const text = (free: string) =>
    `Name: me\nAccount type:\tLIMITED\nBytes Used:\t1234                 (1.21KB)\n` +
    `Bytes Free:\t${free.padEnd(20)} (x)\nBytes InTrash:\t5                    (5.00B)\n`;
  assert.deepEqual(parseQuota(text("77")), { usedBytes: 1234, freeBytes: 77 });
  // Accounts without a limit have a total of 0.
  assert.deepEqual(parseQuota(text("-1234")), { usedBytes: 1234 });
  assert.deepEqual(parseQuota("no quota today"), {});
});
