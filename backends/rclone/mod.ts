import {
  type Backend,
  type BackendContext,
  BackendError,
  type BackendTraits,
  type ByteSource,
  type CallOptions,
  type FolderName,
  type ObjectInfo,
  type ObjectName,
  type PutOptions,
  type SpaceInfo,
} from "../backend.ts";
import { parseEndpoint, RELAY_REMOTE } from "./_endpoint.ts";
import { notFound, RcError } from "./_errors.ts";
import { Wire } from "./_http.ts";
import { checkName, folderOf, isTemporary } from "./_names.ts";
import { putObject } from "./_put.ts";
import { Rc, type RcOptions, refusalOf } from "./_rc.ts";
import { type RcloneAddress, startRclone } from "./_start.ts";
import { readFeatures, Storage } from "./_storage.ts";

export { writeEndpoint } from "./_endpoint.ts";
export { RCLONE_PROTOCOLS } from "./_remote.ts";
export {
  type RcloneAddress,
  type RunningRclone,
  type StartOptions,
  startRclone,
} from "./_start.ts";

/** A temporary file untouched for this long has no living writer, milliseconds. */
const LEFT_OVER_MS = 24 * 60 * 60 * 1000;
/** Content up to this size is taken into memory at once, so that its connection is free. */
const SMALL_BYTES = 64 * 1024;
/** rclone waits for storages, and tries again by itself, for longer than other servers do, milliseconds. */
const MIN_PATIENCE_MS = 10 * 60 * 1000;
/** Storages that are not known to show every change at once are given this long, milliseconds. */
const CLOUD_LAG_MS = 1_000;
const AT_ONCE: ReadonlySet<string> = new Set(["local", "sftp", "ftp", "smb", "webdav", "memory"]);

/**
 * A folder of a remote of rclone's as a relay; made, if it is missing, when it is opened. If `address.program` is the
 * URL of a running rclone, as {@linkcode writeEndpoint} makes it, that one is used; else one is started for this
 * backend.
 *
 * @throws {BackendError} `unsupported` without rclone; `not-found` without the remote; `denied`, `unavailable`
 */
export async function openRclone(
  address: RcloneAddress,
  { signal, trace = () => {} }: BackendContext = {},
): Promise<Backend> {
  signal?.throwIfAborted();
  await using opening = new AsyncDisposableStack();
  const given = parseEndpoint(address.program);
  const { rcloneRecord: recordFile } = address;
  const options = {
    warn: trace,
    ...(recordFile === undefined ? {} : { recordFile }),
    ...(signal === undefined ? {} : { signal }),
  };
  const endpoint = given ?? opening.use(await startRclone(address, options)).endpoint;
  const wire = opening.use(
    new Wire(endpoint, {
      timeoutMs: Math.max(address.timeoutMs, MIN_PATIENCE_MS),
      // A transfer may need a look, and locks are looked at while all transfers are under way.
      maxConnections: 2 * address.maxTransfers + 2,
      trace,
    }),
  );
  const rc = new Rc(wire);
  const open = { action: "open the relay", signal };
  const info = await rc.call("operations/fsinfo", { fs: RELAY_REMOTE }, open);
  const features = readFeatures(info, endpoint);
  const storage = new Storage(rc, features, endpoint);
  await storage.makeRoot(open);
  if (endpoint.isEncrypted) await storage.checkKey(open);
  const knowsSpace = features.tellsSpace && Object.keys(await askSpace(rc, open)).length > 0;
  const traits: BackendTraits = {
    exclusiveCreate: false,
    exclusiveFolder: false,
    // rclone looks at an object before it opens it: a reader may get the new content with the former length, or fail.
    atomicReplace: false,
    timePrecisionMs: features.precisionMs,
    listingLagMs: AT_ONCE.has(endpoint.type) ? 0 : CLOUD_LAG_MS,
    knowsSpace,
  };
  return new RcloneBackend({ rc, storage, traits, trace, closing: opening.move() });
}

interface Parts {
  readonly rc: Rc;
  readonly storage: Storage;
  readonly traits: BackendTraits;
  readonly trace: (line: string) => void;
  readonly closing: AsyncDisposableStack;
}

