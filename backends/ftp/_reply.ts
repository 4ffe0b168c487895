/** A server's answer to a command: RFC 959, section 4.2. */
export interface Reply {
  /** From 100 to 599. */
  readonly code: number;
  /** All lines without line ends; the code is cut off the first and the last. */
  readonly lines: readonly string[];
}

/** The longest reply taken, all its lines together, bytes. */
export const MAX_REPLY_BYTES: number = 64 * 1024;

const LF = 0x0a;

/** Thrown for what is no reply. */
export class ReplyError extends Error {
  override readonly name: string = "ReplyError";
}

/** Cuts the bytes of a control connection into replies, however they are split over packets. */
export class ReplyParser {
  readonly #decode: (bytes: Uint8Array) => string;
  #rest: Uint8Array = new Uint8Array();
  #lines: string[] = [];
  /** The code of a reply of several lines that has not ended. */
  #open: string | undefined;
  #sizeBytes = 0;

  /** `decode` makes text of a line. */
  constructor(decode: (bytes: Uint8Array) => string) {
    this.#decode = decode;
  }

  /** Whether bytes of a reply that has not ended are held. */
  get isMidway(): boolean {
    return this.#rest.length > 0 || this.#open !== undefined;
  }

  /**
   * The replies that `bytes` complete.
   *
   * @throws {ReplyError} for a line that belongs to no reply, and for a reply above {@linkcode MAX_REPLY_BYTES}
   */
  feed(bytes: Uint8Array): Reply[] {
    const replies: Reply[] = [];
    let start = 0;
    for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, start)) {
      const line = joined(this.#rest, bytes.subarray(start, end));
      this.#rest = new Uint8Array();
      start = end + 1;
      const reply = this.#take(line);
      if (reply !== undefined) replies.push(reply);
    }
    this.#rest = joined(this.#rest, bytes.subarray(start));
    this.#checkSize(this.#rest.length);
    return replies;
  }

  #take(bytes: Uint8Array): Reply | undefined {
    this.#checkSize(bytes.length);
    this.#sizeBytes += bytes.length + 1;
    const line = this.#decode(bytes).replace(/(?<!\r)\r+$/, "");
    const [, code, mark, text = ""] = /^([1-5]\d\d)([ -]|$)(.*)$/s.exec(line) ?? [];
    if (this.#open === undefined) {
      if (code === undefined) throw new ReplyError("its answer does not begin with a code");
      this.#lines = [text];
      if (mark !== "-") return this.#finish(code);
      this.#open = code;
      return undefined;
    }
    const isLast = code === this.#open && mark !== "-";
    this.#lines.push(isLast ? text : line);
    return isLast ? this.#finish(code) : undefined;
  }

  #finish(code: string): Reply {
    this.#open = undefined;
    this.#sizeBytes = 0;
    return { code: Number(code), lines: this.#lines };
  }

  #checkSize(addedBytes: number): void {
    if (this.#sizeBytes + addedBytes <= MAX_REPLY_BYTES) return;
    throw new ReplyError(`its answer is longer than ${MAX_REPLY_BYTES} bytes`);
  }
}

/** Whether the command is under way: another reply follows. */
export function isPreliminary({ code }: Reply): boolean {
  return code < 200;
}

/** Whether the command was carried out. */
export function isDone({ code }: Reply): boolean {
  return code >= 200 && code < 300;
}

/** Whether the server waits for the command's second half. */
export function isHalfway({ code }: Reply): boolean {
  return code >= 300 && code < 400;
}

/** Whether the server does not know the command, or not in this form. */
export function isUnknownCommand({ code }: Reply): boolean {
  return code === 500 || code === 501 || code === 502 || code === 504;
}

/** An answer that refuses a file or folder that is not there, or seems so. */
export function saysAbsent({ code }: Reply): boolean {
  return code === 550 || code === 553 || code === 450;
}

/** The features of an answer to `FEAT` (RFC 2389), in capitals, each with its parameters. */
export function parseFeatures({ lines }: Reply): ReadonlyMap<string, string> {
  const inner = lines.slice(1, -1).map((line) => line.replace(/^211-/, "").trim());
  return new Map(
    inner.filter((line) => line !== "").map((line) => {
      const [name = "", ...parameters] = line.split(" ");
      return [name.toUpperCase(), parameters.join(" ")];
    }),
  );
}

/** The port of an answer to `EPSV` (RFC 2428), or `undefined` if there is none in it. */
export function parseExtendedPassive({ lines }: Reply): number | undefined {
  const [, , port] = /\(([!-~])\1\1(\d{1,5})\1\)/.exec(lines.join(" ")) ?? [];
  return validPort(Number(port));
}

/**
 * The port of an answer to `PASV`, or `undefined` if there is none in it. The address in it is of no use: behind a
 * gateway it is a private one, and from a hostile server another host's.
 */
export function parsePassive({ lines }: Reply): number | undefined {
  const numbers = /(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})/
    .exec(lines.join(" "))?.slice(1).map(Number);
  if (numbers === undefined || numbers.some((number) => number > 255)) return undefined;
  const [high = 0, low = 0] = numbers.slice(4);
  return validPort(high * 256 + low);
}

/** The path of an answer to `PWD`: between quotes, inner quotes doubled; `undefined` if there is none in it. */
export function parsePath({ lines }: Reply): string | undefined {
  const [, path] = /^"((?:[^"]|"")+)"/.exec(lines.join("\n").trimStart()) ?? [];
  return path?.replaceAll('""', '"');
}

/** The number of an answer to `SIZE` or `AVBL`, or `undefined` if it is none that can be counted with. */
export function parseSize({ code, lines }: Reply): number | undefined {
  const [, digits] = /^\s*(\d+)/.exec(lines.at(-1) ?? "") ?? [];
  const size = Number(digits);
  return code === 213 && Number.isSafeInteger(size) ? size : undefined;
}

/** The size that servers mention when they begin to send, or `undefined`. */
export function parseAnnouncedSize({ lines }: Reply): number | undefined {
  const [, digits] = /\((\d+) bytes\)\.?\s*$/.exec(lines.at(-1) ?? "") ?? [];
  const size = Number(digits);
  return Number.isSafeInteger(size) ? size : undefined;
}

function validPort(port: number): number | undefined {
  return Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : undefined;
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  if (head.length === 0) return tail.slice();
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}
