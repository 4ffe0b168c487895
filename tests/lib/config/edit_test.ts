import assert from "node:assert/strict";
import * as fc from "fast-check";
import { editSection, sectionText } from "../../../lib/config/edit.ts";
import { parseIni } from "../../../lib/config/ini.ts";

const TEXT = `# clients of this machine
refresh = 5

[one]
; where it goes
path = /one
relay path: /old   # no comment in 0.7's eyes
exclude = a,
  b
  # between
  c

[two]
path = /two
relay path = /old
`;

const ADDRESS = ["host address", "relay address"];
const FOLDER = ["host directory", "relay path"];

Deno.test("editSection() changes what it is told and leaves every other byte", () => {
  const edited = editSection(TEXT, "one", [
    { names: FOLDER },
    { names: ADDRESS, to: { name: "host address", value: "ftp://host/50%" } },
  ]);
  assert.equal(
    edited,
    TEXT.replace("relay path: /old   # no comment in 0.7's eyes\n", "")
      .replace("  c\n", "  c\nhost address = ftp://host/50%%\n"),
  );
});

Deno.test("editSection() writes an option in the place of the one that was there", () => {
  const edited = editSection(TEXT, "two", [
    { names: FOLDER, to: { name: "relay path", value: "/new" } },
  ]);
  assert.equal(
    edited,
    TEXT.replace("[two]\npath = /two\nrelay path = /old", "[two]\npath = /two\nrelay path = /new"),
  );
});

Deno.test("editSection() removes all lines of a value but the comments between them", () => {
  const edited = editSection(TEXT, "one", [{ names: ["exclude"] }]);
  assert.equal(edited, TEXT.replace("exclude = a,\n  b\n", "").replace("  c\n", ""));
});

Deno.test("editSection() adds to a section without options and to a file without a last line end", () => {
  const edits = [{ names: ["port"], to: { name: "port", value: "21" } }];
  assert.equal(editSection("[a]\n[b]\n", "a", edits), "[a]\nport = 21\n[b]\n");
  assert.equal(editSection("[a]", "a", edits), "[a]\nport = 21\n");
  assert.equal(
    editSection("[a]\r\nx = 1\r\n\r\n", "a", edits),
    "[a]\r\nx = 1\r\nport = 21\r\n\r\n",
  );
  assert.equal(editSection("\uFEFF[a]\nport = 1", "a", edits), "\uFEFF[a]\nport = 21\n");
});

Deno.test("sectionText() gives a section with its comments, and nothing of others", () => {
  assert.equal(sectionText(TEXT, "two"), "[two]\npath = /two\nrelay path = /old\n");
  assert.equal(sectionText("\uFEFF[a]\n; c\nx = 1", "a"), "[a]\n; c\nx = 1\n");
  assert.equal(sectionText(TEXT, "three"), "");
});

Deno.test("editSection() refuses a section that is not there", () => {
  assert.throws(() => editSection(TEXT, "three", []), { code: "config" });
});

Deno.test("editSection() gives what parseIni() reads as meant, whatever stands around", () => {
  const name = fc.constantFrom("path", "port", "exclude", "relay path");
  const value = fc.constantFrom("1", "/a b", "100%%", "x\n  y", "");
  const entry = fc.tuple(name, value).map(([key, text]) => `${key} = ${text}`);
  const filler = fc.constantFrom("", "# c", "; d", "   ");
  const body = fc.array(fc.oneof(entry, filler), { maxLength: 6 }).map((lines) => {
    const seen = new Set<string>();
    return lines.filter((line) => {
      const key = line.split(" = ")[0] ?? "";
      if (!line.includes("=")) return true;
      return !seen.has(key) && seen.add(key);
    });
  });
  fc.assert(
    fc.property(body, body, value.filter((it) => !it.includes("\n")), (first, second, to) => {
      const text = ["[a]", ...first, "[b]", ...second].join("\n");
      const wanted = to === "" ? "z" : to.replaceAll("%%", "%");
      const edited = parseIni(
        editSection(text, "a", [{ names: ["port"], to: { name: "port", value: wanted } }]),
      );
      const before = parseIni(text);
      const of = (ini: typeof edited, section: string) =>
        Object.fromEntries(
          ini.sections.find((it) => it.name === section)?.entries.map((
            it,
          ) => [it.name, it.value]) ?? [],
        );
      assert.deepEqual(edited.problems, []);
      assert.deepEqual(of(edited, "a"), { ...of(before, "a"), port: wanted });
      assert.deepEqual(of(edited, "b"), of(before, "b"));
    }),
  );
});
