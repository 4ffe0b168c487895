import { Agent } from "node:https";
import { connect as connectPlain } from "node:net";
import type { Duplex } from "node:stream";
import { connect, type ConnectionOptions } from "node:tls";
import { openTunnel, type Proxy } from "./_proxy.ts";

/** What `node:tls` is told. */
export interface TlsSettings {
  readonly rejectUnauthorized?: boolean;
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
  readonly cert?: string;
  readonly key?: string;
}

interface Destination {
  readonly host?: string;
  readonly port?: number;
  readonly servername?: string;
}

/**
 * An agent that keeps TLS connections, direct ones or through a proxy. It opens them itself: the runtime's own way asks
 * for all certificates that the machine trusts, which a worker with its few permissions may not.
 */
export function tlsAgent(
  options: { readonly keepAlive: boolean; readonly maxSockets: number },
  { tls, proxy }: { readonly tls: TlsSettings; readonly proxy: Proxy | undefined },
): Agent {
  return Object.assign(new Agent(options), {
    createConnection(
      { host = "", port = 443, servername = "" }: Destination,
      connected: (error: Error | null, socket?: Duplex) => void,
    ): Duplex | undefined {
      const to = { ...tls, host, port, ...(servername === "" ? {} : { servername }) };
      if (proxy === undefined) return over(connectPlain({ host, port }), to);
      let isOver = false;
      openTunnel(proxy, `${host.includes(":") ? `[${host}]` : host}:${port}`, (error, socket) => {
        if (isOver) return;
        isOver = true;
        if (socket === undefined) return connected(error ?? new Error("there is no connection"));
        connected(null, over(socket, to));
      });
      return undefined;
    },
  });
}

/** TLS over a connection, which is remembered for {@linkcode brakeOf}. */
function over(plain: Duplex, to: ConnectionOptions): Duplex {
  const secured = connect({ ...to, socket: plain });
  plain.on("error", (error) => secured.destroy(error));
  plains.set(secured, plain);
  return secured;
}

const plains = new WeakMap<Duplex, Duplex>();

/** Stops and goes on reading from the network. */
export interface Brake {
  stop(): void;
  release(): void;
}

/**
 * The brake of a TLS connection that was made here. A paused socket of that kind reads on in this runtime and takes all
 * that comes into memory; what stops it is the handle of the connection beneath.
 */
export function brakeOf(secured: Duplex): Brake | undefined {
  const plain = plains.get(secured);
  const handle: unknown = plain === undefined ? undefined : Reflect.get(plain, "_handle");
  if (typeof handle !== "object" || handle === null) return undefined;
  if (!("readStop" in handle) || typeof handle.readStop !== "function") return undefined;
  if (!("readStart" in handle) || typeof handle.readStart !== "function") return undefined;
  const { readStop, readStart } = handle;
  return { stop: () => void readStop.call(handle), release: () => void readStart.call(handle) };
}
