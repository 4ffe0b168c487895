/**
 * A slow way to a server on this machine: `deno run delay.ts PORT TARGET-PORT ROUND-TRIP-MS` listens on PORT of
 * 127.0.0.1 and passes everything on, each direction half a round trip late, and a new connection one round trip late
 * as by its handshake. In the answers of an FTP server to `EPSV` and `PASV` it puts ports of its own.
 */
import { createServer, type Server, Socket } from "node:net";

const HOST = "127.0.0.1";
/** The longest answer to a request for a data port. */
const MAX_ANSWER_BYTES = 200;

const [port = 0, target = 0, roundTripMs = 0] = Deno.args.map(Number);
await listenFor(target, port);

/** Listens on a port, any free one if it is 0, for connections to `target`; gives the port. */
function listenFor(target: number, port = 0): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (near) => join(near, target));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, HOST, () => resolve(portOf(server)));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("It has a port");
  return address.port;
}

/** Joins two connections. The server gets its own when it would have the last word of the handshake. */
function join(near: Socket, target: number): void {
  const openMs = performance.now() + roundTripMs;
  const far = new Socket({ allowHalfOpen: true });
  const connected = new Promise<void>((resolve) => {
    const connect = () => far.connect({ host: HOST, port: target, noDelay: true }, resolve);
    setTimeout(connect, 1.5 * roundTripMs);
  });
  near.setNoDelay(true);
  const upward = new Line(far, { openMs, ready: connected });
  const downward = new Line(near, { openMs, ready: Promise.resolve() });
  near.on("data", (chunk) => upward.send(chunk));
  near.on("end", () => upward.end());
  far.on("data", (chunk) => {
    if (!isPortAnswer(chunk)) return downward.send(chunk);
    downward.sendLater(withOwnPort(chunk));
  });
  far.on("end", () => downward.end());
  for (const [one, other] of [[near, far], [far, near]] as const) {
    one.on("error", () => other.destroy());
    one.on("close", () => setTimeout(() => other.destroy(), roundTripMs * 2));
  }
}

/** One direction of a connection: what is sent arrives half a round trip later, in order. */
class Line {
  readonly #to: Socket;
  readonly #openMs: number;
  #last: Promise<void>;

  /** Nothing leaves before `openMs`, or arrives before `ready`. */
  constructor(to: Socket, { openMs, ready }: { openMs: number; ready: Promise<void> }) {
    this.#to = to;
    this.#openMs = openMs;
    this.#last = ready;
  }

  send(chunk: Uint8Array): void {
    this.#at(() => this.#to.write(chunk));
  }

  sendLater(chunk: Promise<Uint8Array>): void {
    this.#at(async () => this.#to.write(await chunk));
  }

  end(): void {
    this.#at(() => this.#to.end());
  }

  #at(act: () => unknown): void {
    const dueMs = Math.max(performance.now(), this.#openMs) + roundTripMs / 2;
    const due = new Promise((resolve) => setTimeout(resolve, dueMs - performance.now()));
    this.#last = this.#last.then(() => due).then(async () => {
      await act();
    });
  }
}

function isPortAnswer(chunk: Uint8Array): boolean {
  return chunk.length < MAX_ANSWER_BYTES && /^22[79] .*\d/.test(textOf(chunk));
}

async function withOwnPort(chunk: Uint8Array): Promise<Uint8Array> {
  const text = textOf(chunk);
  const extended = /\(\|\|\|(\d+)\|\)/.exec(text);
  const plain = /(\d+),(\d+)\)/.exec(text);
  const wanted = extended === null
    ? Number(plain?.[1]) * 256 + Number(plain?.[2])
    : Number(extended[1]);
  const own = await listenOnce(wanted);
  const changed = extended === null
    ? text.replace(/(\d+),(\d+)\)/, `${own >> 8},${own & 255})`)
    : text.replace(/\(\|\|\|\d+\|\)/, `(|||${own}|)`);
  return new TextEncoder().encode(changed);
}

/** A port for one data connection. */
function listenOnce(target: number): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (near) => {
    server.close();
    join(near, target);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, HOST, () => resolve(portOf(server)));
  });
}

function textOf(chunk: Uint8Array): string {
  return new TextDecoder("latin1").decode(chunk);
}
