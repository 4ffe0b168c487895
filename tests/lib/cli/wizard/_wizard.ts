import type { OpenBackend } from "../../../../backends/backend.ts";
import { openFile } from "../../../../backends/file/mod.ts";
import { parseAnswers } from "../../../../lib/cli/wizard/answers.ts";
import { Conversation } from "../../../../lib/cli/wizard/conversation.ts";
import type { Lines } from "../../../../lib/cli/wizard/lines.ts";
import { runWizard, type WizardOptions } from "../../../../lib/cli/wizard/wizard.ts";
import { systemEnvironment } from "../../../../lib/config/environment.ts";
import { recordOutput } from "../../../support/output.ts";

/** What a run of the wizard left. */
export interface WizardRun {
  /** What was shown. */
  readonly shown: string;
  readonly result: string;
  readonly thrown: unknown;
}

/** How a run differs from a plain one. */
export interface RunOptions extends Partial<WizardOptions> {
  readonly set?: readonly string[];
  readonly takesDefaults?: boolean;
  readonly isTerminal?: boolean;
  readonly openBackend?: OpenBackend;
  readonly hostName?: string;
}

/** A home folder in a temporary place, a relay's folder beside it, and a wizard that works there. */
export class Desk implements Disposable {
  readonly root: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "escale-desk-" }));
  readonly home: string = `${this.root}/home`;
  readonly relay: string = `${this.root}/relay`;
  readonly config: string = `${this.home}/.config/escale/escale.conf`;

  constructor() {
    Deno.mkdirSync(this.home);
  }

  /** Runs the wizard; `undefined` as an answer is a user who breaks off. */
  async run(
    answers: readonly (string | undefined)[],
    options: RunOptions = {},
  ): Promise<WizardRun> {
    const { set = [], takesDefaults = false, isTerminal = false } = options;
    const { openBackend = openFile, hostName = "laptop" } = options;
    const output = recordOutput();
    const waiting = [...answers];
    const lines: Lines = {
      isTerminal,
      next: ({ show }) => {
        show();
        const [isOver, line] = [waiting.length === 0, waiting.shift()];
        if (isOver || line !== undefined) return Promise.resolve(line);
        return Promise.reject(new DOMException("broken off", "AbortError"));
      },
    };
    const tools = {
      conversation: new Conversation({ output, lines, answers: parseAnswers(set), takesDefaults }),
      environment: { ...systemEnvironment(), home: this.home, hostName },
      output,
      openBackend,
      signal: new AbortController().signal,
    };
    const wanted = {
      configFile: undefined,
      section: undefined,
      imports: [],
      isExpert: false,
      tries: true,
      ...options,
    };
    const thrown = await runWizard(wanted, tools).then(() => undefined, (cause) => cause);
    return { shown: output.stderr(), result: output.stdout(), thrown };
  }

  /** Writes the configuration. */
  configure(text: string, mode = 0o600): void {
    Deno.mkdirSync(`${this.home}/.config/escale`, { recursive: true });
    Deno.writeTextFileSync(this.config, text, { mode });
  }

  read(path: string): string {
    return Deno.readTextFileSync(path.replace(/^~/, this.home));
  }

  mode(path: string): number {
    return (Deno.statSync(path.replace(/^~/, this.home)).mode ?? 0) & 0o777;
  }

  /** All that stands there, files with their text. */
  tree(): Readonly<Record<string, string>> {
    const found: Record<string, string> = {};
    const visit = (folder: string) => {
      for (const { name, isDirectory } of Deno.readDirSync(folder)) {
        const path = `${folder}/${name}`;
        if (isDirectory) {
          found[`${path.slice(this.root.length)}/`] = "";
          visit(path);
        } else found[path.slice(this.root.length)] = Deno.readTextFileSync(path);
      }
    };
    visit(this.root);
    return found;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}
