import { rmdirSync, unlinkSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  type Backend,
  type BackendContext,
  BackendError,
  type BackendTraits,
  type ByteSource,
  type CallOptions,
  type CreateOptions,
  type FolderName,
  type ObjectInfo,
  type ObjectName,
  type PutOptions,
  type RelayAddress,
  type SpaceInfo,
} from "../backend.ts";
import { Creator } from "./_create.ts";
import { attempt, fileError, saysAbsent, systemCodeOf } from "./_errors.ts";
import { Folders } from "./_folders.ts";
import { infoOf, walk } from "./_list.ts";
import { checkFileName, folderOf, temporaryName } from "./_names.ts";
import {
  type OpenObject,
  openObject,
  readObject,
  readQuickly,
  streamObject,
  streamOf,
} from "./_read.ts";
import { Slices } from "./_slices.ts";
import { Unflushed } from "./_unflushed.ts";
import { watchFolder } from "./_watch.ts";
import { SMALL_BYTES, Writer } from "./_write.ts";

/**
 * A folder of this machine, or of a share mounted here, as a relay.
 *
 * Objects are plain files. What is written is seen whole or not at all by others at once, but survives a crash of the
 * machine only after a flush. Links below the folder are never followed. A tag is made of inode, time and size; it can
 * recur if an object is removed and written anew within one tick of the file system's clock.
 *
 * @throws {BackendError} `not-found` if the folder is missing: it is never made here, since it may only be unmounted
 */
export async function openFile(
  address: RelayAddress,
  context: BackendContext = {},
): Promise<Backend> {
  context.signal?.throwIfAborted();
  if (address.folder === undefined || address.folder === "") {
    throw new BackendError("not-found", "Cannot open a file relay: no folder is given");
  }
  const root = resolve(address.folder);
  const unflushed = new Unflushed();
  const folders = attempt(`open the relay's folder "${root}"`, () => {
    return new Folders(root, (folder) => unflushed.changed(folder));
  });
  const traits: BackendTraits = {
    exclusiveCreate: true,
    exclusiveFolder: true,
    atomicReplace: true,
    timePrecisionMs: probeTimePrecision(root),
    listingLagMs: 0,
    knowsSpace: await freeBytes(root).then(() => true, () => false),
  };
  return new FileBackend({ root, folders, unflushed, traits, trace: context.trace ?? (() => {}) });
}

interface Parts {
  readonly root: string;
  readonly folders: Folders;
  readonly unflushed: Unflushed;
  readonly traits: BackendTraits;
  readonly trace: (line: string) => void;
}

class FileBackend implements Backend {
  readonly traits: BackendTraits;
  readonly #root: string;
  readonly #folders: Folders;
  readonly #unflushed: Unflushed;
  readonly #creator: Creator;
  readonly #writer: Writer;
  readonly #trace: (line: string) => void;
  readonly #slices = new Slices();
  readonly #closing = new AbortController();
  readonly #watching: Promise<void>[] = [];

  constructor({ root, folders, unflushed, traits, trace }: Parts) {
    this.traits = traits;
    this.#root = root;
    this.#folders = folders;
    this.#unflushed = unflushed;
    this.#creator = new Creator(folders);
    this.#writer = new Writer(folders, unflushed);
    this.#trace = trace;
  }

