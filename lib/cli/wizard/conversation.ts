import type { OptionName } from "../../config/option_types.ts";
import { EscaleError } from "../../errors.ts";
import { printable } from "../../path.ts";
import type { Output } from "../output.ts";
import type { Lines } from "./lines.ts";

/** What a question is about: an option of the configuration, or the wizard itself. */
export type Topic = OptionName | "section" | "next" | "questions" | "relay" | "folder" | "remote";

/** A question to the user. */
export interface Question {
  readonly topic: Topic;
  readonly text: string;
  /** What an empty answer means; without it an answer is needed. */
  readonly initial?: string;
  /** An empty answer means that there is none. */
  readonly isOptional?: boolean;
  /** The answer is not shown. */
  readonly isHidden?: boolean;
  /** What `?` shows. */
  readonly help: string;
  /** What is wrong with an answer, as `should be a number`; `undefined` if nothing is. */
  readonly check?: (answer: string) => string | undefined;
}

/** What the user wrote instead of an answer, to have none. */
export const NONE = "-";

/** How a {@linkcode Conversation} is held. */
export interface ConversationOptions {
  readonly output: Output;
  readonly lines: Lines;
  /** Answers that were given beforehand; each is used once. */
  readonly answers: Map<Topic, string>;
  /** Nobody is asked: what was not given is taken as it is proposed. */
  readonly takesDefaults: boolean;
}

const MAX_COLUMNS = 80;
const MIN_COLUMNS = 20;

/**
 * Asks and is answered: on a terminal until the answer is right; else a wrong answer ends it, since those after it would
 * be answers to other questions.
 */
export class Conversation {
  readonly #options: ConversationOptions;

  constructor(options: ConversationOptions) {
    this.#options = options;
  }

  /** Whether a wrong answer can be given again. */
  get canRepeat(): boolean {
    return this.#options.lines.isTerminal && !this.#options.takesDefaults;
  }

  /** The topics of answers that were given beforehand and not yet used. */
  unused(): readonly Topic[] {
    return [...this.#options.answers.keys()];
  }

  /** Whether the answer about a topic was given beforehand. */
  isGiven(topic: Topic): boolean {
    return this.#options.answers.has(topic);
  }

  /** Shows a text, broken to the width of the terminal; lines that are indented stay indented. */
  say(text: string): void {
    const { output } = this.#options;
    const columns = Math.max(MIN_COLUMNS, Math.min(MAX_COLUMNS, output.columns() - 1));
    output.err(`${text.split("\n").map((line) => wrap(line, columns)).join("\n")}\n`);
  }

  /**
   * The answer to a question; empty if there is none.
   *
   * @throws {EscaleError} `usage` if it is wrong or missing, and cannot be asked for again
   * @throws {DOMException} `AbortError` if the user breaks off
   */
  async ask(question: Question): Promise<string> {
    const { answers, takesDefaults } = this.#options;
    const given = answers.get(question.topic);
    answers.delete(question.topic);
    if (given !== undefined) return accept(given, question);
    if (takesDefaults) return accept("", question);
    for (;;) {
      const answer = await this.#line(question);
      if (answer === "?") {
        this.say(indent(question.help));
        continue;
      }
      const wrong = whyNot(answer, question);
      if (wrong === undefined) return effective(answer, question);
      if (!this.canRepeat) throw refused(answer, question, wrong);
      this.say(`  ${wrong.charAt(0).toUpperCase()}${wrong.slice(1)}`);
    }
  }

  /** Whether the user agrees. */
  async confirm(question: Omit<Question, "check">): Promise<boolean> {
    const check = (answer: string) =>
      /^(y|yes|n|no)$/i.test(answer) ? undefined : "should be yes or no";
    return /^y/i.test(await this.ask({ ...question, check }));
  }

  async #line(question: Question): Promise<string> {
    const { output, lines } = this.#options;
    const shown = question.initial === undefined ? "" : ` [${printable(question.initial)}]`;
    const isHidden = question.isHidden === true;
    const show = () => output.err(`${question.text}${shown}: `);
    const line = await lines.next({ isHidden, show });
    if (line === undefined) {
      output.err("\n");
      throw ended(question, lines.isTerminal);
    }
    // On a terminal the typed line stands there already.
    if (!lines.isTerminal) output.err(isHidden ? "\n" : `${printable(line)}\n`);
    else if (isHidden) output.err("\n");
    return isHidden ? line : line.trim();
  }
}

/** `text` broken between words so that lines are at most `columns` long where words allow it. */
export function wrap(text: string, columns: number): string {
  const margin = /^ */.exec(text)?.[0] ?? "";
  const lines: string[] = [];
  let line = margin;
  for (const word of text.trim().split(" ")) {
    const longer = line.trim() === "" ? line + word : `${line} ${word}`;
    if (longer.length <= columns || line.trim() === "") line = longer;
    else {
      lines.push(line);
      line = margin + word;
    }
  }
  return [...lines, line].join("\n");
}

function indent(text: string): string {
  return text.split("\n").map((line) => `  ${line}`).join("\n");
}

function accept(answer: string, question: Question): string {
  const wrong = whyNot(answer, question);
  if (wrong === undefined) return effective(answer, question);
  throw refused(answer, question, wrong);
}

function effective(answer: string, { initial, isOptional }: Question): string {
  if (answer === "") return initial ?? "";
  return answer === NONE && isOptional === true ? "" : answer;
}

function whyNot(answer: string, question: Question): string | undefined {
  const meant = effective(answer, question);
  if (meant === "") return question.isOptional === true ? undefined : "an answer is needed";
  return question.check?.(meant);
}

function refused(answer: string, { topic, text, isHidden }: Question, why: string): EscaleError {
  const shown = isHidden === true || answer === "" ? "" : ` "${printable(masked(answer))}"`;
  return new EscaleError("usage", `Cannot take the answer${shown} to "${text}": ${why}`, {
    hint: `Nothing was changed; the answer can be given with ${setFlag(topic)}`,
  });
}

/** An answer may be an address with a password in it that does not belong there. */
function masked(answer: string): string {
  return answer.replace(/:[^:/@]*@/, ":***@");
}

function ended({ text, topic }: Question, isTerminal: boolean): Error {
  if (isTerminal) return new DOMException("The question was not answered", "AbortError");
  return new EscaleError("usage", `There is no answer to "${text}": standard input has ended`, {
    hint:
      `Nothing was changed; answer with --set "${topic}=VALUE", or take what is proposed by --yes`,
  });
}

function setFlag(topic: Topic): string {
  if (topic === "section") return "--section NAME";
  return `--set "${topic}=${topic === "password" ? "FILE" : "VALUE"}"`;
}
