/**
 * Two real clients on one relay directory, users who edit on both sides, and processes that are killed and stopped at
 * bad moments. `deno run -A tests/model/kill_runs.ts 500` runs that many histories and reports.
 */
import { openFile } from "../../backends/file/mod.ts";
import { noise } from "../support/byte_streams.ts";
import { makeSection } from "../support/sections.ts";
import { Dice, listBelow, Oracle, Peer, type Setup } from "./kill_world.ts";

/** What happened in one history. */
export interface Counts {
  kills: number;
  /** Kills while a transfer was seen to be under way. */
  killsInTransfer: number;
  stops: number;
  edits: number;
  conflictCopies: number;
}

const NAMES = ["a.txt", "b.txt", "notes.tar.gz", "sub/c", "sub/d e.txt", "sub/deep/ü", "x/y/z"];
const BIG_NAMES = ["big.bin", "sub/film.mkv"];
/** How long two clients may take to come to rest. */
const REST_MS = 60_000;
/** The same where a client died in the moment in which a guard stands, which lasts until it is stale. */
const REST_WITH_GUARD_MS = 360_000;
const LOCAL_TEMPORARY = /(^|\/)\.escale-[0-9a-f]{8}-[0-9a-f]{12}\.tmp$/;
const RELAY_TEMPORARY = /(^|\/)\.escale-[0-9a-f]{16}\.tmp$/;
const PLACEHOLDER = /\.placeholder$/;
const DAY_S = 86_400;

/**
 * Plays the history of a seed. What users and signals do follows from the seed; how it falls into the clients' work does
 * not.
 *
 * @throws {Error} with the whole story, if a content was lost or the clients do not come to rest by themselves
 */
export async function playHistory(seed: number): Promise<Counts> {
  await using history = new History(seed);
  try {
    await history.play();
    return history.counts;
  } catch (cause) {
    throw new Error(`ESCALE_SEED=${seed}: ${String(cause)}\n${history.story()}`, { cause });
  }
}

class History implements AsyncDisposable {
  readonly counts: Counts = {
    kills: 0,
    killsInTransfer: 0,
    stops: 0,
    edits: 0,
    conflictCopies: 0,
  };
  readonly #dice: Dice;
  readonly #root: string;
  readonly #setup: Setup;
  readonly #oracle: Oracle;
  readonly #peers: readonly [Peer, Peer];
  readonly #lines: string[] = [];
  #written = 0;

