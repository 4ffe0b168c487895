import {
  BackendError,
  type FolderName,
  type ObjectInfo,
  type ObjectName,
  parseObjectName,
  whyNotObjectName,
} from "../backend.ts";
import { type Endpoint, PARENT_REMOTE, RAW_REMOTE, RELAY_REMOTE } from "./_endpoint.ts";
import { RcError } from "./_errors.ts";
import { folderOf, isTooLong } from "./_names.ts";
import { type Fields, isFields, type Rc, type RcOptions } from "./_rc.ts";

/** How long the relay's folder is taken to be there after it was last seen to be, milliseconds. */
const TRUST_MS = 500;
/** Times coarser than this are none: rclone says a hundred years where a storage has none. */
const MAX_PRECISION_MS = 3_600_000;
const SECOND_MS = 1000;
/** A folder that no relay has. */
const NO_FOLDER = ".escale-nothing";

/** Storages where an object is seen only when its upload is complete, though they have folders. */
const WHOLE_UPLOADS: ReadonlySet<string> = new Set([
  ...["amazon cloud drive", "box", "drive", "dropbox", "onedrive", "pcloud"],
]);
/** Storages where a move replaces what stands there, at once. */
const REPLACING_MOVES: ReadonlySet<string> = new Set(["local"]);

/** What a storage can do, as rclone and we know of it. */
export interface Features {
  /** Folders are but parts of names. */
  readonly hasBuckets: boolean;
  /** An object is seen only when its upload is complete. */
  readonly uploadsWhole: boolean;
  /** A move replaces an object at once, without removing it first. */
  readonly movesReplace: boolean;
  readonly tellsSpace: boolean;
  readonly precisionMs: number | undefined;
  /** A checksum that listings have at no further cost; tells versions apart. */
  readonly hash: string | undefined;
}

/** What stands under a name. */
export type Standing =
  | { readonly kind: "absent" }
  | { readonly kind: "folder" }
  | { readonly kind: "object"; readonly info: ObjectInfo };

const ABSENT: Standing = { kind: "absent" };

/** What `operations/fsinfo` says of the relay, with what is known of its type of storage. */
export function readFeatures(info: Fields, { type }: Endpoint): Features {
  const features = isFields(info["Features"]) ? info["Features"] : {};
  const hasBuckets = features["BucketBased"] === true;
  const uploadsWhole = hasBuckets || WHOLE_UPLOADS.has(type);
  const precision = info["Precision"];
  const precisionMs = typeof precision === "number" ? precision / 1e6 : NaN;
  const hasTimes = precisionMs <= MAX_PRECISION_MS;
  const [hash] = Array.isArray(info["Hashes"]) ? info["Hashes"] : [];
  const hasHash = typeof hash === "string" && features["SlowHash"] !== true;
  return {
    hasBuckets,
    uploadsWhole,
    movesReplace: REPLACING_MOVES.has(type),
    tellsSpace: features["About"] === true,
    // By the storage's clock, buckets tell whole seconds.
    precisionMs: hasTimes ? Math.max(precisionMs, hasBuckets ? SECOND_MS : 1) : undefined,
    hash: hasHash ? hash : undefined,
  };
}

/** Looks at the relay's objects and folders. */
export class Storage {
  readonly features: Features;
  readonly #rc: Rc;
  readonly #base: string;
  #rootSeenMs = -Infinity;

  constructor(rc: Rc, features: Features, { base }: Endpoint) {
    this.#rc = rc;
    this.features = features;
    this.#base = base;
  }

