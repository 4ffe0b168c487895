import {
  type Backend,
  type BackendContext,
  type BackendTraits,
  type ByteSource,
  type CallOptions,
  type FolderName,
  type ObjectInfo,
  type ObjectName,
  type PutOptions,
  type RelayAddress,
  type SpaceInfo,
} from "../backend.ts";
import { Dav } from "./_dav.ts";
import { Wire } from "./_http.ts";
import { Login } from "./_login.ts";
import { ROOT_REQUEST } from "./_multistatus.ts";
import { checkName, isTemporary } from "./_names.ts";
import { credentialsOf, openFolder, originOf, originText } from "./_open.ts";
import { openObject, readObject, streamObject } from "./_read.ts";
import type { ServerProfile } from "./_server.ts";
import { statusError } from "./_status.ts";
import { Tree, type TreeOptions } from "./_tree.ts";
import { Writer } from "./_write.ts";

/** How many folders are listed at a time. */
const LISTINGS_AT_A_TIME = 4;
/** A temporary file untouched for this long has no living writer, milliseconds. */
const LEFT_OVER_MS = 24 * 60 * 60 * 1000;
/** How coarse HTTP writes times. */
const SECOND_MS = 1000;

/**
 * A folder of a WebDAV server (RFC 4918) as a relay; made, if it is missing, when it is opened.
 *
 * Objects are seen only when they are complete: they are sent under their own name where the server is known to store
 * such requests aside first, else under a temporary name that is changed at the end. Nothing
 * is ever taken for granted after an answer that leaves open what happened.
 *
 * @throws {BackendError} `denied` if the server does not accept the user, or its certificate does not hold;
 * `unsupported` if it does not speak WebDAV; `unavailable`
 */
export async function openWebDav(
  address: RelayAddress,
  context: BackendContext = {},
): Promise<Backend> {
  const { signal, trace = () => {} } = context;
  signal?.throwIfAborted();
  const origin = originOf(address, address.proxy);
  await using opening = new AsyncDisposableStack();
  const wire = opening.use(new Wire(origin, trace));
  const dav = new Dav(wire, new Login(credentialsOf(address)));
  const { root, resource, profile } = await openFolder(dav, { address, origin, signal });
  trace(`the server is ${profile.name}`);
  const hasTimes = resource.modifiedMs !== undefined;
  const tree = new Tree({ dav, root, hasTimes, profile });
  const { timeoutMs } = address;
  const writer = new Writer({ dav, tree, profile, origin: originText(origin), timeoutMs, trace });
  const traits: BackendTraits = {
    exclusiveCreate: false,
    exclusiveFolder: profile.hasExclusiveFolders,
    atomicReplace: profile.replacesAtomically,
    timePrecisionMs: hasTimes ? SECOND_MS : undefined,
    listingLagMs: 0,
    knowsSpace: resource.freeBytes !== undefined || resource.usedBytes !== undefined,
  };
  return new WebDavBackend({ dav, root, tree, writer, profile, traits, closing: opening.move() });
}

interface Parts {
  readonly dav: Dav;
  readonly root: string;
  readonly tree: Tree;
  readonly writer: Writer;
  readonly profile: ServerProfile;
  readonly traits: BackendTraits;
  readonly closing: AsyncDisposableStack;
}

