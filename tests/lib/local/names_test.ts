import assert from "node:assert/strict";
import { twinOf, whyNotHere } from "../../../lib/local/names.ts";
import { path } from "./_tree.ts";

Deno.test("whyNotHere() refuses what Windows gives another meaning", () => {
  const names = [
    "a\\b",
    "a:b",
    "a/b:c",
    'a"',
    "a?",
    "a*",
    "a\u0001",
    "a.",
    "a ",
    "d /x",
    "con",
    "Aux.txt",
    "COM1",
    "lpt9.x",
    "COM¹.x",
    "aux .tar.gz",
    "conin$",
    "CONOUT$.txt",
    "d/prn/x",
    "nul",
    "a<b",
    "a>b",
    "a|b",
    "\u007f ",
  ];
  for (const name of names) {
    assert.notEqual(whyNotHere(path(name), "windows"), undefined, name);
    assert.equal(whyNotHere(path(name), "linux"), undefined, name);
  }
  for (
    const name of [
      "a.b",
      "console",
      "com",
      "com10",
      "a b",
      "été",
      "con x.txt",
      "xcon.txt",
      "d.e/f",
      "x~1.txt",
    ]
  ) {
    assert.equal(whyNotHere(path(name), "windows"), undefined, name);
  }
});

/** A file system that folds names, holding these. */
function folding(...held: string[]) {
  const fold = (text: string) => text.normalize("NFC").toLowerCase();
  return {
    exists: (path: string) => held.some((name) => fold(`${name}/`).startsWith(fold(`${path}/`))),
    list: (folder: string) =>
      held.filter((name) => folder === "" || fold(name).startsWith(`${fold(folder)}/`))
        .map((name) => name.slice(folder === "" ? 0 : folder.length + 1).split("/")[0] ?? ""),
  };
}

Deno.test("twinOf() takes what goes by a name that is listed nowhere for another file", () => {
  const look = {
    exists: (path: string) => path === "d" || path === "d/LONGNA~1.TXT",
    list: (folder: string) => folder === "" ? ["d"] : ["longname of a file.txt"],
  };
  assert.equal(twinOf("d/LONGNA~1.TXT", look), "d/LONGNA~1.TXT");
  assert.equal(twinOf("d/LONGNA~2.TXT", look), undefined);
  let looks = 0;
  const leaving = { exists: () => looks++ === 0, list: () => [] };
  assert.equal(twinOf("a.txt", leaving), undefined, "it was removed meanwhile");
});

Deno.test("twinOf() finds names that differ in case or Unicode form", () => {
  const look = folding("a.txt", "Sub/deep/b.txt", "e\u0301t\u00e9");
  for (
    const [name, twin] of [
      ["a.txt", undefined],
      ["A.txt", "a.txt"],
      ["b.txt", undefined],
      ["sub/deep/c.txt", "Sub"],
      ["Sub/DEEP/c.txt", "Sub/deep"],
      ["Sub/deep/B.TXT", "Sub/deep/b.txt"],
      ["\u00e9t\u00e9", "e\u0301t\u00e9"],
      ["new/A.txt", undefined],
    ] as const
  ) assert.equal(twinOf(name, look), twin, name);
});
