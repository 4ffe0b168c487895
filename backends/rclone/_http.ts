import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import { BackendError } from "../backend.ts";
import { joined, openReader, readFrom, SourceFailure, withTimer } from "../streams.ts";
import type { Endpoint } from "./_endpoint.ts";
import { networkError } from "./_errors.ts";

/** One request. */
export interface Message {
  /** What is attempted, for error messages. */
  readonly action: string;
  readonly method: "GET" | "POST";
  /** The path with its query, encoded. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Body;
  readonly signal: AbortSignal | undefined;
}

/** What is sent with a request. */
export interface Body {
  readonly sizeBytes: number;
  /** What the stream throws is thrown on as it is. */
  open(): ReadableStream<Uint8Array>;
}

/** How a {@linkcode Wire} is used. */
export interface WireOptions {
  /** How long rclone may be silent, milliseconds: it tries again by itself, and bears storages that make it wait. */
  readonly timeoutMs: number;
  readonly maxConnections: number;
  readonly trace: (line: string) => void;
}

/** Sends requests to an rclone process over connections that are kept. Disposing closes them. */
export class Wire implements Disposable {
  readonly #endpoint: Endpoint;
  readonly #options: WireOptions;
  readonly #agent: Agent;
  readonly #authorization: string;

  constructor(endpoint: Endpoint, options: WireOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.maxConnections });
    this.#authorization = `Basic ${btoa(`${endpoint.username}:${endpoint.password}`)}`;
  }

  /**
   * Sends a request and gives the reply as soon as it begins, which may be before the body is sent; then no more of it
   * is sent. The reply's content must be read or given up.
   *
   * @throws {BackendError} `unavailable`
   */
  async send(message: Message): Promise<Reply> {
    message.signal?.throwIfAborted();
    const exchange = new Exchange(this.#open(message), message, this.#options.timeoutMs);
    try {
      const reply = await exchange.run();
      this.#options.trace(`${message.method} ${message.target}: ${reply.status}`);
      return reply;
    } catch (thrown) {
      exchange.end();
      this.#options.trace(`${message.method} ${message.target}: ${String(thrown)}`);
      throw exchange.explain(thrown);
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  #open({ method, target, headers = {}, body }: Message): ClientRequest {
    const length = method === "GET" ? {} : { "Content-Length": String(body.sizeBytes) };
    return request({
      ...{ method, agent: this.#agent, host: "127.0.0.1", port: this.#endpoint.port, path: target },
      headers: { Authorization: this.#authorization, ...length, ...headers },
    });
  }
}

/** One request under way, up to the beginning of its reply. */
class Exchange {
  readonly #request: ClientRequest;
  readonly #message: Message;
  readonly #timeoutMs: number;
  readonly #answered: Promise<IncomingMessage>;
  readonly #giveUp: () => void;
  #isLate = false;
  /** Ends the wait for rclone to take more. */
  #wake = () => {};

  constructor(request: ClientRequest, message: Message, timeoutMs: number) {
    this.#request = request;
    this.#message = message;
    this.#timeoutMs = timeoutMs;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    this.#answered = promise;
    this.#answered.catch(() => {});
    request.once("response", resolve);
    request.on("error", reject);
    request.once("close", () => reject(cutOff()));
    this.#giveUp = () => {
      request.destroy();
      reject(cutOff());
    };
    request.once("socket", () => {
      // Else this runtime sends a request again by itself when its connection ends, one that was aborted here as well.
      request.reusedSocket = false;
    });
    message.signal?.addEventListener("abort", this.#giveUp, { once: true });
  }

  async run(): Promise<Reply> {
    await this.#sendBody();
    const message = await this.#inTime(this.#answered);
    return new Reply(message, {
      message: this.#message,
      timeoutMs: this.#timeoutMs,
      ended: () => this.#stopListening(),
      // An early reply leaves a body half sent: that connection is of no more use.
      isUsable: this.#request.writableEnded,
    });
  }

  /** What `thrown` means to the caller. */
  explain(thrown: unknown): unknown {
    const { signal, action } = this.#message;
    if (signal?.aborted) return signal.reason;
    if (thrown instanceof SourceFailure) return thrown.reason;
    return this.#isLate ? tooLate(action, this.#timeoutMs) : networkError(action, thrown);
  }

  end(): void {
    this.#stopListening();
    this.#request.destroy();
  }

  async #sendBody(): Promise<void> {
    const { body } = this.#message;
    if (body.sizeBytes === 0) return void this.#request.end();
    const reader = openReader(body);
    let isAnswered = false;
    // No race against the reply: each would leave its piece with a promise that stays.
    const stop = () => {
      isAnswered = true;
      reader.cancel().catch(() => {});
      this.#wake();
    };
    this.#answered.then(stop, stop);
    try {
      for (;;) {
        const next = await readFrom(reader);
        if (isAnswered) return;
        if (next.done) break;
        await this.#write(next.value);
        if (isAnswered) return;
      }
      this.#request.end();
    } finally {
      await reader.cancel().catch(() => {});
    }
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (this.#request.write(chunk)) return;
    await this.#inTime(
      new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#request.once("drain", resolve);
      }),
    );
  }

  /** Waits for rclone, but not for ever. */
  #inTime<T>(promise: Promise<T>): Promise<T> {
    return withTimer(promise, this.#timeoutMs, () => {
      this.#isLate = true;
      this.#giveUp();
    });
  }

  #stopListening(): void {
    this.#message.signal?.removeEventListener("abort", this.#giveUp);
  }
}

