/**
 * Real processes with wrong clocks that are after the same locks on a real storage, and are stopped for a while now and
 * then. `deno run -A tests/model/lock_runs.ts 10000` makes them get that many on all storages together, and reports.
 */
import { countOf, meetingsIn, storyIn, whoIsInside } from "./lock_arena.ts";
import { Child, Children } from "./lock_child.ts";
import type { Clocks } from "./lock_clock.ts";
import type { Done, Job } from "./lock_process.ts";
import { type LockRelay, RELAYS, type StartedRelay } from "./lock_relays.ts";
import { Dice } from "./kill_world.ts";

/** How a run is made. */
export interface LockRun {
  readonly processes: number;
  readonly acquisitions: number;
  readonly legacyPeers: boolean;
  readonly seed: number;
  /** How many of the processes take no lock at all. */
  readonly lawless?: number;
}

/** What came of a run. */
export interface LockCounts {
  /** Of each process. */
  readonly got: readonly number[];
  readonly refused: number;
  /** Locks that were found to be lost before they were used; only where nothing is exclusive. */
  readonly lost: number;
  /** Two were inside, and one found out in time; likewise. */
  readonly meetings: number;
  readonly stops: number;
  /** Stops of a process that was inside. */
  readonly stopsInside: number;
  readonly ms: number;
}

/** Leases last 15 s, beats come each 1.5 s: longer than any stop, or turn that a busy machine does not give. */
const HASTE = 20;
const LONGEST_STOP_MS = 900;
/**
 * Where nothing is exclusive: less than what a lock is waited for there, which is also how long after a look at its own
 * lock a client may still act on it.
 */
const LONGEST_TIMED_STOP_MS = 150;
const NAMES = [".f0.lock", ".f1.lock", ".f2.lock", ".f3.lock", ".f4.lock"];
/** How long all together may get nothing before it is said that nobody gets on. */
const PATIENCE_MS = 60_000;
const HOUR_S = 3600;
const DAY_S = 86_400;
const WRONG_S = [0, HOUR_S, -DAY_S, DAY_S, -HOUR_S];
const STORY_LINES = 60;

/**
 * Starts processes that get locks on `relay` until all together got `acquisitions`.
 *
 * @throws {Error} with what they did last, if two were inside one lock, a count is wrong, a lock was lost, one of them
 * got none, or nobody gets on
 */
export async function runLocks(relay: LockRelay, run: LockRun): Promise<LockCounts> {
  await using started = await relay.start();
  const { isTimed } = relay;
  const arena = Deno.makeTempDirSync({ prefix: "escale-arena-" });
  try {
    return await new Contest(started, { ...run, arena, isTimed }).play();
  } catch (cause) {
    const story = storyIn(arena, STORY_LINES).join("\n");
    throw new Error(`${relay.name} ESCALE_SEED=${run.seed}: ${Deno.inspect(cause)}\n${story}`, {
      cause,
    });
  } finally {
    Deno.removeSync(arena, { recursive: true });
  }
}

interface ContestRun extends LockRun {
  readonly arena: string;
  readonly isTimed: boolean;
}

class Contest {
  readonly #relay: StartedRelay;
  readonly #run: ContestRun;
  readonly #dice: Dice;
  #stops = 0;
  #stopsInside = 0;

  constructor(relay: StartedRelay, run: ContestRun) {
    this.#relay = relay;
    this.#run = run;
    this.#dice = new Dice(run.seed);
  }

