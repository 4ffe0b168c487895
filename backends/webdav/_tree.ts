import {
  BackendError,
  type FolderName,
  type ObjectInfo,
  type ObjectName,
  parseObjectName,
  whyNotObjectName,
} from "../backend.ts";
import type { Answer } from "./_answer.ts";
import { checkSuccess, type Dav } from "./_dav.ts";
import { ownPath, type Resource, RESOURCE_REQUEST } from "./_multistatus.ts";
import {
  checkControls,
  encodePath,
  folderOf,
  hideDot,
  oddityOf,
  pathOf,
  showDot,
} from "./_names.ts";
import type { ServerProfile } from "./_server.ts";
import { statusError } from "./_status.ts";

/** How long after a success the relay's own folder is taken to be there, milliseconds. */
const TRUST_MS = 500;

/** How deep folders may be nested: a server might make them up without end. */
const MAX_DEPTH = 100;

/** Within this time another change of an object may have the same time, as servers tell it; milliseconds. */
const FRESH_MS = 2_000;

/** Statuses with which a server may say that a folder above is missing, or is none. */
const PARENT_TROUBLE: ReadonlySet<number> = new Set([400, 403, 404, 405, 409, 410, 500]);

/** What stands under a name. */
export type Standing =
  | { readonly kind: "absent" }
  | { readonly kind: "folder" }
  | { readonly kind: "object"; readonly info: ObjectInfo };

/** What one folder holds. */
export interface Listing {
  readonly objects: readonly ObjectInfo[];
  readonly folders: readonly ObjectName[];
}

/** What calls on the tree accept. */
export interface TreeOptions {
  /** What is attempted, for error messages. */
  readonly action: string;
  readonly signal?: AbortSignal | undefined;
}

/** What is needed to tell objects. */
export interface TreeParts {
  readonly dav: Dav;
  /** The path of the relay's folder, encoded, with a slash at both ends. */
  readonly root: string;
  readonly hasTimes: boolean;
  readonly profile: ServerProfile;
}

const ABSENT: Standing = { kind: "absent" };

/** The objects and folders of the relay, as the server shows them. Remembers which folders exist. */
export class Tree {
  readonly #parts: TreeParts;
  readonly #known = new Set<FolderName>([""]);
  /** Folders that are being looked for or made, so that of many who need one at the same time only the first asks. */
  readonly #ensuring = new Map<FolderName, Promise<void>>();
  /** How often this server encodes what it gives as `href`; found out by the first name that leaves it open. */
  #encodings: 1 | 2 | undefined;

  constructor(parts: TreeParts) {
    this.#parts = parts;
  }

  /** The path of an object in a URL. */
  targetOf(name: ObjectName): string {
    const { root, profile } = this.#parts;
    return root + encodePath(profile.hidesDotNames ? name.split("/").map(showDot).join("/") : name);
  }

  /** The path of a folder in a URL, with its slash. */
  folderTargetOf(folder: FolderName): string {
    return folder === "" ? this.#parts.root : `${this.targetOf(folder)}/`;
  }

