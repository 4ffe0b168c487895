import type { Configuration, Section } from "../config/section.ts";
import { LogFile } from "../daemon/log_file.ts";
import type { ClientEvent, ClientResult } from "../sync/events.ts";
import type { ExitStatus } from "./exit.ts";
import { LogReport } from "./log_report.ts";
import type { Failure, Report, Verbosity } from "./report.ts";

/** What a {@linkcode ProgramLog} goes by, besides the configuration. */
export interface ProgramLogOptions {
  /** The file where none is configured. */
  readonly byDefault: string | undefined;
  readonly verbosity: Verbosity | undefined;
  /** One JSON object a line, whatever is configured. */
  readonly isJson: boolean;
}

/** The log as configured, which may change while the program runs. Silent until {@linkcode apply} gives it a file. */
export class ProgramLog implements Report, Disposable {
  readonly #options: ProgramLogOptions;
  #file: LogFile | undefined;
  #path: string | undefined;
  #rotate = 0;
  #report: LogReport | undefined;

  constructor(options: ProgramLogOptions) {
    this.#options = options;
  }

  /** The path of the log file, if there is one. */
  get path(): string | undefined {
    return this.#path;
  }

  /** Goes by a configuration from now on. The file is opened anew. @throws {EscaleError} `denied` if it cannot be */
  apply({ logFile, logRotate, logLevel, logFormat }: Configuration): void {
    const { byDefault, verbosity, isJson } = this.#options;
    const path = logFile ?? byDefault;
    if (path === this.#path && logRotate === this.#rotate) this.#file?.reopen();
    else {
      const file = path === undefined ? undefined : new LogFile(path, { rotate: logRotate });
      this.#file?.[Symbol.dispose]();
      this.#file = file;
      this.#path = path;
      this.#rotate = logRotate;
    }
    this.#report = new LogReport({
      level: logLevel,
      verbosity,
      format: isJson ? "json" : logFormat,
      write: (line) => this.#file?.write(line),
      now: () => new Date(),
    });
  }

  /** A line about the program as a whole. */
  note(text: string): void {
    this.#report?.note(text);
  }

  warn(message: string, hint?: string): void {
    this.#report?.warn(message, hint);
  }

  error(failure: Failure): void {
    this.#report?.error(failure);
  }

  event(section: Section, event: ClientEvent): void {
    this.#report?.event(section, event);
  }

  result(section: Section, result: ClientResult): void {
    this.#report?.result(section, result);
  }

  end(status: ExitStatus): void {
    this.#report?.end(status);
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
  }
}
