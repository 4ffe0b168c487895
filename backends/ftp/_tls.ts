import type { Buffer } from "node:buffer";
import { connect as connectSocket, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type TLSSocket } from "node:tls";
import { BackendError } from "../backend.ts";
import { type Place, unlessAborted, type Wire } from "./_wire.ts";

/** How to speak TLS with a server. */
export interface TlsOptions {
  /** The host's name as configured, for which its certificate must be. */
  readonly host: string;
  readonly verify: boolean;
  readonly version: "TLS" | "TLSv1.2" | "TLSv1.3";
  /** The client's own certificate and its key, PEM. */
  readonly identity?: { readonly certificate: string; readonly key: string };
}

/** How much may wait to be read before no more is taken in, and when more is again, bytes. */
const HIGH_BYTES = 1024 * 1024;
const LOW_BYTES = 256 * 1024;

/** A connection by the runtime's Node sockets, which alone can resume TLS sessions. */
export class SocketWire implements Wire {
  readonly peer: string;
  readonly #socket: Socket | TLSSocket;
  readonly #chunks: Uint8Array[] = [];
  readonly #listeners: (() => void)[] = [];
  readonly #brake: Brake | undefined;
  #queuedBytes = 0;
  #isBraked = false;
  #hasEnded = false;
  #failure: unknown;
  #wake: (() => void) | undefined;

  /** `beneath` is what a TLS connection goes over. */
  constructor(
    socket: Socket | TLSSocket,
    { peer, beneath }: { readonly peer: string; readonly beneath?: Socket },
  ) {
    this.#socket = socket;
    this.peer = peer;
    this.#brake = beneath === undefined ? undefined : brakeOf(beneath);
    this.#on("data", (chunk) => chunk instanceof Uint8Array && this.#take(chunk));
    this.#on("end", () => this.#change(() => this.#hasEnded = true));
    this.#on("error", (error) => this.#change(() => this.#failure ??= error));
    this.#on("close", () => {
      this.#change(() => this.#failure ??= new Error("the connection is closed"));
    });
  }

  async read(): Promise<Uint8Array | undefined> {
    while (true) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#queuedBytes -= chunk.length;
        if (this.#isBraked && this.#queuedBytes < LOW_BYTES) {
          this.#isBraked = false;
          this.#brake?.release();
        }
        return chunk;
      }
      if (this.#hasEnded) return undefined;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#finished((done) => this.#socket.write(bytes, done));
  }

  async end(): Promise<void> {
    await this.#finished((done) => this.#socket.end(done));
  }

  close(): void {
    this.#socket.destroy();
  }

  /** What a further connection under the same name needs to resume this one's TLS session. */
  get session(): Buffer | undefined {
    return "getSession" in this.#socket ? this.#socket.getSession() : undefined;
  }

  /** Secures this connection and gives the secured one; this one is of no use any more. */
  secured(name: string, options: TlsOptions & { session?: Buffer }): Promise<SocketWire> {
    if (this.#chunks.length > 0) {
      // Whoever sits in between could speak for the server (RFC 4217 has no answer to this; STARTTLS injection).
      throw new BackendError("protocol", "the server speaks before its connection is secured");
    }
    for (const remove of this.#listeners.splice(0)) remove();
    return handshake(this.#socket, { ...options, name, peer: this.peer });
  }

  #take(chunk: Uint8Array): void {
    this.#change(() => {
      this.#chunks.push(chunk);
      this.#queuedBytes += chunk.length;
    });
    if (this.#isBraked || this.#queuedBytes < HIGH_BYTES) return;
    this.#isBraked = true;
    this.#brake?.stop();
  }

  #change(change: () => void): void {
    change();
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #finished(start: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      const fail = () => reject(this.#failure ?? new Error("the connection is closed"));
      this.#socket.once("close", fail);
      start((error) => {
        this.#socket.off("close", fail);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  #on(event: string, listener: (value: unknown) => void): void {
    this.#socket.on(event, listener);
    this.#listeners.push(() => this.#socket.off(event, listener));
  }
}

/** What holds back the bytes that come. */
interface Brake {
  stop(): void;
  release(): void;
}

/**
 * The brake of what a TLS connection goes over. A paused TLS socket of this runtime reads on into memory, and never tells
 * its end; what stops it is the handle of the connection beneath.
 */
