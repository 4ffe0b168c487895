import type { Backend, BackendContext, RelayAddress } from "../../../backends/backend.ts";
import { openWebDav } from "../../../backends/webdav/mod.ts";
import { apache } from "../../servers/apache.ts";
import { lighttpd } from "../../servers/lighttpd.ts";
import { nginx } from "../../servers/nginx.ts";
import { rcloneServe } from "../../servers/rclone_serve.ts";
import {
  PASSWORD,
  startWebDav,
  USER,
  type WebDavOptions,
  type WebDavProgram,
  type WebDavServer,
} from "../../servers/webdav.ts";

/** The real servers that everything is tried on. */
export const PROGRAMS: readonly WebDavProgram[] = [apache, nginx, lighttpd, rcloneServe];

/** How a client reaches a server that was started with `options`. */
export function addressOf(
  { port, path }: Pick<WebDavServer, "port" | "path">,
  { login = "none", certificates }: WebDavOptions = {},
  changes: Partial<RelayAddress> = {},
): RelayAddress {
  return {
    protocol: certificates === undefined ? "http" : "https",
    host: "127.0.0.1",
    port,
    folder: path,
    ...(login === "none" ? {} : { username: USER, password: PASSWORD }),
    verifyTls: true,
    maxTransfers: 4,
    timeoutMs: 20_000,
    ...changes,
  };
}

/** A server, and backends on it. */
export interface OpenServer extends AsyncDisposable {
  readonly server: WebDavServer;
  open(changes?: Partial<RelayAddress>, context?: BackendContext): Promise<Backend>;
}

/** Starts a server. */
export async function serve(
  program: WebDavProgram,
  options: WebDavOptions = {},
): Promise<OpenServer> {
  const server = await startWebDav(program, options);
  return {
    server,
    open: (changes, context) => openWebDav(addressOf(server, options, changes), context),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
