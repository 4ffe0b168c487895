import { createHash } from "node:crypto";
import { Program } from "../support/program.ts";

/** Numbers that look random and follow from a seed. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** At least 0 and below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0, below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  one<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }
}

/** What kind of relay two clients share. */
export interface Setup {
  readonly isEncrypted: boolean;
  readonly hasLegacyPeers: boolean;
}

/**
 * What users did, and so what must stand in the end. A content that a user replaced or removed where it stood is spent:
 * nobody has to keep it. All others must stand in some client's folder.
 */
export class Oracle {
  /** Contents that users made, by digest, with what to call them. */
  readonly made: Map<string, string> = new Map();
  readonly spent: Set<string> = new Set();
  readonly #trace: (line: string) => void;

  constructor(trace: (line: string) => void) {
    this.#trace = trace;
  }

  make(digest: string, name: string): void {
    this.made.set(digest, name);
    this.#trace(`${name} is ${digest.slice(0, 8)}`);
  }

  spend(digest: string, how: string): void {
    this.spent.add(digest);
    this.#trace(`${how} ${digest.slice(0, 8)} (${this.made.get(digest) ?? "in part"})`);
  }

  /** Contents that must stand and do not. */
  missing(standing: ReadonlySet<string>): string[] {
    return [...this.made].flatMap(([digest, name]) =>
      this.spent.has(digest) || standing.has(digest) ? [] : [`${name} (${digest.slice(0, 8)})`]
    );
  }
}

/** One client: a process that comes and goes, its folder, and a user who works in it. */
export class Peer {
  readonly name: string;
  readonly folder: string;
  /** Paths that the user removed, so that they may be missing here. */
  readonly removed: Set<string> = new Set();
  readonly #config: string;
  /** Where the user moves files out of the repository's way, on the same file system. */
  readonly #desk: string;
  readonly #oracle: Oracle;
  #program: Program | undefined;
  #count = 0;

