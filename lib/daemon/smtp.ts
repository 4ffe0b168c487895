import { EscaleError, messageOf } from "../errors.ts";
import { printable } from "../path.ts";

/** A mail of plain text. */
export interface Mail {
  readonly from: string;
  /** One address or several. */
  readonly to: readonly string[];
  readonly subject: string;
  /** Lines end with `\n`. */
  readonly text: string;
  readonly date: Date;
}

/** Where a mail is handed in. */
export interface SmtpOptions {
  /** How this machine is called. */
  readonly hostName: string;
  /** By default 25, on this machine. */
  readonly port?: number;
  readonly timeoutMs?: number;
}

const HOST = "127.0.0.1";
const PORT = 25;
const TIMEOUT_MS = 15_000;
/** RFC 5321, 4.5.3.1.5, with room for servers that say more. */
const MAX_REPLY_BYTES = 65_536;
/** An address that can be sent without quotes: no blanks, controls or angle brackets. */
const ADDRESS = /^[!-;=?-~\u00a0-\uffff]+@[!-;=?-~\u00a0-\uffff]+$/;

/** Whether `text` can be written as an address. */
export function isMailAddress(text: string): boolean {
  return ADDRESS.test(text);
}

/**
 * Hands a mail to the mail server of this machine (RFC 5321), which delivers it. No encryption, no login: it does not
 * leave the machine here.
 *
 * @throws {EscaleError} `refused` if an address cannot be one; `denied` if there is no server or it does not take the mail
 */
export async function sendMail(mail: Mail, options: SmtpOptions): Promise<void> {
  const { hostName, port = PORT, timeoutMs = TIMEOUT_MS } = options;
  const wrong = [mail.from, ...mail.to].find((address) => !isMailAddress(address));
  if (wrong !== undefined) {
    throw new EscaleError("refused", `Cannot mail to "${printable(wrong)}": it is no address`);
  }
  let connection: Deno.TcpConn | undefined;
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    connection?.close();
  }, timeoutMs);
  try {
    connection = await Deno.connect({ hostname: HOST, port });
    await converse(connection, mail, hostName);
  } catch (cause) {
    const why = isLate ? `no answer within ${timeoutMs / 1_000} s` : messageOf(cause);
    const server = `the mail server at ${HOST}:${port}`;
    throw new EscaleError("denied", `Cannot hand a mail to ${server}: ${why}`, { cause });
  } finally {
    clearTimeout(timer);
    if (!isLate) connection?.close();
  }
}

async function converse(
  connection: Deno.TcpConn,
  mail: Mail,
  hostName: string,
): Promise<void> {
  const reply = replies(connection);
  const say = async (line: string, expected: string) => {
    if (line !== "") await write(connection, `${line}\r\n`);
    const { value = "" } = await reply.next();
    if (value.startsWith(expected)) return;
    throw new Error(value === "" ? "it hung up" : `it said "${printable(value)}"`);
  };
  await say("", "220");
  await say(`EHLO ${hostName}`, "250");
  await say(`MAIL FROM:<${mail.from}>`, "250");
  for (const address of mail.to) await say(`RCPT TO:<${address}>`, "25");
  await say("DATA", "354");
  await say(`${formatMail(mail, hostName)}\r\n.`, "250");
  // The mail is taken; how the server says goodbye does not matter.
  await say("QUIT", "221").catch(() => {});
}

/** The mail as it is sent (RFC 5322), without the final line end. Base64 holds no line that starts with a dot. */
export function formatMail({ from, to, subject, text, date }: Mail, hostName: string): string {
  return [
    `From: Escale <${from}>`,
    `To: ${to.join(", ")}`,
    `Subject: ${encodeWord(subject)}`,
    `Date: ${date.toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${crypto.randomUUID()}@${hostName}>`,
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
    "",
    ...(encode(text.replaceAll("\n", "\r\n")).match(/.{1,76}/g) ?? []),
  ].join("\r\n");
}

/** A header's text, in words of RFC 2047 unless it is plain. */
function encodeWord(text: string): string {
  if (/^[ -~]*$/.test(text)) return text;
  // With what stands around it a word may have 75 characters, and a line 76.
  const parts = [...text].reduce<string[]>((words, character) => {
    const last = words.at(-1) ?? "";
    return encode(last + character).length > 52
      ? [...words, character]
      : [...words.slice(0, -1), last + character];
  }, [""]);
  return parts.map((part) => `=?utf-8?B?${encode(part)}?=`).join("\r\n ");
}

function encode(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

async function write(connection: Deno.TcpConn, text: string): Promise<void> {
  let rest = new TextEncoder().encode(text);
  while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
}

/** The last line of each reply: those before it have a "-" after their code. */
async function* replies(connection: Deno.TcpConn): AsyncGenerator<string> {
  const buffer = new Uint8Array(4_096);
  const decoder = new TextDecoder();
  let [text, sizeBytes] = ["", 0];
  for (;;) {
    const end = text.indexOf("\n");
    if (end >= 0) {
      const line = text.slice(0, end).replace(/\r$/, "");
      text = text.slice(end + 1);
      if (/^\d{3}-/.test(line)) continue;
      sizeBytes = 0;
      yield line;
      continue;
    }
    const count = await connection.read(buffer);
    if (count === null) return;
    sizeBytes += count;
    if (sizeBytes > MAX_REPLY_BYTES) throw new Error("its reply does not end");
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}
