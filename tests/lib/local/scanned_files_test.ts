import assert from "node:assert/strict";
import fc from "fast-check";
import { type LocalFile, ScannedFiles } from "../../../lib/local/scanned_files.ts";
import { parseRelativePath, type RelativePath } from "../../../lib/path.ts";

const STAMP = { sizeBytes: 3, modifiedMs: 5.25, changedMs: 7, inode: 2 ** 40 + 1 };

function filesOf(names: Iterable<string>, stamp = STAMP): ScannedFiles {
  const files = new ScannedFiles();
  for (const name of [...names].sort()) files.append({ path: parseRelativePath(name), ...stamp });
  return files;
}

const paths = fc.uniqueArray(
  fc.array(fc.constantFrom("a", "b", "a b", "é", "😀", "\uffee"), { minLength: 1, maxLength: 3 })
    .map((parts) => parseRelativePath(parts.join("/"))),
  { minLength: 1, maxLength: 30 },
);

Deno.test("ScannedFiles finds what was put in and nothing else, in whatever order it is asked", () => {
  fc.assert(fc.property(paths, paths, (names, asked) => {
    const files = filesOf(names);
    const expected = new Map(names.map((path): [string, LocalFile] => [path, { path, ...STAMP }]));
    for (const path of [...asked, ...names.toSorted(), ...asked.toReversed()]) {
      assert.deepEqual(files.get(path), expected.get(path));
      assert.equal(files.has(path), expected.has(path));
    }
    assert.equal(files.size, names.length);
    assert.deepEqual([...files], [...expected].sort(([a], [b]) => a < b ? -1 : 1));
    assert.deepEqual([...files.keys()], names.toSorted());
  }));
});

Deno.test("ScannedFiles.renamed() gives files other names, and leaves their paths", () => {
  fc.assert(fc.property(paths, paths, (names, targets) => {
    const moves = new Map<RelativePath, RelativePath>();
    for (const [at, to] of targets.filter((it) => !names.includes(it)).entries()) {
      const from = names[at];
      if (from !== undefined) moves.set(from, to);
    }
    const renamed = filesOf(names).renamed(moves);
    const expected = names.map((path) => [moves.get(path) ?? path, { path, ...STAMP }] as const)
      .sort(([a], [b]) => a < b ? -1 : 1);
    assert.deepEqual([...renamed], expected);
  }));
});

Deno.test("ScannedFiles.digest() tells names, their borders and every part of a stamp apart", () => {
  const digests = [
    filesOf([]),
    filesOf(["a", "b"]),
    filesOf(["a", "c"]),
    filesOf(["ab"]),
    filesOf(["a/b"]),
    ...Object.keys(STAMP).map((key) => filesOf(["a", "b"], { ...STAMP, [key]: 4 })),
  ].map((files) => files.digest());
  assert.equal(new Set(digests).size, digests.length);
  assert.equal(filesOf(["a", "b"]).digest(), digests[1]);
});

Deno.test("ScannedFiles.digest() covers many files", () => {
  const names = Array.from({ length: 5_000 }, (_, index) => `folder ${index % 7}/file ${index}`);
  const digest = filesOf(names).digest();
  assert.equal(filesOf(names).digest(), digest);
  for (const at of [0, 1023, 1024, 4_999]) {
    const changed = names.with(at, `${names[at]}x`);
    assert.notEqual(filesOf(changed).digest(), digest);
  }
});
