import type { ByteSource, FolderName, ObjectName } from "../backend.ts";
import { BackendError } from "../backend.ts";
import { RELAY_REMOTE } from "./_endpoint.ts";
import { replyError } from "./_errors.ts";
import type { Body, Reply, Wire } from "./_http.ts";

/** The longest reply to a command: a listing of a million objects is about this long, bytes. */
const MAX_REPLY_BYTES = 256 * 1024 * 1024;

/** What a call is for. */
export interface RcOptions {
  /** What is attempted, for error messages: `put "x"`. */
  readonly action: string;
  readonly signal: AbortSignal | undefined;
}

/** What is stored as `base` in a folder of the relay. */
export interface Upload {
  readonly folder: FolderName;
  readonly base: string;
  readonly source: ByteSource;
  /** rclone takes all of it into memory, and sends it on in one request instead of piece by piece. */
  readonly isHeld: boolean;
}

/** A JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

/** The remote control of an rclone process: commands with JSON both ways, and content up and down. */
export class Rc {
  readonly #wire: Wire;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Runs a command. @throws {RcError} if rclone says that it failed; {@linkcode BackendError} `unavailable` */
  async call(command: string, params: Fields, options: RcOptions): Promise<Fields> {
    const reply = await this.#wire.send({
      ...options,
      method: "POST",
      target: `/${command}`,
      headers: { "Content-Type": "application/json" },
      body: bodyOf(new TextEncoder().encode(JSON.stringify(params))),
    });
    return await resultOf(reply, options);
  }

  /** Stores an upload in the relay; other clients may see it grow. Errors as of `call`. */
  async upload({ folder, base, source, isHeld }: Upload, options: RcOptions): Promise<void> {
    const query = new URLSearchParams({ fs: RELAY_REMOTE, remote: folder });
    // More than all of it: rclone finds the end before it sends anything, and knows the size by then.
    const config = { StreamingUploadCutoff: source.sizeBytes + 1 };
    if (isHeld) query.set("_config", JSON.stringify(config));
    const boundary = `escale-${crypto.randomUUID()}`;
    const reply = await this.#wire.send({
      ...options,
      method: "POST",
      target: `/operations/uploadfile?${query}`,
      headers: { "Content-Type": `multipart/form-data; boundary=${boundary}` },
      body: multipart({ base, boundary, source }, options),
    });
    await resultOf(reply, options);
  }

  /** The reply with the content of an object, or with a status other than 200. */
  async open(name: ObjectName, options: RcOptions): Promise<Reply> {
    const path = name.split("/").map(encodeURIComponent).join("/");
    const target = `/${encodeURIComponent(`[${RELAY_REMOTE}]`)}/${path}`;
    return await this.#wire.send({ ...options, method: "GET", target, body: NOTHING });
  }
}

const NOTHING: Body = bodyOf(new Uint8Array());

/** The JSON object of a reply. @throws {RcError} if the reply says that the command failed */
async function resultOf(reply: Reply, { action }: RcOptions): Promise<Fields> {
  const bytes = await reply.bytes(MAX_REPLY_BYTES);
  const value = parse(bytes);
  if (reply.status === 401) {
    throw new BackendError("denied", `Cannot ${action}: another program answers in rclone's place`);
  }
  if (reply.status !== 200) {
    const text = typeof value?.["error"] === "string" ? value["error"] : `status ${reply.status}`;
    throw replyError(action, { status: reply.status, text });
  }
  if (value !== undefined) return value;
  throw new BackendError("protocol", `Cannot ${action}: what rclone replies is no JSON object`);
}

/** What a reply with a status other than 200 says. */
export async function refusalOf(reply: Reply, options: RcOptions): Promise<BackendError> {
  try {
    await resultOf(reply, options);
  } catch (thrown) {
    if (thrown instanceof BackendError) return thrown;
    throw thrown;
  }
  return new BackendError("protocol", `Cannot ${options.action}: status ${reply.status}`);
}

function parse(bytes: Uint8Array): Fields | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a value is a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function bodyOf(bytes: Uint8Array): Body {
  return { sizeBytes: bytes.length, open: () => ReadableStream.from([bytes]) };
}

/** The form with one file (RFC 7578) that rclone takes. */
function multipart(
  { base, boundary, source }: {
    readonly base: string;
    readonly boundary: string;
    readonly source: ByteSource;
  },
  options: RcOptions,
): Body {
  const encoder = new TextEncoder();
  const head = encoder.encode(
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; ` +
      `filename*=UTF-8''${encodeURIComponent(base).replace(/[!'()*]/g, escaped)}\r\n` +
      `Content-Type: application/octet-stream\r\n\r\n`,
  );
  const tail = encoder.encode(`\r\n--${boundary}--\r\n`);
  return {
    sizeBytes: head.length + source.sizeBytes + tail.length,
    open: () => framed(source, { head, tail, action: options.action }),
  };
}

function escaped(sign: string): string {
  return `%${sign.charCodeAt(0).toString(16).toUpperCase()}`;
}

/**
 * The content of `source` between two pieces. The last of it waits for the end of the stream: rclone cannot be told
 * that what it has got was too much.
 *
 * @throws {BackendError} `protocol`, in the stream, if the content has another length than announced
 */
function framed(
  source: ByteSource,
  { head, tail, action }: {
    readonly head: Uint8Array;
    readonly tail: Uint8Array;
    readonly action: string;
  },
): ReadableStream<Uint8Array> {
  const reader = source.open().getReader();
  let held = head;
  let readBytes = 0;
  return new ReadableStream({
    async pull(controller) {
      const next = await reader.read();
      if (next.done) {
        if (readBytes < source.sizeBytes) throw wrongLength(action, source, "shorter");
        controller.enqueue(held);
        controller.enqueue(tail);
        return controller.close();
      }
      readBytes += next.value.length;
      if (readBytes > source.sizeBytes) {
        await reader.cancel().catch(() => {});
        throw wrongLength(action, source, "longer");
      }
      // An empty piece would not wake who waits for one.
      controller.enqueue(held);
      held = next.value;
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

function wrongLength(
  action: string,
  { sizeBytes }: ByteSource,
  how: "longer" | "shorter",
): BackendError {
  return new BackendError(
    "protocol",
    `Cannot ${action}: its content is ${how} than the ${sizeBytes} bytes announced`,
  );
}
