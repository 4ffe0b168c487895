import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";
import type { IniEntry } from "./ini.ts";
import { showOption } from "./ini.ts";
import type { Option, OptionName } from "./option_types.ts";
import type { Problems } from "./problems.ts";
import { parseValue, type PathBase, type Value } from "./values.ts";

/** An option that stands in the file. */
export interface Setting {
  readonly option: Option;
  /** The name it was written under. */
  readonly writtenName: string;
  readonly line: number;
  /** `undefined` if it was wrong, which is reported already. */
  readonly value: Value | undefined;
}

/** What reading settings needs. */
export interface SettingsContext {
  readonly options: readonly Option[];
  readonly base: PathBase;
  readonly problems: Problems;
}

/** The options of one place: those of a section, or the global ones. */
export type SettingMap = ReadonlyMap<OptionName, Setting>;

/** Reads the options of one place, reporting what is unknown, misplaced, wrong or not available. */
export function readSettings(
  entries: readonly IniEntry[],
  { isGlobal, ...context }: SettingsContext & { readonly isGlobal: boolean },
): SettingMap {
  const settings = new Map<OptionName, Setting>();
  for (const entry of entries) {
    const option = context.options.find(({ names }) => names.includes(entry.name));
    if (option === undefined) {
      context.problems.warn(entry.line, describeUnknown(entry.name, context.options));
      continue;
    }
    if (option.scope === "global" && !isGlobal) {
      const detail = "is for all clients: should stand before the first section";
      context.problems.error(entry.line, `option "${entry.name}" ${detail}`);
    }
    const setting = readSetting(entry, option, context);
    const other = settings.get(option.name);
    settings.set(option.name, other === undefined ? setting : preferred(setting, other, context));
  }
  return settings;
}

/** The options of a section over the global ones over the defaults. */
export class Settings {
  readonly #own: SettingMap;
  readonly #globals: SettingMap;
  readonly #defaults: ReadonlyMap<OptionName, Value>;

  constructor(own: SettingMap, globals: SettingMap, context: SettingsContext) {
    this.#own = own;
    this.#globals = globals;
    this.#defaults = new Map(context.options.flatMap((option) => {
      if (option.default === undefined) return [];
      const parsed = parseValue(option.type, option.default, context.base);
      if ("value" in parsed) return [[option.name, parsed.value]];
      throw new EscaleError("internal", `The default of option "${option.name}" is wrong`);
    }));
  }

  /** The option as it stands in the file, in the section or before it. */
  given(name: OptionName): Setting | undefined {
    return this.#own.get(name) ?? this.#globals.get(name);
  }

  /** Whether the option stands in the section itself. */
  isOwn(name: OptionName): boolean {
    return this.#own.has(name);
  }

  /** Whether the option stands in the file and is wrong. */
  isBroken(name: OptionName): boolean {
    const setting = this.given(name);
    return setting !== undefined && setting.value === undefined;
  }

  flag(name: OptionName): boolean {
    return this.#value(name) === true;
  }

  /** The number of an option that has a default. */
  number(name: OptionName): number {
    const value = this.numberIfAny(name);
    if (value !== undefined) return value;
    throw new EscaleError("internal", `Option "${name}" has no default number`);
  }

  numberIfAny(name: OptionName): number | undefined {
    const value = this.#value(name);
    return typeof value === "number" ? value : undefined;
  }

  text(name: OptionName): string | undefined {
    const value = this.#value(name);
    return typeof value === "string" ? value : undefined;
  }

  /** The text of an option, if it is one of `values`. */
  oneOf<T extends string>(values: readonly T[], name: OptionName): T | undefined {
    const text = this.text(name);
    return values.find((value) => value === text);
  }

  list(name: OptionName): readonly string[] {
    const value = this.#value(name);
    return typeof value === "object" ? value : [];
  }

  #value(name: OptionName): Value | undefined {
    return this.given(name)?.value ?? this.#defaults.get(name);
  }
}

/** Tells of options of a section that 0.7, which knew one order of names for both places, took from the other. */
export function warnOfChangedOrder(own: SettingMap, globals: SettingMap, problems: Problems): void {
  for (const setting of own.values()) {
    const other = globals.get(setting.option.name);
    if (other === undefined || rank(setting) <= rank(other)) continue;
    const detail =
      `replaces "${other.writtenName}" of line ${other.line}, which Escale 0.7 preferred`;
    problems.warn(setting.line, `option "${setting.writtenName}" ${detail}`);
  }
}

function readSetting(entry: IniEntry, option: Option, context: SettingsContext): Setting {
  const { problems, base } = context;
  const parsed = parseValue(option.type, entry.value, base);
  const value = "value" in parsed ? parsed.value : undefined;
  const described = describeSetting(entry, option);
  if ("problem" in parsed) problems.error(entry.line, `${described}: ${parsed.problem}`);
  const refusal = value === undefined ? undefined : whyUnavailable(option, value);
  if (refusal !== undefined) problems.error(entry.line, `${described}: ${refusal}`);
  const isUsable = refusal === undefined;
  return {
    option,
    writtenName: entry.name,
    line: entry.line,
    value: isUsable ? value : undefined,
  };
}

/** Why this value of an option cannot be used yet, or `undefined` if it can. */
export function whyUnavailable({ availability }: Option, value: Value): string | undefined {
  if (availability.kind === "available") return undefined;
  return availability.except.includes(String(value)) ? undefined : availability.why;
}

/** Names an option and, unless it may be secret, its value. */
function describeSetting({ name, value }: IniEntry, { type }: Option): string {
  if (value === "") return `option "${name}" has no value`;
  // An address may have a password in it.
  if (type.kind === "secret" || type.kind === "address") return `option "${name}"`;
  // A second line was perhaps meant to be an option of its own, even a secret one.
  const [first = ""] = value.split("\n");
  return `option "${name}" is "${printable(first)}"`;
}

function preferred(a: Setting, b: Setting, { problems }: SettingsContext): Setting {
  const [kept, dropped] = rank(a) < rank(b) ? [a, b] : [b, a];
  const detail = `since "${kept.writtenName}" in line ${kept.line} names the same option`;
  problems.warn(dropped.line, `option "${dropped.writtenName}" is not used, ${detail}`);
  return kept;
}

function rank({ option, writtenName }: Setting): number {
  return option.names.indexOf(writtenName);
}

function describeUnknown(name: string, options: readonly Option[]): string {
  const start = name.slice(0, 64);
  const known = options.flatMap((option) => option.names)
    .map((candidate) => ({ candidate, distance: editDistance(start, candidate) }));
  const nearest = known.reduce((best, other) => other.distance < best.distance ? other : best);
  return `${
    showOption(name)
  } is unknown and not used: the nearest known one is "${nearest.candidate}"`;
}

/** How many units must be put in, taken out or replaced to make `b` of `a`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
