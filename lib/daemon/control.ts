import { type ErrorCode, EscaleError, messageOf } from "../errors.ts";
import { readIfThere, replaceFile } from "./small_file.ts";

/** What the process that runs the clients can be asked to do; without names: with all clients. */
export interface ControlRequest {
  readonly command: ControlCommand;
  readonly names: readonly string[];
}

/** A command to a running process. */
export type ControlCommand = "start" | "stop" | "restart" | "reload";

/** Every {@linkcode ControlCommand}. */
export const CONTROL_COMMANDS: readonly ControlCommand[] = ["start", "stop", "restart", "reload"];

/** What it answers: the clients that the command was for, or why it was not done. */
export type ControlAnswer =
  | { readonly ok: true; readonly names: readonly string[] }
  | {
    readonly ok: false;
    readonly code: ErrorCode;
    readonly message: string;
    readonly hint?: string | undefined;
  };

/** Does what was asked for. Never throws. */
export type AnswerRequest = (request: ControlRequest) => Promise<ControlAnswer>;

/** Where a process listens, and the secret that who speaks to it must know. */
interface Door {
  readonly port: number;
  readonly token: string;
}

const HOST = "127.0.0.1";
/** The longest line that is read from anybody. */
const MAX_LINE_BYTES = 65_536;
/** How long a connection may take to send its request. */
const REQUEST_MS = 5_000;
/** How long a command may take: stopping clients takes 10 s at most. */
const ANSWER_MS = 30_000;

/** Takes commands from other processes of this user. */
export class ControlServer implements Disposable {
  readonly #file: string;
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #answering = new Set<Promise<void>>();

  private constructor(file: string, listener: Deno.TcpListener) {
    this.#file = file;
    this.#listener = listener;
  }

  /**
   * Listens on a port of this machine. Port and secret stand in `file`, which nobody else may read.
   *
   * @throws {EscaleError} `denied` if it cannot listen, or cannot write the file
   */
  static open(file: string, answer: AnswerRequest): ControlServer {
    const token = crypto.getRandomValues(new Uint8Array(32)).toHex();
    let listener: Deno.TcpListener | undefined;
    try {
      listener = Deno.listen({ hostname: HOST, port: 0 });
      const door: Door = { port: listener.addr.port, token };
      replaceFile(file, JSON.stringify(door));
    } catch (cause) {
      listener?.close();
      throw new EscaleError("denied", `Cannot take commands: ${messageOf(cause)}`, { cause });
    }
    const server = new ControlServer(file, listener);
    void server.#accept(token, answer);
    return server;
  }

  /** Takes no more commands, and waits until those that were taken are answered. */
  async shutDown(): Promise<void> {
    this.#listener.close();
    try {
      Deno.removeSync(this.#file);
    } catch {
      // Nobody listens there any more, which who tries finds out.
    }
    await Promise.allSettled(this.#answering);
  }

  /** Closes the connections, which tells who waits that this process has ended. After {@linkcode shutDown}. */
  [Symbol.dispose](): void {
    for (const connection of this.#connections) close(connection);
  }

  async #accept(token: string, answer: AnswerRequest): Promise<void> {
    try {
      for await (const connection of this.#listener) {
        this.#connections.add(connection);
        void this.#serve(connection, { token, answer }).finally(() => {
          this.#connections.delete(connection);
        });
      }
    } catch {
      // The system has no more sockets, most likely: signals still work.
    }
  }

  async #serve(
    connection: Deno.TcpConn,
    { token, answer }: { readonly token: string; readonly answer: AnswerRequest },
  ): Promise<void> {
    const timer = setTimeout(() => close(connection), REQUEST_MS);
    try {
      const request = parseRequest(await readLine(connection), token);
      clearTimeout(timer);
      if (request === undefined) return;
      const answering = answer(request).then((value) => writeLine(connection, value));
      this.#answering.add(answering);
      await answering.finally(() => this.#answering.delete(answering));
      // Held until this process ends, so that who asked knows when that is.
      await readLine(connection);
    } catch {
      // Whoever asked has gone.
    } finally {
      clearTimeout(timer);
      close(connection);
    }
  }
}

