import assert from "node:assert/strict";
import { isTemporaryName, temporaryName, whyNotFileName } from "../../../backends/file/_names.ts";

Deno.test("temporaryName() gives new names that are known again", () => {
  const names = Array.from({ length: 100 }, temporaryName);
  assert.equal(new Set(names).size, 100);
  for (const it of names) assert.ok(isTemporaryName(it), it);
});

Deno.test("temporaryName() gives names that no client of the relay looks at", () => {
  assert.match(temporaryName(), /^\./);
  assert.doesNotMatch(temporaryName(), /\.(lock|placeholder|message|index|data)$/);
});

Deno.test("isTemporaryName() knows nothing else", () => {
  const others = [
    ".escale-0123456789abcdef.tmp.lock",
    ".escale-0123456789ABCDEF.tmp",
    ".escale-0123456789abcde.tmp",
    "x.escale-0123456789abcdef.tmp",
    ".escale-0123456789abcdef.tmp\n",
  ];
  for (const it of others) assert.equal(isTemporaryName(it), false, it);
});

Deno.test("whyNotFileName() refuses on Windows what leaves the folder or changes its name", () => {
  const refused = [
    "a\\b",
    "..\\..\\b",
    "d/a\\..\\b",
    "c:x",
    "file:stream",
    "trailing.",
    "trailing ",
    "... /x",
    "CON",
    "nul.txt",
    "nul .txt",
    "conout$",
    "d/com1",
    "lpt9.tar.gz",
    "what?",
    "star*",
    'quo"te',
    "less<",
    "pipe|",
    "tab\t",
  ];
  for (const it of refused) {
    assert.notEqual(whyNotFileName(it, true), undefined, it);
    assert.equal(whyNotFileName(it, false), undefined, it);
  }
});

Deno.test("whyNotFileName() takes other names on Windows too", () => {
  for (const it of ["a", "d/.a.lock", "console", "common", "a b.c", "com10", "\u00e4/%20#[x]"]) {
    assert.equal(whyNotFileName(it, true), undefined, it);
  }
});

Deno.test("whyNotFileName() refuses temporary names in any part", () => {
  const part = temporaryName();
  for (const it of [part, `d/${part}`, `${part}/f`]) {
    for (const windows of [true, false]) assert.notEqual(whyNotFileName(it, windows), undefined);
  }
});
