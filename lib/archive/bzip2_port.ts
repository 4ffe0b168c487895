import { EscaleError, messageOf } from "../errors.ts";
import type { CompressBlock } from "./bzip2_encode.ts";

/*
 * Compression on another thread, over a port: one side sends `{ id, block }`, the other answers each with
 * `{ id, packed }` or with `{ id, failure }`, a message, in any order.
 */

/** How long an answer may take before the other side is taken for dead; a block takes a tenth of a second. */
const PATIENCE_MS = 10_000;

/** Answers the requests that come over `port`, until it is closed. */
export function serveCompression(port: MessagePort, compressBlock: CompressBlock): void {
  port.onmessage = async ({ data }) => {
    const request = parseRequest(data);
    if (request === undefined) return;
    const { id, block } = request;
    try {
      const packed = new Uint8Array(await compressBlock(block));
      port.postMessage({ id, packed }, [packed.buffer]);
    } catch (error) {
      port.postMessage({ id, failure: messageOf(error) });
    }
  };
}

/** The side that wants blocks compressed. Disposing of it closes the port and fails what is under way. */
export class CompressionClient implements Disposable {
  readonly #port: MessagePort;
  readonly #patienceMs: number;
  readonly #waiting = new Map<number, PromiseWithResolvers<Uint8Array>>();
  #lastId = 0;
  #isGone = false;

  constructor(port: MessagePort, options: { readonly patienceMs?: number } = {}) {
    this.#port = port;
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
    port.onmessage = ({ data }) => this.#settle(data);
  }

  /**
   * Compresses one block. Bound to the client, so that it can be handed on as it is.
   *
   * @throws {EscaleError} `internal` if the other side fails; at once if it once did not answer in time
   */
  readonly compress: CompressBlock = async (block) => {
    if (this.#isGone) throw noAnswer();
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<Uint8Array>();
    const timer = setTimeout(() => this[Symbol.dispose](), this.#patienceMs);
    this.#waiting.set(id, answer);
    try {
      this.#port.postMessage({ id, block });
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  };

  [Symbol.dispose](): void {
    this.#isGone = true;
    this.#port.close();
    for (const answer of this.#waiting.values()) answer.reject(noAnswer());
  }

  #settle(data: unknown): void {
    const answer = parseAnswer(data);
    if (answer === undefined) return;
    const waiting = this.#waiting.get(answer.id);
    if (answer.kind === "packed") waiting?.resolve(answer.packed);
    else waiting?.reject(new EscaleError("internal", answer.failure));
  }
}

type Answer =
  | { readonly kind: "packed"; readonly id: number; readonly packed: Uint8Array }
  | { readonly kind: "failure"; readonly id: number; readonly failure: string };

function parseRequest(
  data: unknown,
): { readonly id: number; readonly block: Uint8Array } | undefined {
  if (typeof data !== "object" || data === null || !("id" in data) || !("block" in data)) {
    return undefined;
  }
  const { id, block } = data;
  return typeof id === "number" && block instanceof Uint8Array ? { id, block } : undefined;
}

function parseAnswer(data: unknown): Answer | undefined {
  if (typeof data !== "object" || data === null || !("id" in data)) return undefined;
  const { id } = data;
  if (typeof id !== "number") return undefined;
  if ("packed" in data && data.packed instanceof Uint8Array) {
    return { kind: "packed", id, packed: data.packed };
  }
  if ("failure" in data && typeof data.failure === "string") {
    return { kind: "failure", id, failure: data.failure };
  }
  return undefined;
}

function noAnswer(): EscaleError {
  return new EscaleError("internal", "Cannot compress: the compressing worker does not answer");
}
