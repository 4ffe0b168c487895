import type { Backend, RelayAddress } from "../../../backends/backend.ts";
import { openWebDav } from "../../../backends/webdav/mod.ts";
import { type Asked, DavServer, MemoryDav, type Reply } from "../../support/dav_server.ts";
import { addressOf } from "./_servers.ts";

/** A scripted server, and a backend on it. */
export class Scripted implements AsyncDisposable {
  readonly server: DavServer;
  readonly store: MemoryDav;
  /** What answers before the store does. */
  first: (asked: Asked) => Reply | undefined | Promise<Reply | undefined> = () => undefined;
  #backend: Backend | undefined;

  private constructor(server: DavServer, store: MemoryDav) {
    this.server = server;
    this.store = store;
  }

  static async start(): Promise<Scripted> {
    const store = new MemoryDav();
    const server = await DavServer.start(store.script((asked) => scripted.first(asked)));
    const scripted: Scripted = new Scripted(server, store);
    return scripted;
  }

  /** Opens the backend, which is closed with the server. */
  async open(changes: Partial<RelayAddress> = {}): Promise<Backend> {
    const address = addressOf({ port: this.server.port, path: "relay" }, {}, {
      timeoutMs: 5_000,
      ...changes,
    });
    this.#backend = await openWebDav(address);
    return this.#backend;
  }

  /** Answers the next request of a method by `reply`, and all others as before; `effect`: the store does it all the same. */
  once(method: string, reply: Reply, { effect = false }: { readonly effect?: boolean } = {}): void {
    const before = this.first;
    let isOver = false;
    this.first = (asked) => {
      if (isOver || asked.method !== method) return before(asked);
      isOver = true;
      if (effect) this.store.answer(asked);
      return reply;
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#backend?.[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}
