import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  request as requestPlain,
} from "node:http";
import { request as requestTls } from "node:https";
import type { ByteSource } from "../backend.ts";
import { openReader, readFrom, SourceFailure, withTimer } from "../streams.ts";
import { Answer, type Call } from "./_answer.ts";
import { cutOff, isCutOff, networkError, tooLate } from "./_errors.ts";
import type { Proxy } from "./_proxy.ts";
import { wrongLength } from "./_source.ts";
import { tlsAgent, type TlsSettings } from "./_tls.ts";

/** Where requests go, and how. */
export interface Origin {
  readonly isTls: boolean;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly tls: TlsSettings;
  readonly proxy: Proxy | undefined;
  readonly maxConnections: number;
}

const REPEATABLE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PROPFIND", "PUT"]);

/** Sends requests to one server over connections that are kept. Disposing closes them. */
export class Wire implements Disposable {
  readonly #origin: Origin;
  readonly #agent: Agent;
  readonly #trace: (line: string) => void;

  constructor(origin: Origin, trace: (line: string) => void) {
    this.#origin = origin;
    this.#agent = agentFor(origin);
    this.#trace = trace;
  }

  /**
   * Sends a request and gives the answer as soon as it begins, which may be before the body is sent; then no more of
   * it is sent. The answer's content must be read or given up.
   *
   * @throws {BackendError} `unavailable`; what the body itself throws, as it is; `protocol` if it has another length
   */
  async send(call: Call): Promise<Answer> {
    for (;;) {
      call.signal?.throwIfAborted();
      const request = this.#open(call);
      const exchange = new Exchange(request, call, this.#origin.timeoutMs);
      try {
        const answer = await exchange.run();
        this.#trace(`${call.method} ${call.target}: ${answer.status}`);
        return answer;
      } catch (thrown) {
        exchange.end();
        const isStale = exchange.wasReused && isCutOff(thrown) && !exchange.wasStopped;
        // The server closed the connection while it was idle: another one will do.
        if (isStale && isRepeatable(call)) continue;
        this.#trace(`${call.method} ${call.target}: ${String(thrown)}`);
        throw exchange.explain(thrown);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  #open({ method, target, headers = {}, body }: Call): ClientRequest {
    const { isTls, host, port, proxy } = this.#origin;
    // Without a length the runtime would announce a body in chunks, which most methods may not have.
    const length = body === undefined ? 0 : lengthOf(body);
    const isPlain = method === "GET" || method === "HEAD";
    const given = {
      Host: hostHeader(this.#origin),
      "User-Agent": "escale",
      "Accept-Encoding": "identity",
      ...(isPlain ? {} : { "Content-Length": String(length) }),
      ...headers,
    };
    const options = { method, agent: this.#agent, headers: given, setHost: false };
    if (isTls) return requestTls({ ...options, host, port, path: target });
    if (proxy === undefined) return requestPlain({ ...options, host, port, path: target });
    return requestPlain({
      ...options,
      host: proxy.host,
      port: proxy.port,
      path: `http://${hostHeader(this.#origin)}${target}`,
      headers: { ...given, ...proxy.headers },
    });
  }
}

/** The host as a URL has it, with the port if it is not the scheme's own. */
export function hostHeader({ host, port, isTls }: Pick<Origin, "host" | "port" | "isTls">): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return port === (isTls ? 443 : 80) ? name : `${name}:${port}`;
}

function agentFor(origin: Origin): Agent {
  const options = { keepAlive: true, maxSockets: origin.maxConnections };
  return origin.isTls ? tlsAgent(options, origin) : new Agent(options);
}

/** Whether a request may be sent again when a connection that stood for a while turns out to be closed. */
function isRepeatable({ method, body }: Call): boolean {
  return REPEATABLE.has(method) && (body === undefined || body instanceof Uint8Array);
}

function lengthOf(body: Uint8Array | ByteSource): number {
  return body instanceof Uint8Array ? body.length : body.sizeBytes;
}

/** One request under way, up to the beginning of its answer. */
class Exchange {
  readonly #request: ClientRequest;
  readonly #call: Call;
  readonly #timeoutMs: number;
  readonly #answered: Promise<IncomingMessage>;
  readonly #abort = () => this.#giveUp();
  #giveUp: () => void = () => {};
  #isLate = false;
  #wasReused = false;
  /** Ends the wait for the network to take more. */
  #wake = () => {};

  constructor(request: ClientRequest, call: Call, timeoutMs: number) {
    this.#request = request;
    this.#call = call;
    this.#timeoutMs = timeoutMs;
    this.#answered = new Promise((resolve, reject) => {
      request.once("response", resolve);
      request.on("error", reject);
      request.once("close", () => reject(cutOff()));
      this.#giveUp = () => {
        request.destroy();
        reject(cutOff());
      };
    });
    this.#answered.catch(() => {});
    request.once("socket", () => {
      this.#wasReused = request.reusedSocket;
      // Else this runtime sends a request again by itself when its connection ends, one that was aborted here as well.
      request.reusedSocket = false;
    });
    call.signal?.addEventListener("abort", this.#abort, { once: true });
  }

  async run(): Promise<Answer> {
    const { body } = this.#call;
    if (body === undefined || body instanceof Uint8Array) this.#request.end(body);
    else await this.#sendAll(body);
    const message = await this.#inTime(this.#answered);
    return new Answer(message, {
      call: this.#call,
      timeoutMs: this.#timeoutMs,
      ended: () => this.#stopListening(),
      // An early answer leaves a body half sent: that connection is of no more use.
      isUsable: this.#request.writableEnded,
    });
  }

  /** Whether its connection had been used before. */
  get wasReused(): boolean {
    return this.#wasReused;
  }

  /** Whether it was ended from here. */
  get wasStopped(): boolean {
    return this.#isLate || (this.#call.signal?.aborted ?? false);
  }

  /** What `thrown` means to the caller. */
  explain(thrown: unknown): unknown {
    const { signal, action } = this.#call;
    if (signal?.aborted) return signal.reason;
    if (thrown instanceof SourceFailure) return thrown.reason;
    if (this.#isLate) return tooLate(action, this.#timeoutMs);
    return networkError(action, thrown);
  }

  end(): void {
    this.#stopListening();
    this.#request.destroy();
  }

  async #sendAll(source: ByteSource): Promise<void> {
    const reader = openReader(source);
    let isAnswered = false;
    // No race against the answer: each would leave its chunk with a promise that stays.
    const stop = () => {
      isAnswered = true;
      reader.cancel().catch(() => {});
      this.#wake();
    };
    this.#answered.then(stop, stop);
    try {
      let readBytes = 0;
      // The last chunk waits for the end of the stream: a server that has it all cannot be told that it is too much.
      let held: Uint8Array | undefined;
      for (;;) {
        const next = await readFrom(reader);
        if (isAnswered) return;
        if (next.done) break;
        readBytes += next.value.length;
        if (readBytes > source.sizeBytes) throw wrongLength(this.#call, source, "longer");
        if (next.value.length === 0) continue;
        if (held !== undefined) await this.#write(held);
        if (isAnswered) return;
        held = next.value;
      }
      if (readBytes < source.sizeBytes) throw wrongLength(this.#call, source, "shorter");
      this.#request.end(held);
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

  /** Waits for the server, but not for ever. */
  #inTime<T>(promise: Promise<T>): Promise<T> {
    return withTimer(promise, this.#timeoutMs, () => {
      this.#isLate = true;
      this.#giveUp();
    });
  }

  #stopListening(): void {
    this.#call.signal?.removeEventListener("abort", this.#abort);
  }
}