  constructor(seed: number) {
    this.#dice = new Dice(seed);
    this.#root = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "escale-kill-" }));
    Deno.mkdirSync(this.#relay);
    this.#setup = { isEncrypted: this.#dice.chance(0.5), hasLegacyPeers: this.#dice.chance(0.5) };
    this.#oracle = new Oracle((line) => this.#note(line));
    const options = { root: this.#root, setup: this.#setup, oracle: this.#oracle };
    this.#peers = [new Peer("alder", options), new Peer("birch", options)];
  }

  get #relay(): string {
    return `${this.#root}/relay`;
  }

  async play(): Promise<void> {
    this.#note(JSON.stringify(this.#setup));
    for (const peer of this.#peers) {
      for (let left = 2 + this.#dice.below(5); left > 0; left--) this.#save(peer);
      this.#saveBig(peer);
    }
    for (const peer of this.#peers) peer.start();
    for (let left = 8 + this.#dice.below(8); left > 0; left--) await this.#step();
    for (const peer of this.#peers) if (!peer.isRunning) peer.start();
    await this.#untilAtRest();
    await this.#verify();
  }

  story(): string {
    const outputs = this.#peers.map((peer) => `== ${peer.name}\n${peer.output()}`);
    return [...this.#lines, `== relay\n${listBelow(this.#relay).join("\n")}`, ...outputs].join(
      "\n",
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) {
      peer.signal("SIGCONT");
      await peer[Symbol.asyncDispose]();
    }
    Deno.removeSync(this.#root, { recursive: true });
  }

  async #step(): Promise<void> {
    const peer = this.#dice.one(this.#peers);
    for (let left = this.#dice.below(4); left > 0; left--) {
      await this.#edit(this.#dice.one(this.#peers));
    }
    const kind = this.#dice.next();
    if (kind < 0.45) await this.#kill(peer);
    else if (kind < 0.65) await this.#stopAndContinue(peer);
    else await sleep(this.#dice.below(300));
  }

  async #kill(peer: Peer): Promise<void> {
    if (!peer.isRunning) return;
    const isInTransfer = this.#dice.chance(0.8) && await this.#untilTransfer(peer);
    await sleep(this.#dice.below(isInTransfer ? 15 : 200));
    this.#note(`kill ${peer.name}${isInTransfer ? " in a transfer" : ""}`);
    await peer.kill();
    this.counts.kills++;
    if (isInTransfer) this.counts.killsInTransfer++;
    if (this.#dice.chance(0.4)) await this.#edit(this.#dice.one(this.#peers));
    await sleep(this.#dice.below(200));
    // Now and then it stays away for a while.
    if (this.#dice.chance(0.8)) peer.start();
    for (const other of this.#peers) {
      if (other !== peer && !other.isRunning) other.start();
    }
  }

  async #stopAndContinue(peer: Peer): Promise<void> {
    if (!peer.isRunning) return;
    if (this.#dice.chance(0.7)) await this.#untilTransfer(peer);
    this.#note(`stop ${peer.name}`);
    peer.signal("SIGSTOP");
    this.counts.stops++;
    for (let left = this.#dice.below(3); left > 0; left--) {
      await this.#edit(this.#dice.one(this.#peers));
    }
    await sleep(this.#dice.below(500));
    peer.signal("SIGCONT");
  }

  async #edit(peer: Peer): Promise<void> {
    this.counts.edits++;
    const path = this.#somePath(peer);
    const kind = this.#dice.next();
    if (kind < 0.1) return this.#saveBig(peer);
    if (kind < 0.45) return this.#save(peer);
    if (kind < 0.6) {
      const pauseMs = this.#dice.below(40);
      await peer.overwrite(path, this.#content(peer), () => sleep(pauseMs));
    } else if (kind < 0.7) {
      // Both users write the same file at the same time.
      for (const each of this.#peers) each.save(path, this.#content(each));
    } else if (kind < 0.82) {
      peer.remove(path);
    } else {
      const to = this.#dice.chance(0.5) ? `${path}.new` : this.#somePath(peer);
      this.#note(`${peer.name} renames ${path} to ${to}`);
      peer.rename(path, to);
    }
  }

  #save(peer: Peer): void {
    peer.save(this.#somePath(peer), this.#content(peer));
  }

  #saveBig(peer: Peer): void {
    const [first = "big.bin", ...rest] = BIG_NAMES;
    const sizeBytes = 300_000 + this.#dice.below(6_000_000);
    peer.save(this.#dice.one([first, ...rest]), noise(sizeBytes, 1 + this.#dice.below(2 ** 30)));
  }

  #somePath(peer: Peer): string {
    const standing = peer.paths();
    const [first = "a.txt", ...rest] = this.#dice.chance(0.4) && standing.length > 0
      ? standing
      : NAMES;
    return this.#dice.one([first, ...rest]);
  }

  /** Each content is made once only. */
  #content(peer: Peer): Uint8Array {
    const text = `${peer.name} ${this.#written++} `;
    return new TextEncoder().encode(text.repeat(1 + this.#dice.below(200)));
  }

  /** Waits for a moment at which something stands half done; says whether one came. */
  async #untilTransfer(peer: Peer): Promise<boolean> {
    const endMs = performance.now() + 400;
    const wanted = this.#dice.one([/\.lock$/, RELAY_TEMPORARY, LOCAL_TEMPORARY]);
    while (performance.now() < endMs) {
      const names = wanted === LOCAL_TEMPORARY ? listBelow(peer.folder) : listBelow(this.#relay);
      if (names.some((name) => wanted.test(name))) return true;
      await sleep(1);
    }
    return false;
  }

  async #untilAtRest(): Promise<void> {
    const startMs = performance.now();
    let restMs = REST_MS;
    let why = this.#whyNotAtRest();
    // What both have looked at in a whole round, and found nothing to do, stays as it is.
    let rounds = this.#roundCounts();
    while (
      why !== undefined || !this.#roundCounts().every((count, at) => count >= (rounds[at] ?? 0) + 2)
    ) {
      for (const peer of this.#peers) {
        if (!peer.isRunning) throw new Error(`${peer.name} ended by itself`);
      }
      if (this.#hasGuard()) restMs = REST_WITH_GUARD_MS;
      if (performance.now() - startMs > restMs) {
        throw new Error(`The clients do not come to rest: ${why}`);
      }
      await sleep(50);
      why = this.#whyNotAtRest();
      if (why !== undefined) rounds = this.#roundCounts();
    }
  }

  #roundCounts(): number[] {
    return this.#peers.map((peer) => peer.output().split("round of ").length - 1);
  }

  #hasGuard(): boolean {
    const folders = new Set(listBelow(this.#relay).map((name) => name.replace(/[^/]*$/, "")));
    return [...folders].some((folder) =>
      [...Deno.readDirSync(`${this.#relay}/${folder}`)].some(({ name }) => name.endsWith(".guard"))
    );
  }

  #whyNotAtRest(): string | undefined {
    const [first, second] = this.#peers;
    const busy = this.#peers.find((peer) => !peer.output().includes("round of "));
    if (busy !== undefined) return `${busy.name} has not ended a round`;
    const foreign = listBelow(this.#relay).filter((name) =>
      !PLACEHOLDER.test(name) && !RELAY_TEMPORARY.test(name)
    );
    if (foreign.length > 0) return `the relay holds ${foreign.join(", ")}`;
    const [ours, theirs] = [first.tree(), second.tree()];
    if (ours === undefined || theirs === undefined) return "files come and go";
    for (const path of new Set([...ours.keys(), ...theirs.keys()])) {
      const [one, other] = [ours.get(path), theirs.get(path)];
      if (one === other) continue;
      if (one === undefined && first.removed.has(path)) continue;
      if (other === undefined && second.removed.has(path)) continue;
      return `"${path}" differs: ${one?.slice(0, 8)} and ${other?.slice(0, 8)}`;
    }
    const missing = this.#oracle.missing(new Set([...ours.values(), ...theirs.values()]));
    return missing.length === 0 ? undefined : `these contents are lost: ${missing.join(", ")}`;
  }

  async #verify(): Promise<void> {
    for (const peer of this.#peers) {
      const status = await peer.stop();
      if (status !== 130) throw new Error(`${peer.name} ended with status ${status}`);
      const left = listBelow(peer.folder).filter((path) => LOCAL_TEMPORARY.test(path));
      if (left.length > 0) throw new Error(`${peer.name} keeps ${left.join(", ")}`);
      if (/internal|not expected|ended unexpectedly/.test(peer.output())) {
        throw new Error(`${peer.name} told of an internal error`);
      }
      this.counts.conflictCopies += peer.paths().filter((path) => path.includes(".conflict-"))
        .length;
    }
    const why = this.#whyNotAtRest();
    if (why !== undefined) throw new Error(`After the clients stopped: ${why}`);
    await this.#cleanTemporaries();
  }

  /** What a killed client left on the relay goes when it is old enough. */
  async #cleanTemporaries(): Promise<void> {
    const longAgoS = Date.now() / 1000 - 2 * DAY_S;
    for (const name of listBelow(this.#relay).filter((name) => RELAY_TEMPORARY.test(name))) {
      Deno.utimeSync(`${this.#relay}/${name}`, longAgoS, longAgoS);
    }
    await using backend = await openFile({ ...makeSection().relay, folder: this.#relay });
    for await (const _ of backend.list("", { recursive: true }));
    const left = listBelow(this.#relay).filter((name) => !PLACEHOLDER.test(name));
    if (left.length > 0) throw new Error(`The relay keeps ${left.join(", ")}`);
  }

  #note(line: string): void {
    this.#lines.push(line);
  }
}

/** Plays the histories of `count` seeds from `first`, `pairs` at a time, and adds up what happened. */
export async function playHistories(
  first: number,
  { count, pairs, failed }: {
    readonly count: number;
    readonly pairs: number;
    readonly failed: (story: string) => void;
  },
): Promise<Counts> {
  const sum: Counts = { kills: 0, killsInTransfer: 0, stops: 0, edits: 0, conflictCopies: 0 };
  let next = first;
  const player = async () => {
    while (next < first + count) {
      const seed = next++;
      try {
        const counts = await playHistory(seed);
        sum.kills += counts.kills;
        sum.killsInTransfer += counts.killsInTransfer;
        sum.stops += counts.stops;
        sum.edits += counts.edits;
        sum.conflictCopies += counts.conflictCopies;
      } catch (cause) {
        failed(cause instanceof Error ? cause.message : String(cause));
      }
    }
  };
  await Promise.all(Array.from({ length: pairs }, player));
  return sum;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}

async function main(): Promise<void> {
  const count = Number(Deno.args[0] ?? 20);
  const first = Number(Deno.env.get("ESCALE_SEED") ?? Date.now() % 2 ** 31);
  const pairs = Number(Deno.env.get("ESCALE_PAIRS") ?? 2);
  const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  const startMs = performance.now();
  let failures = 0;
  const sum = await playHistories(first, {
    count,
    pairs,
    failed: (story) => {
      failures++;
      say(story);
    },
  });
  const seconds = Math.round((performance.now() - startMs) / 1000);
  say(`seeds ${first} to ${first + count - 1}, ${pairs} pairs at a time, ${seconds} s`);
  say(
    `${sum.edits} edits, ${sum.kills} kills (${sum.killsInTransfer} in a transfer), ${sum.stops} stops, ` +
      `${sum.conflictCopies} conflict copies in the end`,
  );
  say(`${count - failures} of ${count} histories passed`);
  if (failures > 0) Deno.exitCode = 1;
}

if (import.meta.main) await main();
