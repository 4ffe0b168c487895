import type { LogFormat, Section } from "../config/section.ts";
import { LOG_LEVELS, type LogLevel } from "../log.ts";
import type { ClientEvent, ClientResult } from "../sync/events.ts";
import { type ExitStatus, statusOfCode } from "./exit.ts";
import type { Failure, Report, Verbosity } from "./report.ts";
import { actionText, clean, logText, mendedText, roundText } from "./words.ts";

/** What a log goes by. */
export interface LogReportOptions {
  /** The least important events to log; absent: as verbosity says. */
  readonly level: LogLevel | undefined;
  /** Of all clients; absent: each section's own. Counts without `level` only. */
  readonly verbosity: Verbosity | undefined;
  readonly format: LogFormat;
  /** Appends a line. */
  readonly write: (line: string) => void;
  readonly now: () => Date;
}

/** A line of the log. */
interface Entry {
  readonly level: LogLevel;
  readonly section?: string;
  readonly text: string;
  /** The facts of the line, for JSON. */
  readonly facts: Readonly<Record<string, unknown>> & { readonly kind: string };
}

const LEVEL_OF_VERBOSITY: readonly LogLevel[] = ["warn", "info", "debug"];

/** A report as the lines of a log, each with its time in UTC. */
export class LogReport implements Report {
  readonly #options: LogReportOptions;

  constructor(options: LogReportOptions) {
    this.#options = options;
  }

  /** A line about the program as a whole. */
  note(text: string): void {
    this.#log({ level: "info", text, facts: { kind: "note", message: text } });
  }

  warn(message: string, hint?: string): void {
    const facts = { kind: "warning", message, hint };
    this.#log({ level: "warn", text: withHint(message, hint), facts });
  }

  error({ code, message, hint }: Failure): void {
    const facts = { kind: "error", code, message, hint, status: statusOfCode(code) };
    this.#log({ level: "error", text: withHint(message, hint), facts });
  }

  event(section: Section, event: ClientEvent): void {
    const entry = entryOf(event);
    if (entry !== undefined) this.#log({ ...entry, section: section.name }, section);
  }

  result(section: Section, { outcome, error }: ClientResult): void {
    const level = outcome === "failed" ? "error" : "info";
    const text = error === undefined
      ? `client ended: ${outcome}`
      : `client ended: ${withHint(error.message, error.hint)}`;
    this.#log({ level, section: section.name, text, facts: { kind: "result", outcome, error } });
  }

  end(status: ExitStatus): void {
    const text = `escale ended with status ${status}`;
    this.#log({ level: "info", text, facts: { kind: "end", status } });
  }

  #log(entry: Entry, section?: Section): void {
    const { write, format, now } = this.#options;
    if (LOG_LEVELS.indexOf(entry.level) > LOG_LEVELS.indexOf(this.#levelOf(section))) return;
    const time = now().toISOString();
    const { level, section: name, text, facts } = entry;
    if (format === "json") {
      const { kind, ...others } = facts;
      return write(JSON.stringify({ time, level, kind, section: name, ...others }));
    }
    const label = name === undefined ? "" : `[${clean(name)}] `;
    write(`${time} ${level} ${label}${text}`);
  }

  #levelOf(section: Section | undefined): LogLevel {
    const { level, verbosity } = this.#options;
    return level ?? LEVEL_OF_VERBOSITY[verbosity ?? section?.verbosity ?? 1] ?? "info";
  }
}

function entryOf(event: ClientEvent): Omit<Entry, "section"> | undefined {
  switch (event.kind) {
    case "beat":
    case "outlook":
    case "transfer":
      return undefined;
    case "action": {
      const isDetail = event.action === "agree" || event.action === "acknowledge";
      return { level: isDetail ? "debug" : "info", text: actionText(event), facts: event };
    }
    case "problem":
      return { level: "warn", text: withHint(event.message, event.hint), facts: event };
    case "log":
      return { level: event.level, text: logText(event), facts: withoutLevel(event) };
    case "mended":
      return { level: "info", text: mendedText(event), facts: event };
    case "round":
      return { level: "debug", text: roundText(event), facts: event };
    default:
      return event satisfies never;
  }
}

function withoutLevel({ kind, event, fields }: Extract<ClientEvent, { kind: "log" }>) {
  return { kind, event, fields };
}

/** One line, whatever the message holds. */
function withHint(message: string, hint: string | undefined): string {
  const lines = [...message.split("\n"), ...(hint === undefined ? [] : [`hint: ${hint}`])];
  return lines.map(clean).join("; ");
}
