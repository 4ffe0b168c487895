import { createHash } from "node:crypto";
import { unpackTar } from "../../lib/archive/tar.ts";

const SUCCESS = { id: "00000000-0000-0000-0000-000000000000", status: "success", error: null };

/**
 * A registry on loopback that speaks what `deno publish` and `deno run jsr:` need of JSR: it takes one package and gives
 * it out. Disposing of it stops it.
 */
export class FakeJsr implements AsyncDisposable {
  readonly #files = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    return request.method === "POST" ? this.#take(request) : this.#give(request);
  });
  #version = "";

  /** What `$JSR_URL` is to be. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** The paths of the package's files, from its root. */
  paths(): string[] {
    return [...this.#files.keys()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #take(request: Request): Promise<Response> {
    this.#version = /\/versions\/([^/]+)$/.exec(new URL(request.url).pathname)?.[1] ?? "";
    const packed = new Blob([await request.bytes()]);
    const archive = packed.stream().pipeThrough(new DecompressionStream("gzip"));
    for await (const { path, content } of unpackTar(archive, () => {})) {
      this.#files.set(`/${path}`, await new Response(content).bytes());
    }
    return Response.json(SUCCESS);
  }

  #give(request: Request): Response {
    const { pathname } = new URL(request.url);
    const [, prefix, rest = ""] = /^\/(api|@[^/]+\/[^/]+)\/(.*)$/.exec(pathname) ?? [];
    if (prefix === "api") {
      return rest.includes("/versions/") ? notFound() : Response.json(SUCCESS);
    }
    if (rest === "meta.json") {
      return Response.json({ latest: this.#version, versions: { [this.#version]: {} } });
    }
    if (rest === `${this.#version}_meta.json`) return Response.json(this.#manifest());
    const path = rest.slice(this.#version.length);
    const file = this.#files.get(path);
    if (file === undefined) return notFound();
    const type = path.endsWith(".json") ? "application/json" : "text/typescript";
    return new Response(file, { headers: { "content-type": type } });
  }

  #manifest() {
    const entries = [...this.#files].map(([path, bytes]) => {
      const digest = createHash("sha256").update(bytes).digest("hex");
      return [path, { size: bytes.length, checksum: `sha256-${digest}` }] as const;
    });
    const config = this.#files.get("/deno.json") ?? new Uint8Array();
    const { exports } = JSON.parse(new TextDecoder().decode(config));
    return { manifest: Object.fromEntries(entries), exports };
  }
}

function notFound(): Response {
  return Response.json({ code: "notFound", message: "not there" }, { status: 404 });
}
