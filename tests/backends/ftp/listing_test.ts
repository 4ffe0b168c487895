import assert from "node:assert/strict";
import {
  type ListingLine,
  parseFactsLine,
  parseListLine,
  parseTime,
} from "../../../backends/ftp/_listing.ts";

type Row = readonly [string, ListingLine];

const file = (name: string, sizeBytes: number): ListingLine => ({ kind: "file", name, sizeBytes });
const folder = (name: string): ListingLine => ({ kind: "folder", name, sizeBytes: 0 });

const FACTS: readonly Row[] = [
  ["Type=file;Size=12;Modify=20200102030405; a b", {
    kind: "file",
    name: "a b",
    sizeBytes: 12,
    modifiedMs: Date.UTC(2020, 0, 2, 3, 4, 5),
  }],
  ["type=file;size=0;  leading; = odd ", file(" leading; = odd ", 0)],
  ["TYPE=dir;modify=soon; d", folder("d")],
  ["type=cdir; .", "other"],
  ["type=OS.unix=slink:/etc/passwd;size=1; link", "other"],
  ["type=file; without a size", "unknown"],
  ["type=file;size=-1; f", "unknown"],
  ["type=file;size=99999999999999999999; f", "unknown"],
  ["size=1; without a type", "unknown"],
  ["type=file;size=1;", "unknown"],
  ["-rw-r--r-- 1 a b 12 Jan  1 00:00 f", "unknown"],
];

const LISTS: readonly Row[] = [
  ["-rw-r--r--    1 1000     1000           12 Jan  2 03:04 a b", file("a b", 12)],
  ["-rw-r--r--+ 1 a b 12 Nov 22  2019  leading", file(" leading", 12)],
  ["-rw-r--r--. 1 Domain Users Some One 12 Nov 22  2019 f ", file("f ", 12)],
  [
    "-rw-r--r-- 1 u g 7 Nov 22 20:01 drwxr-xr-x 2 user group 4096 Jan 1 00:00 fake",
    file("drwxr-xr-x 2 user group 4096 Jan 1 00:00 fake", 7),
  ],
  ["drwxr-xr-x   12 root     root         4096 Jan  2 03:04 d", folder("d")],
  ["drwxr-xr-x 2 root root 4096 Jan  2 03:04 ..", "other"],
  ["lrwxrwxrwx 1 root root 11 Jan  2 03:04 link -> /etc/passwd", "other"],
  ["crw-rw-rw- 1 root root 1, 3 Jan  2 03:04 null", "other"],
  ["total 12", "other"],
  ["01-02-20  03:04AM                   12 a b", file("a b", 12)],
  ["01-02-2020  13:04                   12  leading", file(" leading", 12)],
  ["01-02-20  03:04AM       <DIR>          d", folder("d")],
  ["01-02-20  03:04AM       <DIR>           leading", folder(" leading")],
  ["01-02-20  03:04AM       <JUNCTION>     j", "other"],
  ["+i8388621.29609,m824255902,/,\td", "unknown"],
  ["", "unknown"],
];

Deno.test("parseFactsLine() takes files and folders apart", () => {
  for (const [line, expected] of FACTS) assert.deepEqual(parseFactsLine(line), expected, line);
});

Deno.test("parseListLine() reads what Unix, DOS and IIS list, and knows what it does not know", () => {
  for (const [line, expected] of LISTS) assert.deepEqual(parseListLine(line), expected, line);
});

Deno.test("parseListLine() is quick with lines made to be slow", () => {
  const line = `-rw-r--r-- ${"1 ".repeat(4000)}x`;
  const startMs = performance.now();
  assert.equal(parseListLine(line), "unknown");
  assert.ok(performance.now() - startMs < 1000);
});

Deno.test("parseTime() reads times to the millisecond", () => {
  assert.equal(parseTime("20200102030405.5"), Date.UTC(2020, 0, 2, 3, 4, 5, 500));
  assert.equal(parseTime("20200102"), undefined);
  assert.equal(parseTime("File not found"), undefined);
});
