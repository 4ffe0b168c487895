import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";
import { editSection, sectionText } from "./edit.ts";
import { type IniEntry, type IniText, parseIni } from "./ini.ts";
import type { Option } from "./option_types.ts";
import { OPTIONS } from "./options.ts";
import { Problems } from "./problems.ts";

/** A configuration file with the sections of another one behind its own. */
export interface MergedText {
  readonly text: string;
  /** The sections that came, in their order. */
  readonly sections: readonly string[];
  /** The names of options for all clients of the other file, which were left out. */
  readonly leftOut: readonly string[];
}

/**
 * The text of a configuration file with the sections of another one, comments included, added. What the other file says
 * for all its sections is written into each of them.
 *
 * @throws {EscaleError} `config` if the other text, which stands in `file`, is wrong or has no section, or if a section
 * stands in both
 */
export function mergeSections(text: string, other: string, file: string): MergedText {
  const ini = readIni(other, file);
  const own = parseIni(text).sections.map(({ name }) => name);
  const clash = ini.sections.find(({ name }) => own.includes(name));
  if (clash !== undefined) {
    throw new EscaleError(
      "config",
      `Cannot take section "${printable(clash.name)}" from "${printable(file)}": ` +
        "there is one of that name already",
      { hint: "Give one of the two another name; nothing was changed" },
    );
  }
  const common = ini.globals.filter((entry) => optionOf(entry)?.scope !== "global");
  let merged = text;
  for (const { name, entries } of ini.sections) {
    const added = common.filter((entry) => !entries.some((it) => isSame(it, entry)));
    const section = editSection(
      sectionText(other, name),
      name,
      added.map((entry) => ({
        names: namesOf(entry),
        to: { name: entry.name, value: entry.value.replaceAll("\n", "\n  ") },
      })),
    );
    merged = withParagraph(merged, section.replace(/(?<!\s)\s*\n$/, "\n"));
  }
  return {
    text: merged,
    sections: ini.sections.map(({ name }) => name),
    leftOut: ini.globals.filter((entry) => !common.includes(entry)).map(({ name }) => name),
  };
}

/** `text` with `added` behind it, a blank line between them. */
export function withParagraph(text: string, added: string): string {
  if (text === "") return added;
  const ended = /[\r\n]$/.test(text) ? text : `${text}\n`;
  return /(?:\r\n|\n|\r)\s*(?:\r\n|\n|\r)$/.test(ended) ? ended + added : `${ended}\n${added}`;
}

function readIni(text: string, file: string): IniText {
  const ini = parseIni(text);
  const problems = new Problems(file);
  for (const { line, text } of ini.problems) problems.error(line, text);
  if (ini.sections.length === 0) problems.error(1, "the file has no section to take over");
  problems.throwIfAny();
  return ini;
}

function optionOf({ name }: IniEntry): Option | undefined {
  return OPTIONS.find(({ names }) => names.includes(name));
}

function namesOf(entry: IniEntry): readonly string[] {
  return optionOf(entry)?.names ?? [entry.name];
}

function isSame(a: IniEntry, b: IniEntry): boolean {
  return namesOf(a).includes(b.name);
}
