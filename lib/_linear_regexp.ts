import { type AST, RegExpParser } from "@eslint-community/regexpp";

/** The most states of an automaton; `(a{1000}){1000}` would have a million. */
const MAX_STATES = 2000;

interface Flags {
  readonly ignoreCase: boolean;
  readonly dotAll: boolean;
  readonly multiline: boolean;
}

type State =
  | { readonly kind: "end" }
  | { readonly kind: "take"; readonly accepts: (char: string) => boolean; readonly next: State }
  | { readonly kind: "fork"; readonly next: State[] }
  | { readonly kind: "check"; readonly holds: Check; readonly next: State };

type Check = (subject: Subject, at: number) => boolean;

/** The text under test, by code points, and what its lookarounds have found so far. */
interface Subject {
  readonly chars: readonly string[];
  readonly found: Map<State, readonly boolean[]>;
}

const END: State = { kind: "end" };

/**
 * Compiles a JavaScript regular expression (flag `u`) to a test whether it matches at the start of a text. The test
 * follows all ways through the expression at once, so its time is bounded by the length of the text times that of
 * the expression, whatever the expression.
 *
 * @throws {Error} if the expression is not valid, has a backreference, or is too large
 */
export function compileLinearRegexp(source: string): (text: string) => boolean {
  const pattern = new RegExpParser().parsePattern(source, 0, source.length, { unicode: true });
  const start = new Builder().build(pattern);
  return (text) => {
    const subject = { chars: [...text], found: new Map() };
    return scan(subject, { start, isBackward: false, isAnchored: true }).includes(true);
  };
}

class Builder {
  #states = 0;

  build(pattern: AST.Pattern): State {
    const flags = { ignoreCase: false, dotAll: false, multiline: false };
    return this.#alternatives(pattern.alternatives, END, { flags, isBackward: false });
  }

  #alternatives(alternatives: readonly AST.Alternative[], next: State, context: Context): State {
    const starts = alternatives.map(({ elements }) => {
      const ordered = context.isBackward ? elements : elements.toReversed();
      return ordered.reduce((after, element) => this.#element(element, after, context), next);
    });
    return starts.length === 1 && starts[0] !== undefined
      ? starts[0]
      : this.#add({ kind: "fork", next: starts });
  }

  #element(element: AST.Element, next: State, context: Context): State {
    switch (element.type) {
      case "Character":
      case "CharacterSet":
      case "CharacterClass":
      case "ExpressionCharacterClass":
        return this.#add({ kind: "take", accepts: oneOf(element, context.flags), next });
      case "CapturingGroup":
        return this.#alternatives(element.alternatives, next, context);
      case "Group": {
        const flags = modified(context.flags, element.modifiers);
        return this.#alternatives(element.alternatives, next, { ...context, flags });
      }
      case "Quantifier":
        return this.#quantifier(element, next, context);
      case "Assertion":
        return this.#add({ kind: "check", holds: this.#assertion(element, context), next });
      case "Backreference":
        throw new Error(`The backreference "${element.raw}" cannot be matched in bounded time`);
      default:
        return element satisfies never;
    }
  }

  #quantifier({ element, min, max }: AST.Quantifier, next: State, context: Context): State {
    let state = next;
    if (max === Infinity) {
      const ways = [next];
      state = this.#add({ kind: "fork", next: ways });
      ways.push(this.#element(element, state, context));
    } else {
      for (let i = min; i < max; i++) {
        const body = this.#element(element, state, context);
        state = this.#add({ kind: "fork", next: [body, next] });
      }
    }
    for (let i = 0; i < min; i++) {
      const before = this.#element(element, state, context);
      if (before === state) break; // an empty element, however often
      state = before;
    }
    return state;
  }

  #assertion(assertion: AST.Assertion, { flags }: Context): Check {
    switch (assertion.kind) {
      case "start":
        return ({ chars }, at) => at === 0 || (flags.multiline && isLineEnd(chars[at - 1]));
      case "end":
        return ({ chars }, at) => at === chars.length || (flags.multiline && isLineEnd(chars[at]));
      case "word": {
        const isWord = leaf("\\w", flags);
        return ({ chars }, at) => {
          const isBoundary = isWord(chars[at - 1] ?? "") !== isWord(chars[at] ?? "");
          return isBoundary !== assertion.negate;
        };
      }
      case "lookahead":
      case "lookbehind": {
        // Read from its far end, one pass tells of every position whether the lookaround holds there.
        const isBackward = assertion.kind === "lookahead";
        const start = this.#alternatives(assertion.alternatives, END, { flags, isBackward });
        return (subject, at) => {
          const found = subject.found.get(start) ??
            scan(subject, { start, isBackward, isAnchored: false });
          subject.found.set(start, found);
          return (found[at] ?? false) !== assertion.negate;
        };
      }
      default:
        return assertion satisfies never;
    }
  }

  #add(state: State): State {
    if (++this.#states > MAX_STATES) {
      throw new Error(
        `The expression is too large: its repetitions make over ${MAX_STATES} states`,
      );
    }
    return state;
  }
}

