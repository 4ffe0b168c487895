import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

/** A request as the scripted server got it. */
export interface Asked {
  readonly method: string;
  /** The path as it came, encoded. */
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Uint8Array;
}

/** What the scripted server says. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Closes the connection after so many bytes of the body, or before any answer if negative. */
  readonly cutAt?: number;
}

/** Answers a request. */
export type Script = (asked: Asked) => Reply | Promise<Reply>;

/** An HTTP server on loopback that answers by a script and remembers what it was asked. */
export class DavServer implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly #server: Server;
  readonly #script: Script;

  private constructor(script: Script) {
    this.#script = script;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(script: Script): Promise<DavServer> {
    const it = new DavServer(script);
    await new Promise<void>((resolve) => it.#server.listen(0, "127.0.0.1", resolve));
    return it;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Method and path of each request, as `PUT /relay/x`. */
  get lines(): string[] {
    return this.asked.map(({ method, path }) => `${method} ${path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    const asked: Asked = {
      method: request.method ?? "",
      path: request.url ?? "",
      headers: request.headers,
      body: new Uint8Array(await new Blob(chunks.map((it) => new Uint8Array(it))).arrayBuffer()),
    };
    this.asked.push(asked);
    const { status, headers = {}, body = "", cutAt } = await this.#script(asked);
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    if (cutAt !== undefined && cutAt < 0) return void request.socket.destroy();
    const hasBody = status !== 204 && request.method !== "HEAD";
    const isChunked = "Transfer-Encoding" in headers;
    response.writeHead(status, {
      ...(hasBody && !isChunked ? { "Content-Length": String(bytes.length) } : {}),
      ...headers,
    });
    if (!hasBody) return void response.end();
    if (cutAt === undefined) return void response.end(bytes);
    response.write(bytes.subarray(0, cutAt), () => request.socket.destroy());
  }
}

/** A resource of a {@linkcode multistatus}. */
export interface Listed {
  readonly href: string;
  readonly isFolder?: boolean;
  readonly sizeBytes?: number;
  readonly modified?: string;
  readonly etag?: string;
  /** Further properties, as XML. */
  readonly more?: string;
}

/** The answer to a `PROPFIND`, written plainly. */
export function multistatus(resources: readonly Listed[]): Reply {
  const responses = resources.map(({ href, isFolder = false, sizeBytes, modified, etag, more }) => {
    const properties = [
      `<d:resourcetype>${isFolder ? "<d:collection/>" : ""}</d:resourcetype>`,
      ...(sizeBytes === undefined ? [] : [`<d:getcontentlength>${sizeBytes}</d:getcontentlength>`]),
      ...(modified === undefined ? [] : [`<d:getlastmodified>${modified}</d:getlastmodified>`]),
      ...(etag === undefined ? [] : [`<d:getetag>${etag}</d:getetag>`]),
      more ?? "",
    ];
    return `<d:response><d:href>${href}</d:href><d:propstat><d:prop>${
      properties.join("")
    }</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>`;
  });
  return {
    status: 207,
    headers: { "Content-Type": "application/xml; charset=utf-8" },
    body: `<?xml version="1.0"?><d:multistatus xmlns:d="DAV:">${
      responses.join("")
    }</d:multistatus>`,
  };
}

/**
 * A server with objects in memory below `/relay/`, simple and right, of which `script` may answer first what it likes.
 * It does not call itself anything that is known.
 */
export class MemoryDav {
  readonly objects: Map<string, Uint8Array> = new Map();
  readonly folders: Set<string> = new Set(["/relay"]);

  /** The script of the server; what `first` answers comes first. */
  script(
    first: (asked: Asked) => Reply | undefined | Promise<Reply | undefined> = () => undefined,
  ): Script {
    return async (asked) => await first(asked) ?? this.answer(asked);
  }

  answer({ method, path, headers, body }: Asked): Reply {
    const at = decodeURIComponent(path).replace(/\/+$/, "");
    switch (method) {
      case "OPTIONS":
        return { status: 200, headers: { DAV: "1" } };
      case "PROPFIND":
        return this.#list(at, headers["depth"] === "1");
      case "MKCOL":
        if (this.folders.has(at) || this.objects.has(at)) return { status: 405 };
        if (!this.folders.has(above(at))) return { status: 409 };
        this.folders.add(at);
        return { status: 201 };
      case "PUT":
        if (!this.folders.has(above(at)) || this.folders.has(at)) return { status: 409 };
        this.objects.set(at, body);
        return { status: 201 };
      case "GET": {
        const bytes = this.objects.get(at);
        return bytes === undefined ? { status: 404 } : { status: 200, body: bytes };
      }
      case "DELETE":
        return { status: this.objects.delete(at) || this.folders.delete(at) ? 204 : 404 };
      case "MOVE":
        return this.#move(at, String(headers["destination"]), headers["overwrite"] !== "F");
      default:
        return { status: 501 };
    }
  }

  #move(from: string, destination: string, replaces: boolean): Reply {
    const to = decodeURIComponent(new URL(destination, "http://x").pathname);
    const bytes = this.objects.get(from);
    if (bytes === undefined) return { status: 404 };
    const isThere = this.objects.has(to) || this.folders.has(to);
    if (isThere && !replaces) return { status: 412 };
    this.objects.delete(from);
    this.objects.set(to, bytes);
    return { status: isThere ? 204 : 201 };
  }

  #list(at: string, isDeep: boolean): Reply {
    const own = this.#listed(at);
    if (own === undefined) return { status: 404 };
    const names = [...this.folders, ...this.objects.keys()];
    const inside = isDeep ? names.filter((it) => it !== at && above(it) === at) : [];
    return multistatus([own, ...inside.flatMap((it) => this.#listed(it) ?? [])]);
  }

  #listed(at: string): Listed | undefined {
    const href = at.split("/").map(encodeURIComponent).join("/");
    if (this.folders.has(at)) return { href: `${href}/`, isFolder: true };
    const bytes = this.objects.get(at);
    return bytes === undefined ? undefined : { href, sizeBytes: bytes.length };
  }
}

function above(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
