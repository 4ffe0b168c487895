import { BackendError } from "../backend.ts";
import { connectionError } from "./_errors.ts";
import type { NameCoding } from "./_names.ts";
import { isPreliminary, type Reply, ReplyParser } from "./_reply.ts";
import type { Wire } from "./_wire.ts";

/** How a control connection talks. */
export interface ControlOptions {
  readonly coding: NameCoding;
  /** The longest wait for an answer. */
  readonly timeoutMs: number;
  /** Whether the server speaks first. */
  readonly isGreeted: boolean;
  readonly trace: (line: string) => void;
}

/** How many answers that nobody asked for are borne: a goodbye, or a second one to a transfer. */
const MAX_UNASKED = 4;

/**
 * A control connection: commands out, replies in, in the same order. It is read all the time, so that one that the
 * server has closed is known to be closed. After any failure it is closed.
 */
export class Control {
  readonly #wire: Wire;
  readonly #options: ControlOptions;
  readonly #parser: ReplyParser;
  readonly #replies: Reply[] = [];
  #awaited = 0;
  #failure: BackendError | undefined;
  #wake: (() => void) | undefined;

  constructor(wire: Wire, options: ControlOptions) {
    this.#wire = wire;
    this.#options = options;
    this.#parser = new ReplyParser(options.coding.decode);
    if (options.isGreeted) this.#awaited = 1;
    this.#read();
  }

  /** Whether it can be used. */
  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  /** Whether every command has been answered. */
  get isQuiet(): boolean {
    return this.#awaited === 0 && this.#replies.length === 0;
  }

  /**
   * Sends commands, all at once; each is answered by one {@linkcode Control.reply}, and by another if that is
   * preliminary.
   *
   * @throws {BackendError} `invalid-name` for a command that cannot be sent as one line; then none was sent
   */
  async send(...commands: readonly string[]): Promise<void> {
    const bytes = commands.map((command) => this.#encode(command));
    if (this.#failure !== undefined) throw this.#failure;
    for (const command of commands) this.#options.trace(`> ${masked(command)}`);
    this.#awaited += commands.length;
    try {
      await this.#wire.write(concatenated(bytes));
    } catch (thrown) {
      this.#fail(connectionError(thrown));
      throw this.#failure;
    }
  }

  /** The next reply. @throws {BackendError} `unavailable` if none comes in time, or the connection ends before it */
  async reply(timeoutMs: number = this.#options.timeoutMs): Promise<Reply> {
    const timer = setTimeout(() => {
      this.#fail(
        new BackendError("unavailable", `the server does not answer within ${timeoutMs / 1000} s`),
      );
    }, timeoutMs);
    try {
      while (this.#replies.length === 0) {
        if (this.#failure !== undefined) throw this.#failure;
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } finally {
      clearTimeout(timer);
    }
    const reply = this.#replies.shift();
    if (reply === undefined) throw new TypeError("there is a reply");
    if (!isPreliminary(reply)) this.#awaited--;
    // The server closes the connection after it (RFC 959, section 4.2).
    if (reply.code === 421) {
      this.#fail(new BackendError("unavailable", "the server ends the session"));
    }
    return reply;
  }

  /** Sends one command and gives its reply. */
  async exchange(command: string): Promise<Reply> {
    await this.send(command);
    return await this.reply();
  }

  /** Closes the connection at once. */
  close(): void {
    this.#fail(new BackendError("unavailable", "the connection is closed"));
  }

  async #read(): Promise<void> {
    try {
      while (this.#failure === undefined) {
        const bytes = await this.#wire.read();
        if (bytes === undefined) throw new Error("the server has ended the connection");
        for (const reply of this.#parser.feed(bytes)) this.#take(reply);
      }
    } catch (thrown) {
      this.#fail(connectionError(thrown));
    }
  }

  #take(reply: Reply): void {
    for (const line of reply.lines) this.#options.trace(`< ${reply.code} ${line}`);
    if (this.#awaited === 0) {
      // A 421 or another word of goodbye; nobody waits for it.
      return this.#fail(new BackendError("unavailable", "the server has ended the session"));
    }
    if (this.#replies.length > this.#awaited * 2 + MAX_UNASKED) {
      return this.#fail(new BackendError("protocol", "the server answers more than it was asked"));
    }
    this.#replies.push(reply);
    this.#stir();
  }

  #fail(error: BackendError): void {
    this.#failure ??= error;
    this.#wire.close();
    this.#stir();
  }

  #stir(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #encode(command: string): Uint8Array {
    // One more command would fit behind a line end.
    if (/[\r\n\0]/.test(command)) {
      throw new BackendError("invalid-name", "a line break or NUL cannot be sent in a command");
    }
    const bytes = this.#options.coding.encode(`${command}\r\n`);
    // Telnet's escape (RFC 959, section 2.3.1): servers differ on whether it is to be doubled.
    if (bytes.includes(0xff)) {
      throw new BackendError("invalid-name", "the byte 255 cannot be sent in a command");
    }
    return bytes;
  }
}

/** A command for the trace, without secrets. */
export function masked(command: string): string {
  return /^(PASS|ACCT) /i.test(command) ? `${command.slice(0, 4)} ***` : command;
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    whole.set(part, end);
    end += part.length;
  }
  return whole;
}
