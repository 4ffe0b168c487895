import { readIfThere, replaceFile } from "./small_file.ts";
import type { Timers } from "./supervisor.ts";

/** The least time between two mails to one address. */
export const NOTICE_EVERY_MS = 3_600_000;
/** What a mail holds at most; an address that never takes any must not fill the disk. */
const MAX_PENDING = 100;

/** Something to be told to a maintainer. */
export interface Notice {
  readonly to: string;
  readonly text: string;
  readonly atMs: number;
}

/** What notices need. */
export interface NoticesContext {
  /** Sends one mail with all `notices`, which have the same address. */
  readonly send: (to: string, notices: readonly Notice[]) => Promise<void>;
  /** Is told of a mail that was not sent; its notices stay for the next one. */
  readonly warn: (thrown: unknown) => void;
  readonly nowMs: () => number;
  readonly timers: Timers;
}

interface Remembered {
  readonly pending: readonly Notice[];
  /** When each address was written to last, or tried to. */
  readonly lastMs: Readonly<Record<string, number>>;
}

/**
 * Tells maintainers what happened, with at most one mail an hour to each, also over restarts of the program: what
 * happens meanwhile is gathered in a file and goes with the next mail.
 */
export class Notices implements AsyncDisposable {
  readonly #file: string;
  readonly #context: NoticesContext;
  #pending: Notice[] = [];
  #isClosed = false;
  readonly #lastMs = new Map<string, number>();
  readonly #sending = new Map<string, Promise<void>>();
  readonly #cancels = new Map<string, () => void>();

  /** Takes up what stands in `file`. */
  constructor(file: string, context: NoticesContext) {
    this.#file = file;
    this.#context = context;
    const { pending, lastMs } = remembered(file);
    this.#pending = [...pending];
    for (const [to, ms] of Object.entries(lastMs)) {
      // A clock that was set back must not silence notices for longer than the hour.
      this.#lastMs.set(to, Math.min(ms, context.nowMs()));
    }
    for (const to of new Set(pending.map((notice) => notice.to))) this.#plan(to);
  }

  /** Tells `to` something, now or with the next mail that is due. */
  add(to: string, text: string): void {
    this.#pending.push({ to, text, atMs: this.#context.nowMs() });
    this.#pending = this.#pending.slice(-MAX_PENDING);
    this.#remember();
    this.#plan(to);
  }

  /** Waits for the mail that is being sent. What is not due yet waits for the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
    await Promise.all(this.#sending.values());
  }

  #plan(to: string): void {
    if (this.#cancels.has(to) || this.#sending.has(to)) return;
    const last = this.#lastMs.get(to);
    const waitMs = last === undefined ? 0 : last + NOTICE_EVERY_MS - this.#context.nowMs();
    if (waitMs <= 0) return this.#begin(to);
    const cancel = this.#context.timers.after(waitMs, () => {
      this.#cancels.delete(to);
      this.#begin(to);
    });
    this.#cancels.set(to, cancel);
  }

  #begin(to: string): void {
    const sending = this.#send(to).catch(this.#context.warn).then(() => {
      this.#sending.delete(to);
      // What came meanwhile, or was not taken.
      if (!this.#isClosed && this.#pending.some((notice) => notice.to === to)) this.#plan(to);
    });
    this.#sending.set(to, sending);
  }

  async #send(to: string): Promise<void> {
    const notices = this.#pending.filter((notice) => notice.to === to);
    if (notices.length === 0) return;
    this.#lastMs.set(to, this.#context.nowMs());
    this.#remember();
    await this.#context.send(to, notices);
    this.#pending = this.#pending.filter((notice) => !notices.includes(notice));
    this.#remember();
  }

  #remember(): void {
    const value: Remembered = {
      pending: this.#pending,
      lastMs: Object.fromEntries(this.#lastMs),
    };
    try {
      replaceFile(this.#file, JSON.stringify(value));
    } catch (cause) {
      this.#context.warn(cause);
    }
  }
}

function remembered(file: string): Remembered {
  const nothing = { pending: [], lastMs: {} };
  try {
    const text = readIfThere(file);
    if (text === undefined) return nothing;
    const value: Partial<Remembered> = JSON.parse(text);
    const { pending, lastMs } = value;
    return Array.isArray(pending) && lastMs instanceof Object ? { pending, lastMs } : nothing;
  } catch {
    return nothing;
  }
}
