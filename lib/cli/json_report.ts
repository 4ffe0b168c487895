import type { Section } from "../config/section.ts";
import type { ClientEvent, ClientResult } from "../sync/events.ts";
import { type ExitStatus, statusOfCode } from "./exit.ts";
import type { Output } from "./output.ts";
import { type Failure, isTold, type Report, type ReportOptions } from "./report.ts";

/**
 * A report as one JSON object a line on standard output. `kind` says which: `warning`, `error`, `result`, `end`, or
 * that of a {@linkcode ClientEvent}. Those of a client have its `section`. Actions are told whatever the verbosity.
 */
export class JsonReport implements Report {
  readonly #output: Output;
  readonly #options: ReportOptions;

  constructor(output: Output, options: ReportOptions) {
    this.#output = output;
    this.#options = options;
  }

  warn(message: string, hint?: string): void {
    this.#line({ kind: "warning", message, hint });
  }

  error({ code, message, hint }: Failure): void {
    this.#line({ kind: "error", code, message, hint, status: statusOfCode(code) });
  }

  event(section: Section, event: ClientEvent): void {
    const verbosity = this.#options.verbosity ?? section.verbosity;
    if (event.kind !== "action" && !isTold(event, verbosity)) return;
    const { kind, ...facts } = event;
    this.#line({ kind, section: section.name, ...facts });
  }

  result(section: Section, { outcome, error }: ClientResult): void {
    this.#line({ kind: "result", section: section.name, outcome, error });
  }

  end(status: ExitStatus): void {
    this.#line({ kind: "end", status });
  }

  #line(value: Readonly<Record<string, unknown>> & { readonly kind: string }): void {
    this.#output.out(`${JSON.stringify(value)}\n`);
  }
}
