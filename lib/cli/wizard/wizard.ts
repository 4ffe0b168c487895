import type { OpenBackend } from "../../../backends/backend.ts";
import type { Environment } from "../../config/environment.ts";
import { mergeSections } from "../../config/merge.ts";
import { configurationFiles } from "../../config/paths.ts";
import { EscaleError } from "../../errors.ts";
import { printable } from "../../path.ts";
import type { Output } from "../output.ts";
import type { Conversation } from "./conversation.ts";
import { Draft } from "./draft.ts";
import { farewell } from "./farewell.ts";
import { saveDraft } from "./save.ts";
import { askSection } from "./section_questions.ts";

/** What the command line says of the wizard. */
export interface WizardOptions {
  /** Absent: the first usual one that exists, else the first. */
  readonly configFile: string | undefined;
  /** The section to ask about. */
  readonly section: string | undefined;
  /** Files whose sections are taken over. */
  readonly imports: readonly string[];
  readonly isExpert: boolean | undefined;
  readonly tries: boolean;
}

/** What the wizard works with. */
export interface WizardTools {
  readonly conversation: Conversation;
  readonly environment: Environment;
  readonly output: Output;
  readonly openBackend: OpenBackend;
  readonly signal: AbortSignal;
}

/**
 * Makes or changes a configuration by asking. Nothing is written before all is answered and was tried; if it fails or is
 * broken off, all is as before.
 *
 * @throws {EscaleError} `usage`, `config`, `relay`, `denied`; {BackendError} of a relay that cannot be used
 * @throws {DOMException} `AbortError` if the user breaks off
 */
export async function runWizard(options: WizardOptions, tools: WizardTools): Promise<void> {
  const { conversation, environment, output } = tools;
  const draft = openDraft(options, environment);
  const imported = options.imports.flatMap((file) =>
    takeOver(file, { draft, conversation, environment })
  );
  using undo = new DisposableStack();
  greet(draft, conversation);
  const isExpert = options.isExpert ?? await askForExpert(conversation);
  const before = draft.before === undefined
    ? []
    : new Draft(draft.file, draft.before, environment).sections();
  const touched: string[] = [];
  const waiting = [...imported];
  do {
    const section = waiting.shift() ?? await askName(draft, { ...options, conversation });
    conversation.say(`\nSection "${printable(section)}"`);
    touched.push(section);
    await askSection({
      ...tools,
      ...{ draft, section, isExpert, undo, tries: options.tries },
      isNew: !before.includes(section),
      isImported: imported.includes(section),
    });
  } while (waiting.length > 0 || await wantsMore(options, conversation));
  const configuration = draft.load();
  const names = new Set(touched);
  const sections = configuration.sections.filter(({ name }) => names.has(name));
  const saved = saveDraft(draft, sections.map(({ localPath }) => localPath));
  undo.move();
  for (const warning of configuration.warnings) conversation.say(warning);
  output.out(farewell({ draft, saved, sections, environment }));
}

function openDraft({ configFile }: WizardOptions, environment: Environment): Draft {
  const [first = "", ...others] = configurationFiles(environment.home);
  const file = configFile ??
    [first, ...others].find((it) => environment.isFile(it)) ?? first;
  return new Draft(
    file,
    environment.isFile(file) ? readText(file, environment) : undefined,
    environment,
  );
}

function takeOver(
  file: string,
  { draft, conversation, environment }: {
    readonly draft: Draft;
    readonly conversation: Conversation;
    readonly environment: Environment;
  },
): readonly string[] {
  if (!environment.isFile(file)) {
    throw new EscaleError("usage", `Cannot import "${printable(file)}": there is no such file`);
  }
  const merged = mergeSections(draft.text, readText(file, environment), file);
  draft.text = merged.text;
  for (const name of merged.leftOut) {
    conversation.say(
      `Left out "${name}" of "${printable(file)}": it is for all clients of a file.`,
    );
  }
  return merged.sections;
}

function readText(file: string, environment: Environment): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      environment.readFile(file),
    );
  } catch (cause) {
    throw new EscaleError("config", `Cannot read "${printable(file)}", or it is not UTF-8`, {
      cause,
    });
  }
}

function greet(draft: Draft, conversation: Conversation): void {
  const shown = printable(draft.shown(draft.file));
  conversation.say(
    `${
      draft.before === undefined ? "This makes" : "This changes"
    } the configuration "${shown}".\n` +
      "An empty answer takes what stands in brackets, - takes nothing, ? explains. Nothing is " +
      "written before the end: Ctrl-C leaves everything as it was.\n",
  );
}

async function askForExpert(conversation: Conversation): Promise<boolean> {
  const answer = await conversation.ask({
    topic: "questions",
    text: "Questions: simple or expert",
    initial: "simple",
    help: '"simple" asks what everybody has to know, "expert" asks for every option.',
    check: (answer) =>
      ["simple", "expert"].includes(answer) ? undefined : "should be simple or expert",
  });
  return answer === "expert";
}

async function askName(
  draft: Draft,
  { section, conversation }: WizardOptions & { readonly conversation: Conversation },
): Promise<string> {
  const known = draft.sections();
  const [first] = known;
  if (first !== undefined && section === undefined) {
    conversation.say(`Sections: ${known.map((name) => printable(name)).join(", ")}`);
  }
  const name = section ?? await conversation.ask({
    topic: "section",
    text: first === undefined ? "Name for this repository" : "Section to change, or a new name",
    initial: first ?? "escale",
    help: "Each folder that is synchronised has a section of its own in the file, under a name " +
      "that stands in the logs.",
    check: whyNotSection,
  });
  const wrong = whyNotSection(name);
  if (wrong !== undefined) {
    throw new EscaleError("usage", `Cannot use the section "${printable(name)}": ${wrong}`);
  }
  if (!known.includes(name)) draft.addSection(name);
  return name;
}

function whyNotSection(name: string): string | undefined {
  if (name === "DEFAULT") return "this name has a meaning of its own";
  if (name === "" || name.trim() !== name) return "should not start or end with a blank";
  return /[\[\]]|\p{Cc}/u.test(name)
    ? "should be without brackets and control characters"
    : undefined;
}

async function wantsMore(
  { section, imports }: WizardOptions,
  conversation: Conversation,
): Promise<boolean> {
  if (section !== undefined || imports.length > 0) return false;
  return await conversation.confirm({
    topic: "next",
    text: "Another section",
    initial: "no",
    help: "A file can hold several sections, each a folder and its relay.",
  });
}
