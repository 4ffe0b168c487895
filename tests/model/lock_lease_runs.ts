import { type Backend, BackendError } from "../../backends/backend.ts";
import { openBackend } from "../../backends/mod.ts";
import { parseOrUndefined } from "../../lib/relay/lock_text.ts";
import { noise } from "../support/byte_streams.ts";
import { Dice, digestOf, listBelow, Oracle } from "./kill_world.ts";
import { Child, Children } from "./lock_child.ts";
import type { LeaseJob } from "./lock_lease_process.ts";
import type { LockRelay, StartedRelay } from "./lock_relays.ts";
import { User } from "./lock_user.ts";

/** How a client is stopped for longer than its lease. */
export interface LeaseRun {
  /** How often. */
  readonly stops: number;
  readonly legacyPeers: boolean;
  readonly seed: number;
}

/** What came of it. */
export interface LeaseCounts {
  readonly takenOver: number;
  /** Times that the stopped client found that its lock was lost; else its push was whole already. */
  readonly noticed: number;
  readonly ms: number;
}

/** Leases last 3 s, beats come each 0.3 s. */
const HASTE = 100;
const REST_MS = 60_000;
const FILE = "f";
const LOCK = ".f.lock";
const MAX_BYTES = 4_000_000;
/** How long what was on its way to a server when its sender was stopped may take to arrive. */
const ARRIVAL_MS = 300;
const TOOK_OVER = "took over a lock that was left behind";
/** By which a client says that what it did under a lock is void, or that it leaves the file for later. */
const NOTICE =
  /ost [at]\w* lock|the relay did not keep what was put|cannot undo a push that failed|"waiting":[1-9]/;
const STORY_LINES = 60;
/** What is told again and again while nothing happens. */
const QUIET = /"beat"|"outlook"|"pushed":0,"pulled":0,"conflicts":0,"problems":0,"waiting":0/;

/**
 * Stops a client while it pushes under a lock, until another one has taken that over, and lets it go on.
 *
 * @throws {Error} with what both told last, if a content is lost, an object on the relay is not one whole version, one of
 * the clients does not notice, or they do not come to rest
 */
export async function runLease(relay: LockRelay, run: LeaseRun): Promise<LeaseCounts> {
  await using started = await relay.start();
  await using lease = new Lease(started, run);
  try {
    return await lease.play();
  } catch (cause) {
    throw new Error(
      `${relay.name} ESCALE_SEED=${run.seed}: ${Deno.inspect(cause)}\n${lease.story()}`,
      { cause },
    );
  }
}

class Lease implements AsyncDisposable {
  readonly #relay: StartedRelay;
  readonly #run: LeaseRun;
  readonly #dice: Dice;
  readonly #root: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "escale-lease-" }));
  readonly #oracle: Oracle = new Oracle((line) => this.#lines.push(line));
  readonly #lines: string[] = [];
  readonly #children = new Children();
  readonly #users: readonly [User, User];
  #takenOver = 0;
  #noticed = 0;
  #written = 0;

