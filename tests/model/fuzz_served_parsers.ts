import assert from "node:assert/strict";
import { Agent, createServer, type IncomingMessage, request } from "node:http";
import { type ObjectInfo, whyNotObjectName } from "../../backends/backend.ts";
import type { Endpoint } from "../../backends/rclone/_endpoint.ts";
import { Wire } from "../../backends/rclone/_http.ts";
import { Rc } from "../../backends/rclone/_rc.ts";
import { readFeatures, Storage } from "../../backends/rclone/_storage.ts";
import { Answer } from "../../backends/webdav/_answer.ts";
import { readMultistatus } from "../../backends/webdav/_multistatus.ts";
import { utf8 } from "../support/byte_streams.ts";
import { MULTISTATUS } from "./fuzz_backend_parsers.ts";
import { backend, type Parser } from "./fuzz_run.ts";

const HOST = "127.0.0.1";
const CALL = { action: 'list ""', method: "PROPFIND", target: "/" } as const;

const LISTING = JSON.stringify({
  list: [
    { Path: "a b", Name: "a b", Size: 12, ModTime: "2026-11-22T09:00:00.123Z", IsDir: false },
    { Path: "d/e", Size: -1, ModTime: "2000-01-01T00:00:00Z", Hashes: { md5: "ab" } },
    { Path: "d", IsDir: true, Size: -1 },
  ],
});
const ITEM = '{"item":{"Path":"f","Size":12,"ModTime":"2026-11-22T09:00:00Z","IsDir":false}}';
const FEATURES =
  '{"Precision":1000000,"Hashes":["md5"],"Features":{"About":true,"BucketBased":true,"SlowHash":false}}';

/** An HTTP server in this process that answers every request alike. */
export class FuzzServer implements AsyncDisposable {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #server = createServer((asked, answer) => {
    asked.resume();
    answer.writeHead(this.#status, { "Content-Length": String(this.#body.length) });
    answer.end(this.#body);
  });
  #body: Uint8Array = new Uint8Array();
  #status = 200;
  #wire: Wire | undefined;

  static async start(): Promise<FuzzServer> {
    const server = new FuzzServer();
    await new Promise<void>((resolve) => server.#server.listen(0, HOST, resolve));
    return server;
  }

  /** What is read of answers that come by HTTP. */
  parsers(): readonly Parser[] {
    return [this.#multistatus(), this.#rclone()];
  }

  #multistatus(): Parser {
    return {
      name: "WebDAV listings",
      seeds: MULTISTATUS,
      isCostly: true,
      mayThrow: backend("protocol"),
      read: async (input) => {
        const message = await this.#get({ status: 207, body: input });
        const parts = { call: CALL, timeoutMs: 60_000, ended: () => {}, isUsable: true };
        const answer = new Answer(message, parts);
        for (const { href, sizeBytes, modifiedMs } of await readMultistatus(answer, 'list ""')) {
          assert.equal(typeof href, "string");
          assert.ok(sizeBytes === undefined || Number.isSafeInteger(sizeBytes));
          assert.ok(modifiedMs === undefined || Number.isFinite(modifiedMs));
        }
      },
    };
  }

  #rclone(): Parser {
    const endpoint: Endpoint = {
      ...{ port: this.#port, username: "u", password: "p", type: "drive", base: "" },
      isEncrypted: false,
    };
    const options = { timeoutMs: 60_000, maxConnections: 1, trace: () => {} };
    const wire = this.#wire ??= new Wire(endpoint, options);
    return {
      name: "answers of rclone",
      seeds: [LISTING, ITEM, FEATURES, '{"error":"no space left","status":500}'].map(utf8),
      isCostly: true,
      mayThrow: backend("protocol", "unavailable", "full", "not-found", "denied", "invalid-name"),
      read: async (input, dice) => {
        this.#body = input;
        this.#status = dice.pick([200, 200, 200, 200, 404, 500, 401]);
        const rc = new Rc(wire);
        const action = { action: 'list ""', signal: undefined };
        const told = await rc.call("operations/fsinfo", {}, action);
        const features = readFeatures(dice.once(2) ? told : JSON.parse(FEATURES), endpoint);
        const storage = new Storage(rc, features, endpoint);
        for (const info of await storage.list("", { ...action, recursive: true })) check(info);
      },
    };
  }

  get #port(): number {
    const address = this.#server.address();
    assert.ok(typeof address === "object" && address !== null);
    return address.port;
  }

  #get({ status, body }: { readonly status: number; readonly body: Uint8Array }) {
    this.#body = body;
    this.#status = status;
    return new Promise<IncomingMessage>((resolve, reject) => {
      request({ host: HOST, port: this.#port, path: "/", agent: this.#agent }, resolve)
        .on("error", reject).end();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#wire?.[Symbol.dispose]();
    this.#agent.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function check({ name, sizeBytes, modifiedMs, tag }: ObjectInfo): void {
  assert.equal(whyNotObjectName(name), undefined);
  assert.ok(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0);
  assert.ok(modifiedMs === undefined || Number.isFinite(modifiedMs));
  assert.ok(tag === undefined || typeof tag === "string");
}
