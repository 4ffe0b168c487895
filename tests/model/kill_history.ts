import { Counts } from "./kill_counts.ts";
import { Edits } from "./kill_edits.ts";
import { Peer, type Setup, stateFolderOf } from "./kill_peer.ts";
import { Disk, Place } from "./kill_places.ts";
import {
  cleanRelay,
  hasGuard,
  LOCAL_TEMPORARY,
  RELAY_TEMPORARY,
  residueOf,
  whyNotAtRest,
} from "./kill_rest.ts";
import {
  type DiskUse,
  emptyRelay,
  emptyRepository,
  fillDisk,
  type Scene,
  sleep,
  takeRelayAway,
  takeRepositoryAway,
  untilAtWork,
} from "./kill_troubles.ts";
import { Dice, listBelow, Oracle } from "./kill_world.ts";

/** What stands on a small disk, if one can be mounted, and how large it is. */
const DISK_SIZES: Readonly<Record<DiskUse, string>> = {
  relay: "96m",
  repository: "128m",
  state: "16m",
};
/** How long clients may take to come to rest. */
const REST_MS = 120_000;
/** The same where a client died in the moment in which a guard stands, which lasts until it is stale. */
const REST_WITH_GUARD_MS = 360_000;

/** One history of two or three clients, from a seed: what users and troubles do to them. */
export class History implements AsyncDisposable {
  readonly counts: Counts = new Counts();
  readonly #dice: Dice;
  readonly #root: string;
  readonly #oracle: Oracle;
  readonly #relay: Place;
  readonly #peers: readonly [Peer, ...Peer[]];
  readonly #edits: Edits;
  readonly #scene: Scene;
  readonly #lines: string[] = [];
  readonly #mounts = new AsyncDisposableStack();

