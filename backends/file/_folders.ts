import { BackendError, type FolderName, type ObjectName } from "../backend.ts";
import { saysAbsent, systemCodeOf } from "./_errors.ts";
import { folderOf, temporaryName } from "./_names.ts";

/** How long a folder that was looked at is taken to be there and no link, milliseconds. */
const TRUST_MS = 100;

/** What stands at `path`, links not followed; `undefined` if nothing does. */
export function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (thrown) {
    if (saysAbsent(thrown)) return undefined;
    throw thrown;
  }
}

/**
 * The folders below the relay's own one. Links below it are never followed: each part of a name is looked at first. The
 * look is kept for {@linkcode TRUST_MS}; who can swap folders for links within that time can do so between any look and
 * any use.
 */
export class Folders {
  readonly #root: string;
  readonly #device: number;
  readonly #made: (folder: ObjectName) => void;
  readonly #trusted = new Set<string>();
  #trustedUntilMs = 0;

  /** @throws {BackendError} `not-found` if `root` is no folder */
  constructor(root: string, made: (folder: ObjectName) => void) {
    this.#root = root;
    this.#made = made;
    const info = this.#lookAtRoot();
    if (info === undefined) throw missingRoot(root, "not-found");
    this.#device = info.dev;
  }

  /** Where `name` stands on this machine. */
  pathOf(name: FolderName): string {
    return name === "" ? this.#root : `${this.#root}/${name}`;
  }

  /** A new temporary file's path beside `name`. */
  temporaryFor(name: ObjectName): string {
    return this.temporaryIn(folderOf(name));
  }

  /** A new temporary file's path in `folder`. */
  temporaryIn(folder: FolderName): string {
    return `${this.pathOf(folder)}/${temporaryName()}`;
  }

  /**
   * @throws {BackendError} `code` if the relay's own folder is missing; `unavailable` if it is on another file system
   * than when it was opened: unmounted, it must not look like an empty relay
   */
  checkRoot(code: "not-found" | "unavailable" = "unavailable"): void {
    const info = this.#lookAtRoot();
    if (info === undefined) throw missingRoot(this.#root, code);
    if (info.dev === this.#device) return;
    throw new BackendError(
      "unavailable",
      `Cannot use the relay's folder "${this.#root}": it is on another file system than before`,
      { retryable: false, hint: "Mount the relay's file system again, then restart escale" },
    );
  }

  /** Whether `folder` is a folder, and all above it. @throws {BackendError} as {@linkcode checkRoot} */
  isThere(folder: FolderName): boolean {
    if (this.#isTrusted(folder)) return true;
    if (folder === "") {
      this.checkRoot();
    } else {
      if (!this.isThere(folderOf(folder))) return false;
      if (lookAt(this.pathOf(folder))?.isDirectory !== true) return false;
    }
    this.#trusted.add(folder);
    return true;
  }

  /** What stands under `name`, links not followed. Never takes a relay that is gone for one without the object. */
  lookAt(name: ObjectName): Deno.FileInfo | undefined {
    const info = this.isThere(folderOf(name)) ? lookAt(this.pathOf(name)) : undefined;
    if (info === undefined) this.checkRoot();
    return info;
  }

  /**
   * Calls `use` with `folder` there. Does both once more if the folder vanished meanwhile. The relay's own folder is
   * looked at each time, since what is written below the mount point of a disk is out of sight when it is back.
   */
  within<T>(folder: FolderName, use: () => T): T {
    this.checkRoot();
    this.#ensure(folder);
    try {
      return use();
    } catch (thrown) {
      if (systemCodeOf(thrown) !== "ENOENT") throw thrown;
    }
    this.forget();
    this.#ensure(folder);
    return use();
  }

  /** Looks again at each folder that is used from now on. */
  forget(): void {
    this.#trusted.clear();
  }

  #ensure(folder: FolderName): void {
    if (this.isThere(folder) || folder === "") return;
    this.#ensure(folderOf(folder));
    try {
      Deno.mkdirSync(this.pathOf(folder));
      this.#made(folder);
    } catch (thrown) {
      if (systemCodeOf(thrown) !== "EEXIST") throw thrown;
    }
    if (this.isThere(folder)) return;
    const what = lookAt(this.pathOf(folder))?.isSymlink === true ? "a symbolic link" : "no folder";
    throw new BackendError(
      "exists",
      `Cannot use ${JSON.stringify(folder)} as a folder of the relay: it is ${what}`,
    );
  }

  #isTrusted(folder: FolderName): boolean {
    const nowMs = performance.now();
    if (nowMs >= this.#trustedUntilMs) {
      this.#trusted.clear();
      this.#trustedUntilMs = nowMs + TRUST_MS;
    }
    return this.#trusted.has(folder);
  }

  #lookAtRoot(): Deno.FileInfo | undefined {
    try {
      const info = Deno.statSync(this.#root);
      return info.isDirectory ? info : undefined;
    } catch (thrown) {
      if (saysAbsent(thrown)) return undefined;
      throw thrown;
    }
  }
}

function missingRoot(root: string, code: "not-found" | "unavailable"): BackendError {
  return new BackendError(
    code,
    `Cannot use the relay's folder "${root}": there is no such folder`,
    {
      retryable: false,
      hint: "Create the folder, or mount the file system it is on",
    },
  );
}
