import type { IncomingMessage } from "node:http";
import { BackendError, type ByteSource } from "../backend.ts";
import { joined, withTimer } from "../streams.ts";
import { cutOff, networkError, tooLate } from "./_errors.ts";
import { type Brake, brakeOf } from "./_tls.ts";

/** Content up to this size is read to its end when it is of no use, and is never held up, bytes. */
const DRAIN_BYTES = 64 * 1024;

/** One request. */
export interface Call {
  /** What is attempted, for error messages: `put "x"`. */
  readonly action: string;
  readonly method: string;
  /** The path, encoded. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | ByteSource;
  readonly signal?: AbortSignal | undefined;
}

/** What an {@linkcode Answer} is made of. */
export interface AnswerParts {
  readonly call: Call;
  readonly timeoutMs: number;
  readonly ended: () => void;
  readonly isUsable: boolean;
}

/** What a server answers. Its content must be read to the end or given up, once. */
export class Answer {
  readonly status: number;
  /** What the request was. */
  readonly call: Call;
  readonly #message: IncomingMessage;
  readonly #parts: AnswerParts;
  readonly #brake: Brake | undefined;

  constructor(message: IncomingMessage, parts: AnswerParts) {
    this.status = message.statusCode ?? 0;
    this.call = parts.call;
    this.#message = message;
    this.#parts = parts;
    // What is short is read at once in any case.
    const isLong = (this.#contentBytes() ?? Infinity) > DRAIN_BYTES;
    this.#brake = isLong ? brakeOf(message.socket) : undefined;
    this.#brake?.stop();
    // Without a listener an error that comes while nobody reads would end the program.
    message.on("error", () => {});
  }

  /** A header's value; several of one name are joined by commas. */
  header(name: string): string | undefined {
    const value = this.#message.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  /** The announced length of the content. @throws {BackendError} `protocol` if it is no number of bytes */
  lengthBytes(): number | undefined {
    const text = this.header("content-length");
    if (text === undefined) return undefined;
    const length = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    if (Number.isSafeInteger(length)) return length;
    throw new BackendError(
      "protocol",
      `Cannot ${this.call.action}: the server's length is no number`,
    );
  }

  /**
   * The content as it comes; leaving the loop early closes the connection.
   *
   * @throws {BackendError} `unavailable` if it ends early
   */
  async *chunks(): AsyncGenerator<Uint8Array> {
    const { call, timeoutMs } = this.#parts;
    const iterator = this.#message[Symbol.asyncIterator]();
    const announced = this.#contentBytes();
    let sizeBytes = 0;
    let isWhole = false;
    let isLate = false;
    try {
      for (;;) {
        this.#brake?.release();
        const next = await withTimer(Promise.resolve(iterator.next()), timeoutMs, () => {
          isLate = true;
          this.#message.destroy();
        });
        if (next.done === true) break;
        this.#brake?.stop();
        sizeBytes += next.value.length;
        yield next.value;
      }
      call.signal?.throwIfAborted();
      const isShort = announced !== undefined && sizeBytes < announced;
      if (isShort || !this.#message.complete) throw cutOff();
      isWhole = true;
    } catch (thrown) {
      call.signal?.throwIfAborted();
      throw isLate ? tooLate(call.action, timeoutMs) : networkError(call.action, thrown);
    } finally {
      this.#finish(isWhole);
    }
  }

  /** The content in one piece. @throws {BackendError} `too-large`, before reading more, if it is longer than `maxBytes` */
  async bytes(maxBytes: number): Promise<Uint8Array> {
    const announced = this.#contentBytes();
    if (announced !== undefined && announced > maxBytes) {
      this.giveUp();
      throw tooLarge(this.call, maxBytes);
    }
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (const chunk of this.chunks()) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) throw tooLarge(this.call, maxBytes);
      chunks.push(chunk);
    }
    return joined(chunks, sizeBytes);
  }

  /** Reads content that is of no use, so that the connection can be used again; of a long one it is closed. */
  async drop(): Promise<void> {
    try {
      await this.bytes(DRAIN_BYTES);
    } catch (thrown) {
      if (!(thrown instanceof BackendError)) throw thrown;
    }
  }

  /** Closes the connection. */
  giveUp(): void {
    this.#finish(false);
  }

  /** How long the content of this very answer is, if that is known. */
  #contentBytes(): number | undefined {
    return this.call.method === "HEAD" ? undefined : this.lengthBytes();
  }

  #finish(isWhole: boolean): void {
    this.#parts.ended();
    if (!isWhole || !this.#parts.isUsable) this.#message.destroy();
  }
}

function tooLarge({ action }: Call, maxBytes: number): BackendError {
  return new BackendError("too-large", `Cannot ${action}: it has more than ${maxBytes} bytes`);
}