class RcloneBackend implements Backend {
  readonly traits: BackendTraits;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.traits = parts.traits;
    this.#parts = parts;
  }

  async *list(
    folder: FolderName,
    { recursive = false, signal }: CallOptions & { readonly recursive?: boolean } = {},
  ): AsyncGenerator<ObjectInfo> {
    signal?.throwIfAborted();
    const options = { action: `list ${JSON.stringify(folder)}`, signal };
    for (const info of await this.#parts.storage.list(folder, { ...options, recursive })) {
      if (!isTemporary(info.name)) yield info;
      else await this.#removeIfOld(info, options);
    }
  }

  async stat(name: ObjectName, { signal }: CallOptions = {}): Promise<ObjectInfo | undefined> {
    const options = optionsFor("stat", name, signal);
    const standing = await this.#parts.storage.look(name, options);
    if (standing.kind === "object") return standing.info;
    await this.#parts.storage.checkRoot(options);
    return undefined;
  }

  async get(
    name: ObjectName,
    { signal }: CallOptions = {},
  ): Promise<ReadableStream<Uint8Array>> {
    const reply = await this.#open(name, optionsFor("get", name, signal));
    if ((reply.sizeBytes ?? Infinity) <= SMALL_BYTES) {
      const bytes = await reply.bytes(SMALL_BYTES);
      return ReadableStream.from(bytes.length === 0 ? [] : [bytes]);
    }
    const chunks = reply.chunks();
    return new ReadableStream({
      async pull(controller) {
        const next = await chunks.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        // What waits for the next chunk must not wait for the storage.
        reply.giveUp();
        await chunks.return(undefined);
      },
    }, { highWaterMark: 0 });
  }

  async read(
    name: ObjectName,
    { signal, maxBytes }: CallOptions & { readonly maxBytes: number },
  ): Promise<Uint8Array> {
    const reply = await this.#open(name, optionsFor("read", name, signal));
    return await reply.bytes(maxBytes);
  }

  async put(name: ObjectName, source: ByteSource, { signal }: PutOptions = {}): Promise<void> {
    await putObject(name, source, { ...this.#parts, options: optionsFor("put", name, signal) });
  }

  async create(
    name: ObjectName,
    bytes: Uint8Array,
    { signal }: CallOptions = {},
  ): Promise<boolean> {
    const options = optionsFor("create", name, signal);
    if ((await this.#parts.storage.look(name, options)).kind !== "absent") return false;
    const source = { sizeBytes: bytes.length, bytes, open: () => ReadableStream.from([bytes]) };
    await putObject(name, source, { ...this.#parts, options });
    return true;
  }

  async remove(name: ObjectName, { signal }: CallOptions = {}): Promise<boolean> {
    const { rc, storage } = this.#parts;
    const options = optionsFor("remove", name, signal);
    try {
      await rc.call("operations/deletefile", { fs: RELAY_REMOTE, remote: name }, options);
      return true;
    } catch (thrown) {
      if (!(thrown instanceof RcError)) throw thrown;
      // It is no object, or what stands above it is no folder.
      if ((await storage.look(name, options)).kind === "object") throw thrown;
      await storage.checkRoot(options);
      return false;
    }
  }

  async makeFolder(name: ObjectName, { signal }: CallOptions = {}): Promise<boolean> {
    const { rc, storage } = this.#parts;
    const options = optionsFor("make folder", name, signal);
    // rclone says of a folder that is there that it made it.
    if ((await storage.look(name, options)).kind !== "absent") return false;
    await rc.call("operations/mkdir", { fs: RELAY_REMOTE, remote: name }, options);
    return true;
  }

  async removeFolder(name: ObjectName, { signal }: CallOptions = {}): Promise<boolean> {
    const { rc, storage } = this.#parts;
    const options = optionsFor("remove folder", name, signal);
    if ((await storage.look(name, options)).kind !== "folder") return false;
    for (const _ of await storage.list(name, { ...options, recursive: false })) {
      throw new BackendError("exists", `Cannot ${options.action}: it is not empty`);
    }
    await rc.call("operations/rmdir", { fs: RELAY_REMOTE, remote: name }, options);
    return true;
  }

  flush({ signal }: CallOptions = {}): Promise<void> {
    return new Promise((resolve) => {
      signal?.throwIfAborted();
      resolve();
    });
  }

  async space({ signal }: CallOptions = {}): Promise<SpaceInfo> {
    signal?.throwIfAborted();
    if (!this.traits.knowsSpace) return {};
    return await askSpace(this.#parts.rc, { action: "look at the relay's space", signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.closing.disposeAsync();
  }

  /** The reply with an object's content. */
  async #open(name: ObjectName, options: RcOptions) {
    const { rc, storage } = this.#parts;
    const reply = await rc.open(name, options);
    if (reply.status === 200) {
      storage.noteSuccess();
      return reply;
    }
    const refusal = await refusalOf(reply, options);
    if ((await storage.look(name, options)).kind === "object") throw refusal;
    await storage.checkRoot(options);
    throw notFound(options.action);
  }

  async #removeIfOld({ name, modifiedMs = Infinity }: ObjectInfo, options: RcOptions) {
    if (Date.now() - modifiedMs < LEFT_OVER_MS) return;
    const { rc, trace } = this.#parts;
    await rc.call("operations/deletefile", { fs: RELAY_REMOTE, remote: name }, options)
      .catch((thrown) => trace(`left ${folderOf(name)} as it is: ${String(thrown)}`));
  }
}

/** What the storage tells of its space; nothing if it cannot. */
async function askSpace(rc: Rc, options: RcOptions): Promise<SpaceInfo> {
  try {
    const { used, free } = await rc.call("operations/about", { fs: RELAY_REMOTE }, options);
    return {
      ...(isBytes(used) ? { usedBytes: used } : {}),
      ...(isBytes(free) ? { freeBytes: free } : {}),
    };
  } catch (thrown) {
    if (thrown instanceof RcError) return {};
    throw thrown;
  }
}

function isBytes(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function optionsFor(verb: string, name: ObjectName, signal: AbortSignal | undefined): RcOptions {
  signal?.throwIfAborted();
  const action = `${verb} ${JSON.stringify(name)}`;
  checkName(action, name);
  return { action, signal };
}
