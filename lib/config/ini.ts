import { printable } from "../path.ts";

/** One option as written: its name in lower case, its value with `%%` read as `%`, lines of it joined by newlines. */
export interface IniEntry {
  readonly name: string;
  readonly value: string;
  /** Where it starts; the first line is 1. */
  readonly line: number;
}

/** A `[section]` and its options in their order. */
export interface IniSection {
  readonly name: string;
  readonly line: number;
  readonly entries: readonly IniEntry[];
}

/** What is wrong with the text, and where. Never shows a value, since any may be secret. */
export interface IniProblem {
  readonly line: number;
  readonly text: string;
}

/** A configuration text taken apart. */
export interface IniText {
  /** The options before the first section and those of `[DEFAULT]`. */
  readonly globals: readonly IniEntry[];
  readonly sections: readonly IniSection[];
  readonly problems: readonly IniProblem[];
}

/** The section that Python's configparser takes common options from. */
const GLOBAL_SECTION = "DEFAULT";

/**
 * Takes a configuration text apart by the rules of Python's configparser, which 0.7 files are written for.
 *
 * Our own reader, since the INI packages know no line numbers, no continuation lines and no duplicates.
 *
 * Name and value stand at both sides of the first `=` or `:`. A line that is indented deeper than its option goes on
 * with the value. `#` and `;` start a comment only at the start of a line. `%%` is `%`; another `%` is a problem. A
 * byte order mark is skipped; every kind of line end counts.
 */
export function parseIni(text: string): IniText {
  const reader = new Reader();
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
  lines.forEach((line, i) => reader.take(line, i + 1));
  return reader.finish();
}

/** How a message names an option. What is not made of words may be a secret that slipped out of its line. */
export function showOption(name: string): string {
  return /^[a-z][a-z _-]{0,31}$/i.test(name) ? `option "${name}"` : "the option of this line";
}

interface OpenEntry {
  readonly name: string;
  readonly lines: string[];
  readonly line: number;
}

interface OpenSection {
  readonly name: string;
  readonly line: number;
  readonly entries: OpenEntry[];
}

class Reader {
  readonly #globals: OpenSection = { name: GLOBAL_SECTION, line: 1, entries: [] };
  readonly #sections: OpenSection[] = [];
  readonly #problems: IniProblem[] = [];
  #section = this.#globals;
  #entry: OpenEntry | undefined;
  #indent = 0;

  take(text: string, line: number): void {
    const trimmed = text.trim();
    if (trimmed.startsWith("#") || trimmed.startsWith(";")) return;
    if (trimmed === "") {
      this.#entry?.lines.push("");
      return;
    }
    const indent = text.search(/\S/);
    if (this.#entry !== undefined && indent > this.#indent) {
      this.#entry.lines.push(trimmed);
      return;
    }
    this.#indent = indent;
    this.#entry = undefined;
    if (trimmed.startsWith("[")) this.#openSection(trimmed, line);
    else this.#openEntry(trimmed, line);
  }

  finish(): IniText {
    return {
      globals: this.#close(this.#globals).entries,
      sections: this.#sections.map((section) => this.#close(section)),
      problems: this.#problems.toSorted((a, b) => a.line - b.line),
    };
  }

  #openSection(text: string, line: number): void {
    const name = /^\[(.+)\]$/.exec(text)?.[1];
    if (name === GLOBAL_SECTION) {
      this.#section = this.#globals;
      return;
    }
    this.#section = { name: name ?? "", line, entries: [] };
    const former = this.#sections.find((section) => section.name === name);
    if (name === undefined) {
      this.#problem(line, 'the line starts with "[" but is no section: should be "[name]"');
    } else if (former !== undefined) {
      const detail = `the first is in line ${former.line}`;
      this.#problem(line, `section "${printable(name)}" stands a second time: ${detail}`);
    } else {
      this.#sections.push(this.#section);
    }
  }

  #openEntry(text: string, line: number): void {
    const sign = text.search(/[=:]/);
    const name = text.slice(0, Math.max(0, sign)).trimEnd();
    const value = text.slice(sign + 1).trimStart();
    if (name === "") {
      this.#problem(line, 'the line is no option: should be "name = value"');
      // What is indented below belongs to it and is no option of its own.
      this.#entry = { name: "", lines: [], line };
      return;
    }
    this.#entry = { name: name.toLowerCase(), lines: [value], line };
    const former = this.#section.entries.find((entry) => entry.name === this.#entry?.name);
    if (former === undefined) {
      this.#section.entries.push(this.#entry);
    } else {
      const detail = `the first is in line ${former.line}`;
      this.#problem(line, `${showOption(name)} stands a second time: ${detail}`);
    }
  }

  #close({ name, line, entries }: OpenSection): IniSection {
    return { name, line, entries: entries.map((entry) => this.#closeEntry(entry)) };
  }

  #closeEntry({ name, lines, line }: OpenEntry): IniEntry {
    const value = lines.join("\n").trimEnd();
    if (/%(?!%)/.test(value.replaceAll("%%", ""))) {
      const detail = 'should be "%%"; references such as "%(name)s" are not followed';
      this.#problem(line, `${showOption(name)} has a lone "%": ${detail}`);
    }
    return { name, value: value.replaceAll("%%", "%"), line };
  }

  #problem(line: number, text: string): void {
    this.#problems.push({ line, text });
  }
}
