/**
 * Writes the generated parts of the README anew: `deno task docs`. `tests/docs_test.ts` fails while they differ.
 */
import type { Option } from "../lib/config/option_types.ts";
import { OPTIONS } from "../lib/config/options.ts";
import { describeType } from "../lib/config/values.ts";

const BEGIN = '<!-- options: begin (written by "deno task docs") -->\n';
const END = "<!-- options: end -->\n";

/** The README with its generated parts as they should be. */
export function withGeneratedParts(readme: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new Error("The README has lost its marks for the option table");
  }
  return `${readme.slice(0, begin + BEGIN.length)}\n${optionTable()}\n${readme.slice(end)}`;
}

function optionTable(): string {
  const rows = OPTIONS.map((option) =>
    `| ${nameCell(option)} | ${escape(option.help)} | ${escape(valueCell(option))} |`
  );
  return ["| option | meaning | value |", "| --- | --- | --- |", ...rows, ""].join("\n");
}

function nameCell({ name, names, scope }: Option): string {
  const others = names.filter((other) => other !== name).map((other) => `\`${other}\``);
  const also = others.length === 0 ? "" : `<br>also ${others.join(", ")}`;
  return `\`${name}\`${scope === "global" ? " (global)" : ""}${also}`;
}

function valueCell({ type, default: byDefault, availability }: Option): string {
  const given = byDefault === undefined ? "" : `; default ${byDefault}`;
  const lack = availability.kind === "available" ? "" : `; ${availability.why}`;
  return describeType(type) + given + lack;
}

function escape(text: string): string {
  return text.replaceAll("|", "\\|");
}

if (import.meta.main) {
  const file = new URL("../README.md", import.meta.url);
  Deno.writeTextFileSync(file, withGeneratedParts(Deno.readTextFileSync(file)));
}
