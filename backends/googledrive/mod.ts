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
  parseObjectName,
  type PutOptions,
  type RelayAddress,
  type SpaceInfo,
  whyNotObjectName,
} from "../backend.ts";
import { joined } from "../streams.ts";
import { Drive } from "./_drive.ts";
import { notFound } from "./_errors.ts";
import { byId, Folders, splitByTitle, twinFolders } from "./_folders.ts";
import { contentOf } from "./_get.ts";
import { checkName, isTemporary, whyNotName } from "./_names.ts";
import type { Entry, Listed } from "./_output.ts";
import { Program, type RunOptions } from "./_program.ts";
import { putObject } from "./_put.ts";

/** A temporary file untouched for this long has no living writer, milliseconds. */
const LEFT_OVER_MS = 24 * 60 * 60 * 1000;
/** drive tries again by itself, for longer than servers are waited for, milliseconds. */
const MIN_PATIENCE_MS = 10 * 60 * 1000;
/** What Google needs to show every client a change, as far as is known, milliseconds. */
const LAG_MS = 1_000;
/** How often what was found is gone before it is opened. */
const LOOKS = 3;

/**
 * A folder of a Google Drive as a relay, by the program drive, at the folder `address.host` where "drive init" was run;
 * made, if it is missing, when it is opened. Each call runs the program several times.
 *
 * @throws {BackendError} `unsupported` without the program; `not-found` without that folder; `denied` without a login there;
 * `unavailable`
 */
export async function openGoogleDrive(
  address: RelayAddress,
  { signal, trace = () => {} }: BackendContext = {},
): Promise<Backend> {
  signal?.throwIfAborted();
  const { mount, folder } = placeOf(address);
  using opening = new DisposableStack();
  const program = opening.use(
    new Program({
      program: address.program ?? "drive",
      mount,
      patienceMs: Math.max(address.timeoutMs, MIN_PATIENCE_MS),
      trace,
    }),
  );
  const passphrase = address.nativePassphrase?.split(/\r?\n/)[0];
  const drive = new Drive(program, { folder, passphrase });
  const folders = new Folders(drive, folder);
  const open = { action: "open the relay", signal };
  await folders.ensureRoot(new Drive(program, { folder: "", passphrase }), open);
  const knowsSpace = Object.keys(await drive.space(open)).length > 0;
  const traits: BackendTraits = {
    exclusiveCreate: false,
    exclusiveFolder: false,
    atomicReplace: false,
    // Those that drive shows are the senders'.
    timePrecisionMs: undefined,
    listingLagMs: LAG_MS,
    knowsSpace,
  };
  return new GoogleDriveBackend({ drive, folders, traits, trace, closing: opening.move() });
}

function placeOf({ host, folder = "" }: RelayAddress): { mount: string; folder: string } {
  const mount = host?.replace(/\/+$/, "") ?? "";
  const path = folder.split("/").filter((part) => part !== "").join("/");
  const why = !mount.startsWith("/")
    ? 'its address names no folder where "drive init" was run'
    : path === ""
    ? "its address names no folder on the drive"
    : whyNotObjectName(path) ?? whyNotName(path);
  if (why === undefined) return { mount, folder: path };
  throw new BackendError("unsupported", `Cannot open the relay: ${why}`, {
    hint: 'Write "address = googledrive:///home/me/gdrive//folder"',
  });
}

interface Parts {
  readonly drive: Drive;
  readonly folders: Folders;
  readonly traits: BackendTraits;
  readonly trace: (line: string) => void;
  readonly closing: Disposable;
}

