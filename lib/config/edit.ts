import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";

/** What an option of a section is to be. */
export interface OptionEdit {
  /** All names that the option may be written under, in lower case. */
  readonly names: readonly string[];
  /** The name and the value to write; absent: the option goes. */
  readonly to?: { readonly name: string; readonly value: string };
}

/** A line with its end, and what it belongs to. */
interface Line {
  readonly text: string;
  readonly end: string;
  readonly section: string | undefined;
  /** The option, of whose value it is the first line or a further one; neither for comments and blank lines. */
  readonly option: string | undefined;
  readonly isFirst: boolean;
}

/**
 * The text of a configuration file with options of one section changed and every other byte as it was: comments, blank
 * lines, order and line ends. An option that is new stands behind the last one of its section. The text is one that
 * `parseIni` has no problem with.
 *
 * @throws {EscaleError} `config` if there is no such section
 */
export function editSection(text: string, section: string, edits: readonly OptionEdit[]): string {
  const lines = readLines(text);
  const header = lines.findLastIndex((line) => line.section === section && isHeader(line));
  if (header < 0) {
    throw new EscaleError("config", `Cannot change section "${printable(section)}": there is none`);
  }
  const last = lines.findLastIndex((line) => line.section === section && line.option !== undefined);
  const lineEnd = lines[header]?.end || "\n";
  const written = new Set<OptionEdit>();
  const result: string[] = [];
  for (const [at, line] of lines.entries()) {
    const edit = line.section === section
      ? edits.find(({ names }) => line.option !== undefined && names.includes(line.option))
      : undefined;
    if (edit === undefined) result.push(line.text + line.end);
    else if (line.isFirst && edit.to !== undefined && !written.has(edit)) {
      written.add(edit);
      const indent = /^\s*/.exec(line.text)?.[0] ?? "";
      result.push(`${indent}${lineOf(edit.to)}${line.end || lineEnd}`);
    }
    if (at !== Math.max(last, header)) continue;
    const added = edits.flatMap((it) => it.to && !isWritten(it, { lines, section }) ? [it.to] : []);
    const before = result.at(-1);
    if (added.length > 0 && before !== undefined && !/[\r\n]$/.test(before)) {
      result[result.length - 1] = before + lineEnd;
    }
    for (const to of added) result.push(lineOf(to) + lineEnd);
  }
  return result.join("");
}

/** The lines of one section, from its header to the next one, comments included; empty if there is none of that name. */
export function sectionText(text: string, section: string): string {
  const lines = readLines(text).filter((line) => line.section === section);
  return lines.map((line) => line.text.replace(/^\uFEFF/, "") + (line.end || "\n")).join("");
}

/** Whether an option stands in the section already, under any of its names. */
function isWritten(
  { names }: OptionEdit,
  { lines, section }: { readonly lines: readonly Line[]; readonly section: string },
): boolean {
  return lines.some((line) =>
    line.section === section && line.option !== undefined && names.includes(line.option)
  );
}

function lineOf({ name, value }: { readonly name: string; readonly value: string }): string {
  return `${name} = ${value.replaceAll("%", "%%")}`;
}

function isHeader({ text }: Line): boolean {
  return text.replace(/^\uFEFF/, "").trim().startsWith("[");
}

/** Cuts the text into lines, by the rules of `parseIni`. */
function readLines(text: string): Line[] {
  const lines: Line[] = [];
  let section: string | undefined;
  let option: string | undefined;
  let indent = 0;
  for (const [, body = "", end = ""] of text.matchAll(/([^\r\n]*)(\r\n|\n|\r|$)/g)) {
    if (body === "" && end === "") continue;
    const plain = body.replace(/^\uFEFF/, "");
    const trimmed = plain.trim();
    if (trimmed === "" || trimmed.startsWith("#") || trimmed.startsWith(";")) {
      lines.push({ text: body, end, section, option: undefined, isFirst: false });
      continue;
    }
    const here = plain.search(/\S/);
    if (option !== undefined && here > indent) {
      lines.push({ text: body, end, section, option, isFirst: false });
      continue;
    }
    indent = here;
    if (trimmed.startsWith("[")) {
      option = undefined;
      section = /^\[(.+)\]$/.exec(trimmed)?.[1];
      lines.push({ text: body, end, section, option, isFirst: false });
      continue;
    }
    option = /^([^=:]*?)\s*[=:]/.exec(trimmed)?.[1]?.toLowerCase();
    lines.push({ text: body, end, section, option, isFirst: true });
  }
  return lines;
}
