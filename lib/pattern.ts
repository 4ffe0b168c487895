import { compileLinearRegexp } from "./_linear_regexp.ts";
import { fromPythonRegexp } from "./_python_regexp.ts";
import { EscaleError, messageOf } from "./errors.ts";
import { printable } from "./path.ts";

/** The longest pattern taken, in UTF-16 units. */
const MAX_LENGTH = 1000;

/** A test of a name (or a path, for patterns of folders). */
export type Pattern = (name: string) => boolean;

/**
 * Compiles a file name pattern. It matches from the start of a name and need not reach its end; case counts.
 *
 * In a plain pattern `*` stands for any characters, none included, and every other character for itself. A pattern
 * that starts with `/` is a JavaScript regular expression (flag `u`), without a final `/` if there is one. Python
 * forms are accepted where JavaScript has an exact equal.
 *
 * No pattern can stop a client: regular expressions run on an automaton of our own whose time is bounded for each
 * name. Checkers that judge an expression before the runtime's backtracking engine gets it either miss slow ones or
 * answer "unknown", and RE2 ports speak another dialect; an automaton over a maintained parser's tree is exact for
 * everything but backreferences, which are refused.
 *
 * @example
 * ```ts
 * import { compilePattern } from "./pattern.ts";
 * compilePattern("*.txt")("a.txt.bak"); // true
 * compilePattern("/[ab]\\.txt$/")("a.txt.bak"); // false
 * ```
 *
 * @throws {EscaleError} `config` if the pattern is empty, too long, not valid, or cannot be matched in bounded time
 */
export function compilePattern(text: string): Pattern {
  if (text === "") throw new EscaleError("config", "Cannot use an empty pattern");
  if (text.length > MAX_LENGTH) {
    const detail = `it is longer than ${MAX_LENGTH} characters`;
    throw new EscaleError("config", `Cannot use the pattern "${printable(text)}": ${detail}`);
  }
  return text.startsWith("/") ? compileRegexp(text) : compileWildcards(text);
}

/**
 * The suffixes that a list of file types stands for: with their dot, each once. Blank ones are left out.
 *
 * @example
 * ```ts
 * import { parseFileTypes } from "./pattern.ts";
 * parseFileTypes([".txt", "md"]); // [".txt", ".md"]
 * ```
 */
export function parseFileTypes(types: readonly string[]): readonly string[] {
  const names = types.map((type) => type.trim()).filter((type) => type !== "" && type !== ".");
  return [...new Set(names.map((name) => name.startsWith(".") ? name : `.${name}`))];
}

function compileWildcards(text: string): Pattern {
  const [start = "", ...others] = text.split("*");
  return (name) => {
    if (!name.startsWith(start)) return false;
    let at = start.length;
    for (const part of others) {
      const found = name.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return true;
  };
}

function compileRegexp(text: string): Pattern {
  const source = text.slice(1, text.length > 1 && text.endsWith("/") ? -1 : undefined);
  const problem = `Cannot use the pattern "${printable(text)}"`;
  if (source === "") throw new EscaleError("config", `${problem}: its expression is empty`);
  try {
    return compileLinearRegexp(fromPythonRegexp(source));
  } catch (cause) {
    throw new EscaleError("config", `${problem}: ${messageOf(cause)}`, {
      cause,
      hint: 'Patterns in "/.../" are JavaScript regular expressions; write "\\x2c" for a comma',
    });
  }
}
