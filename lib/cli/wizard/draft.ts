import { dirname, join, resolve } from "node:path";

import { editSection, type OptionEdit } from "../../config/edit.ts";
import type { Environment } from "../../config/environment.ts";
import { type IniEntry, parseIni } from "../../config/ini.ts";
import { parseConfiguration } from "../../config/load.ts";
import { withParagraph } from "../../config/merge.ts";
import type { Option, OptionName } from "../../config/option_types.ts";
import { OPTIONS } from "../../config/options.ts";
import { Problems } from "../../config/problems.ts";
import type { Configuration, Section } from "../../config/section.ts";
import { whyUnavailable } from "../../config/settings.ts";
import { parseValue } from "../../config/values.ts";

/** A configuration file as it is to be; nothing is written before it is complete. */
export class Draft {
  /** Where it is to stand, absolute. */
  readonly file: string;
  /** What stood there; `undefined` if there is no such file. */
  readonly before: string | undefined;
  text: string;
  /** New files with secrets, by absolute path. */
  readonly secrets: Map<string, Uint8Array> = new Map();
  readonly #environment: Environment;

  /** @throws {EscaleError} `config` if the text cannot be taken apart */
  constructor(file: string, before: string | undefined, environment: Environment) {
    this.file = resolve(file);
    this.before = before;
    this.text = before ?? "";
    this.#environment = environment;
    const problems = new Problems(this.file);
    for (const { line, text } of parseIni(this.text).problems) problems.error(line, text);
    problems.throwIfAny();
  }

  get folder(): string {
    return dirname(this.file);
  }

  get home(): string {
    return this.#environment.home;
  }

  /** The machine with the new secrets in their places. */
  get environment(): Environment {
    const { secrets } = this;
    const real = this.#environment;
    return {
      ...real,
      isFile: (path) => secrets.has(path) || real.isFile(path),
      readFile: (path) => secrets.get(path) ?? real.readFile(path),
      fileMode: (path) => secrets.has(path) || path === this.file ? 0o600 : real.fileMode(path),
    };
  }

  sections(): readonly string[] {
    return parseIni(this.text).sections.map(({ name }) => name);
  }

  addSection(name: string): void {
    this.text = withParagraph(this.text, `[${name}]\n`);
  }

  /** An option of a section as it is written there or for all; `undefined` if it is not. */
  given(section: string, name: OptionName): string | undefined {
    const { own, globals } = this.#entries(section);
    const names = optionOf(name).names;
    return firstOf(names, own)?.value ?? firstOf(names, globals)?.value;
  }

  /** An option as {@linkcode given}, or its default. */
  effective(section: string, name: OptionName): string | undefined {
    return this.given(section, name) ?? optionOf(name).default;
  }

  /** Writes an option, unless it is so already; `undefined` removes it. */
  set(section: string, name: OptionName, value: string | undefined): void {
    const { names } = optionOf(name);
    const own = firstOf(names, this.#entries(section).own);
    if (value === undefined) {
      if (own !== undefined) this.edit(section, [{ names }]);
      return;
    }
    if (own?.value === value) return;
    if (own === undefined && this.effective(section, name) === value) return;
    this.edit(section, [{ names, to: { name: own?.name ?? name, value } }]);
  }

  edit(section: string, edits: readonly OptionEdit[]): void {
    this.text = editSection(this.text, section, edits);
  }

  /** What is wrong with a value of an option, as `should be a number`; `undefined` if nothing is. */
  whyNot(name: OptionName, value: string): string | undefined {
    const option = optionOf(name);
    const parsed = parseValue(option.type, value, { home: this.home, folder: this.folder });
    return "problem" in parsed ? parsed.problem : whyUnavailable(option, parsed.value);
  }

  /** The whole, checked. @throws {EscaleError} `config` */
  load(): Configuration {
    return parseConfiguration(this.text, { file: this.file, environment: this.environment });
  }

  /** A section with only some of its options, for what can be tried before all are known. @throws {EscaleError} `config` */
  part(section: string, names: readonly OptionName[]): Section | undefined {
    const lines = names.flatMap((name) => {
      const value = this.given(section, name);
      return value === undefined ? [] : [`${name} = ${escaped(value)}`];
    });
    const text = ["[part]", "client name = trial", "legacy peers = no", ...lines, ""].join("\n");
    const { file, environment } = this;
    return parseConfiguration(text, { file, environment }).sections[0];
  }

  /** Notes a secret that is to have a file of its own in the configuration's folder; returns how to write its path. */
  addSecret(name: string, text: string): string {
    let path = join(this.folder, name);
    for (let at = 2; this.environment.isFile(path); at++) path = join(this.folder, `${name}.${at}`);
    this.secrets.set(path, new TextEncoder().encode(text));
    return this.shown(path);
  }

  /** A path as it is written in the file and shown: below the home folder with `~`. */
  shown(path: string): string {
    const inside = `${this.home}/`;
    return path.startsWith(inside) ? `~/${path.slice(inside.length)}` : path;
  }

  #entries(section: string): {
    readonly own: readonly IniEntry[];
    readonly globals: readonly IniEntry[];
  } {
    const { sections, globals } = parseIni(this.text);
    return { own: sections.find(({ name }) => name === section)?.entries ?? [], globals };
  }
}

/** The row of an option. */
export function optionOf(wanted: OptionName): Option {
  const option = OPTIONS.find(({ name }) => name === wanted);
  if (option === undefined) throw new Error(`There is no option "${wanted}"`);
  return option;
}

function firstOf(names: readonly string[], entries: readonly IniEntry[]): IniEntry | undefined {
  const name = names.find((it) => entries.some((entry) => entry.name === it));
  return entries.find((entry) => entry.name === name);
}

function escaped(value: string): string {
  return value.replaceAll("%", "%%").replaceAll("\n", "\n  ");
}
