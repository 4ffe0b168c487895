import assert from "node:assert/strict";

import { mergeSections, withParagraph } from "../../../lib/config/merge.ts";
import { parseIni } from "../../../lib/config/ini.ts";

const OWN = "refresh = 5\n\n[photos]\npath = /p\n";

Deno.test("mergeSections() adds the sections of another file with their comments", () => {
  const other = "# about\n[music]\n; where\npath = /m\n\n[films]\npath = /f";
  const { text, sections, leftOut } = mergeSections(OWN, other, "/other");
  assert.equal(text, `${OWN}\n[music]\n; where\npath = /m\n\n[films]\npath = /f\n`);
  assert.deepEqual([sections, leftOut], [["music", "films"], []]);
});

Deno.test("mergeSections() writes what holds for all sections of the other file into each", () => {
  const other =
    "user = me\nlog file = /l\ninclude = a,\n  100%%\n[DEFAULT]\nport = 21\n[m]\nport = 22\n";
  const { text, leftOut } = mergeSections("", other, "/other");
  const [section] = parseIni(text).sections;
  assert.deepEqual(
    section?.entries.map(({ name, value }) => [name, value]),
    [["port", "22"], ["user", "me"], ["include", "a,\n100%"]],
  );
  assert.deepEqual(leftOut, ["log file"]);
  assert.deepEqual(parseIni(text).globals, []);
  const alias = mergeSections("", "mtime = no\n[m]\ntimestamp = yes\n", "/other").text;
  assert.equal(alias, "[m]\ntimestamp = yes\n");
});

Deno.test("mergeSections() refuses a section that stands in both, and a text that is wrong", () => {
  for (
    const [other, expected] of [
      ["[photos]\npath = /x\n", /section "photos" from "\/other".*already/],
      ["[a]\nx\n", /^\/other:2: /],
      ["path = /x\n", /no section to take over/],
      ["[a]\np = 1\n[a]\n", /stands a second time/],
    ] as const
  ) {
    assert.throws(() => mergeSections(OWN, other, "/other"), (thrown) => {
      assert(thrown instanceof Error && "code" in thrown && thrown.code === "config");
      assert.match(thrown.message, expected);
      return true;
    });
  }
});

Deno.test("withParagraph() leaves one blank line before what it adds", () => {
  const cases = [["", "b\n"], ["a", "a\n\nb\n"], ["a\n", "a\n\nb\n"], [
    "a\n\n",
    "a\n\nb\n",
  ]] as const;
  for (const [text, expected] of cases) assert.equal(withParagraph(text, "b\n"), expected);
});