class WebDavBackend implements Backend {
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
    const pending: FolderName[] = [folder];
    while (pending.length > 0) {
      signal?.throwIfAborted();
      const turn = pending.splice(0, LISTINGS_AT_A_TIME);
      const settled = await Promise.allSettled(turn.map((it) => this.#listOne(it, signal)));
      for (const result of settled) {
        if (result.status === "rejected") throw result.reason;
        if (recursive) pending.push(...result.value.folders);
        yield* result.value.objects;
      }
    }
  }

  async stat(name: ObjectName, { signal }: CallOptions = {}): Promise<ObjectInfo | undefined> {
    const options = optionsFor("stat", name, signal);
    const standing = await this.#parts.tree.look(name, options);
    if (standing.kind === "object") return standing.info;
    await this.#parts.tree.checkRoot(options);
    return undefined;
  }

  async get(
    name: ObjectName,
    { signal }: CallOptions = {},
  ): Promise<ReadableStream<Uint8Array>> {
    const options = optionsFor("get", name, signal);
    return await streamObject(await openObject(name, { ...this.#parts, options }));
  }

  async read(
    name: ObjectName,
    { signal, maxBytes }: CallOptions & { readonly maxBytes: number },
  ): Promise<Uint8Array> {
    const options = optionsFor("read", name, signal);
    return await readObject(await openObject(name, { ...this.#parts, options }), maxBytes);
  }

  async put(name: ObjectName, source: ByteSource, { signal }: PutOptions = {}): Promise<void> {
    await this.#parts.writer.put(name, source, optionsFor("put", name, signal));
  }

  async create(
    name: ObjectName,
    bytes: Uint8Array,
    { signal }: CallOptions = {},
  ): Promise<boolean> {
    return await this.#parts.writer.create(name, bytes, optionsFor("create", name, signal));
  }

  async remove(name: ObjectName, { signal }: CallOptions = {}): Promise<boolean> {
    const { dav, tree, profile } = this.#parts;
    const options = optionsFor("remove", name, signal);
    if (!profile.sparesFolders && (await tree.look(name, options)).kind !== "object") {
      await tree.checkRoot(options);
      return false;
    }
    const headers: Record<string, string> = profile.sparesFolders ? { Depth: "0" } : {};
    const target = tree.targetOf(name);
    const answer = await dav.call({ ...options, method: "DELETE", target, headers });
    const { status } = answer;
    if (status === 429 || status === 423 || status > 500) throw statusError(answer);
    if (status < 200 || status >= 300 || status === 207) {
      // It is no object, or what stands above it is no folder.
      if ((await tree.look(name, options)).kind === "object") throw statusError(answer);
      await tree.checkRoot(options);
      return false;
    }
    return true;
  }

  async makeFolder(name: ObjectName, { signal }: CallOptions = {}): Promise<boolean> {
    const { tree, profile } = this.#parts;
    const options = optionsFor("make folder", name, signal);
    // Some servers say of a folder that is there that they made it.
    const mustLook = !profile.hasExclusiveFolders;
    if (mustLook && (await tree.look(name, options)).kind !== "absent") return false;
    return await tree.makeFolder(name, options);
  }

  async removeFolder(name: ObjectName, { signal }: CallOptions = {}): Promise<boolean> {
    return await this.#parts.tree.removeFolder(name, optionsFor("remove folder", name, signal));
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
    const { dav, root } = this.#parts;
    const action = "look at the relay's space";
    const found = await dav.find({ action, target: root, depth: 0, body: ROOT_REQUEST, signal });
    if ("status" in found) throw statusError(found);
    const { usedBytes, freeBytes } = found[0] ?? {};
    return {
      ...(usedBytes === undefined ? {} : { usedBytes }),
      ...(freeBytes === undefined ? {} : { freeBytes }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.closing[Symbol.asyncDispose]();
  }

  /** What one folder holds, without temporary files; those that dead clients left are removed. */
  async #listOne(
    folder: FolderName,
    signal: AbortSignal | undefined,
  ): Promise<{ objects: readonly ObjectInfo[]; folders: readonly ObjectName[] }> {
    const action = `list ${JSON.stringify(folder)}`;
    const listing = await this.#parts.tree.list(folder, { action, signal });
    if (listing === undefined) return { objects: [], folders: [] };
    const { folders } = listing;
    const leftOver = listing.objects.filter(({ name }) => isTemporary(name));
    if (leftOver.length === 0) return listing;
    for (const info of leftOver) await this.#removeIfOld(info, signal);
    return { objects: listing.objects.filter(({ name }) => !isTemporary(name)), folders };
  }

  async #removeIfOld(
    { name, modifiedMs = Infinity }: ObjectInfo,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { dav, tree } = this.#parts;
    // Both times are by the server's clock.
    if ((dav.serverTimeMs ?? 0) - modifiedMs < LEFT_OVER_MS) return;
    const action = `remove ${JSON.stringify(name)}`;
    await dav.call({ action, signal, method: "DELETE", target: tree.targetOf(name) });
  }
}

function optionsFor(verb: string, name: ObjectName, signal: AbortSignal | undefined): TreeOptions {
  signal?.throwIfAborted();
  const action = `${verb} ${JSON.stringify(name)}`;
  checkName(action, name);
  return { action, signal };
}
