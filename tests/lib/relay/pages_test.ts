import assert from "node:assert/strict";
import { parseRelativePath } from "../../../lib/path.ts";
import {
  classifyPageObject,
  pageLockName,
  pageOf,
  persistentIndexName,
  updateDataName,
  updateIndexName,
  whyNotIndexed,
} from "../../../lib/relay/pages.ts";
import { readGolden } from "../../support/golden.ts";

interface GoldenPages {
  readonly pages: readonly Readonly<Record<string, string>>[];
  readonly persistent_index_of_page_0: string;
  readonly update_of_page_0_at_1700000000: readonly string[];
  readonly lock_of_page_0: string;
}

const GOLDEN = readGolden<GoldenPages>("pages.json");
const DEPTHS = { "index 1": 0, "topdir:1": 1, "topdir:2": 2, "topdir:3": 3 };

Deno.test("pageOf() gives the golden pages", () => {
  for (const row of GOLDEN.pages) {
    for (const [option, depth] of Object.entries(DEPTHS)) {
      assert.equal(pageOf(row["path"] ?? "", depth), row[option], `${row["path"]} ${option}`);
    }
  }
});

Deno.test("the objects of a page have the golden names, and are told by them", () => {
  assert.equal(persistentIndexName("0"), GOLDEN.persistent_index_of_page_0);
  const ts = 1_700_000_000;
  assert.deepEqual(
    [updateIndexName("0", ts), updateDataName("0", ts)],
    GOLDEN.update_of_page_0_at_1700000000,
  );
  assert.equal(pageLockName("0"), GOLDEN.lock_of_page_0);
  const page = "a b_été";
  assert.deepEqual(classifyPageObject(`.${page}.index`), { kind: "persistent", page });
  assert.deepEqual(classifyPageObject(`.${page}.lock`), { kind: "lock", page });
  assert.deepEqual(classifyPageObject(`.${page}.12.index`), { kind: "update index", page, ts: 12 });
  assert.deepEqual(classifyPageObject(`.${page}.12.data`), { kind: "update data", page, ts: 12 });
});

Deno.test("classifyPageObject() leaves odd names alone and knows the other layout", () => {
  for (const name of [".0.012.index", ".0.x.data", ".a.b.lock", ".index", "..index", ".0.guard"]) {
    assert.equal(classifyPageObject(name).kind, "other", name);
  }
  for (const name of ["f", "f.index", ".f.placeholder", ".a.b.placeholder"]) {
    assert.equal(classifyPageObject(name).kind, "placeholder layout", name);
  }
});

Deno.test("whyNotIndexed() names what an index would lose", () => {
  const refused = ["a\nb", "a\rb", "trail ", "tab\t", "wide\u3000", "sep\u001c", "nel\u0085"];
  for (const name of refused) {
    assert.match(whyNotIndexed(parseRelativePath(name), 0) ?? "", /line break|blank/, name);
  }
  for (const name of [" lead", "a b 12", "-x", "été 漢字", "a\u2028b"]) {
    assert.equal(whyNotIndexed(parseRelativePath(name), 0), undefined, name);
  }
  const deep = parseRelativePath(`${"漢".repeat(80)}/f`);
  assert.equal(whyNotIndexed(deep, 0), undefined);
  assert.match(whyNotIndexed(deep, 1) ?? "", /too long/);
});
