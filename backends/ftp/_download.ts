import { BackendError } from "../backend.ts";
import { connectionError } from "./_errors.ts";
import { isDone, isPreliminary, parseAnnouncedSize, parseSize } from "./_reply.ts";
import type { Refusal, Session, Transfer } from "./_session.ts";

/** A file of the server that comes in. */
export class Download {
  readonly kind = "begun";
  /** As far as the server tells it. */
  readonly sizeBytes: number | undefined;
  readonly #session: Session;
  readonly #path: string;
  readonly #transfer: Transfer;
  #receivedBytes = 0;

  constructor(session: Session, { path, transfer }: { path: string; transfer: Transfer }) {
    this.#session = session;
    this.#path = path;
    this.#transfer = transfer;
    const [size] = transfer.before;
    // What is announced is of the very file that comes; another may have stood there just before.
    this.sizeBytes = parseAnnouncedSize(transfer.first) ??
      (size === undefined ? undefined : parseSize(size));
  }

  /**
   * The next bytes; `undefined` when all have come and the server has confirmed it.
   *
   * @throws {BackendError} `unavailable` if less has come than stands there
   */
  async read(): Promise<Uint8Array | undefined> {
    const bytes = await readData(this.#session, this.#transfer);
    if (bytes !== undefined) {
      this.#receivedBytes += bytes.length;
      return bytes;
    }
    await finish(this.#session, this.#transfer);
    await this.#check();
    return undefined;
  }

  /** Breaks it off. The session is of no use then. */
  close(): void {
    this.#transfer.data.close();
    this.#session.close();
  }

  async #check(): Promise<void> {
    if (this.sizeBytes === undefined || this.sizeBytes === this.#receivedBytes) return;
    // It may have been replaced between the two answers.
    const size = parseSize(await this.#session.exchange(`SIZE ${this.#path}`));
    if (size === this.#receivedBytes) return;
    throw new BackendError(
      "unavailable",
      `${this.#receivedBytes} bytes came, ${size ?? this.sizeBytes} should`,
    );
  }
}

/** Begins to read a file of the server; gives its refusal if there is one. */
export async function download(session: Session, path: string): Promise<Download | Refusal> {
  const knowsSize = session.has("SIZE") || session.facts.features?.size === 0;
  const before = knowsSize ? [`SIZE ${path}`] : [];
  const transfer = await session.transfer(`RETR ${path}`, { before });
  return transfer.kind === "refused" ? transfer : new Download(session, { path, transfer });
}

/** The longest line of a listing, bytes: the longest path of Linux with its facts. */
const MAX_LINE_BYTES = 8 * 1024;
/** The longest listing of one folder, bytes: about a million files. */
const MAX_LISTING_BYTES = 128 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/**
 * The lines that the server sends for `command`, or its refusal. A line that is not in the encoding of names is left
 * out.
 */
export async function listLines(
  session: Session,
  { command, before = [] }: { readonly command: string; readonly before?: readonly string[] },
): Promise<string[] | Refusal> {
  const transfer = await session.transfer(command, { before });
  if (transfer.kind === "refused") return transfer;
  const lines: string[] = [];
  let rest = new Uint8Array();
  let totalBytes = 0;
  try {
    for (;;) {
      const bytes = await readData(session, transfer);
      if (bytes === undefined) break;
      totalBytes += bytes.length;
      const whole = concatenated(rest, bytes);
      const end = whole.lastIndexOf(LF) + 1;
      rest = whole.slice(end);
      if (rest.length > MAX_LINE_BYTES || totalBytes > MAX_LISTING_BYTES) {
        throw new BackendError("protocol", "the server's listing is longer than any should be");
      }
      lines.push(...linesOf(whole.subarray(0, end), session));
    }
    lines.push(...linesOf(rest, session));
  } catch (thrown) {
    transfer.data.close();
    session.close();
    throw thrown;
  }
  await finish(session, transfer);
  // What came is then another folder's listing.
  const failed = transfer.before.find((reply) => !isDone(reply));
  return failed === undefined ? lines : { kind: "refused", before: [], reply: failed };
}

function linesOf(bytes: Uint8Array, { coding }: Session): string[] {
  const lines: string[] = [];
  for (let start = 0; start < bytes.length;) {
    const found = bytes.indexOf(LF, start);
    const end = found < 0 ? bytes.length : found;
    const line = bytes.subarray(start, bytes[end - 1] === CR && end > start ? end - 1 : end);
    const text = line.length > MAX_LINE_BYTES ? undefined : coding.decodeName(line);
    if (text !== undefined && text !== "") lines.push(text);
    start = end + 1;
  }
  return lines;
}

/** The next bytes of a transfer; the connection is closed if none come in time. */
async function readData(session: Session, { data }: Transfer): Promise<Uint8Array | undefined> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    data.close();
  }, session.timeoutMs);
  try {
    return await data.read();
  } catch (thrown) {
    session.close();
    throw isLate
      ? new BackendError("unavailable", `nothing has come for ${session.timeoutMs / 1000} s`)
      : connectionError(thrown);
  } finally {
    clearTimeout(timer);
  }
}

/** Closes the data connection, which some servers wait for, and awaits the server's word that all was sent. */
async function finish(session: Session, { data, first }: Transfer): Promise<void> {
  data.close();
  const reply = isPreliminary(first) ? await session.reply() : first;
  if (!isDone(reply)) throw session.dataError(reply);
}

function concatenated(head: Uint8Array, tail: Uint8Array): Uint8Array {
  if (head.length === 0) return tail;
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}
