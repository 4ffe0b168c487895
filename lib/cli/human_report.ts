import type { Section } from "../config/section.ts";
import type { ClientEvent, ClientResult, RoundSummary } from "../sync/events.ts";
import type { Output } from "./output.ts";
import { Progress } from "./progress.ts";
import { type Failure, isTold, type Report, type ReportOptions } from "./report.ts";
import { actionText, clean, logText, mendedText, roundText, summaryText } from "./words.ts";

const [RED, YELLOW, PLAIN] = ["\x1b[31m", "\x1b[33m", "\x1b[0m"];

/** Options of {@linkcode HumanReport}. */
export interface HumanReportOptions extends ReportOptions {
  /** Lines name their section, because there are several. */
  readonly hasLabels: boolean;
  /** The end of a client is told with what it did, because it is to end. */
  readonly hasSummaries: boolean;
  readonly nowMs: () => number;
}

/** A report as lines to read on standard error; only the plan of a dry run goes to standard output. */
export class HumanReport implements Report {
  readonly #output: Output;
  readonly #options: HumanReportOptions;
  readonly #progress: Progress | undefined;
  readonly #sums = new Map<string, RoundSummary>();

  constructor(output: Output, options: HumanReportOptions) {
    this.#output = output;
    this.#options = options;
    if (!output.isTerminal) return;
    const write = output.err;
    this.#progress = new Progress({ write, columns: output.columns, nowMs: options.nowMs });
  }

  warn(message: string, hint?: string): void {
    this.#complain("warning", message, { hint });
  }

  error({ message, hint }: Failure): void {
    this.#complain("error", message, { hint });
  }

  event(section: Section, event: ClientEvent): void {
    const verbosity = this.#options.verbosity ?? section.verbosity;
    switch (event.kind) {
      case "beat":
      case "outlook":
        return;
      case "mended":
        return isTold(event, verbosity) ? this.#line(section, mendedText(event)) : undefined;
      case "transfer":
        return verbosity >= 1 ? this.#progress?.update(section.name, event) : undefined;
      case "action":
        this.#progress?.end(section.name, event.path);
        return this.#action(section, event, verbosity);
      case "problem":
        if (event.path !== undefined) this.#progress?.end(section.name, event.path);
        return this.#complain("warning", event.message, { section, hint: event.hint });
      case "log":
        return isTold(event, verbosity) ? this.#log(section, event) : undefined;
      case "round":
        this.#sums.set(section.name, sumOf(this.#sums.get(section.name), event.summary));
        if (!isTold(event, verbosity)) return;
        return this.#line(section, roundText(event));
      default:
        event satisfies never;
    }
  }

  result(section: Section, { error }: ClientResult): void {
    const sum = this.#sums.get(section.name);
    const verbosity = this.#options.verbosity ?? section.verbosity;
    if (this.#options.hasSummaries && sum !== undefined && verbosity >= 1) {
      this.#line(section, `ended after ${summaryText(sum)}`);
    }
    if (error !== undefined) this.#complain("error", error.message, { section, hint: error.hint });
  }

  end(): void {
    this.#progress?.clear();
  }

  #action(
    section: Section,
    event: Extract<ClientEvent, { kind: "action" }>,
    verbosity: number,
  ): void {
    const { planned } = event;
    // The plan is the result of a dry run, so that "-q" does not take it away.
    if (!isTold(event, planned ? Math.max(1, verbosity) : verbosity)) return;
    const text = actionText(event);
    if (planned) this.#output.out(`${this.#label(section)}${text}\n`);
    else this.#line(section, text);
  }

  #log(section: Section, event: Extract<ClientEvent, { kind: "log" }>): void {
    const { level } = event;
    const text = logText(event);
    if (level === "error") this.#complain("error", text, { section });
    else if (level === "warn") this.#complain("warning", text, { section });
    else this.#line(section, text);
  }

  #complain(
    kind: "error" | "warning",
    message: string,
    about: { readonly section?: Section; readonly hint?: string | undefined },
  ): void {
    const color = kind === "error" ? RED : YELLOW;
    const word = this.#output.hasColor ? `${color}${kind}:${PLAIN}` : `${kind}:`;
    const lines = message.split("\n").map((line) => `escale: ${word} ${clean(line)}`);
    if (about.hint !== undefined) lines.push(`escale: hint: ${clean(about.hint)}`);
    for (const line of lines) this.#line(about.section, line);
  }

  #line(section: Section | undefined, text: string): void {
    this.#progress?.clear();
    this.#output.err(`${this.#label(section)}${text}\n`);
  }

  #label(section: Section | undefined): string {
    if (section === undefined || !this.#options.hasLabels) return "";
    return `[${clean(section.name)}] `;
  }
}

/** Several rounds as one: what was done adds up, the rest is as the last one found it. */
function sumOf(former: RoundSummary | undefined, last: RoundSummary): RoundSummary {
  if (former === undefined) return last;
  return {
    ...last,
    ms: former.ms + last.ms,
    pushed: former.pushed + last.pushed,
    pulled: former.pulled + last.pulled,
    conflicts: former.conflicts + last.conflicts,
  };
}