  async *list(
    folder: FolderName,
    { recursive = false, signal }: CallOptions & { readonly recursive?: boolean } = {},
  ): AsyncGenerator<ObjectInfo> {
    await this.#slices.next();
    signal?.throwIfAborted();
    const isThere = attempt(`list ${JSON.stringify(folder)}`, () => {
      this.#folders.checkRoot("not-found");
      return this.#folders.isThere(folder);
    });
    if (isThere) yield* walk(this.#folders, folder, { recursive, signal, slices: this.#slices });
  }

  stat(name: ObjectName, options: CallOptions = {}): Promise<ObjectInfo | undefined> {
    return this.#call("stat", name, options, () => {
      const info = this.#folders.lookAt(name);
      return info?.isFile === true ? infoOf(name, info) : undefined;
    });
  }

  get(name: ObjectName, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return this.#call("get", name, options, (action) => {
      const object = this.#open(name, action);
      if (object.sizeBytes > SMALL_BYTES) return streamObject(object, options.signal);
      return streamOf(readObject(object));
    });
  }

  read(
    name: ObjectName,
    options: CallOptions & { readonly maxBytes: number },
  ): Promise<Uint8Array> {
    return this.#call("read", name, options, (action) => {
      const bytes = this.#readQuickly(name, action, Math.min(options.maxBytes, SMALL_BYTES));
      return bytes ?? readObject(this.#open(name, action, options.maxBytes));
    });
  }

  async put(name: ObjectName, source: ByteSource, options: PutOptions = {}): Promise<void> {
    await this.#slices.next();
    options.signal?.throwIfAborted();
    checkFileName(`put ${JSON.stringify(name)}`, name);
    await this.#writer.put(name, source, options);
  }

  create(name: ObjectName, bytes: Uint8Array, options: CreateOptions = {}): Promise<boolean> {
    const { isShareable = false } = options;
    return this.#call("create", name, options, () => {
      return this.#creator.create(name, bytes, { isShareable });
    });
  }

  remove(name: ObjectName, options: CallOptions = {}): Promise<boolean> {
    return this.#call("remove", name, options, () => {
      if (this.#folders.lookAt(name)?.isFile !== true) return false;
      return this.#removed(name, unlinkSync);
    });
  }

  makeFolder(name: ObjectName, options: CallOptions = {}): Promise<boolean> {
    return this.#call("make folder", name, options, () => {
      return this.#folders.within(folderOf(name), () => {
        try {
          Deno.mkdirSync(this.#folders.pathOf(name));
        } catch (thrown) {
          if (systemCodeOf(thrown) === "EEXIST") return false;
          throw thrown;
        }
        return true;
      });
    });
  }

  removeFolder(name: ObjectName, options: CallOptions = {}): Promise<boolean> {
    return this.#call("remove folder", name, options, () => {
      if (this.#folders.lookAt(name)?.isDirectory !== true) return false;
      this.#folders.forget();
      return this.#removed(name, rmdirSync);
    });
  }

  async flush({ signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    await this.#unflushed.flush((name) => this.#folders.pathOf(name), signal);
  }

  async space({ signal }: CallOptions = {}): Promise<SpaceInfo> {
    signal?.throwIfAborted();
    return this.traits.knowsSpace ? { freeBytes: await freeBytes(this.#root) } : {};
  }

  watch(changed: () => void, signal: AbortSignal): void {
    this.#watching.push(watchFolder(this.#root, {
      changed,
      signal: AbortSignal.any([signal, this.#closing.signal]),
      trace: this.#trace,
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#watching);
  }

  /** Runs synchronous calls on `name`; a failure says what `verb` was attempted. */
  async #call<T>(
    verb: string,
    name: ObjectName,
    { signal }: CallOptions,
    body: (action: string) => T,
  ): Promise<T> {
    await this.#slices.next();
    signal?.throwIfAborted();
    const action = `${verb} ${JSON.stringify(name)}`;
    checkFileName(action, name);
    return attempt(action, () => body(action));
  }

  /** As {@linkcode readQuickly}, of an object. @throws {BackendError} `not-found` */
  #readQuickly(name: ObjectName, action: string, maxBytes: number): Uint8Array | undefined {
    if (!this.#folders.isThere(folderOf(name))) throw this.#absence(action);
    try {
      return readQuickly(this.#folders.pathOf(name), maxBytes);
    } catch (thrown) {
      if (saysAbsent(thrown)) throw this.#absence(action);
      return undefined;
    }
  }

  #open(name: ObjectName, action: string, maxBytes = Infinity): OpenObject {
    const object = this.#folders.isThere(folderOf(name))
      ? openObject(this.#folders.pathOf(name), { action, maxBytes })
      : undefined;
    if (object === undefined) throw this.#absence(action);
    return object;
  }

  /** The error for an object that is not there. A relay that is gone is another matter, and thrown. */
  #absence(action: string): BackendError {
    this.#folders.checkRoot();
    return new BackendError("not-found", `Cannot ${action}: there is no such object`);
  }

  #removed(name: ObjectName, remove: (path: string) => void): boolean {
    try {
      remove(this.#folders.pathOf(name));
    } catch (thrown) {
      if (saysAbsent(thrown)) return false;
      throw thrown;
    }
    return true;
  }
}

/** The free space of the file system at `path`. A worker's permissions may not suffice to ask. */
async function freeBytes(path: string): Promise<number> {
  try {
    const info = await statfs(path);
    return info.bavail * info.bsize;
  } catch (thrown) {
    throw fileError(`look at the space of "${path}"`, thrown);
  }
}

/** What the clock of Linux ticks in at worst. */
const TICK_MS = 10;
/** The coarsest file system in use, FAT. */
const COARSEST_MS = 2000;

/** How coarse the file system at `root` keeps times, milliseconds; the coarsest known if it cannot be tried. */
function probeTimePrecision(root: string): number {
  const path = join(root, temporaryName());
  // An odd second and a fraction, close to now, so that no listing takes the file for left over.
  const timeMs = Math.floor(Date.now() / COARSEST_MS) * COARSEST_MS + 1234;
  try {
    Deno.writeFileSync(path, new Uint8Array(), { createNew: true });
    Deno.utimeSync(path, new Date(timeMs), new Date(timeMs));
    const lostMs = timeMs - (Deno.lstatSync(path).mtime?.getTime() ?? 0);
    if (lostMs === 0) return TICK_MS;
    return lostMs === 234 ? 1000 : COARSEST_MS;
  } catch {
    return COARSEST_MS;
  } finally {
    try {
      Deno.removeSync(path);
    } catch {
      // It could not be made.
    }
  }
}