function brakeOf(beneath: Socket): Brake | undefined {
  const handle: unknown = Reflect.get(beneath, "_handle");
  if (typeof handle !== "object" || handle === null) return undefined;
  if (!("readStop" in handle) || typeof handle.readStop !== "function") return undefined;
  if (!("readStart" in handle) || typeof handle.readStart !== "function") return undefined;
  const { readStop, readStart } = handle;
  return { stop: () => void readStop.call(handle), release: () => void readStart.call(handle) };
}

/** Opens a connection that can be secured. */
export async function connectSecurable(place: Place, signal?: AbortSignal): Promise<SocketWire> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connectSocket(place.port, place.host);
  socket.setNoDelay(true);
  socket.once("error", reject);
  socket.once("connect", () => resolve(socket));
  try {
    await unlessAborted(promise, signal, () => {});
  } catch (thrown) {
    socket.destroy();
    throw thrown;
  }
  const wire = new SocketWire(socket, { peer: socket.remoteAddress ?? "" });
  socket.off("error", reject);
  return wire;
}

interface Handshake extends TlsOptions {
  readonly name: string;
  readonly peer: string;
  readonly session?: Buffer;
}

async function handshake(socket: Socket, options: Handshake): Promise<SocketWire> {
  const { host, verify, version, identity, name, peer, session } = options;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const secured = connectTls({
    socket,
    servername: name,
    minVersion: version === "TLSv1.3" ? "TLSv1.3" : "TLSv1.2",
    // The runtime resumes sessions of TLS 1.2 only.
    maxVersion: version === "TLSv1.3" ? "TLSv1.3" : "TLSv1.2",
    rejectUnauthorized: verify,
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
    ...(session === undefined ? {} : { session }),
    ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }),
  }, resolve);
  const wire = new SocketWire(secured, { peer, beneath: socket });
  const fail = (error?: Error) => reject(error ?? new Error("the connection is closed"));
  secured.once("error", fail);
  secured.once("close", () => fail());
  try {
    await promise;
  } catch (thrown) {
    secured.destroy();
    throw tlsError(thrown, host);
  } finally {
    secured.off("error", fail);
  }
  return wire;
}

/** What each way to refuse a certificate means; the codes are those of OpenSSL, which the runtime uses too. */
const CERTIFICATE_PROBLEMS: ReadonlyMap<string, string> = new Map([
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "no trusted authority has signed it"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "no trusted authority has signed it"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "no trusted authority has signed it"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "it is signed by itself"],
  ["CERT_HAS_EXPIRED", "it has expired"],
  ["CERT_NOT_YET_VALID", "it is not valid yet"],
  ["CERT_REVOKED", "it is revoked"],
  ["INVALID_PURPOSE", "it is not made for servers"],
]);

function tlsError(thrown: unknown, host: string): BackendError {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  const why = code === "ERR_TLS_CERT_ALTNAME_INVALID"
    ? `it is not for "${host}"`
    : CERTIFICATE_PROBLEMS.get(code) ?? CERTIFICATE_PROBLEMS.get(text);
  if (why === undefined) {
    return new BackendError("unavailable", `TLS with "${host}" fails: ${text}`, { cause: thrown });
  }
  return new BackendError("denied", `the certificate of "${host}" does not hold: ${why}`, {
    hint: "Name the file of its authority in the environment variable NODE_EXTRA_CA_CERTS, or, " +
      'on a trusted network only, set "verify ssl = no"',
    cause: thrown,
  });
}

const namesInUse = new Set<string>();

/**
 * A name under which one control connection and its data connections share TLS sessions.
 *
 * The runtime keeps one session for each name in each isolate, whatever session it is given, while proftpd wants that
 * of the very control connection. So connections at the same time go by different names: the host's own, that with a
 * final dot, then made-up ones below it. They are what is sent as SNI; certificates are checked for the host itself.
 */
export function takeServerName(host: string): { readonly name: string; release(): void } {
  const own = isIP(host) === 0 ? [host, `${host}.`] : [];
  const base = isIP(host) === 0 ? host : `${host.replace(/[^0-9a-f]/gi, "-")}.invalid`;
  const made = Array.from({ length: namesInUse.size + 1 }, (_, i) => `c${i}.${base}`);
  const name = [...own, ...made].find((it) => !namesInUse.has(it)) ?? made[0] ?? base;
  namesInUse.add(name);
  return { name, release: () => void namesInUse.delete(name) };
}