  /** What stands under `name`. The relay's own folder is not looked for. */
  async look(name: ObjectName, options: RcOptions): Promise<Standing> {
    const params = { fs: RELAY_REMOTE, remote: name, opt: this.#listing(false) };
    let result: Fields;
    try {
      result = await this.#rc.call("operations/stat", params, options);
    } catch (thrown) {
      const isRefused = thrown instanceof RcError && thrown.status === 500 && isTooLong(name);
      if (isRefused || await this.#isNoFolder(folderOf(name), thrown, options)) return ABSENT;
      throw thrown;
    }
    const { item } = result;
    if (!isFields(item)) return ABSENT;
    this.#rootSeenMs = performance.now();
    if (item["IsDir"] === true) return { kind: "folder" };
    const info = this.#infoOf(item, name);
    return info === undefined ? ABSENT : { kind: "object", info };
  }

  /** What stands in `folder`; nothing if it is missing or none. */
  async list(
    folder: FolderName,
    { recursive, ...options }: RcOptions & { readonly recursive: boolean },
  ): Promise<readonly ObjectInfo[]> {
    const params = { fs: RELAY_REMOTE, remote: folder, opt: this.#listing(recursive) };
    let result: Fields;
    try {
      result = await this.#rc.call("operations/list", params, options);
    } catch (thrown) {
      if (folder === "") throw this.#rootError(thrown, options);
      if (!await this.#isNoFolder(folder, thrown, options)) throw thrown;
      await this.checkRoot(options);
      return [];
    }
    const items = Array.isArray(result["list"]) ? result["list"] : [];
    if (folder !== "" && items.length === 0) await this.checkRoot(options);
    this.#rootSeenMs = performance.now();
    return this.#objectsIn(folder, items);
  }

  /** Makes the relay's own folder, if it is missing. */
  async makeRoot(options: RcOptions): Promise<void> {
    if (await this.#hasRoot(options)) return;
    await this.#rc.call("operations/mkdir", { fs: RELAY_REMOTE, remote: "" }, options);
  }

  /**
   * Looks whether rclone can read any of the names that stand in an encrypted relay; it leaves out the others.
   *
   * @throws {BackendError} `denied` if it cannot
   */
  async checkKey(options: RcOptions): Promise<void> {
    const count = async (fs: string) => {
      const params = { fs, remote: "", opt: { noModTime: true, noMimeType: true } };
      const { list } = await this.#rc.call("operations/list", params, options);
      return Array.isArray(list) ? list.length : 0;
    };
    if (await count(RELAY_REMOTE) > 0 || await count(RAW_REMOTE) === 0) return;
    throw new BackendError(
      "denied",
      `Cannot ${options.action}: what stands there is encrypted with another passphrase, or not at all`,
      { hint: 'Set "passphrase" to what the other clients have, or use an empty folder' },
    );
  }

  /**
   * Makes sure that the relay's own folder is there. What was not found in it is missing only then.
   *
   * @throws {BackendError} `not-found`
   */
  async checkRoot(options: RcOptions): Promise<void> {
    if (this.#base === "") return;
    if (performance.now() - this.#rootSeenMs < TRUST_MS) return;
    if (!await this.#hasRoot(options)) throw this.#rootGone(options);
    this.#rootSeenMs = performance.now();
  }

  /** Notes that an object was written or read: the relay's own folder is there. */
  noteSuccess(): void {
    this.#rootSeenMs = performance.now();
  }

  /** Whether the relay's own folder is there; of buckets, whether there is the bucket. */
  async #hasRoot(options: RcOptions): Promise<boolean> {
    const { hasBuckets } = this.features;
    if (hasBuckets || this.#base === "") {
      // Any folder of a bucket can be listed, and one that nobody has costs the least.
      const remote = hasBuckets && this.#base !== "" ? NO_FOLDER : "";
      try {
        const params = { fs: RELAY_REMOTE, remote, opt: { noModTime: true, noMimeType: true } };
        await this.#rc.call("operations/list", params, options);
        return true;
      } catch (thrown) {
        if (thrown instanceof RcError && thrown.code === "not-found") return false;
        throw thrown;
      }
    }
    const params = { fs: PARENT_REMOTE, remote: this.#base };
    try {
      const { item } = await this.#rc.call("operations/stat", params, options);
      if (!isFields(item) || item["IsDir"] === true) return isFields(item);
    } catch (thrown) {
      if (thrown instanceof RcError && thrown.code === "not-found") return false;
      throw thrown;
    }
    throw new BackendError("not-found", `Cannot ${options.action}: the relay is no folder`);
  }

  /**
   * Whether `thrown` only says that there is no such folder. Of what stands below an object storages tell in several
   * ways, so that the folders above are looked at.
   */
  async #isNoFolder(folder: FolderName, thrown: unknown, options: RcOptions): Promise<boolean> {
    if (!(thrown instanceof RcError)) return false;
    if (thrown.status === 404) return true;
    if (folder === "" || thrown.status !== 500) return false;
    return (await this.look(folder, options)).kind !== "folder";
  }

  #listing(recurse: boolean): Fields {
    const { precisionMs, hash } = this.features;
    return {
      recurse,
      noMimeType: true,
      noModTime: precisionMs === undefined,
      ...(hash === undefined ? {} : { showHash: true, hashTypes: [hash] }),
    };
  }

  /** Of several objects of one name, which some storages can have, the first counts, as it does for rclone. */
  #objectsIn(folder: FolderName, items: readonly unknown[]): readonly ObjectInfo[] {
    const prefix = folder === "" ? "" : `${folder}/`;
    const objects = new Map<string, ObjectInfo>();
    for (const item of items) {
      if (!isFields(item) || item["IsDir"] === true) continue;
      const path = item["Path"];
      if (typeof path !== "string" || !path.startsWith(prefix) || objects.has(path)) continue;
      if (whyNotObjectName(path) !== undefined) continue;
      const info = this.#infoOf(item, parseObjectName(path));
      if (info !== undefined) objects.set(path, info);
    }
    return [...objects.values()];
  }

  /** `undefined` for what has no size, as the documents that some storages can only show. */
  #infoOf(item: Fields, name: ObjectName): ObjectInfo | undefined {
    const { Size: sizeBytes, ModTime: modified } = item;
    if (typeof sizeBytes !== "number" || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
      return undefined;
    }
    const { precisionMs, hash } = this.features;
    const hasTime = precisionMs !== undefined && typeof modified === "string";
    const modifiedMs = hasTime ? Date.parse(modified) : NaN;
    const hashes = isFields(item["Hashes"]) ? item["Hashes"] : {};
    const tag = hash === undefined ? undefined : hashes[hash];
    return {
      name,
      sizeBytes,
      ...(Number.isNaN(modifiedMs) ? {} : { modifiedMs }),
      ...(typeof tag === "string" && tag !== "" ? { tag } : {}),
    };
  }

  #rootError(thrown: unknown, options: RcOptions): unknown {
    const isMissing = thrown instanceof RcError && thrown.status === 404;
    return isMissing ? this.#rootGone(options) : thrown;
  }

  #rootGone({ action }: RcOptions): BackendError {
    this.#rootSeenMs = -Infinity;
    return new BackendError("not-found", `Cannot ${action}: the relay's folder is gone`, {
      hint: "Restart escale to make it again",
    });
  }
}
