import type { Backend, BackendContext, RelayAddress } from "../../../backends/backend.ts";
import { openFile } from "../../../backends/file/mod.ts";
import type { TestRelay } from "../conformance.ts";

function addressOf(folder: string): RelayAddress {
  return { protocol: "file", folder, verifyTls: true, maxTransfers: 4, timeoutMs: 1000 };
}

/** Opens a folder as a relay. */
export function open(folder: string, context?: BackendContext): Promise<Backend> {
  return openFile(addressOf(folder), context);
}

/** A folder that is there for one test, with a relay's folder in it. */
export class TempFolder implements AsyncDisposable {
  readonly path: string = Deno.makeTempDirSync({ prefix: "escale-test-" });
  readonly relay: string = `${this.path}/relay`;

  constructor() {
    Deno.mkdirSync(this.relay);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** A relay in a folder of its own, for one case. */
export function startFile(): TestRelay {
  const folder = new TempFolder();
  return {
    open: () => open(folder.relay),
    removeRoot: () => Deno.remove(folder.relay, { recursive: true }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
