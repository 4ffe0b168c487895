/** Punctuation that JavaScript lets a backslash stand before. */
const SYNTAX = /[\\^$.*+?()[\]{}|/]/;

/**
 * Rewrites the forms of a Python regular expression that JavaScript writes otherwise, where the meaning is exactly
 * the same: `\A \Z \a`, escaped punctuation, `(?P<name>...)`, `(?#...)`, `{,n}`, and `(?i)` or `(?s)` at the start. What
 * else JavaScript does not know it refuses by itself.
 *
 * @throws {Error} for what is valid in both languages with different meanings, and for other inline flags
 */
export function fromPythonRegexp(source: string): string {
  const [whole, flags] = /^\(\?([aiLmsux]+)\)/.exec(source) ?? ["", ""];
  if (/[aLmux]/.test(flags ?? "")) {
    throw new Error(`"${whole}" has no equal in JavaScript`);
  }
  const rewritten = rewriteForms(source.slice(whole.length));
  return flags === "" ? rewritten : `(?${[...new Set(flags)].join("")}:${rewritten})`;
}

function rewriteForms(source: string): string {
  let text = "";
  let isInClass = false;
  for (let i = 0; i < source.length;) {
    const [from, to] = isInClass ? inClass(source.slice(i)) : outsideClass(source.slice(i));
    if (from === "[" && !isInClass) isInClass = true;
    else if (from === "]") isInClass = false;
    text += to;
    i += from.length;
  }
  return text;
}

/** The next piece of the source and what it becomes. */
function outsideClass(rest: string): readonly [string, string] {
  if (rest.startsWith("\\")) return escaped(rest, { A: "(?<![^])", Z: "(?![^])" });
  if (/^\[\^?\]/.test(rest)) {
    const start = rest.startsWith("[^") ? "[^" : "[";
    throw new Error(`"${start}]" means another thing in Python: write "${start}\\]" or "[\\s\\S]"`);
  }
  if (rest.startsWith("(?P<")) return ["(?P<", "(?<"];
  const comment = /^\(\?#[^)]*\)/.exec(rest)?.[0];
  if (comment !== undefined) return [comment, ""];
  if (/^\{,\d+\}/.test(rest)) return ["{,", "{0,"];
  return [rest.slice(0, 1), rest.slice(0, 1)];
}

function inClass(rest: string): readonly [string, string] {
  if (rest.startsWith("\\")) return escaped(rest, { "-": "\\-" });
  return [rest.slice(0, 1), rest.slice(0, 1)];
}

function escaped(rest: string, forms: Readonly<Record<string, string>>): readonly [string, string] {
  const from = rest.slice(0, 2);
  const char = rest.slice(1, 2);
  const form = char === "a" ? "\\x07" : forms[char];
  if (form !== undefined) return [from, form];
  const isPlain = /^[ -~]$/.test(char) && !/[A-Za-z0-9]/.test(char) && !SYNTAX.test(char);
  return [from, isPlain ? char : from];
}
