import type { RunFiles } from "../config/paths.ts";
import type { Configuration, Section } from "../config/section.ts";
import { Notices } from "../daemon/notices.ts";
import { PidFile } from "../daemon/pid_file.ts";
import { makeFolder } from "../daemon/small_file.ts";
import { isMailAddress, sendMail } from "../daemon/smtp.ts";
import type { StatusDocument } from "../daemon/status.ts";
import { StatusBoard } from "../daemon/status_board.ts";
import { readStatus, StatusFile } from "../daemon/status_file.ts";
import { type ClientChange, systemTimers } from "../daemon/supervisor.ts";
import type { ClientEvent, ClientResult } from "../sync/events.ts";
import { noticeMail } from "./notice_mail.ts";

/** What a {@linkcode Presence} needs to know. */
export interface PresenceContext {
  /** The arguments that mean the same to another process. */
  readonly args: readonly string[];
  readonly hostName: string;
  readonly logFile: () => string | undefined;
  /** Is told what could not be done. */
  readonly warn: (thrown: unknown) => void;
}

/** What a process that runs clients leaves for others to find: that it runs, how its clients are, and notices by mail. */
export class Presence implements AsyncDisposable {
  readonly #pid: PidFile;
  readonly #board: StatusBoard;
  readonly #status: StatusFile;
  readonly #notices: Notices;
  #configFacts: Pick<StatusDocument, "configProblem"> = {};

  /** @throws {EscaleError} `locked` if another process runs clients of this file; `denied` */
  constructor(files: RunFiles, { file, sections }: Configuration, context: PresenceContext) {
    const { args, hostName, logFile, warn } = context;
    makeFolder(files.folder);
    this.#pid = PidFile.take(files.pid);
    const nowMs = () => Date.now();
    const startedMs = nowMs();
    const former = (readStatus(files.status)?.clients ?? [])
      .filter(({ name }) => sections.some((section) => section.name === name));
    this.#board = new StatusBoard({ nowMs, former });
    this.#status = new StatusFile(files.status, {
      timers: systemTimers,
      document: () => ({
        version: 1,
        configFile: file,
        pid: Deno.pid,
        startedMs,
        atMs: nowMs(),
        args,
        ...logFacts(logFile()),
        ...this.#configFacts,
        clients: this.#board.clients(),
      }),
    });
    this.#notices = new Notices(files.notices, {
      nowMs,
      timers: systemTimers,
      warn,
      send: (to, notices) =>
        sendMail(
          noticeMail(notices, { to, hostName, configFile: file, logFile: logFile() }),
          { hostName },
        ),
    });
  }

  event(section: Section, event: ClientEvent): void {
    if (this.#board.event(section, event)) this.#status.touch();
  }

  change(section: Section, change: ClientChange): void {
    this.#board.change(section, change);
    this.#status.touch();
    if (change.kind === "failed") this.#tell(section, change.result);
  }

  ended(section: Section, result: ClientResult): void {
    this.#board.ended(section, result);
    this.#status.touch();
    this.#tell(section, result);
  }

  /** A section that is no longer configured. */
  removed(name: string): void {
    this.#board.forget(name);
    this.#status.touch();
  }

  /** The configuration was read again: `message` says why it is not in force. */
  reloaded(message: string | undefined): void {
    this.#configFacts = message === undefined
      ? {}
      : { configProblem: { message, sinceMs: Date.now() } };
    this.#status.touch();
  }

  /** Writes the status now. */
  write(): void {
    this.#status.write();
  }

  /** Waits for the mail that is being sent. */
  async settle(): Promise<void> {
    await this.#notices[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.settle();
    this.#status[Symbol.dispose]();
    this.#pid[Symbol.dispose]();
  }

  #tell({ name, maintainer }: Section, { outcome, error }: ClientResult): void {
    if (outcome !== "failed" || maintainer === undefined || !isMailAddress(maintainer)) return;
    const hint = error?.hint === undefined ? "" : `\n  ${error.hint}`;
    this.#notices.add(maintainer, `${name}: ${error?.message ?? "it failed"}${hint}`);
  }
}

function logFacts(logFile: string | undefined): { readonly logFile?: string } {
  return logFile === undefined ? {} : { logFile };
}
