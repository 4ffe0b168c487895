import assert from "node:assert/strict";

import { parseIni } from "../../../lib/config/ini.ts";
import type { Option } from "../../../lib/config/option_types.ts";
import { OPTIONS } from "../../../lib/config/options.ts";
import { Problems } from "../../../lib/config/problems.ts";
import { readSettings, Settings, warnOfChangedOrder } from "../../../lib/config/settings.ts";
import { parseSize } from "../../../lib/config/units.ts";
import type { Value } from "../../../lib/config/values.ts";
import { readGolden } from "./_fake_environment.ts";
import { everything as options } from "./_load.ts";

interface GoldenConfig {
  readonly text: string;
  readonly sections?: readonly string[];
  readonly parsed?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly error?: string;
}

const configs: Record<string, GoldenConfig> = JSON.parse(readGolden("configs.json"));
const { fields }: { fields: Record<string, { options: string[] }> } = JSON.parse(
  readGolden("options.json"),
);
const base = { home: "/home/me", folder: "/etc" };

function read(text: string, known: readonly Option[] = options) {
  const problems = new Problems("x");
  const ini = parseIni(text);
  for (const problem of ini.problems) problems.error(problem.line, problem.text);
  const context = { options: known, base, problems };
  const globals = readSettings(ini.globals, { ...context, isGlobal: true });
  const sections = ini.sections.map(({ name, entries }) => {
    const own = readSettings(entries, { ...context, isGlobal: false });
    warnOfChangedOrder(own, globals, problems);
    return { name, settings: new Settings(own, globals, context) };
  });
  return { problems, sections };
}

/** Where ours reads something else than 0.7: numbers are numbers, and what 0.7 guessed at is an error. */
const DIFFERENT: Readonly<Record<string, Readonly<Record<string, Value>> | "error">> = {
  refresh_1: { refresh: 1 },
  lock_timeout_1: { "lock timeout": 1 },
  refresh_bad: "error",
  pullers_bad: "error",
  empty_value: "error",
};

for (const [name, { text, sections = [], parsed = {}, error }] of Object.entries(configs)) {
  const different = DIFFERENT[name];
  Deno.test(`the golden text ${name} is read ${different ? "otherwise than" : "as"} by 0.7`, () => {
    const { problems, sections: ours } = read(text);
    const isRefused = error !== undefined ||
      Object.values(parsed).some((values) => "error" in values);
    if (isRefused || different === "error") {
      assert.throws(() => problems.throwIfAny(), { code: "config" });
      return;
    }
    problems.throwIfAny();
    assert.deepEqual(ours.map((section) => section.name), sections);
    for (const section of ours) {
      const expected: Record<string, unknown> = different ?? translate(parsed[section.name] ?? {});
      const given = options.flatMap((option) => {
        const setting = section.settings.given(option.name);
        return setting === undefined ? [] : [[option.name, setting.value]];
      });
      const known = given.filter(([option]) => option !== "priority");
      assert.deepEqual(Object.fromEntries(known), expected);
    }
  });
}

function translate(parsed: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parsed).map(([field, value]) => {
      const option = options.find(({ names }) => names.includes(fields[field]?.options[0] ?? ""));
      assert.ok(option, field);
      return [option.name, translateValue(option, value)];
    }),
  );
}

/** The same value in our form: words for the switches of an option that takes more, bytes, dots. */
function translateValue({ type }: Option, value: unknown): unknown {
  const word = value === true ? "yes" : value === false ? "no" : undefined;
  if (type.kind === "seconds" && word !== undefined) return word === "yes" ? type.whenYes : 0;
  if (type.kind === "choice") return type.synonyms?.[word ?? ""] ?? String(value).toLowerCase();
  if (type.kind === "integer") return Number(value);
  if (type.kind === "size" && Array.isArray(value)) {
    const size = parseSize(value.join(""));
    return "bytes" in size ? size.bytes : size.problem;
  }
  if (type.kind === "list" && type.of === "file types" && Array.isArray(value)) {
    return value.map((item) => `.${String(item).replace(/^\./, "")}`);
  }
  return type.kind === "boolean" ? value : word ?? value;
}

Deno.test("an unknown option is a warning that names the nearest one, not its value", () => {
  const cases: [name: string, nearest: string][] = [
    ["encrypton", "encryption"],
    ["Local Pth", "local path"],
    ["incude", "include"],
    ["passphrase file", "passphrase"],
  ];
  for (const [name, nearest] of cases) {
    const [warning = "", ...others] = read(`[r]\n${name} = s3cret\n`).problems.warnings();
    assert.deepEqual(others, []);
    assert.equal(
      warning,
      `x:2: option "${name.toLowerCase()}" is unknown and not used: the nearest known one is "${nearest}"`,
    );
  }
  const [odd = ""] = read("[r]\nMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n").problems
    .warnings();
  assert.match(odd, /^x:2: the option of this line is unknown/);
});

Deno.test("of two names of one option the first of the table counts, and a warning says so", () => {
  for (
    const text of ["[r]\naddress = a\nhost address = b\n", "[r]\nhost address = b\naddress = a\n"]
  ) {
    const { problems, sections } = read(text);
    assert.equal(sections[0]?.settings.text("host address"), "b");
    assert.match(problems.warnings().join("\n"), /"address" is not used, since "host address" in/);
  }
});

Deno.test("a section's option replaces the global one, whatever its name", () => {
  const { problems, sections } = read("host address = a\nmode = upload\n[r]\naddress = b\n[s]\n");
  assert.equal(sections[0]?.settings.text("host address"), "b");
  assert.equal(sections[1]?.settings.text("host address"), "a");
  assert.deepEqual(problems.warnings(), [
    'x:4: option "address" replaces "host address" of line 1, which Escale 0.7 preferred',
  ]);
  assert.deepEqual(read("address = a\n[r]\nhost address = b\n").problems.warnings(), []);
});

Deno.test("what is not built yet is refused by name and value, and its other values are not", () => {
  const refused: [line: string, message: RegExp][] = [
    ["encryption = blowfish.blowfish", /option "encryption" is "blowfish.blowfish"/],
    ["min split size = 0", /option "min split size" is "0": files are not split/],
    ["split = 5", /option "split" is "5"/],
  ];
  for (const [line, message] of refused) {
    const { problems } = read(`[r]\n${line}\n`, OPTIONS);
    assert.throws(() => problems.throwIfAny(), { code: "config", message }, line);
  }
  const accepted = [
    ...[
      "index = no",
      "compact = 0",
      "protocol = FILE",
      "protocol = webdav",
      "protocol = dropbox",
      "protocol = googledrive",
      "encryption = native",
      "encryption = plain",
      "encryption = on",
    ],
    ...["encryption = fernet", "encryption = off", "encryption = no"],
  ];
  for (const line of accepted) {
    read(`[r]\n${line}\n`, OPTIONS).problems.throwIfAny();
  }
});
