/** One of several processes that are after the same locks. Started by `lock_runs.ts`, with a {@linkcode Job} as JSON. */
import { BackendError, parseObjectName, type RelayAddress } from "../../backends/backend.ts";
import { openBackend } from "../../backends/mod.ts";
import { EscaleError } from "../../lib/errors.ts";
import { logTo } from "../../lib/log.ts";
import { State } from "../../lib/local/state.ts";
import { BEAT_MS, type HeldLock, Locks } from "../../lib/relay/lock.ts";
import { pause } from "../../lib/sync/pause.ts";
import { Arena, countOf, meetingsIn } from "./lock_arena.ts";
import { type Clocks, setClocks } from "./lock_clock.ts";
import { Dice } from "./kill_world.ts";

/** What a process is told. */
export interface Job {
  readonly client: string;
  readonly address: RelayAddress;
  readonly clocks: Clocks;
  readonly legacyPeers: boolean;
  /** Where it meets the others. */
  readonly arena: string;
  readonly stateFile: string;
  /** The locks that all are after. */
  readonly names: readonly string[];
  /** It ends when so many were got by all together. */
  readonly acquisitions: number;
  readonly seed: number;
  /** Nothing is exclusive there: a lock may be lost to one who was slow to write it, if that is noticed in time. */
  readonly isTimed: boolean;
  /** Takes what it wants without a lock: to show that this is noticed. */
  readonly isLawless: boolean;
}

/** What a process did. */
export interface Done {
  readonly client: string;
  /** Locks that it got. */
  readonly got: number;
  /** Times that a lock was refused. */
  readonly refused: number;
  /** Locks that it found to be lost before it used them. */
  readonly lost: number;
}

/** One of so many stays inside until its locks have beaten. */
const LONG_STAY = 60;

async function takePart(job: Job): Promise<Done> {
  const uptimeS = setClocks(job.clocks);
  const arena = new Arena(job.arena, job.client);
  const dice = new Dice(job.seed);
  using state = State.open(job.stateFile);
  await using backend = await openBackend(job.address);
  await using locks = new Locks({
    backend,
    client: job.client,
    memory: state,
    lockTimeoutS: 259_200,
    legacyPeers: job.legacyPeers,
    uptimeS,
    nonce: () => crypto.randomUUID().replaceAll("-", ""),
    wait: pause,
    log: logTo((_, event, fields) => arena.note(`${event} ${JSON.stringify(fields)}`)),
  });
  const done = { client: job.client, got: 0, refused: 0, lost: 0 };
  await told();
  while (!isOver(job)) {
    const wanted = job.names.filter(() => dice.chance(0.6));
    const { held, refused } = await acquire(locks, job, wanted);
    done.refused += refused;
    const stayMs = dice.chance(1 / LONG_STAY) ? 2 * BEAT_MS / job.clocks.haste : dice.below(4);
    const use = (lock: HeldLock) =>
      arena.inside(lock.name, async () => {
        await pause(stayMs);
        if (!job.isLawless) await locks.check(lock);
      });
    await Promise.all(held.map(async (lock) => {
      try {
        await use(lock);
        done.got++;
      } catch (cause) {
        if (!job.isTimed || !isLoss(cause)) throw cause;
        done.lost++;
      }
    }));
    arena.note(`gives ${held.map(({ name }) => name)} back`);
    if (!job.isLawless) await locks.release(held);
    // Somebody else is to come in too.
    await pause(dice.below(held.length === 0 ? 10 : 30));
  }
  return done;
}

async function acquire(
  locks: Locks,
  { isLawless, isTimed, client }: Job,
  wanted: readonly string[],
): Promise<{ readonly held: readonly HeldLock[]; readonly refused: number }> {
  const names = wanted.map(parseObjectName);
  if (isLawless) {
    return { held: names.map((name) => ({ name, nonce: client, taken: undefined })), refused: 0 };
  }
  const acquired = await locks.acquire(names, { mode: "w" }).catch((cause) => {
    // A storage that looks at what it has written may find that another one has removed it: a round ends so, and the
    // next one finds what this one left.
    if (isTimed && cause instanceof BackendError && cause.code === "not-found") return undefined;
    throw cause;
  });
  if (acquired === undefined) return { held: [], refused: names.length };
  const { held, refused } = acquired;
  for (const view of refused.values()) {
    if (view.kind === "failed" || view.kind === "twin") throw new Error(JSON.stringify(view));
  }
  return { held, refused: refused.size };
}

function isOver({ arena, names, acquisitions, isTimed }: Job): boolean {
  const sum = names.reduce((sum, name) => sum + countOf(arena, name), 0);
  return sum >= acquisitions || !isTimed && meetingsIn(arena).length > 0;
}

function isLoss(cause: unknown): boolean {
  return cause instanceof EscaleError && cause.code === "locked";
}

/** Says that everything is open, and waits until all others are as far. */
async function told(): Promise<void> {
  say("ready");
  await Deno.stdin.read(new Uint8Array(1));
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

if (import.meta.main) {
  const job: Job = JSON.parse(Deno.args[0] ?? "");
  try {
    say(JSON.stringify(await takePart(job)));
  } catch (cause) {
    Deno.stderr.writeSync(new TextEncoder().encode(Deno.inspect(cause)));
    Deno.exit(1);
  }
}