  constructor(relay: StartedRelay, run: LeaseRun) {
    this.#relay = relay;
    this.#run = run;
    this.#dice = new Dice(run.seed);
    const setup = { isEncrypted: false, hasLegacyUsers: run.legacyPeers };
    const options = { root: this.#root, setup, oracle: this.#oracle };
    this.#users = [new User("alder", options), new User("birch", options)];
  }

  async play(): Promise<LeaseCounts> {
    const startMs = performance.now();
    await using backend = await openBackend(await this.#relay.address());
    const [alder, birch] = this.#users;
    // A folder must not become empty.
    for (const user of this.#users) user.save(`of ${user.name}`, this.#content(10));
    const [stopped, other] = [await this.#start(alder), await this.#start(birch)];
    for (let left = this.#run.stops; left > 0; left--) {
      await this.#untilAtRest();
      await this.#stopUnderLock(stopped, alder);
      await sleep(ARRIVAL_MS);
      await this.#checkObjects(backend);
      await this.#takeOver(other, birch);
      await sleep(this.#dice.below(500));
      await this.#checkObjects(backend);
      const from = stopped.output().length;
      stopped.signal("SIGCONT");
      await this.#untilAtRest();
      this.#judge(stopped, from);
    }
    await this.#checkObjects(backend);
    return {
      takenOver: this.#takenOver,
      noticed: this.#noticed,
      ms: performance.now() - startMs,
    };
  }

  story(): string {
    const tails = this.#children.all.map((child) => {
      const lines = child.output().split("\n").filter((line) => !QUIET.test(line));
      return `== ${child.client}\n${lines.slice(-STORY_LINES).join("\n")}\n${child.errors()}`;
    });
    const { folder } = this.#relay;
    const objects = listBelow(folder).map((name) => {
      const bytes = Deno.readFileSync(`${folder}/${name}`);
      const text = bytes.length > 2_000 ? digestOf(bytes) : new TextDecoder().decode(bytes);
      return `${name}: ${text.replaceAll("\n", " | ")}`;
    });
    const trees = this.#users.map((user) =>
      `${user.name} has ${JSON.stringify([...user.tree() ?? []])}`
    );
    return [...this.#lines, "== relay", ...objects, ...trees, ...tails].join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#children[Symbol.asyncDispose]();
    await Deno.remove(this.#root, { recursive: true });
  }

  async #start({ name, folder }: User): Promise<Child> {
    const job: LeaseJob = {
      client: name,
      address: await this.#relay.address(),
      clocks: { wrongS: 0, uptimeS: this.#dice.below(10_000_000), haste: HASTE },
      legacyPeers: this.#run.legacyPeers,
      folder,
      stateFile: `${this.#root}/${name}.db`,
    };
    const child = new Child("lock_lease_process.ts", job);
    this.#children.all.push(child);
    return child;
  }

  /** Lets the user change the file until its client is stopped while it holds the lock. */
  async #stopUnderLock(child: Child, user: User): Promise<void> {
    const [, birch] = this.#users;
    for (let attempt = 0; attempt < 50; attempt++) {
      this.#save(user);
      const delayMs = this.#dice.below(20);
      if (await this.#untilLockedBy(child.client)) {
        await sleep(delayMs);
        child.signal("SIGSTOP");
        if (this.#ownerOfLock() === child.client) {
          this.#lines.push(`stopped ${child.client}`);
          if (this.#dice.chance(0.5)) this.#save(birch);
          return;
        }
        child.signal("SIGCONT");
      }
      await this.#untilAtRest();
    }
    throw new Error(`"${child.client}" was never met under its lock`);
  }

  async #untilLockedBy(client: string): Promise<boolean> {
    for (const endMs = performance.now() + 5_000; performance.now() < endMs;) {
      if (this.#ownerOfLock() === client) return true;
      await sleep(1);
    }
    return false;
  }

  async #takeOver(child: Child, user: User): Promise<void> {
    const from = child.output().length;
    const late = setTimeout(() => child.signal("SIGKILL"), REST_MS);
    await child.says(TOOK_OVER, from);
    clearTimeout(late);
    if (!child.isRunning) throw new Error(`"${user.name}" does not take the lock over`);
    this.#takenOver++;
    this.#lines.push(`${user.name} took over`);
  }

  /** The client that went on has found its lock lost, unless all that it did under it was done before. */
  #judge(child: Child, from: number): void {
    const told = child.output().slice(from);
    const [, first = ""] = /^([^]*?"kind":"round".*)/.exec(told) ?? [];
    if (NOTICE.test(first)) this.#noticed++;
    else if (!told.includes(`"action":"push","path":"${FILE}"`)) {
      throw new Error(`"${child.client}" did not notice that its lock was lost`);
    }
  }

  #save(user: User): void {
    user.save(FILE, this.#content(1_000 + this.#dice.below(MAX_BYTES - 1_000)));
  }

  /** Each is made once only. */
  #content(sizeBytes: number): Uint8Array {
    const bytes = noise(sizeBytes, 1 + this.#dice.below(2 ** 30));
    bytes.set(new TextEncoder().encode(String(this.#written++)));
    return bytes;
  }

  #ownerOfLock(): string | undefined {
    const { folder } = this.#relay;
    const name = listBelow(folder).find((name) => asNamed(name) === LOCK);
    if (name === undefined) return undefined;
    try {
      return parseOrUndefined(Deno.readTextFileSync(`${folder}/${name}`))?.owner;
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return undefined;
      throw cause;
    }
  }

  /** What stands under a name that is no record and no lock is all of some version. */
  async #checkObjects(backend: Backend): Promise<void> {
    for await (const { name } of backend.list("", { recursive: true })) {
      if (name.startsWith(".")) continue;
      const bytes = await backend.read(name, { maxBytes: MAX_BYTES }).catch((cause) => {
        if (cause instanceof BackendError && cause.code === "not-found") return undefined;
        throw cause;
      });
      if (bytes !== undefined && !this.#oracle.made.has(digestOf(bytes))) {
        throw new Error(`"${name}" on the relay is no version: it has ${bytes.length} bytes`);
      }
    }
  }

  async #untilAtRest(): Promise<void> {
    const endMs = performance.now() + REST_MS;
    for (let calm = 0; calm < 3;) {
      const why = this.#whyNotAtRest();
      calm = why === undefined ? calm + 1 : 0;
      const gone = this.#children.all.find((child) => !child.isRunning);
      if (gone !== undefined) throw new Error(`"${gone.client}" ended by itself`);
      if (performance.now() > endMs) throw new Error(`The clients do not come to rest: ${why}`);
      await sleep(100);
    }
  }

  #whyNotAtRest(): string | undefined {
    const busy = listBelow(this.#relay.folder).map(asNamed).filter((name) =>
      name.endsWith(".lock") || !name.startsWith(".")
    );
    if (busy.length > 0) return `the relay holds ${busy.join(", ")}`;
    const [ours, theirs] = this.#users.map((user) => user.tree());
    if (ours === undefined || theirs === undefined) return "files come and go";
    for (const path of new Set([...ours.keys(), ...theirs.keys()])) {
      if (ours.get(path) !== theirs.get(path)) return `"${path}" differs`;
    }
    const strange = [...ours].filter(([, digest]) => !this.#oracle.made.has(digest));
    if (strange.length > 0) return `nobody made ${strange.map(([path]) => path).join(", ")}`;
    const missing = this.#oracle.missing(new Set(ours.values()));
    return missing.length === 0 ? undefined : `these contents are lost: ${missing.join(", ")}`;
  }
}

/** Where a server hides names with a dot, they stand with another sign. */
function asNamed(name: string): string {
  return name.replaceAll("%2E", ".");
}

function sleep(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}
