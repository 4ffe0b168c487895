import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import fc from "fast-check";

import { compileLinearRegexp } from "../../lib/_linear_regexp.ts";
import { EscaleError } from "../../lib/errors.ts";
import { compilePattern, parseFileTypes } from "../../lib/pattern.ts";

function refusal(text: string): EscaleError {
  try {
    compilePattern(text);
  } catch (thrown) {
    assert.ok(thrown instanceof EscaleError);
    assert.equal(thrown.code, "config");
    return thrown;
  }
  assert.fail(`accepted ${JSON.stringify(text)}`);
}

Deno.test("compilePattern() matches as the table says", () => {
  const cases: [pattern: string, accepted: string[], refused: string[]][] = [
    ["a.txt", ["a.txt", "a.txt.bak"], ["aXtxt", "A.txt", "xa.txt", "a.tx"]],
    ["*.txt", [".txt", "a.txt", "x.txt.bak"], ["txt", "a.TXT"]],
    ["a*c", ["ac", "abc", "abcd", "a\nc"], ["bac", "ab"]],
    ["*", ["", "a", "é"], []],
    ["a**b", ["ab", "axb"], ["a"]],
    ["*a*ba", ["aba", "xaaba"], ["ab", "aab"]],
    ["?.txt", ["?.txt"], ["a.txt"]],
    ["a+b.txt", ["a+b.txt"], ["ab.txt", "aab.txt"]],
    ["(a)|[b]", ["(a)|[b]"], ["a", "b"]],
    ["/b\\.txt/", ["b.txt", "b.txt.bak"], ["ab.txt"]],
    ["/b\\.txt", ["b.txt"], ["ab.txt"]],
    ["/^a.*t$/", ["a.txt", "at"], ["a.txt ", "ba.txt"]],
    ["/a|b/", ["ax", "bx"], ["xa", "xb"]],
    ["/é{2}/", ["éé"], ["é"]],
    ["/\\u{1f600}.$/", ["\u{1f600}\u{1f601}"], ["\u{1f600}"]],
    ["/(?!.*\\.bak$).*/", ["a.txt", "a.bak.txt"], ["a.bak"]],
    ["/.*(?<!\\.bak)$/", ["a.txt"], ["a.bak"]],
    ["/\\p{Lu}/", ["É"], ["é", "1"]],
    ["/(?i:a)b/", ["Ab", "ab"], ["aB"]],
    ["/(?i:a(?-i:b)c)/", ["AbC", "abc"], ["ABC"]],
    ["/(?s:.(?-s:.))/", ["\na"], ["a\n"]],
    ["/\\bsub\\b/", ["sub/a", "sub.b", "sub"], ["subs"]],
    ["/[^/]*$/", ["a"], ["a/b"]],
    ["/a//", ["a/b"], ["ab"]],
  ];
  for (const [pattern, accepted, refused] of cases) {
    const matches = compilePattern(pattern);
    for (const name of accepted) assert.ok(matches(name), `${pattern} must match ${name}`);
    for (const name of refused) assert.ok(!matches(name), `${pattern} must not match ${name}`);
  }
});

Deno.test("compilePattern() reads the Python forms that have an exact equal", () => {
  const cases: [pattern: string, accepted: string[], refused: string[]][] = [
    ["/(?P<year>\\d{4})-/", ["2024-x"], ["24-"]],
    ["/\\Aa\\Z/", ["a"], ["ab"]],
    ["/(?m:\\Aa\\Z)/", ["a"], ["a\nb"]],
    ["/(?i)photo|img/", ["PHOTO", "Img_1"], ["x"]],
    ["/(?s)a.b/", ["a\nb"], ["ab"]],
    ["/(?is)A.b/", ["a\nB"], ["ab"]],
    ["/a(?# a comment (with this)b/", ["ab"], ["a"]],
    ["/^a{,2}$/", ["", "a", "aa"], ["aaa"]],
    ["/a\\-b\\ c\\#\\~\\'/", ["a-b c#~'"], ["ab"]],
    ["/[\\#\\-\\ ]+$/", ["#- "], ["a"]],
    ["/\\a/", ["\x07"], ["a"]],
    ["/[(?P<]$/", ["P", "<"], ["x"]],
    ["/[{,2}]$/", ["2", ","], ["0"]],
    ["/\\\\A/", ["\\A"], ["A"]],
  ];
  for (const [pattern, accepted, refused] of cases) {
    const matches = compilePattern(pattern);
    for (const name of accepted) assert.ok(matches(name), `${pattern} must match ${name}`);
    for (const name of refused) assert.ok(!matches(name), `${pattern} must not match ${name}`);
  }
});

