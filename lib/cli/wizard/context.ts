import { resolve } from "node:path";

import type { OpenBackend } from "../../../backends/backend.ts";
import type { OptionName, OptionType } from "../../config/option_types.ts";
import { describeType, parseValue } from "../../config/values.ts";
import type { Conversation } from "./conversation.ts";
import { type Draft, optionOf } from "./draft.ts";

/** What the questions about one section work with. */
export interface WizardContext {
  readonly conversation: Conversation;
  readonly draft: Draft;
  /** The section that is asked about. */
  readonly section: string;
  /** It was not in the file before. */
  readonly isNew: boolean;
  /** It came from another client's file: what is in it is not asked again. */
  readonly isImported: boolean;
  readonly isExpert: boolean;
  /** What is told is tried. */
  readonly tries: boolean;
  readonly openBackend: OpenBackend;
  readonly signal: AbortSignal;
  /** Takes back what was made on the way, unless the wizard comes to its end. */
  readonly undo: DisposableStack;
}

/** How {@linkcode askOption} asks. */
export interface OptionQuestion {
  readonly text: string;
  /** What it is about; by default what the table of options says. */
  readonly help?: string;
  /** What is proposed; by default what counts now. */
  readonly initial?: string | undefined;
  /** What counts where the file says nothing; by default as the table of options has it. */
  readonly unwritten?: string | undefined;
  /** The option cannot be left out. */
  readonly isRequired?: boolean;
}

/** Asks for an option of the section and writes it into the draft. */
export async function askOption(
  context: WizardContext,
  name: OptionName,
  question: OptionQuestion,
): Promise<string> {
  const { conversation, draft, section, isNew } = context;
  const { availability, type, default: byDefault, help } = optionOf(name);
  const given = draft.given(section, name);
  const { unwritten = byDefault, initial = given ?? unwritten, isRequired = false } = question;
  const limits = availability.kind === "available" ? "" : `; ${availability.why}`;
  const answer = await conversation.ask({
    topic: name,
    text: question.text,
    ...initial === undefined || initial === "" ? {} : { initial },
    isOptional: !isRequired && (byDefault === undefined || byDefault === ""),
    help: `${question.help ?? sentence(help)}\nIt should be ${describeType(type)}${limits}.`,
    check: (answer) => draft.whyNot(name, answer),
  });
  const value = answer === given ? answer : normal(answer, type, draft);
  const isSaid = isNew || given !== undefined || answer !== unwritten;
  if (isSaid) draft.set(section, name, value === "" ? undefined : value);
  return value;
}

/** A new answer as it is written: paths that start here from the top or from home, words in their first form. */
function normal(answer: string, type: OptionType, draft: Draft): string {
  if (answer === "") return answer;
  if (type.kind === "path") return /^~/.test(answer) ? answer : draft.shown(resolve(answer));
  if (type.kind !== "choice") return answer;
  const parsed = parseValue(type, answer, { home: draft.home, folder: draft.folder });
  return "value" in parsed ? String(parsed.value) : answer;
}

/** A text of the option table as a sentence. */
function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** A path as an option says it, absolute. */
export function absolute(path: string, { draft }: WizardContext): string {
  return path.startsWith("~/") ? `${draft.home}${path.slice(1)}` : resolve(draft.folder, path);
}

/** The name of a section as a part of a file name. */
export function fileNameOf(section: string): string {
  const name = section.replace(/[^\p{L}\p{N}_.-]/gu, "_").replace(/^\.+/, "_");
  return name.slice(0, 100);
}