function parseRequest(line: string, token: string): ControlRequest | undefined {
  const value: Partial<Record<string, unknown>> = JSON.parse(line);
  const { command, names } = value;
  const known = CONTROL_COMMANDS.find((name) => name === command);
  if (value["token"] !== token || known === undefined || !Array.isArray(names)) return undefined;
  return { command: known, names: names.map(String) };
}

/** A connection to the process that runs the clients. When its signal aborts, calls fail with the signal's reason. */
export class ControlClient implements Disposable {
  readonly #connection: Deno.TcpConn;
  readonly #token: string;
  readonly #signal: AbortSignal | undefined;

  private constructor(
    connection: Deno.TcpConn,
    { token, signal }: { readonly token: string; readonly signal?: AbortSignal | undefined },
  ) {
    this.#connection = connection;
    this.#token = token;
    this.#signal = signal;
  }

  /** Connects to the process that wrote `file`. @throws {EscaleError} `denied` if it cannot be spoken to */
  static async open(
    file: string,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<ControlClient> {
    try {
      const text = readIfThere(file);
      if (text === undefined) throw new Error(`there is no "${file}"`);
      const { port, token }: Door = JSON.parse(text);
      const connection = await Deno.connect({ hostname: HOST, port });
      return new ControlClient(connection, { token, signal });
    } catch (cause) {
      throw new EscaleError("denied", `Cannot speak to the running escale: ${messageOf(cause)}`, {
        hint: "Stop it with the signal SIGTERM, and start it again",
        cause,
      });
    }
  }

  /** Asks for something and waits for the answer. @throws {EscaleError} as the other says; `denied` if it says nothing */
  async ask(request: ControlRequest): Promise<readonly string[]> {
    const answer = await this.#within(ANSWER_MS, async () => {
      await writeLine(this.#connection, { token: this.#token, ...request });
      const line: ControlAnswer = JSON.parse(await readLine(this.#connection));
      return line;
    });
    if (answer.ok) return answer.names;
    const { code, message, hint } = answer;
    throw new EscaleError(code, message, hint === undefined ? {} : { hint });
  }

  /** Waits until the other process has ended. @throws {EscaleError} `denied` if it does not */
  async ended(): Promise<void> {
    await this.#within(ANSWER_MS, async () => {
      await readLine(this.#connection).catch(() => {});
    });
  }

  [Symbol.dispose](): void {
    close(this.#connection);
  }

  async #within<T>(ms: number, work: () => Promise<T>): Promise<T> {
    let isLate = false;
    const hangUp = () => close(this.#connection);
    const timer = setTimeout(() => {
      isLate = true;
      hangUp();
    }, ms);
    this.#signal?.addEventListener("abort", hangUp, { once: true });
    try {
      const result = await work();
      this.#signal?.throwIfAborted();
      if (!isLate) return result;
      throw new Error("it took too long");
    } catch (cause) {
      this.#signal?.throwIfAborted();
      const why = isLate ? `it did not answer within ${ms / 1_000} s` : messageOf(cause);
      throw new EscaleError("denied", `Cannot speak to the running escale: ${why}`, {
        hint: "See what it does in its log, or end it with the signal SIGKILL",
        cause,
      });
    } finally {
      clearTimeout(timer);
      this.#signal?.removeEventListener("abort", hangUp);
    }
  }
}

async function writeLine(connection: Deno.TcpConn, value: unknown): Promise<void> {
  let rest = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
  while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
}

/** Reads up to the end of a line. @throws {Error} if there is none */
async function readLine(connection: Deno.TcpConn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4_096);
  let text = "";
  while (text.length < MAX_LINE_BYTES) {
    const count = await connection.read(buffer);
    if (count === null) break;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  throw new Error("the connection was closed");
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}