Deno.test("compilePattern() refuses what it cannot do exactly, naming the pattern", () => {
  const refused = [
    ...["/", "//", "/[/", "/(/", "/a{1", "/a]/", "/a**/", "/*a/", "/a\\/", "/\\d{2,1}/"],
    ...["/(?x)a b/", "/(?L)a/", "/(?a)a/", "/(?u)a/", "/(?m)a/", "/a(?i)b/", "/(?a:b)/"],
    ...["/a*+/", "/a++/", "/a?+/", "/(?>a)/", "/(?(1)a|b)/", "/(?P=name)/", "/(?P>x)/"],
    ...["/[]a]/", "/[^]a]/", "/[]/", "/\\_a\\g/", "/\\N{DASH}/", "/\\01/"],
    ...["/(a)\\1/", "/(?<n>a)\\k<n>/", "/(?P<n>a)(?P=n)/"],
    ...["/(a{1000}){1000}/", "/((a{99}){99}){99}/", `/${"(".repeat(600)}a${")".repeat(399)}/`],
  ];
  for (const pattern of refused) {
    assert.ok(refusal(pattern).message.includes(pattern.slice(0, 200)));
  }
  assert.match(refusal("").message, /empty/);
  assert.match(refusal("a".repeat(1001)).message, /longer than 1000 characters/);
  assert.doesNotThrow(() => compilePattern("a".repeat(1000)));
  assert.doesNotThrow(() => compilePattern(`/${"(".repeat(499)}${")".repeat(499)}`));
});

Deno.test("compilePattern() ends soon on expressions that backtracking engines hang on", () => {
  const name = "a".repeat(4095);
  const patterns = [
    "/(a+)+b/",
    "/(a|a)*b/",
    "/(a*)*b/",
    "/((a{0,20}){0,20})b/",
    "/a*a*a*a*a*a*b/",
    "/(?=(a+)+b)/",
    "/(?:.(?=(.*)*b))*c/",
    "/.*(?<=b(a+)+)c/",
    "/(?:.(?=(?:.(?!.*b))*a?$))*d/",
    "/(?:){99999}b/",
    "/(?:(?:){99999}){99999}b/",
  ];
  const before = performance.now();
  for (const pattern of patterns) assert.equal(compilePattern(pattern)(name), false);
  // Each takes milliseconds; the wrong engine would need longer than the universe exists.
  assert.ok(performance.now() - before < 20_000);
});

const piece = fc.constantFrom(
  ...["a", "b", "é", ".", "\\w", "\\W", "\\d", "\\s", "[ab]", "[^a]", "[a-c\\d]", "[^]", "\\b"],
  ...["\\B", "^", "$", "\\n", "\\u{1f600}", "\\p{L}", "-", "K", "\\x41", "[]", "\\/"],
);
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    piece,
    fc.tuple(tie("expression"), tie("expression")).map(([a, b]) => a + b),
    fc.tuple(tie("expression"), tie("expression")).map(([a, b]) => `(?:${a}|${b})`),
    fc.tuple(
      tie("expression"),
      fc.constantFrom("*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "{0}", "??"),
    ).map(([a, quantifier]) => `(?:${a})${quantifier}`),
    fc.tuple(
      tie("expression"),
      fc.constantFrom("(?=", "(?!", "(?<=", "(?<!", "(", "(?<n>", "(?i:", "(?s:", "(?m:", "(?-i:"),
    ).map(([a, open]) => `${open}${a})`),
  ),
}));
// Without U+212A: after a group (?i:...) the runtime takes it for one of \w, wrongly.
const subject = fc.string({
  unit: fc.constantFrom("a", "b", "A", "é", "É", "1", " ", "\n", "-", "\u{1f600}", "k"),
  maxLength: 7,
});

