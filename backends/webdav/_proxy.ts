import { request } from "node:http";
import type { Duplex } from "node:stream";
import { BackendError } from "../backend.ts";
import { basicValue } from "./_login.ts";

/** A proxy between here and the server. */
export interface Proxy {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** What it is told besides, who is there among it. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Reads a proxy's URL as the environment has it. @throws {BackendError} `unsupported` if it is of another kind */
export function parseProxy(text: string): Proxy {
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (url === null || url.protocol !== "http:" || url.hostname === "") {
    throw new BackendError(
      "unsupported",
      "Cannot use the proxy that the environment names: it should be http://host:port",
      { hint: "Change http_proxy or https_proxy, or name the relay's host in no_proxy" },
    );
  }
  const username = decodeURIComponent(url.username);
  const login = basicValue({ username, password: decodeURIComponent(url.password) });
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? 80 : Number(url.port),
    headers: username === "" ? {} : { "Proxy-Authorization": login },
  };
}

/** Opens a way through a proxy (`CONNECT`, RFC 9110, section 9.3.6). `target` is `host:port`. */
export function openTunnel(
  { host, port, headers }: Proxy,
  target: string,
  opened: (error: Error | undefined, socket?: Duplex) => void,
): void {
  const asking = request({
    method: "CONNECT",
    host,
    port,
    path: target,
    headers: { Host: target, ...headers },
    agent: false,
  });
  asking.once("error", opened);
  asking.once("connect", (answer, socket) => {
    if (answer.statusCode === 200) return opened(undefined, socket);
    socket.destroy();
    opened(refused(answer.statusCode ?? 0));
  });
  // A refusal comes as an ordinary answer in this runtime.
  asking.once("response", (answer) => {
    answer.destroy();
    opened(refused(answer.statusCode ?? 0));
  });
  asking.once("close", () => opened(new Error("the proxy closed the connection")));
  asking.end();
}

function refused(status: number): BackendError {
  const why = status === 407 ? "it asks who is there" : "it refuses to connect to the server";
  return new BackendError(
    status === 407 || status === 403 ? "denied" : "unavailable",
    `Cannot reach the server through the proxy: ${why} (status ${status})`,
  );
}