  constructor(
    name: string,
    { root, setup, oracle }: {
      readonly root: string;
      readonly setup: Setup;
      readonly oracle: Oracle;
    },
  ) {
    this.name = name;
    this.folder = `${root}/${name}`;
    this.#config = `${root}/${name}.conf`;
    this.#desk = `${root}/desk-${name}`;
    this.#oracle = oracle;
    for (const folder of [this.folder, this.#desk]) Deno.mkdirSync(folder);
    Deno.writeTextFileSync(this.#config, configOf(name, root, setup));
  }

  get isRunning(): boolean {
    return this.#program?.isRunning === true;
  }

  get pid(): number | undefined {
    return this.#program?.pid;
  }

  start(): void {
    this.#program = Program.start("escale", ["-c", this.#config, "-v"], { label: this.name });
  }

  /** Ends the process at once, and with it its worker. */
  async kill(): Promise<void> {
    await this.#program?.[Symbol.asyncDispose]();
  }

  /** Asks it to end and returns its exit status. */
  async stop(): Promise<number> {
    return await this.#program?.stop() ?? 0;
  }

  signal(name: "SIGSTOP" | "SIGCONT"): void {
    this.#program?.signal(name);
  }

  output(): string {
    return this.#program?.output() ?? "";
  }

  /** Runs the client until nothing is left to do, and returns its exit status and what it did. */
  async once(): Promise<{ readonly status: number; readonly lines: string }> {
    await using program = Program.start("escale", ["-c", this.#config, "--once"]);
    return { status: await program.status(), lines: program.output() };
  }

  /** Writes `bytes` to a new place and gives it the name, as careful programs do. */
  save(path: string, bytes: Uint8Array): void {
    const fresh = this.#onDesk();
    Deno.writeFileSync(fresh, bytes);
    this.#oracle.make(digestOf(bytes), `${this.name}:${path}`);
    for (;;) {
      this.#take(path, "replaced");
      try {
        this.#name(fresh, path);
        break;
      } catch (cause) {
        // The client has placed a version meanwhile, which is replaced too.
        if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
      }
    }
    this.removed.delete(path);
  }

  /** Writes `bytes` over what stands, in two pieces; nothing is promised if the file is replaced meanwhile. */
  async overwrite(path: string, bytes: Uint8Array, pause: () => Promise<void>): Promise<void> {
    const place = `${this.folder}/${path}`;
    using handle = openIfThere(place);
    if (handle === undefined) return this.save(path, bytes);
    const before = digestOf(readAll(handle));
    handle.truncateSync(0);
    handle.seekSync(0, Deno.SeekMode.Start);
    this.#oracle.spend(before, `${this.name} overwrote ${path}:`);
    const half = bytes.subarray(0, bytes.length >> 1);
    writeAll(handle, half);
    await pause();
    writeAll(handle, bytes.subarray(half.length));
    if (handle.statSync().ino === inodeOf(place)) {
      this.#oracle.make(digestOf(bytes), `${this.name}:${path}`);
    }
  }

  remove(path: string): void {
    this.#take(path, "removed");
    this.removed.add(path);
  }

  rename(from: string, to: string): void {
    const aside = this.#moveAway(from);
    if (aside === undefined) return;
    this.removed.add(from);
    try {
      this.#name(aside, to);
      this.removed.delete(to);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
      this.#oracle.spend(digestOf(Deno.readFileSync(aside)), `${this.name} removed ${from}:`);
    }
  }

  /** Digests of all files that are not hidden, by path; `undefined` if one goes meanwhile. */
  tree(): Map<string, string> | undefined {
    try {
      return new Map(
        this.paths().map((path) => [path, digestOf(Deno.readFileSync(`${this.folder}/${path}`))]),
      );
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return undefined;
      throw cause;
    }
  }

  paths(): string[] {
    return listBelow(this.folder).filter((path) => !path.split("/").some((p) => p.startsWith(".")));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  /** Takes what stands at a path away for good. */
  #take(path: string, how: string): void {
    const aside = this.#moveAway(path);
    if (aside === undefined) return;
    this.#oracle.spend(digestOf(Deno.readFileSync(aside)), `${this.name} ${how} ${path}:`);
    Deno.removeSync(aside);
  }

  #moveAway(path: string): string | undefined {
    const aside = this.#onDesk();
    try {
      Deno.renameSync(`${this.folder}/${path}`, aside);
      return aside;
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return undefined;
      throw cause;
    }
  }

  /** @throws {Deno.errors.AlreadyExists} if the name is taken */
  #name(place: string, path: string): void {
    const target = `${this.folder}/${path}`;
    Deno.mkdirSync(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    Deno.linkSync(place, target);
    Deno.removeSync(place);
  }

  #onDesk(): string {
    return `${this.#desk}/${this.#count++}`;
  }
}

/** All files below a folder, hidden ones too. */
export function listBelow(folder: string): string[] {
  const found: string[] = [];
  const visit = (prefix: string) => {
    let entries: Deno.DirEntry[] = [];
    try {
      entries = [...Deno.readDirSync(`${folder}/${prefix}`)];
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    }
    for (const { name, isDirectory } of entries) {
      if (isDirectory) visit(`${prefix}${name}/`);
      else found.push(prefix + name);
    }
  };
  visit("");
  return found.sort();
}

export function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function configOf(name: string, root: string, setup: Setup): string {
  return [
    "[kill]",
    `client = ${name}`,
    `path = ${root}/${name}`,
    "protocol = file",
    `relay path = ${root}/relay`,
    "refresh = 1",
    `legacy peers = ${setup.hasLegacyPeers ? "yes" : "no"}`,
    ...setup.isEncrypted
      ? ["encryption = fernet", `passphrase = ${btoa("k".repeat(32))}`]
      : ["encryption = off"],
    "",
  ].join("\n");
}

function openIfThere(place: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(place, { read: true, write: true });
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw cause;
  }
}

function inodeOf(place: string): number | null | undefined {
  try {
    return Deno.lstatSync(place).ino;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw cause;
  }
}

function readAll(handle: Deno.FsFile): Uint8Array {
  const bytes = new Uint8Array(handle.statSync().size);
  for (let at = 0; at < bytes.length;) {
    const count = handle.readSync(bytes.subarray(at));
    if (count === null) return bytes.subarray(0, at);
    at += count;
  }
  return bytes;
}

function writeAll(handle: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += handle.writeSync(bytes.subarray(at));
}