Deno.test("compileLinearRegexp() agrees with the runtime's engine at the start of a text", () => {
  let compared = 0;
  fc.assert(
    fc.property(expression, fc.array(subject, { minLength: 4, maxLength: 4 }), (source, texts) => {
      let native: RegExp;
      try {
        native = new RegExp(`^(?:${source})`, "u");
      } catch {
        assert.throws(() => compileLinearRegexp(source));
        return;
      }
      const matches = compileLinearRegexp(source);
      for (const text of texts) assert.equal(matches(text), native.test(text), source);
      compared++;
    }),
    { numRuns: 2000 },
  );
  assert.ok(compared > 1000);
});

Deno.test("plain patterns match as the expression does that they stand for", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", ".", "*"), maxLength: 8 });
  fc.assert(
    fc.property(text.filter((pattern) => pattern !== ""), text, (pattern, name) => {
      const source = pattern.replaceAll(".", "\\.").replaceAll("*", ".*");
      assert.equal(compilePattern(pattern)(name), new RegExp(`^${source}`).test(name));
    }),
  );
});

Deno.test("parseFileTypes() gives each suffix once, with its dot", () => {
  assert.deepEqual(parseFileTypes([".txt", "md", "", "txt", " csv ", ".", "tar.gz"]), [
    ...[".txt", ".md", ".csv", ".tar.gz"],
  ]);
});

interface FilterCase {
  readonly options: Readonly<Record<string, readonly string[] | string>>;
  readonly filter_basenames: readonly string[];
  readonly crawl_directories: readonly string[];
}

/** Where 0.7 took plain patterns for expressions, or let everything through after an error. */
const DIFFERENT = new Map<string, readonly string[] | "error">([
  ["a+b.txt", ["a+b.txt"]],
  ["?.txt", []],
  ["a?.csv", []],
  ["/[/", "error"],
]);

Deno.test("compilePattern() passes the names that 0.7 passed, but for the listed ones", () => {
  const golden: { names: string[]; cases: FilterCase[] } = JSON.parse(
    readFileSync(new URL("../golden/filters.json", import.meta.url), "utf8"),
  );
  const names = [...new Set(golden.names.map((name) => name.slice(name.lastIndexOf("/") + 1)))];
  const folders = ["sub", "sub/deep", "sub.dir", "tmp"];
  let checked = 0;
  for (const { options, filter_basenames, crawl_directories } of golden.cases) {
    if (options.filetype !== undefined) continue;
    const different = DIFFERENT.get([options.include ?? []].flat()[0] ?? "");
    if (different === "error") {
      refusal("/[/");
      continue;
    }
    const passed = names.filter((name) => passes(name, options.include, options.exclude));
    assert.deepEqual(passed.toSorted(), (different ?? filter_basenames).toSorted());
    const crawled = folders.filter((folder) =>
      passes(folder, options.includedirectory, options.excludedirectory)
    );
    assert.deepEqual(crawled.toSorted(), crawl_directories.toSorted());
    checked++;
  }
  assert.ok(checked >= 20);
});

function passes(
  name: string,
  include: readonly string[] | string = ["*"],
  exclude: readonly string[] | string = [],
): boolean {
  const matches = (pattern: string) => compilePattern(pattern)(name);
  return [include].flat().some(matches) && ![exclude].flat().some(matches);
}
