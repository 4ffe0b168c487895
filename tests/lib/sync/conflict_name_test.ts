import assert from "node:assert/strict";
import fc from "fast-check";
import { conflictName, type NamedVersion, originalName } from "../../../lib/sync/conflict_name.ts";
import {
  baseOf,
  folderOf,
  isRelativePath,
  MAX_PART_BYTES,
  parseRelativePath,
} from "../../../lib/path.ts";

const VERSION = { client: "laptop", timeS: 1_500_000_000, id: "0123456789abcdef", digits: 8 };
const SUFFIX = "conflict-laptop-20170714-024000-01234567";

const NAMES: readonly (readonly [claim: string, path: string, name: string])[] = [
  ["puts client, UTC time and digits before the extension", "note.txt", `note.${SUFFIX}.txt`],
  ["keeps the folder", "a/b c/note.txt", `a/b c/note.${SUFFIX}.txt`],
  ["appends where there is no extension", "Makefile", `Makefile.${SUFFIX}`],
  ["looks for the extension in the last part alone", "v1.0/Makefile", `v1.0/Makefile.${SUFFIX}`],
  ["keeps both parts of a packed archive's extension", "x.tar.gz", `x.${SUFFIX}.tar.gz`],
  ["keeps the last of other extensions", "app.min.js", `app.min.${SUFFIX}.js`],
  ["takes a name before the dot for the stem", "tar.gz", `tar.${SUFFIX}.gz`],
  ["does not take words for an extension", "Mr. Smith's plan", `Mr. Smith's plan.${SUFFIX}`],
  ["appends to a name that ends in a dot", "odd.", `odd..${SUFFIX}`],
  ["starts again from the original of a copy", `d/note.${SUFFIX}.txt`, `d/note.${SUFFIX}.txt`],
  [
    "starts again from the original of a copy of a copy",
    `note.${SUFFIX}.conflict-B-20000101-000000-ffffffff.txt`,
    `note.${SUFFIX}.txt`,
  ],
  [
    "leaves a name that only resembles a copy",
    "my.conflict-notes.txt",
    `my.conflict-notes.${SUFFIX}.txt`,
  ],
];

for (const [claim, path, name] of NAMES) {
  Deno.test(`conflictName() ${claim}`, () => {
    assert.equal(conflictName(parseRelativePath(path), VERSION), name);
  });
}

const VERSIONS: readonly (readonly [
  claim: string,
  change: Partial<NamedVersion>,
  suffix: string,
])[] = [
  ["takes more digits on demand", { digits: 16 }, "laptop-20170714-024000-0123456789abcdef"],
  [
    "fills up with zeros",
    { digits: 20 },
    "laptop-20170714-024000-0123456789abcdef0000",
  ],
  ["never takes fewer than 8 digits", { digits: 1 }, "laptop-20170714-024000-01234567"],
  ["takes the digits of a time for an identity", { id: "@17" }, "laptop-20170714-024000-17000000"],
  ["writes no slash", { client: "a/b" }, "a_b-20170714-024000-01234567"],
  ["writes no NUL or newline", { client: "a\0\nb" }, "a__b-20170714-024000-01234567"],
  ["writes no leading dot", { client: ".hidden" }, "_hidden-20170714-024000-01234567"],
  ["keeps the dots of a host name", { client: "a.b.org" }, "a.b.org-20170714-024000-01234567"],
  ["writes its mark once", { client: "x.conflict-y" }, "x_conflict-y-20170714-024000-01234567"],
  ["names an unknown client so", { client: undefined }, "unknown-20170714-024000-01234567"],
  ["names an empty client unknown", { client: " " }, "unknown-20170714-024000-01234567"],
  ["cuts a long client", { client: "ü".repeat(99) }, `${"ü".repeat(24)}-20170714-024000-01234567`],
  ["begins in 1970 without a time", { timeS: undefined }, "laptop-19700101-000000-01234567"],
  ["begins in 1970 for earlier times", { timeS: -1 }, "laptop-19700101-000000-01234567"],
  ["ends in the year 9999", { timeS: 8.64e12 }, "laptop-99991231-235959-01234567"],
];

for (const [claim, change, suffix] of VERSIONS) {
  Deno.test(`conflictName() ${claim}`, () => {
    const name = conflictName(parseRelativePath("f.txt"), { ...VERSION, ...change });
    assert.equal(name, `f.conflict-${suffix}.txt`);
  });
}

Deno.test("conflictName() shortens the stem on a character's border and keeps the extension", () => {
  const name = conflictName(parseRelativePath(`${"é".repeat(125)}.txt`), VERSION);
  assert.equal(name, `${"é".repeat(105)}.${SUFFIX}.txt`);
  assert.equal(originalName(name), `${"é".repeat(105)}.txt`);
  assert.equal(conflictName(name, VERSION), name);
});

Deno.test("conflictName() says so if the folder leaves no room", () => {
  const folder = `${"d".repeat(255)}/`.repeat(15) + `${"d".repeat(250)}/`;
  assert.throws(() => conflictName(parseRelativePath(`${folder}f`), VERSION), { code: "refused" });
});

Deno.test("originalName() leaves names that are no conflict copies", () => {
  for (const path of ["a.txt", "a.conflict-b-20170714-024000-0123456.txt", "a.conflict-.txt"]) {
    assert.equal(originalName(parseRelativePath(path)), path);
  }
});

const piece = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.constantFrom(".", ".tar", ".gz", ".conflict-", "-20170714-024000-01234567", `.${SUFFIX}`, " "),
);
const anyPath = fc.array(fc.array(piece, { minLength: 1, maxLength: 6 }), { maxLength: 3 })
  .map((parts) => parts.map((pieces) => pieces.join("").replaceAll("/", "")).join("/"))
  .filter(isRelativePath);
const anyVersion: fc.Arbitrary<NamedVersion> = fc.record({
  client: fc.option(fc.array(piece, { maxLength: 8 }).map((all) => all.join("")), {
    nil: undefined,
  }),
  timeS: fc.option(fc.integer(), { nil: undefined }),
  id: fc.stringMatching(/^[0-9a-f]{8,128}$/),
  digits: fc.constantFrom(8, 16, 128),
});

Deno.test("originalName() finds the original of every conflict copy", () => {
  fc.assert(fc.property(anyPath, anyVersion, (path, version) => {
    const name = conflictName(path, version);
    assert.ok(isRelativePath(name));
    const sizeBytes = new TextEncoder().encode(baseOf(name)).length;
    assert.ok(sizeBytes <= MAX_PART_BYTES);
    assert.equal(folderOf(name), folderOf(path));
    // Up to three bytes stay free where a character was cut off.
    const mayBeShortened = sizeBytes > MAX_PART_BYTES - 4;
    if (mayBeShortened) return;
    assert.equal(originalName(name), originalName(path));
    assert.equal(conflictName(name, version), name);
  }));
});
