import { BackendError, type FolderName, type ObjectName, parseObjectName } from "../backend.ts";
import type { Drive } from "./_drive.ts";
import { baseOf, folderOf } from "./_names.ts";
import type { Entry } from "./_output.ts";
import type { RunOptions } from "./_program.ts";

/** What was seen to stand is not looked at again for so long, milliseconds. */
const TRUST_MS = 2_000;

/** The folders of a relay: makes them, once each, since Google would make any number of one name. */
export class Folders {
  readonly #drive: Drive;
  /** The relay's own folder, from the top of the drive. */
  readonly #root: string;
  readonly #made = new Map<string, Promise<void>>();
  #rootSeenMs = -Infinity;

  constructor(drive: Drive, root: string) {
    this.#drive = drive;
    this.#root = root;
  }

  /** Makes `folder` and those above it, if they are missing. @throws {BackendError} `exists` if one is a file */
  async ensure(folder: FolderName, options: RunOptions): Promise<void> {
    if (folder === "") return;
    await this.ensure(folderOf(folder), options);
    await this.#once(folder, () => this.#make(folder, options));
  }

  /** Makes the relay's own folder, if it is missing. `top` has the drive's top for its folder. */
  async ensureRoot(top: Drive, options: RunOptions): Promise<void> {
    const parts = this.#root.split("/");
    for (const i of parts.keys()) {
      const folder = parseObjectName(parts.slice(0, i + 1).join("/"));
      await this.#settle(await top.find(folder, options), { drive: top, folder, options });
    }
    this.#rootSeenMs = performance.now();
  }

  /** Forgets a folder that was removed, with those below it. */
  forget(folder: FolderName): void {
    for (const name of [...this.#made.keys()]) {
      if (name === folder || name.startsWith(`${folder}/`)) this.#made.delete(name);
    }
  }

  /** Notes that something in the relay's folder was found. */
  noteSuccess(): void {
    this.#rootSeenMs = performance.now();
  }

  /** Makes sure that the relay's own folder is there: only then is missing what was not found. @throws {BackendError} */
  async checkRoot(options: RunOptions): Promise<void> {
    if (performance.now() - this.#rootSeenMs < TRUST_MS) return;
    if ((await this.#drive.ids("", options)).length === 0) throw this.rootGone(options);
    this.#rootSeenMs = performance.now();
  }

  /** The error for a relay without its folder. */
  rootGone({ action }: RunOptions): BackendError {
    this.#rootSeenMs = -Infinity;
    this.#made.clear();
    return new BackendError("not-found", `Cannot ${action}: the relay's folder is gone`, {
      hint: "Restart escale to make it again",
    });
  }

  /** Several calls of this client want the same folder. What failed is tried anew. */
  async #once(folder: ObjectName, make: () => Promise<void>): Promise<void> {
    const under = this.#made.get(folder);
    if (under !== undefined) return await under;
    const making = make();
    this.#made.set(folder, making);
    await making.catch((thrown) => {
      this.#made.delete(folder);
      throw thrown;
    });
  }

  async #make(folder: ObjectName, options: RunOptions): Promise<void> {
    const found = await this.#drive.find(folder, options);
    await this.#settle(found, { drive: this.#drive, folder, options });
  }

  /** Leaves one folder, whether there was none or several. */
  async #settle(
    found: readonly Entry[],
    { drive, folder, options }: {
      readonly drive: Drive;
      readonly folder: ObjectName;
      readonly options: RunOptions;
    },
  ): Promise<void> {
    const [same, others] = splitByTitle(found, folder);
    refuse(same, { folder, options });
    const [other] = others;
    // By its path drive would take the one for the other.
    if (other !== undefined) {
      const why = `it differs from the folder "${other.title}" there in case only`;
      throw new BackendError("invalid-name", `Cannot ${options.action}: drive mixes up: ${why}`);
    }
    if (same.length === 1) return;
    if (same.length === 0) {
      await drive.makeFolder(folder, options);
      const now = await drive.find(folder, options);
      if (now.length !== 0) return await this.#dropTwins(now, { drive, folder, options });
      const why = "drive made the folder, and does not find it";
      throw new BackendError("unavailable", `Cannot ${options.action}: ${why}`);
    }
    await this.#dropTwins(same, { drive, folder, options });
  }

  /** Another client made the same folder at the same time. All keep the one that is in use, else whose id comes first. */
  async #dropTwins(
    found: readonly Entry[],
    { drive, folder, options }: {
      readonly drive: Drive;
      readonly folder: ObjectName;
      readonly options: RunOptions;
    },
  ): Promise<void> {
    refuse(found, { folder, options });
    if (found.length < 2) return;
    const used: Entry[] = [];
    for (const it of found) if (!await drive.isEmpty(it.id, options)) used.push(it);
    if (used.length > 1) throw twinFolders(folder, options);
    const kept = used[0] ?? found.toSorted(byId)[0];
    for (const { id } of found) if (id !== kept?.id) await drive.trash(id, options);
  }
}

/** The error for two folders of one name, of which drive would show now the one, now the other. */
export function twinFolders(path: string, { action }: RunOptions): BackendError {
  const message = `Cannot ${action}: there are two folders "${path}" on the drive`;
  return new BackendError("protocol", message, {
    hint: "Move what is in one of them into the other, in a browser, and remove it",
    // Clients that made it at the same time are about to remove one.
    retryable: true,
  });
}

/** What has this name, and what has it in other letters. */
export function splitByTitle(
  found: readonly Entry[],
  name: ObjectName,
): [same: Entry[], others: Entry[]] {
  const base = baseOf(name);
  return [
    found.filter(({ title }) => title === base),
    found.filter(({ title }) => title !== base),
  ];
}

/** An order that all clients agree on. */
export function byId(a: Entry, b: Entry): number {
  return a.id < b.id ? -1 : 1;
}

function refuse(
  found: readonly Entry[],
  { folder, options }: { readonly folder: ObjectName; readonly options: RunOptions },
): void {
  if (found.every(({ isFolder }) => isFolder)) return;
  throw new BackendError("exists", `Cannot ${options.action}: "${folder}" is no folder`);
}