/** What a {@linkcode Reply} is made of. */
interface ReplyParts {
  readonly message: Message;
  readonly timeoutMs: number;
  readonly ended: () => void;
  readonly isUsable: boolean;
}

/** What rclone replies. Its content must be read to the end or given up, once. */
export class Reply {
  readonly status: number;
  /** How long the content is, if that is announced. */
  readonly sizeBytes: number | undefined;
  readonly #incoming: IncomingMessage;
  readonly #parts: ReplyParts;

  constructor(incoming: IncomingMessage, parts: ReplyParts) {
    this.status = incoming.statusCode ?? 0;
    const length = Number(incoming.headers["content-length"]);
    this.sizeBytes = Number.isSafeInteger(length) ? length : undefined;
    this.#incoming = incoming;
    this.#parts = parts;
    // Without a listener an error that comes while nobody reads would end the program.
    incoming.on("error", () => {});
  }

  /** The content as it comes. @throws {BackendError} `unavailable` if it ends early */
  async *chunks(): AsyncGenerator<Uint8Array> {
    const { message: { signal, action }, timeoutMs } = this.#parts;
    const iterator = this.#incoming[Symbol.asyncIterator]();
    let readBytes = 0;
    let isWhole = false;
    let isLate = false;
    try {
      for (;;) {
        const next = await withTimer(Promise.resolve(iterator.next()), timeoutMs, () => {
          isLate = true;
          this.#incoming.destroy();
        });
        if (next.done === true) break;
        readBytes += next.value.length;
        yield next.value;
      }
      signal?.throwIfAborted();
      const isShort = this.sizeBytes !== undefined && readBytes < this.sizeBytes;
      if (isShort || !this.#incoming.complete) throw cutOff();
      isWhole = true;
    } catch (thrown) {
      signal?.throwIfAborted();
      throw isLate ? tooLate(action, timeoutMs) : networkError(action, thrown);
    } finally {
      this.#finish(isWhole);
    }
  }

  /** The content in one piece. @throws {BackendError} `too-large` if it is longer than `maxBytes` */
  async bytes(maxBytes: number): Promise<Uint8Array> {
    const { action } = this.#parts.message;
    const tooLarge = () =>
      new BackendError("too-large", `Cannot ${action}: it has more than ${maxBytes} bytes`);
    if (this.sizeBytes !== undefined && this.sizeBytes > maxBytes) {
      this.giveUp();
      throw tooLarge();
    }
    const chunks: Uint8Array[] = [];
    let readBytes = 0;
    for await (const chunk of this.chunks()) {
      readBytes += chunk.length;
      if (readBytes > maxBytes) throw tooLarge();
      chunks.push(chunk);
    }
    return joined(chunks, readBytes);
  }

  /** Closes the connection. */
  giveUp(): void {
    this.#finish(false);
  }

  #finish(isWhole: boolean): void {
    this.#parts.ended();
    if (!isWhole || !this.#parts.isUsable) this.#incoming.destroy();
  }
}

function cutOff(): Error {
  return new Error("the connection was cut");
}

function tooLate(action: string, timeoutMs: number): BackendError {
  return new BackendError(
    "unavailable",
    `Cannot ${action}: rclone did not answer within ${timeoutMs / 1000} s`,
  );
}
