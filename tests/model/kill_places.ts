import { type Mount, mountBind, mountTmpfs, type Unmountable } from "../support/mount.ts";
import { isFull } from "./kill_files.ts";
import { listBelow } from "./kill_world.ts";

/** A small file system, which can be full for a while. */
export class Disk implements AsyncDisposable {
  readonly path: string;
  readonly #mount: Mount;

  private constructor(path: string, mount: Mount) {
    this.path = path;
    this.#mount = mount;
  }

  /** Makes the folder `path` with a disk on it; `undefined` where this process may not mount. */
  static open(path: string, size: string): Disk | undefined {
    Deno.mkdirSync(path);
    const mount = mountTmpfs(path, size);
    return mount && new Disk(path, mount);
  }

  /** Takes all the space that is left. */
  fill(): void {
    using file = Deno.openSync(this.#filler, { write: true, createNew: true });
    for (const sizeBytes of [1024 * 1024, 4096, 1]) {
      try {
        for (;;) file.writeSync(new Uint8Array(sizeBytes));
      } catch (cause) {
        if (!isFull(cause)) throw cause;
      }
    }
  }

  free(): void {
    Deno.removeSync(this.#filler);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mount[Symbol.asyncDispose]();
  }

  get #filler(): string {
    return `${this.path}/.filler`;
  }
}

/** A folder that programs know by one path, and that is away from there for a while. */
export class Place implements AsyncDisposable {
  /** What programs are told. */
  readonly path: string;
  /** Where its files are, as long as it is not away: for what is moved or linked in from outside. */
  readonly inside: string;
  readonly #isOnDisk: boolean;
  #mount: Unmountable | undefined;
  #isAway = false;

  /** Makes the folder `path`; with a disk its files stand there, and it is mounted at `path`. */
  constructor(path: string, disk?: Disk) {
    this.path = path;
    this.inside = disk === undefined ? path : `${disk.path}/files`;
    this.#isOnDisk = disk !== undefined;
    Deno.mkdirSync(path);
    if (!this.#isOnDisk) return;
    Deno.mkdirSync(this.inside);
    this.#bind();
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  /** It is a disk of its own, which is away when it is not mounted. */
  get isOnDisk(): boolean {
    return this.#isOnDisk;
  }

  takeAway(): void {
    this.#isAway = true;
    if (this.#mount !== undefined) this.#mount.unmount();
    else Deno.renameSync(this.path, this.#aside);
  }

  /** @returns what programs have made meanwhile where it was not, which is removed */
  bringBack(): string[] {
    const strays = this.#strays();
    if (this.#isOnDisk) {
      for (const { name } of Deno.readDirSync(this.path)) {
        Deno.removeSync(`${this.path}/${name}`, { recursive: true });
      }
      this.#bind();
    } else {
      if (strays.length > 0) Deno.removeSync(this.path, { recursive: true });
      Deno.renameSync(this.#aside, this.path);
    }
    this.#isAway = false;
    return strays;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mount?.[Symbol.asyncDispose]();
  }

  get #aside(): string {
    return `${this.path}.away`;
  }

  #strays(): string[] {
    const below = listBelow(this.path);
    if (this.#isOnDisk || below.length > 0) return below;
    try {
      Deno.lstatSync(this.path);
      return ["the folder itself"];
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return [];
      throw cause;
    }
  }

  #bind(): void {
    this.#mount = mountBind(this.inside, this.path);
    if (this.#mount === undefined) throw new Error(`Cannot mount "${this.path}"`);
  }
}
