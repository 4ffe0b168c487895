import { createServer, request, type Server } from "node:http";
import { connect, type Socket } from "node:net";

/** An HTTP proxy on loopback that remembers what it is asked to reach, and by whom. */
export class Proxy implements AsyncDisposable {
  readonly targets: string[] = [];
  readonly logins: (string | undefined)[] = [];
  /** How much came back from the server over each tunnel so far, bytes. */
  readonly tunnelledBytes: number[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server = createServer((asked, answer) => {
    this.targets.push(`${asked.method} ${asked.url}`);
    this.logins.push(asked.headers["proxy-authorization"]);
    const url = new URL(asked.url ?? "");
    const onward = request({
      host: url.hostname,
      port: url.port,
      method: asked.method ?? "GET",
      path: url.pathname,
      headers: asked.headers,
      agent: false,
    }, (got) => {
      answer.writeHead(got.statusCode ?? 0, got.headers);
      got.pipe(answer);
    });
    asked.pipe(onward);
  });

  static async start(): Promise<Proxy> {
    const it = new Proxy();
    it.#server.on("connect", (asked, socket: Socket) => {
      it.targets.push(`CONNECT ${asked.url}`);
      it.logins.push(asked.headers["proxy-authorization"]);
      const [host = "", port = ""] = (asked.url ?? "").split(":");
      const onward = connect({ host, port: Number(port) }, () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        const tunnel = it.tunnelledBytes.push(0) - 1;
        onward.on("data", (chunk) => {
          it.tunnelledBytes[tunnel] = (it.tunnelledBytes[tunnel] ?? 0) + chunk.length;
        });
        socket.pipe(onward).pipe(socket);
      });
      for (const end of [socket, onward]) {
        it.#sockets.add(end);
        end.on("error", () => {});
      }
    });
    await new Promise<void>((resolve) => it.#server.listen(0, "127.0.0.1", resolve));
    return it;
  }

  get url(): string {
    const address = this.#server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    return `http://joe:s%40crt@127.0.0.1:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
