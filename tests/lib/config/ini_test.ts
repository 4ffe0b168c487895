import assert from "node:assert/strict";

import fc from "fast-check";

import { type IniText, parseIni } from "../../../lib/config/ini.ts";

/** `section.name=value@line` of everything in a text; the globals have no section. */
function flat({ globals, sections }: IniText): string[] {
  return [
    ...globals.map(({ name, value, line }) => `${name}=${value}@${line}`),
    ...sections.flatMap((section) => [
      `[${section.name}]@${section.line}`,
      ...section.entries.map(({ name, value, line }) => `${section.name}.${name}=${value}@${line}`),
    ]),
  ];
}

Deno.test("parseIni() reads what configparser reads", () => {
  const cases: [text: string, expected: string[]][] = [
    ["", []],
    ["a = 1\n[r]\nb: 2\n", ["a=1@1", "[r]@2", "r.b=2@3"]],
    ["[DEFAULT]\na=1\n[r]\n[DEFAULT]\nb=2", ["a=1@2", "b=2@5", "[r]@3"]],
    ["\uFEFF[r]\r\na = 1\r\n", ["[r]@1", "r.a=1@2"]],
    ["[r]\ra=1\r", ["[r]@1", "r.a=1@2"]],
    ["[r]\nLocal PATH = A b \n", ["[r]@1", "r.local path=A b@2"]],
    ["[r]\na = b = c : d\n", ["[r]@1", "r.a=b = c : d@2"]],
    ["[r]\na : b = c\n", ["[r]@1", "r.a=b = c@2"]],
    ["[r]\na = x # y ; z\n", ["[r]@1", "r.a=x # y ; z@2"]],
    ["# c\n ; c\n\n[r]\n", ["[r]@4"]],
    ["[r]\na =\n", ["[r]@1", "r.a=@2"]],
    ["[r]\na = 1\n  2\n\n\t3\n\n", ["[r]@1", "r.a=1\n2\n\n3@2"]],
    ["[r]\na = 1\n# c\n  2\n  # c\n  3\nb = 4", ["[r]@1", "r.a=1\n2\n3@2", "r.b=4@7"]],
    ["[r]\n  a = 1\n  b = 2\n    c = 3\n", ["[r]@1", "r.a=1@2", "r.b=2\nc = 3@3"]],
    ["[r]\na = 1\n  [s]\n", ["[r]@1", "r.a=1\n[s]@2"]],
    ["[my repository]\n[default]\n[a]b]\n", ["[my repository]@1", "[default]@2", "[a]b]@3"]],
    ["[r]\na = 100%%, %%%%\n", ["[r]@1", "r.a=100%, %%@2"]],
    ["[r]\n__proto__ = 1\nconstructor = 2\n", [
      ...["[r]@1", "r.__proto__=1@2", "r.constructor=2@3"],
    ]],
  ];
  for (const [text, expected] of cases) {
    const ini = parseIni(text);
    assert.deepEqual(ini.problems, [], text);
    assert.deepEqual(flat(ini), expected, text);
  }
});

Deno.test("parseIni() reports each problem with its line and goes on", () => {
  const cases: [text: string, problems: [line: number, part: RegExp][]][] = [
    ["[r]\na = 1\nA : 2\n", [[3, /option "A" stands a second time: the first is in line 2/]]],
    ["a = 1\n[DEFAULT]\na = 2\n", [[3, /a second time: the first is in line 1/]]],
    ["[r]\n[s]\n[r]\na = 1\n", [[3, /section "r" stands a second time: the first is in line 1/]]],
    ["[r\n[]\n[s] x\n", [[1, /no section/], [2, /no section/], [3, /no section/]]],
    ["[r]\njust words\n  more = words\n= x\n", [[2, /no option/], [4, /no option/]]],
    ["[r]\na = 5%\nb = %(a)s\nc = %%%\n", [[2, /lone "%"/], [3, /%\(name\)s/], [4, /lone "%"/]]],
  ];
  for (const [text, expected] of cases) {
    const { problems } = parseIni(text);
    assert.deepEqual(problems.map(({ line }) => line), expected.map(([line]) => line), text);
    problems.forEach((problem, i) => assert.match(problem.text, expected[i]?.[1] ?? /^$/));
  }
});

Deno.test("parseIni() never shows a value, not even one that slipped out of its line", () => {
  const secret = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
  const text = `[r]\npassphrase = %${secret}\n${secret}\n${secret}\npass${secret}\n${
    secret.slice(0, -1)
  }\n`;
  const { problems } = parseIni(text);
  assert.ok(problems.length >= 3);
  for (const problem of problems) {
    assert.ok(
      !problem.text.toLowerCase().includes(secret.slice(0, 20).toLowerCase()),
      problem.text,
    );
  }
});

Deno.test("parseIni() reads back what is written by its rules", () => {
  const name = fc.stringMatching(/^[a-z]([a-z ]{0,6}[a-z])?$/);
  const line = fc.stringMatching(/^[!-~]([ -~é]{0,8}[!-~])?$/).filter((text) =>
    !/^[#;]/.test(text)
  );
  const value = fc.array(line, { minLength: 1, maxLength: 3 }).map((lines) => lines.join("\n"));
  const entries = fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 4 });
  const file = fc.uniqueArray(
    fc.tuple(name.filter((text) => text !== "DEFAULT"), entries),
    { selector: ([key]) => key, maxLength: 4 },
  );
  const lineEnd = fc.constantFrom("\n", "\r\n", "\n\n", "\n# comment\n");
  fc.assert(fc.property(entries, file, lineEnd, (globals, sections, end) => {
    const write = (list: [string, string][]) =>
      list.map(([key, text]) =>
        `${key} = ${text.replaceAll("%", "%%").replaceAll("\n", "\n   ")}\n`
      ).join("");
    const text = write(globals) +
      sections.map(([key, list]) => `[${key}]\n${write(list)}`).join("");
    const ini = parseIni(end === "\n\n" ? text : text.replaceAll("\n", end));
    assert.deepEqual(ini.problems, []);
    const read = (list: readonly { name: string; value: string }[]) =>
      list.map((entry) => [entry.name, entry.value]);
    assert.deepEqual(read(ini.globals), globals);
    assert.deepEqual(
      ini.sections.map((section) => [section.name, read(section.entries)]),
      sections,
    );
  }));
});