  /** What stands under `name`. That nothing does may be because the relay's own folder is gone: {@linkcode checkRoot}. */
  async look(name: ObjectName, options: TreeOptions): Promise<Standing> {
    const target = this.targetOf(name);
    const found = await this.#parts.dav.find({
      ...options,
      target,
      depth: 0,
      body: RESOURCE_REQUEST,
    });
    if ("status" in found) return await this.#judge(name, found, options);
    const [resource] = found;
    if (resource === undefined) return ABSENT;
    if (resource.isFolder) return { kind: "folder" };
    return { kind: "object", info: await this.#infoOf(name, resource, options) };
  }

  /** Whether an answer sends from a name to the same with a slash behind it, as it is done for folders. */
  leadsToFolder(answer: Answer, name: ObjectName): boolean {
    const location = answer.header("location");
    if (answer.status < 300 || answer.status >= 400 || location === undefined) return false;
    const target = this.targetOf(name);
    return location.endsWith("/") && pathOf(location, target) === pathOf(target, target);
  }

  /** What is in a folder; `undefined` if there is no such folder. @throws {BackendError} `not-found` for the relay's own */
  async list(folder: FolderName, options: TreeOptions): Promise<Listing | undefined> {
    if (folder.split("/").length > MAX_DEPTH) {
      throw new BackendError("protocol", `Cannot ${options.action}: folders are nested too deeply`);
    }
    const target = this.folderTargetOf(folder);
    const found = await this.#parts.dav.find({
      ...options,
      target,
      depth: 1,
      body: RESOURCE_REQUEST,
    });
    if ("status" in found) return await this.#noListing(folder, found, options);
    const paths = new Map<string, Resource>();
    for (const resource of found) {
      const path = pathOf(resource.href, target);
      if (path !== undefined && !paths.has(path)) paths.set(path, resource);
    }
    const own = ownPath(paths, pathOf(target, target));
    if (own === undefined || paths.get(own)?.isFolder !== true) return undefined;
    this.#known.add(folder);
    return await this.#gather(folder, { own, paths, options });
  }

  /** Whether `folder` is known to exist, or turns out to. */
  async isThere(folder: FolderName, options: TreeOptions): Promise<boolean> {
    if (folder === "" || this.#known.has(folder)) return true;
    const { kind } = await this.look(folder, options);
    if (kind === "folder") this.#known.add(folder);
    return kind === "folder";
  }

  /** Makes `folder` and those above it, but never the relay's own. @throws {BackendError} `exists` if an object is in the way */
  async ensure(folder: FolderName, options: TreeOptions): Promise<void> {
    if (folder === "" || this.#known.has(folder)) return;
    const others = this.#ensuring.get(folder);
    if (others !== undefined) {
      // What the other one fails with is its own affair.
      await others.catch(() => {});
      options.signal?.throwIfAborted();
      if (this.#known.has(folder)) return;
    }
    const own = this.#lookOrMake(folder, options);
    this.#ensuring.set(folder, own);
    try {
      await own;
    } finally {
      if (this.#ensuring.get(folder) === own) this.#ensuring.delete(folder);
    }
  }

  async #lookOrMake(folder: ObjectName, options: TreeOptions): Promise<void> {
    const { kind } = await this.look(folder, options);
    if (kind === "object") throw inTheWay(folder, options);
    if (kind === "absent") await this.#makeMissing(folder, options);
    this.#known.add(folder);
  }

  async #makeMissing(folder: ObjectName, options: TreeOptions): Promise<void> {
    this.checkStorable(folder, options);
    await this.ensure(folderOf(folder), options);
    const answer = await this.#make(folder, options);
    if (answer.status === 201) return;
    // Somebody else may have made it at the same time: servers say that in several ways.
    if ((await this.look(folder, options)).kind !== "folder") throw refusal(folder, answer);
  }

  /** Sends `MKCOL`. */
  #make(folder: ObjectName, options: TreeOptions): Promise<Answer> {
    const target = this.folderTargetOf(folder);
    return this.#parts.dav.call({ ...options, method: "MKCOL", target });
  }

  /** @throws {BackendError} `invalid-name` if the server is known not to store such names as they are */
  checkStorable(name: ObjectName, { action }: TreeOptions): void {
    if (!this.#parts.profile.holdsControls) checkControls(action, name);
  }

  /** Makes one folder and says whether it did. */
  async makeFolder(name: ObjectName, options: TreeOptions): Promise<boolean> {
    this.checkStorable(name, options);
    await this.ensure(folderOf(name), options);
    const isMade = await this.#tryToMake(name, options);
    if (isMade !== undefined) return isMade;
    if ((await this.look(name, options)).kind !== "absent") return false;
    // A folder above was removed after it had been seen.
    this.forget(folderOf(name));
    await this.ensure(folderOf(name), options);
    return await this.#tryToMake(name, options) ?? false;
  }

  /** Whether the folder was made; `undefined` if the one above may be missing, on the first attempt. */
  async #tryToMake(name: ObjectName, options: TreeOptions): Promise<boolean | undefined> {
    const answer = await this.#make(name, options);
    if (answer.status === 405) return false;
    if (PARENT_TROUBLE.has(answer.status)) return undefined;
    checkSuccess(answer);
    return true;
  }

  /** As {@linkcode Backend.removeFolder}: a look and a removal, since servers remove folders with all in them. */
  async removeFolder(name: ObjectName, options: TreeOptions): Promise<boolean> {
    const listing = await this.list(name, options);
    if (listing === undefined) return false;
    if (listing.objects.length > 0 || listing.folders.length > 0) {
      throw new BackendError("exists", `Cannot ${options.action}: it is not empty`);
    }
    this.forget(name);
    const target = this.folderTargetOf(name);
    const answer = await this.#parts.dav.call({ ...options, method: "DELETE", target });
    if (answer.status === 404 || answer.status === 410) return false;
    checkSuccess(answer);
    return true;
  }

  /** Forgets that `folder` exists, and those above and below it. */
  forget(folder: FolderName): void {
    for (const known of [...this.#known]) {
      if (known === "") continue;
      if (known === folder || known.startsWith(`${folder}/`) || folder.startsWith(`${known}/`)) {
        this.#known.delete(known);
      }
    }
  }

  /**
   * Makes sure that the relay's own folder is there. What was not found in it is missing only then.
   *
   * @throws {BackendError} `not-found`
   */
  async checkRoot(options: TreeOptions): Promise<void> {
    const { dav, root } = this.#parts;
    if (performance.now() - dav.succeededMs < TRUST_MS) return;
    const found = await dav.find({ ...options, target: root, depth: 0, body: RESOURCE_REQUEST });
    if ("status" in found) throw this.#rootError(found);
  }

  async #judge(name: ObjectName, answer: Answer, options: TreeOptions): Promise<Standing> {
    if (answer.status === 404 || answer.status === 410) return ABSENT;
    if (this.leadsToFolder(answer, name)) return { kind: "folder" };
    if (!PARENT_TROUBLE.has(answer.status)) throw statusError(answer);
    const parent = folderOf(name);
    if (parent === "" || (await this.look(parent, options)).kind === "folder") {
      if (oddityOf(name) !== undefined) return ABSENT;
      throw statusError(answer);
    }
    return ABSENT;
  }

  async #noListing(
    folder: FolderName,
    answer: Answer,
    options: TreeOptions,
  ): Promise<undefined> {
    if (folder === "") throw this.#rootError(answer);
    const isAbsent = answer.status === 404 || answer.status === 410;
    if (!isAbsent && !PARENT_TROUBLE.has(answer.status)) throw statusError(answer);
    if (!isAbsent && (await this.look(folder, options)).kind === "folder") {
      throw statusError(answer);
    }
    await this.checkRoot(options);
  }

  #rootError(answer: Answer): BackendError {
    if (answer.status !== 404 && answer.status !== 410) return statusError(answer);
    this.#parts.dav.forgetSuccess();
    return new BackendError(
      "not-found",
      `Cannot ${answer.call.action}: the relay's folder ${
        JSON.stringify(this.#parts.root)
      } is gone`,
      { hint: "Restart escale to make it again" },
    );
  }

  async #gather(
    folder: FolderName,
    { own, paths, options }: {
      readonly own: string;
      readonly paths: ReadonlyMap<string, Resource>;
      readonly options: TreeOptions;
    },
  ): Promise<Listing> {
    const objects = new Map<ObjectName, ObjectInfo>();
    const folders = new Set<ObjectName>();
    for (const [path, resource] of paths) {
      if (path === own || !path.startsWith(`${own}/`)) continue;
      const stored = await this.#decode(folder, path.slice(own.length + 1), options);
      if (stored === undefined) continue;
      const base = this.#parts.profile.hidesDotNames ? hideDot(stored) : stored;
      if (base.includes("/") || whyNotObjectName(base) !== undefined) continue;
      const name = parseObjectName(folder === "" ? base : `${folder}/${base}`);
      if (resource.isFolder) folders.add(name);
      else if (!objects.has(name)) objects.set(name, await this.#infoOf(name, resource, options));
    }
    for (const name of folders) this.#known.add(name);
    return { objects: [...objects.values()], folders: [...folders] };
  }

  /** A name as it is, of one that was decoded once. A few servers encode twice. */
  async #decode(
    folder: FolderName,
    base: string,
    options: TreeOptions,
  ): Promise<string | undefined> {
    // What was stored with a sign of its own in place of the dot is encoded as it should be.
    if (!/%[0-9a-f]{2}/i.test(base) || this.#parts.profile.hidesDotNames) return base;
    if (this.#encodings === undefined) {
      const asItIs = whyNotObjectName(base) === undefined && !base.includes("/");
      if (!asItIs) return undefined;
      const name = parseObjectName(folder === "" ? base : `${folder}/${base}`);
      const { kind } = await this.look(name, options);
      this.#encodings = kind === "absent" ? 2 : 1;
    }
    if (this.#encodings === 1) return base;
    try {
      return decodeURIComponent(base);
    } catch {
      return undefined;
    }
  }

  async #infoOf(
    name: ObjectName,
    resource: Resource,
    options: TreeOptions,
  ): Promise<ObjectInfo> {
    const { hasTimes } = this.#parts;
    const { modifiedMs } = resource;
    const sizeBytes = resource.sizeBytes ?? await this.#askSize(name, options);
    const tag = this.#tagOf(resource);
    return {
      name,
      sizeBytes,
      ...(hasTimes && modifiedMs !== undefined ? { modifiedMs } : {}),
      ...(tag === undefined ? {} : { tag }),
    };
  }

  /**
   * What tells two versions apart. Most servers make it of the time of change, which several changes may share: it
   * counts only when that time has passed. A weak one may be the same for two versions.
   */
  #tagOf({ etag, modifiedMs }: Resource): string | undefined {
    if (etag === undefined || etag.startsWith("W/")) return undefined;
    if (modifiedMs === undefined) return etag;
    const ageMs = (this.#parts.dav.serverTimeMs ?? -Infinity) - modifiedMs;
    return ageMs >= FRESH_MS ? etag : undefined;
  }

  /** The size of an object whose listing has none. */
  async #askSize(name: ObjectName, options: TreeOptions): Promise<number> {
    const target = this.targetOf(name);
    const answer = await this.#parts.dav.call({ ...options, method: "HEAD", target });
    checkSuccess(answer);
    const sizeBytes = answer.lengthBytes();
    if (sizeBytes !== undefined) return sizeBytes;
    throw new BackendError(
      "protocol",
      `Cannot ${options.action}: the server does not tell the size of ${JSON.stringify(name)}`,
    );
  }
}

/** Why a server does not store something, when the folder above is there. */
export function refusal(name: ObjectName, answer: Answer): BackendError {
  const oddity = PARENT_TROUBLE.has(answer.status) || answer.status === 414
    ? oddityOf(name)
    : undefined;
  if (oddity === undefined) return statusError(answer);
  return new BackendError(
    "invalid-name",
    `Cannot ${answer.call.action}: ${oddity} (status ${answer.status})`,
  );
}

function inTheWay(folder: ObjectName, { action }: TreeOptions): BackendError {
  return new BackendError(
    "exists",
    `Cannot ${action}: an object ${JSON.stringify(folder)} stands where a folder is needed`,
  );
}
