import type { OpenBackend } from "../../../backends/backend.ts";
import { systemEnvironment } from "../../config/environment.ts";
import { isAbort } from "../../errors.ts";
import { type ExitStatus, INTERRUPTED } from "../exit.ts";
import type { WizardFlags } from "../flags.ts";
import type { Output } from "../output.ts";
import { listenForSignals } from "../signals.ts";
import { parseAnswers } from "../wizard/answers.ts";
import { Conversation } from "../wizard/conversation.ts";
import { systemLines } from "../wizard/lines.ts";
import { runWizard } from "../wizard/wizard.ts";

/** What the wizard takes from the program. */
export interface WizardProgram {
  readonly output: Output;
  readonly openBackend: OpenBackend;
  /** Ends the program at once. */
  readonly exit: (status: ExitStatus) => void;
}

/** `escale -i`: makes or changes a configuration by asking. @throws as `runWizard()`; `usage` for wrong answers */
export async function wizard(flags: WizardFlags, program: WizardProgram): Promise<ExitStatus> {
  const { output, openBackend, exit } = program;
  const stop = new AbortController();
  using _signals = listenForSignals({ stop: () => stop.abort(), kill: () => exit(INTERRUPTED) });
  const { signal } = stop;
  const conversation = new Conversation({
    output,
    lines: systemLines(signal),
    answers: parseAnswers(flags.answers),
    takesDefaults: flags.takesDefaults,
  });
  const environment = systemEnvironment();
  try {
    await runWizard(flags, { conversation, environment, output, openBackend, signal });
    return 0;
  } catch (thrown) {
    if (isAbort(thrown)) conversation.say("\nNothing was changed.");
    throw thrown;
  }
}