class GoogleDriveBackend implements Backend {
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
    const { drive, folders } = this.#parts;
    const options = { action: `list ${JSON.stringify(folder)}`, signal };
    const found = await drive.list(folder, { ...options, recursive });
    if (found === undefined) {
      if (folder === "") throw folders.rootGone(options);
      return await folders.checkRoot(options);
    }
    folders.noteSuccess();
    const listed = Map.groupBy(found.listed, ({ path }) => path);
    const top = `${drive.pathOf("")}/`;
    const within = `${drive.pathOf(folder)}/`;
    for (const [path, entries] of listed) {
      const count = entries.filter(({ isFolder }) => isFolder).length;
      if (count > 1 && path.startsWith(within)) throw twinFolders(path, options);
    }
    for (const [path, sizeBytes] of found.sizes) {
      if (!path.startsWith(within)) continue;
      const text = path.slice(top.length);
      if (whyNotObjectName(text) !== undefined || whyNotName(text) !== undefined) continue;
      const name = parseObjectName(text);
      const entries = listed.get(path) ?? [];
      if (isTemporary(name)) await this.#removeIfOld(entries, options);
      else yield await this.#infoOf(name, { entries, sizeBytes, options });
    }
  }

  async stat(name: ObjectName, { signal }: CallOptions = {}): Promise<ObjectInfo | undefined> {
    const options = optionsFor("stat", name, signal);
    const entry = await this.#look(name, options);
    return entry === undefined ? undefined : this.#shown(name, entry);
  }

  async get(
    name: ObjectName,
    { signal }: CallOptions = {},
  ): Promise<ReadableStream<Uint8Array>> {
    return await this.#open(name, { ...optionsFor("get", name, signal), maxBytes: Infinity });
  }

  async read(
    name: ObjectName,
    { signal, maxBytes }: CallOptions & { readonly maxBytes: number },
  ): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (
      const chunk of await this.#open(name, { ...optionsFor("read", name, signal), maxBytes })
    ) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
    }
    return joined(chunks, sizeBytes);
  }

  async put(name: ObjectName, source: ByteSource, { signal }: PutOptions = {}): Promise<void> {
    const options = optionsFor("put", name, signal);
    await putObject(name, source, { ...this.#parts, options, isNew: false });
  }

  async create(
    name: ObjectName,
    bytes: Uint8Array,
    { signal }: CallOptions = {},
  ): Promise<boolean> {
    const options = optionsFor("create", name, signal);
    const source = { sizeBytes: bytes.length, bytes, open: () => ReadableStream.from([bytes]) };
    return await putObject(name, source, { ...this.#parts, options, isNew: true });
  }

  async remove(name: ObjectName, { signal }: CallOptions = {}): Promise<boolean> {
    const { drive, folders } = this.#parts;
    const options = optionsFor("remove", name, signal);
    const [same] = splitByTitle(await drive.find(name, options), name);
    const files = same.filter(({ isFolder }) => !isFolder);
    if (files.length === 0) {
      await folders.checkRoot(options);
      return false;
    }
    await drive.delete(files.map(({ id }) => id), options);
    return true;
  }

  async makeFolder(name: ObjectName, { signal }: CallOptions = {}): Promise<boolean> {
    const { drive, folders } = this.#parts;
    const options = optionsFor("make folder", name, signal);
    const [same] = splitByTitle(await drive.find(name, options), name);
    if (same.length > 0) return false;
    folders.forget(name);
    await folders.ensure(name, options);
    return true;
  }

  async removeFolder(name: ObjectName, { signal }: CallOptions = {}): Promise<boolean> {
    const { drive, folders } = this.#parts;
    const options = optionsFor("remove folder", name, signal);
    const [same] = splitByTitle(await drive.find(name, options), name);
    const [folder, ...twins] = same.filter(({ isFolder }) => isFolder);
    if (folder === undefined) return false;
    if (twins.length > 0) throw twinFolders(name, options);
    if (!await drive.isEmpty(folder.id, options)) {
      throw new BackendError("exists", `Cannot ${options.action}: it is not empty`);
    }
    folders.forget(name);
    await drive.trash(folder.id, options);
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
    return await this.#parts.drive.space({ action: "look at the relay's space", signal });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#parts.closing[Symbol.dispose]();
    return Promise.resolve();
  }

  /** The object of that name. Of several, the one that all clients take. */
  async #look(name: ObjectName, options: RunOptions): Promise<Entry | undefined> {
    const { drive, folders } = this.#parts;
    const found = await drive.find(name, options);
    const [same] = splitByTitle(found, name);
    if (found.length > 0) folders.noteSuccess();
    const [first] = same.filter(({ isFolder }) => !isFolder).toSorted(byId);
    if (first === undefined) await folders.checkRoot(options);
    return first;
  }

  /** Opens the content by id, since by name drive would give that of all that have the name, one after the other. */
  async #open(
    name: ObjectName,
    { maxBytes, ...options }: RunOptions & { readonly maxBytes: number },
  ): Promise<ReadableStream<Uint8Array>> {
    const { drive } = this.#parts;
    for (let left = LOOKS; left > 0; left--) {
      const entry = await this.#look(name, options);
      if (entry === undefined) break;
      const sizeBytes = drive.plainBytes(entry.sizeBytes);
      if (sizeBytes > maxBytes) throw tooLarge(options.action, { sizeBytes, maxBytes });
      const content = await contentOf(entry.id, { drive, options, sizeBytes });
      if (content !== undefined) return content;
    }
    throw notFound(options.action);
  }

  async #infoOf(
    name: ObjectName,
    { entries, sizeBytes, options }: {
      readonly entries: readonly Listed[];
      readonly sizeBytes: number;
      readonly options: RunOptions;
    },
  ): Promise<ObjectInfo> {
    if (entries.length > 1) {
      const entry = await this.#look(name, options);
      if (entry !== undefined) return this.#shown(name, entry);
    }
    const [listed] = entries;
    return {
      name,
      sizeBytes: this.#parts.drive.plainBytes(sizeBytes),
      // Without one its content is read each time.
      ...(listed === undefined ? {} : { tag: tagOf(listed) }),
    };
  }

  #shown(name: ObjectName, entry: Entry): ObjectInfo {
    return {
      name,
      sizeBytes: this.#parts.drive.plainBytes(entry.sizeBytes),
      tag: tagOf(entry),
    };
  }

  async #removeIfOld(entries: readonly Listed[], options: RunOptions): Promise<void> {
    const { drive, trace } = this.#parts;
    const old = entries.filter(({ modifiedMs }) => Date.now() - modifiedMs > LEFT_OVER_MS);
    if (old.length === 0) return;
    await drive.delete(old.map(({ id }) => id), options)
      .catch((thrown) => trace(`left an old upload as it is: ${String(thrown)}`));
  }
}

/** An upload has an id of its own; a version tells what others write into it in place. */
function tagOf({ id, version }: { readonly id: string; readonly version: string }): string {
  return `${id} ${version}`;
}

function tooLarge(
  action: string,
  { sizeBytes, maxBytes }: { readonly sizeBytes: number; readonly maxBytes: number },
): BackendError {
  const detail = `it is ${sizeBytes} bytes long, more than ${maxBytes}`;
  return new BackendError("too-large", `Cannot ${action}: ${detail}`);
}

function optionsFor(verb: string, name: ObjectName, signal: AbortSignal | undefined): RunOptions {
  signal?.throwIfAborted();
  const action = `${verb} ${JSON.stringify(name)}`;
  checkName(action, name);
  return { action, signal };
}