  constructor(seed: number) {
    const dice = new Dice(seed);
    this.#dice = dice;
    this.#root = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "escale-kill-" }));
    this.#oracle = new Oracle((line) => this.#note(line));
    const names = dice.chance(0.5) ? ["birch"] : ["birch", "cedar"];
    const setup: Setup = {
      isEncrypted: dice.chance(0.5),
      hasLegacyPeers: dice.chance(0.5),
      pullerCount: names.length,
    };
    this.counts.add(`histories of ${names.length === 1 ? "two" : "three"} clients`);
    const use = dice.one<DiskUse>(["relay", "repository", "state"]);
    const disk = dice.chance(0.75) ? this.#openDisk(use) : undefined;
    this.#note(JSON.stringify({ ...setup, disk: disk && use }));
    this.#relay = this.#place("relay", use === "relay" ? disk : undefined);
    const peer = (name: string, own?: Disk) =>
      new Peer(name, {
        root: this.#root,
        setup,
        oracle: this.#oracle,
        place: this.#place(name, own),
      });
    const alder = peer("alder", use === "repository" ? disk : undefined);
    this.#peers = [alder, ...names.map((name) => peer(name))];
    this.#edits = new Edits({
      dice,
      peers: this.#peers,
      counts: this.counts,
      note: (line) => this.#note(line),
    });
    this.#scene = {
      dice,
      peers: this.#peers,
      relay: this.#relay,
      disk,
      diskUse: use,
      counts: this.counts,
      note: (line) => this.#note(line),
      edit: () => this.#edits.next(),
      kill: (peer) => this.#killNow(peer, "in a trouble"),
    };
  }

  /** @throws {Error} if a content was lost, or the clients do not come to rest as they should */
  async play(): Promise<void> {
    for (const peer of this.#peers) {
      this.#edits.begin(peer.user);
    }
    for (const peer of this.#peers) peer.start();
    for (let left = 8 + this.#dice.below(8); left > 0; left--) await this.#step();
    await this.#startAll();
    await this.#untilAtRest();
    await this.#verify();
  }

  story(): string {
    const outputs = this.#peers.map((peer) => `== ${peer.name}\n${peer.allOutput()}`);
    const relay = listBelow(this.#relay.inside).join("\n");
    return [...this.#lines, `== relay\n${relay}`, ...outputs].join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) await peer[Symbol.asyncDispose]();
    await this.#mounts.disposeAsync();
    Deno.removeSync(this.#root, { recursive: true });
  }

  #openDisk(use: DiskUse): Disk | undefined {
    const path = use === "state" ? stateFolderOf("alder", this.#root) : `${this.#root}/disk`;
    const disk = Disk.open(path, DISK_SIZES[use]);
    if (disk !== undefined) this.#mounts.use(disk);
    return disk;
  }

  #place(name: string, disk?: Disk): Place {
    return this.#mounts.use(new Place(`${this.#root}/${name}`, disk));
  }

  async #step(): Promise<void> {
    const peer = this.#dice.one(this.#peers);
    for (let left = this.#dice.below(4); left > 0; left--) await this.#edits.next();
    const kind = this.#dice.next();
    if (kind < 0.27) await this.#kill(peer);
    else if (kind < 0.4) await this.#stopAndContinue(peer);
    else if (kind < 0.9) await this.#trouble(peer);
    else await sleep(this.#dice.below(300));
  }

  async #trouble(peer: Peer): Promise<void> {
    if (this.#dice.chance(0.6)) await this.#untilTransfer(peer);
    const kind = this.#dice.below(5);
    const onDisk = this.#peers.find(({ place }) => place.isOnDisk);
    if (kind === 0) await takeRelayAway(this.#scene);
    else if (kind === 1) emptyRelay(this.#scene);
    else if (kind === 2) await takeRepositoryAway(this.#scene, onDisk ?? peer);
    else if (kind === 3) await emptyRepository(this.#scene, peer);
    else await fillDisk(this.#scene);
    if (this.#dice.chance(0.7)) await this.#startAll();
  }

  async #kill(peer: Peer): Promise<void> {
    if (!peer.isRunning) return;
    const isInTransfer = this.#dice.chance(0.8) && await this.#untilTransfer(peer);
    await sleep(this.#dice.below(isInTransfer ? 15 : 200));
    if (isInTransfer) this.counts.add("kills in a transfer");
    await this.#killNow(peer, isInTransfer ? "in a transfer" : "");
    if (this.#dice.chance(0.4)) await this.#edits.next();
    await sleep(this.#dice.below(200));
    // Now and then it stays away for a while.
    const stays = this.#dice.chance(0.2);
    await this.#startAll(stays ? peer : undefined);
  }

  async #killNow(peer: Peer, when: string): Promise<void> {
    if (!peer.isRunning) return;
    this.#note(`kill ${peer.name} ${when}`);
    await peer.kill();
    this.counts.add("kills");
  }

  async #stopAndContinue(peer: Peer): Promise<void> {
    if (!peer.isRunning) return;
    if (this.#dice.chance(0.7)) await this.#untilTransfer(peer);
    this.#note(`stop ${peer.name}`);
    peer.signal("SIGSTOP");
    this.counts.add("stops");
    for (let left = this.#dice.below(3); left > 0; left--) await this.#edits.next();
    if (this.#dice.chance(0.2)) emptyRelay(this.#scene);
    await sleep(this.#dice.below(500));
    peer.signal("SIGCONT");
  }

  /** Starts what does not run, but for one. @throws {Error} if a client has ended for no reason that it may */
  async #startAll(except?: Peer): Promise<void> {
    for (const peer of this.#peers) {
      if (peer.isRunning || peer === except) continue;
      if (!peer.wasKilled) {
        await peer.checkEnd();
        this.counts.add("clients that stopped with the error for it and were started again");
      }
      this.#note(`start ${peer.name}`);
      peer.start();
    }
  }

  /** Waits for a moment at which something stands half done; says whether one came. */
  async #untilTransfer(peer: Peer): Promise<boolean> {
    await untilAtWork(this.#peers);
    if (this.#dice.chance(0.6)) this.#edits.saveBig(this.#dice.one(this.#peers).user);
    const endMs = performance.now() + 800;
    const wanted = this.#dice.one([/\.lock$/, RELAY_TEMPORARY, LOCAL_TEMPORARY]);
    const folder = wanted === LOCAL_TEMPORARY ? peer.user.folder : this.#relay.inside;
    while (performance.now() < endMs) {
      if (listBelow(folder).some((name) => wanted.test(name))) return true;
      await sleep(1);
    }
    return false;
  }

  async #untilAtRest(): Promise<void> {
    const startMs = performance.now();
    let restMs = REST_MS;
    let why = this.#whyNotAtRest();
    // What all have looked at in a whole round, and found nothing to do, stays as it is.
    let rounds = this.#roundCounts();
    while (
      why !== undefined || !this.#roundCounts().every((count, at) => count >= (rounds[at] ?? 0) + 2)
    ) {
      await this.#startAll();
      if (hasGuard(this.#relay.inside)) restMs = REST_WITH_GUARD_MS;
      if (performance.now() - startMs > restMs) {
        throw new Error(`The clients do not come to rest: ${why}`);
      }
      await sleep(50);
      why = this.#whyNotAtRest();
      if (why !== undefined) rounds = this.#roundCounts();
    }
  }

  #roundCounts(): number[] {
    return this.#peers.map((peer) => peer.allOutput().split("round of ").length - 1);
  }

  #whyNotAtRest(): string | undefined {
    return whyNotAtRest({
      peers: this.#peers,
      relay: this.#relay.inside,
      oracle: this.#oracle,
    });
  }

  async #verify(): Promise<void> {
    for (const peer of this.#peers) {
      const status = await peer.stop();
      if (status !== 130) throw new Error(`${peer.name} ended with status ${status}`);
      if (/internal|not expected|ended unexpectedly/.test(peer.allOutput())) {
        throw new Error(`${peer.name} told of an internal error`);
      }
      const copies = peer.user.paths().filter((path) => path.includes(".conflict-"));
      this.counts.add("conflict copies in the end", copies.length);
    }
    const why = this.#whyNotAtRest();
    if (why !== undefined) throw new Error(`After the clients stopped: ${why}`);
    for (const peer of this.#peers) {
      // What was moved with its folder under a running client's hands goes when it starts the next time.
      if (residueOf(peer).length > 0) await peer.once();
      const left = residueOf(peer);
      if (left.length > 0) throw new Error(`${peer.name} keeps ${left.join(", ")}`);
    }
    await cleanRelay(this.#relay.inside);
  }

  #note(line: string): void {
    this.#lines.push(line);
  }
}
