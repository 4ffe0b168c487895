import { isAbsolute, join, resolve } from "node:path";

import { messageOf } from "../errors.ts";
import { compilePattern, parseFileTypes } from "../pattern.ts";
import { whyNotClientName } from "./client_name.ts";
import { findHash } from "./hash.ts";
import type { ChoiceType, OptionType, SecondsType } from "./option_types.ts";
import { parseSize } from "./units.ts";

/**
 * The value of an option. Seconds, sizes (in bytes) and integers are numbers, lists are lists; `index`, `hash` and
 * `time format` keep `yes` and `no` as words; the rest is text.
 */
export type Value = boolean | number | string | readonly string[];

/** A value, or what the text should have been, to follow after `option "x" is "y": `. */
export type Parsed = { readonly value: Value } | { readonly problem: string };

/** Where paths start. */
export interface PathBase {
  /** What `~` stands for, an absolute path. */
  readonly home: string;
  /** The folder of the configuration file, absolute. */
  readonly folder: string;
}

/** Reads the text of an option. Secrets are not resolved: their value is the text itself. */
export function parseValue(type: OptionType, text: string, base: PathBase): Parsed {
  if (type.kind === "list") return parseList(type.of, text);
  if (text === "") return { problem: `should be ${describeType(type)}` };
  if (type.kind === "secret") return { value: text };
  if (text.includes("\n")) return { problem: "goes on in an indented line: should be one line" };
  switch (type.kind) {
    case "boolean":
      return orProblem(type, parseBoolean(text));
    case "integer": {
      const value = /^\d+$/.test(text) ? Number(text) : NaN;
      return orProblem(type, value >= type.min && value <= type.max ? value : undefined);
    }
    case "seconds":
      return orProblem(type, parseSeconds(type, text));
    case "size": {
      const size = parseSize(text);
      return "bytes" in size ? { value: size.bytes } : size;
    }
    case "choice":
      return parseChoice(type, text);
    case "hash":
      return orProblem(type, booleanWord(text) ?? findHash(text));
    case "index": {
      const isIndex = /^topdir(:[1-9]\d?)?$/.test(text);
      return orProblem(type, booleanWord(text) ?? (isIndex ? text : undefined));
    }
    case "time format": {
      const isFormat = /^(?:%[YymdHMS%]|[^%])*$/.test(text) && text.includes("%");
      return orProblem(type, booleanWord(text) ?? (isFormat ? text : undefined));
    }
    case "client name": {
      const why = whyNotClientName(text);
      return why === undefined ? { value: text } : { problem: `it ${why}` };
    }
    case "encoding":
      return orProblem(type, isEncoding(text) ? text : undefined);
    case "path":
      return resolvePath(text, base);
    case "path or boolean": {
      const value = parseBoolean(text);
      return value === undefined ? resolvePath(text, base) : { value };
    }
    case "text":
    case "address":
      return /\p{Cc}/u.test(text) ? { problem: "contains a control character" } : { value: text };
    default:
      return type satisfies never;
  }
}

/** What an option of this type takes, in words. */
export function describeType(type: OptionType): string {
  switch (type.kind) {
    case "boolean":
      return "yes or no";
    case "integer":
      return `a whole number from ${type.min} to ${type.max}`;
    case "seconds": {
      const words = type.takesNo ? ", yes, no or 0" : ", or yes";
      return `a number of seconds from ${type.min} to ${type.max}${words}`;
    }
    case "size":
      return "a size in MB, or with another unit";
    case "choice": {
      const booleans = type.synonyms?.yes === undefined ? [] : ["yes", "no"];
      return `one of ${[...type.values, ...booleans].join(", ")}`;
    }
    case "list":
      return `${type.of} separated by commas`;
    case "hash":
      return "yes, no or a hash algorithm of fixed length like sha256";
    case "index":
      return "yes, no, topdir or topdir:DEPTH";
    case "time format":
      return "yes, no or a format of %Y %y %m %d %H %M %S";
    case "client name":
      return "a name without colon";
    case "encoding":
      return "the name of an encoding like latin1";
    case "path":
      return "a path";
    case "path or boolean":
      return "yes, no or a path";
    case "secret":
      return "a secret or the path of a file that holds it";
    case "address":
      return "a host, a folder or protocol://host:port/folder";
    case "text":
      return "a text";
    default:
      return type satisfies never;
  }
}

/** The absolute path that `text` means: `~` is the home folder, and a relative one starts at the configuration file. */
export function resolvePath(text: string, { home, folder }: PathBase): Parsed {
  if (text.includes("\0")) return { problem: "contains a NUL" };
  if (text === "~" || text.startsWith("~/")) return { value: join(home, text.slice(1)) };
  if (text.startsWith("~")) {
    return {
      problem: 'homes of other users are not known: should be a whole path, or start with "./"',
    };
  }
  return { value: isAbsolute(text) ? resolve(text) : resolve(folder, text) };
}

/** `true` or `false` for the words that say so, in upper or lower case. */
export function parseBoolean(text: string): boolean | undefined {
  if (/^(1|yes|true|on)$/i.test(text)) return true;
  if (/^(0|no|false|off)$/i.test(text)) return false;
  return undefined;
}

function booleanWord(text: string): "yes" | "no" | undefined {
  const value = parseBoolean(text);
  return value === undefined ? undefined : value ? "yes" : "no";
}

function orProblem(type: OptionType, value: Value | undefined): Parsed {
  return value === undefined ? { problem: `should be ${describeType(type)}` } : { value };
}

function parseSeconds(type: SecondsType, text: string): number | undefined {
  const isNumber = /^(?:\d+|\d*\.\d+)$/.test(text);
  const switched = parseBoolean(text);
  if (!isNumber && switched === undefined) return undefined;
  const seconds = isNumber ? Number(text) : switched ? type.whenYes : 0;
  if (seconds === 0) return type.takesNo ? 0 : undefined;
  return seconds >= type.min && seconds <= type.max ? seconds : undefined;
}

function parseChoice(type: ChoiceType, text: string): Parsed {
  const word = text.toLowerCase();
  const refusal = own(type.refused, word);
  if (refusal !== undefined) return { problem: refusal };
  const value = type.values.find((value) => value.toLowerCase() === word) ??
    own(type.synonyms, word) ?? own(type.synonyms, booleanWord(word) ?? "");
  return orProblem(type, value);
}

function own(record: Readonly<Record<string, string>> = {}, key: string): string | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function parseList(of: "texts" | "patterns" | "file types", text: string): Parsed {
  const items = text.split(",").map((item) => item.trim()).filter((item) => item !== "");
  if (items.some((item) => item.includes("\n"))) {
    return { problem: "has items in several lines without a comma between them" };
  }
  if (of === "file types") return { value: parseFileTypes(items) };
  try {
    if (of === "patterns") items.forEach((item) => compilePattern(item));
    return { value: items };
  } catch (thrown) {
    return { problem: messageOf(thrown) };
  }
}

function isEncoding(text: string): boolean {
  try {
    new TextDecoder(text);
    return true;
  } catch {
    return false;
  }
}
