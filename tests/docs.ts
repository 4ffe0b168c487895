/**
 * Writes the generated parts of the README anew: `deno task docs`. `tests/docs_test.ts` fails while they differ.
 */
import type { Command } from "commander";

import { openBackend } from "../backends/mod.ts";
import configuration from "../deno.json" with { type: "json" };
import { ctlProgram } from "../lib/cli/commands/ctl_table.ts";
import { Ctl } from "../lib/cli/ctl.ts";
import { escaleProgram } from "../lib/cli/flags.ts";
import type { Option } from "../lib/config/option_types.ts";
import { OPTIONS } from "../lib/config/options.ts";
import { describeType } from "../lib/config/values.ts";
import { permissionRows } from "./permissions.ts";

/** What stands between the marks of each name. */
const PARTS: Readonly<Record<string, () => string>> = {
  flags: flagTable,
  commands: commandTable,
  permissions: () => table(["permission", "of", "why"], permissionRows(configuration.tasks)),
  options: optionTable,
};

/** The README with its generated parts as they should be. @throws {Error} if marks are missing */
export function withGeneratedParts(readme: string): string {
  return Object.entries(PARTS).reduce((text, [name, make]) => {
    const begin = `<!-- ${name}: begin (written by "deno task docs") -->\n`;
    const end = `<!-- ${name}: end -->\n`;
    const [start, stop] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
    if (start < begin.length || stop < start) {
      throw new Error(`The README has lost its marks for "${name}"`);
    }
    return `${text.slice(0, start)}\n${make()}\n${text.slice(stop)}`;
  }, readme);
}

function optionTable(): string {
  const rows = OPTIONS.map((option) => [nameCell(option), option.help, valueCell(option)]);
  return table(["option", "meaning", "value"], rows);
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

function flagTable(): string {
  const rows = escaleProgram("").options.filter(({ hidden }) => !hidden)
    .map(({ flags, description }) => [`\`${flags}\``, description]);
  return table(["flag", "meaning"], rows);
}

function commandTable(): string {
  const output = { out() {}, err() {}, isTerminal: false, hasColor: false, columns: () => 80 };
  const program = { version: "", openBackend, escale: ["escale"] } as const;
  const ctl = new Ctl(program, { output, signal: new AbortController().signal });
  return table(["command", "what it does"], ctlProgram(ctl).commands.map(commandRow));
}

/** Options that each command has are told before the table. */
function commandRow(command: Command): string[] {
  const words = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  const notes = [
    ...command.registeredArguments.map((it) => [it.name(), it.description]),
    ...command.options.filter(({ long, hidden }) =>
      !hidden && long !== "--config" && long !== "--json"
    ).map(({ flags, description }) => [flags, description]),
  ].map(([name, text]) => `<br>\`${name}\`: ${text}`);
  return [`\`${[command.name(), ...words].join(" ")}\``, command.description() + notes.join("")];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line), ""].join("\n");
}

if (import.meta.main) {
  const file = new URL("../README.md", import.meta.url);
  Deno.writeTextFileSync(file, withGeneratedParts(Deno.readTextFileSync(file)));
}
