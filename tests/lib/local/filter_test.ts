import assert from "node:assert/strict";
import fc from "fast-check";
import { compileFilter, type FilterSettings } from "../../../lib/local/filter.ts";
import { folderOf, isRelativePath } from "../../../lib/path.ts";
import { failing, NO_SETTINGS, path } from "./_tree.ts";

interface GoldenCase {
  readonly options: Readonly<Record<string, string | readonly string[]>>;
  readonly filter_full_paths: readonly string[];
  readonly crawl_directories: readonly string[];
  readonly local_files: readonly string[];
}

const golden: { readonly names: readonly string[]; readonly cases: readonly GoldenCase[] } = JSON
  .parse(Deno.readTextFileSync(new URL("../../golden/filters.json", import.meta.url)));

/** Hidden names are never asked for. */
const names = golden.names.filter(isRelativePath);
const folders = [...new Set([...names.map(folderOf), "sub"])].filter((name) => name !== "");

function settingsOf({ options }: GoldenCase): FilterSettings {
  return {
    fileTypes: [options["filetype"] ?? []].flat(),
    include: [options["include"] ?? []].flat(),
    exclude: [options["exclude"] ?? []].flat(),
    includeDirectories: [options["includedirectory"] ?? []].flat(),
    excludeDirectories: [options["excludedirectory"] ?? []].flat(),
  };
}

/** Where ours differs on purpose: what is accepted, or the code of the error. */
const DIFFERENT: Readonly<Record<string, readonly string[] | "config">> = {
  // 0.7 takes `+` and `?` of a plain pattern for regular expression signs, and lets all pass if that is no expression.
  '{"include":["a+b.txt"]}': ["a+b.txt"],
  '{"include":["?.txt"]}': [],
  '{"include":["a?.csv"]}': [],
  '{"include":["/[/"]}': "config",
};

/** Where 0.7 does not find files that it would accept: it does not enter the folder above. */
const LISTED_TOO: Readonly<Record<string, readonly string[]>> = {
  '{"includedirectory":["sub/deep"]}': ["sub/deep/b.md"],
};

for (const golds of golden.cases) {
  const key = JSON.stringify(golds.options);
  const different = DIFFERENT[key];

  Deno.test(`compileFilter() does what 0.7 does with ${key}`, () => {
    if (different === "config") {
      assert.throws(() => compileFilter(settingsOf(golds)), failing("config"));
      return;
    }
    const filter = compileFilter(settingsOf(golds));
    const accepted = different ?? golds.filter_full_paths.filter(isRelativePath);
    assert.deepEqual(names.filter(filter.acceptsFile).sort(), [...accepted].sort());

    const isReached = (folder: string): boolean =>
      folder === "" || isReached(folderOf(folder)) && filter.entersFolder(folder);
    const listed = names.filter((name) => filter.listsFile(name) && isReached(folderOf(name)));
    const listed07 = different ?? [...golds.local_files, ...(LISTED_TOO[key] ?? [])];
    assert.deepEqual(listed.sort(), [...listed07].sort());

    for (const folder of golds.crawl_directories) assert.ok(isReached(folder), folder);
    if (golds.options["includedirectory"] !== undefined) return;
    assert.deepEqual(folders.filter(isReached).sort(), [...golds.crawl_directories].sort());
  });
}

Deno.test("the differences from 0.7 are all in the golden cases", () => {
  const keys = golden.cases.map(({ options }) => JSON.stringify(options));
  for (const key of [...Object.keys(DIFFERENT), ...Object.keys(LISTED_TOO)]) {
    assert.ok(keys.includes(key), key);
  }
});

Deno.test("compileFilter() does not enter folders below which nothing can match", () => {
  const entered = (includeDirectories: string[], folder: string) =>
    compileFilter({ ...NO_SETTINGS, includeDirectories }).entersFolder(folder);
  for (
    const [pattern, folder, expected] of [
      ["sub/deep", "sub", true],
      ["sub/deep", "su", false],
      ["sub/deep", "sub/other", false],
      ["sub/deep", "sub/deep/er", true],
      ["sub*deep", "sub.dir", true],
      ["sub*deep", "tmp", false],
      ["*deep", "tmp", true],
      ["/^sub$/", "tmp", true],
    ] as const
  ) assert.equal(entered([pattern], folder), expected, `${pattern} ${folder}`);
});

Deno.test("compileFilter() lets nothing in below an excluded folder", () => {
  const filter = compileFilter({ ...NO_SETTINGS, excludeDirectories: ["/^sub$/"] });
  assert.equal(filter.acceptsFile(path("sub/deep/b.md")), false);
  assert.equal(filter.acceptsFile(path("sub.dir/z.txt")), true);
});

Deno.test("compileFilter() lists, and reaches, all that it accepts", () => {
  const part = fc.constantFrom("a", "b", "ab", "a.b", "ba");
  const file = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => path(parts.join("/")));
  const pattern = fc.constantFrom("a", "b*", "a/b", "*b", "a*/b", "/^a$/", "/b$/", "/^$/");
  const patterns = fc.array(pattern, { maxLength: 2 });
  const settings = fc.record({
    fileTypes: fc.constantFrom<string[]>([], ["b"]),
    include: patterns,
    exclude: patterns,
    includeDirectories: patterns,
    excludeDirectories: patterns,
  });
  fc.assert(fc.property(settings, file, (settings, file) => {
    const filter = compileFilter(settings);
    fc.pre(filter.acceptsFile(file));
    assert.ok(filter.listsFile(file));
    for (let folder = folderOf(file); folder !== ""; folder = folderOf(folder)) {
      assert.ok(filter.entersFolder(folder), folder);
    }
  }));
});