  async play(): Promise<LockCounts> {
    const { arena, isTimed, processes } = this.#run;
    await using children = new Children();
    const { all } = children;
    for (let number = 0; number < processes; number++) {
      all.push(new Child("lock_process.ts", await this.#job(number)));
    }
    for (const child of all) await child.says("ready\n");
    const startMs = performance.now();
    for (const child of all) await child.tell("go");
    await this.#disturbUntilDone(all);
    const ms = performance.now() - startMs;
    const meetings = meetingsIn(arena);
    const [first] = meetings;
    if (first !== undefined && !isTimed) throw new Error(`Overlap: ${first}`);
    const done = all.map((child) => doneBy(child));
    const got = done.map((it) => it.got);
    const sum = sumOf(got);
    if (sum !== this.#counted()) throw new Error(`${sum} got, but ${this.#counted()} counted`);
    if (got.includes(0)) throw new Error(`Somebody never got a lock: ${got.join(", ")}`);
    return {
      got,
      refused: sumOf(done.map((it) => it.refused)),
      lost: sumOf(done.map((it) => it.lost)),
      meetings: meetings.length,
      stops: this.#stops,
      stopsInside: this.#stopsInside,
      ms,
    };
  }

  async #job(number: number): Promise<Job> {
    const { arena, acquisitions, isTimed, legacyPeers, seed, lawless = 0 } = this.#run;
    const client = `c${number}`;
    return {
      client,
      address: await this.#relay.address(),
      clocks: this.#clocks(number),
      legacyPeers,
      arena,
      stateFile: `${arena}/state-${client}.db`,
      names: NAMES,
      acquisitions,
      seed: seed + 1 + number,
      isTimed,
      isLawless: number < lawless,
    };
  }

  #clocks(number: number): Clocks {
    const wrongS = WRONG_S[number % WRONG_S.length] ?? 0;
    return { wrongS, uptimeS: this.#dice.below(100 * DAY_S), haste: HASTE };
  }

  /** Stops somebody for a moment, again and again, while they are at it. */
  async #disturbUntilDone(all: readonly Child[]): Promise<void> {
    let isDone = false;
    Promise.all(all.map((child) => child.ended())).then(() => isDone = true);
    let seen = 0;
    let sinceMs = performance.now();
    while (!isDone) {
      await sleep(this.#dice.below(100));
      const child = all[this.#dice.below(all.length)];
      if (isDone || child === undefined) break;
      await this.#stopForAMoment(child);
      const count = this.#counted();
      if (count > seen) sinceMs = performance.now();
      seen = count;
      if (performance.now() - sinceMs > PATIENCE_MS) {
        throw new Error(`Nobody gets on after ${seen}`);
      }
    }
  }

  async #stopForAMoment(child: Child): Promise<void> {
    child.signal("SIGSTOP");
    this.#stops++;
    const inside = NAMES.map((name) => whoIsInside(this.#run.arena, name));
    if (inside.some((who) => who?.startsWith(`${child.client} `))) this.#stopsInside++;
    const longestMs = this.#run.isTimed ? LONGEST_TIMED_STOP_MS : LONGEST_STOP_MS;
    await sleep(this.#dice.below(this.#dice.chance(0.3) ? longestMs : 40));
    child.signal("SIGCONT");
  }

  #counted(): number {
    return sumOf(NAMES.map((name) => countOf(this.#run.arena, name)));
  }
}

/** What a process did. @throws {Error} with what it says, if it failed */
function doneBy(child: Child): Done {
  if (child.errors() !== "") throw new Error(`${child.client}: ${child.errors()}`);
  return JSON.parse(child.output().trim().split("\n").at(-1) ?? "");
}

/** The runs of one storage: few and many processes, with clients of 0.7 about and without. */
export function runsOf(acquisitions: number, seed: number): LockRun[] {
  const crowds = acquisitions < 400 ? [3, 2] : [2, 4, 5, 8];
  return crowds.map((processes, at) => ({
    processes,
    acquisitions: Math.ceil(acquisitions / crowds.length),
    legacyPeers: at % 2 === 1,
    seed: seed + 100 * at,
  }));
}

/** The part of all acquisitions that one storage gets. */
export function partOf(all: number, { weight }: LockRelay): number {
  return Math.ceil(all * weight / sumOf(RELAYS.map((relay) => relay.weight)));
}

/** What is said of a run. */
export function described(relay: LockRelay, run: LockRun, counts: LockCounts): string {
  const { got, refused, lost, meetings, stops, stopsInside, ms } = counts;
  const peers = `legacy peers = ${run.legacyPeers ? "yes" : "no"}`;
  const races = meetings + lost === 0 ? "" : `${meetings} met, ${lost} lost in time, `;
  const sum = sumOf(got);
  return `${relay.name}, ${run.processes} processes, ${peers}: ${sum} got (${got.join(" ")}), ` +
    `${refused} refused, ${races}${stops} stops (${stopsInside} inside), ${
      Math.round(ms / 1000)
    } s`;
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}

async function main(): Promise<void> {
  const count = Number(Deno.args[0] ?? 800);
  const only = Deno.args[1];
  const first = Number(Deno.env.get("ESCALE_SEED") ?? Date.now() % 2 ** 31);
  const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  let sum = 0;
  let failures = 0;
  for (const relay of RELAYS) {
    if (only !== undefined && !relay.name.includes(only)) continue;
    const why = relay.whyNot();
    if (why !== undefined) say(`${relay.name}: left out, ${why}`);
    if (why !== undefined) continue;
    for (const run of runsOf(partOf(count, relay), first)) {
      try {
        const counts = await runLocks(relay, run);
        sum += sumOf(counts.got);
        say(described(relay, run, counts));
      } catch (cause) {
        failures++;
        say(cause instanceof Error ? cause.message : String(cause));
      }
    }
  }
  say(`seed ${first}: ${sum} acquisitions, ${failures} runs failed`);
  if (failures > 0) Deno.exitCode = 1;
}

if (import.meta.main) await main();