interface Context {
  readonly flags: Flags;
  readonly isBackward: boolean;
}

interface Scan {
  readonly start: State;
  readonly isBackward: boolean;
  /** Whether the expression starts at the first position only, or at any. */
  readonly isAnchored: boolean;
}

/** Runs an automaton over the subject and says at which positions it comes to its end; if anchored, only the first. */
function scan(subject: Subject, { start, isBackward, isAnchored }: Scan): readonly boolean[] {
  const { chars } = subject;
  const ends: boolean[] = new Array(chars.length + 1).fill(false);
  let current: State[] = [];
  for (let step = 0; step <= chars.length; step++) {
    const at = isBackward ? chars.length - step : step;
    if (step === 0 || !isAnchored) current.push(start);
    const takes = follow(current, { subject, at, ends });
    if (isAnchored && ends[at]) break;
    const char = chars[isBackward ? at - 1 : at] ?? "";
    current = [];
    for (const state of takes) {
      if (state.accepts(char)) current.push(state.next);
    }
    if (current.length === 0 && isAnchored) break;
  }
  return ends;
}

/** The states that take a character, of all that are reached from `states` without taking one. */
function follow(
  states: State[],
  { subject, at, ends }: { subject: Subject; at: number; ends: boolean[] },
): Extract<State, { kind: "take" }>[] {
  const seen = new Set<State>();
  const takes: Extract<State, { kind: "take" }>[] = [];
  for (let state = states.pop(); state !== undefined; state = states.pop()) {
    if (seen.has(state)) continue;
    seen.add(state);
    if (state.kind === "end") ends[at] = true;
    else if (state.kind === "take") takes.push(state);
    else if (state.kind === "fork") states.push(...state.next);
    else if (state.holds(subject, at)) states.push(state.next);
  }
  return takes;
}

type OneCharacter =
  | AST.Character
  | AST.CharacterSet
  | AST.CharacterClass
  | AST.ExpressionCharacterClass;

function oneOf(element: OneCharacter, flags: Flags): (char: string) => boolean {
  if (element.type !== "Character" || flags.ignoreCase) return leaf(element.raw, flags);
  const wanted = String.fromCodePoint(element.value);
  return (char) => char === wanted;
}

/** The runtime itself judges a single character, which needs no backtracking. */
function leaf(raw: string, { ignoreCase, dotAll }: Flags): (char: string) => boolean {
  const expression = new RegExp(`^${raw}$`, `u${ignoreCase ? "i" : ""}${dotAll ? "s" : ""}`);
  return (char) => expression.test(char);
}

function modified(flags: Flags, modifiers: AST.Modifiers | null): Flags {
  const { add, remove } = modifiers ?? {};
  return {
    ignoreCase: (flags.ignoreCase || !!add?.ignoreCase) && !remove?.ignoreCase,
    dotAll: (flags.dotAll || !!add?.dotAll) && !remove?.dotAll,
    multiline: (flags.multiline || !!add?.multiline) && !remove?.multiline,
  };
}

function isLineEnd(char: string | undefined): boolean {
  return char === "\n" || char === "\r" || char === "\u2028" || char === "\u2029";
}
