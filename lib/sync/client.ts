import type { CompressorSource } from "../archive/bzip2_pool.ts";
import type { Section } from "../config/section.ts";
import { isAbort, messageOf } from "../errors.ts";
import { watchRepository } from "../local/watch.ts";
import { type Log, logTo } from "../log.ts";
import type { ClientEvent, ClientResult } from "./events.ts";
import { describe, firstFailure } from "../relay/failure.ts";
import type { OpenBackend } from "../relay/relay.ts";
import { pause } from "./pause.ts";
import { runRound } from "./run_round.ts";
import { hasMoved, type Tally, type Workshop } from "./round.ts";
import { Pace } from "./schedule.ts";
import { isSuspended } from "./suspension.ts";
import { type OpenedWorkshop, openWorkshop } from "./workshop.ts";

export type { CompressorSource } from "../archive/bzip2_pool.ts";

/** What a client gets from whoever runs it. */
export interface ClientContext {
  readonly openBackend: OpenBackend;
  readonly emit: (event: ClientEvent) => void;
  readonly signal: AbortSignal;
  /** Threads to compress on; by default there are none. */
  readonly compressors?: CompressorSource;
  /** Seconds since this machine started; by default as the system tells. */
  readonly uptimeS?: () => number;
}

/** How a client is run. */
export interface ClientOptions {
  /** Ends when nothing is left to do now. */
  readonly once: boolean;
  /** Tells what would be done and changes nothing anywhere. */
  readonly dryRun: boolean;
}

/** How long `--once` waits for locks of others (SEMANTICS, "Small rules"). */
const ONCE_LOCK_WAIT_MS = 60_000;
const ONCE_LOCK_POLL_MS = 1_000;
/** Hints come in bursts: the round begins so long after the first. */
const DEBOUNCE_MS = 50;
/** The first wait after the relay failed; it grows as polls do. */
const UNREACHABLE_WAIT_S = 30;

/**
 * Runs one client until it is done (`once`), stopped by the signal, or cannot go on. Never throws: what went wrong
 * stands in the result. Single files that fail do not end it, nor does a relay that is away for a while.
 */
export async function runClient(
  section: Section,
  context: ClientContext,
  options: ClientOptions,
): Promise<ClientResult> {
  const log = logTo((level, event, fields) => context.emit({ kind: "log", level, event, fields }));
  try {
    await using opened = await openWorkshop(section, { ...context, log, isDryRun: options.dryRun });
    if (options.dryRun) return resultOf(await runRound(opened, { plansOnly: true }));
    const isOnce = options.once || section.refreshS === undefined;
    return isOnce ? await runOnce(opened) : await runOn(opened, { section, log, ...context });
  } catch (thrown) {
    const cause = firstFailure(thrown);
    if (context.signal.aborted && (isAbort(cause) || cause === context.signal.reason)) {
      return { outcome: "stopped" };
    }
    const { code, hint } = describe(cause);
    if (code === "internal" && cause instanceof Error) {
      log.debug("stack", { stack: cause.stack ?? "" });
    }
    return {
      outcome: code === "locked" ? "locked" : "failed",
      error: { code, message: messageOf(cause), ...(hint === undefined ? {} : { hint }) },
    };
  }
}

/** Rounds until one in which nothing moved; locks of others are waited for a while. */
async function runOnce(opened: OpenedWorkshop): Promise<ClientResult> {
  const { workshop } = opened;
  let waitedMs = 0;
  if (isSuspended(workshop.state)) {
    workshop.log.warn("this client is suspended: it does nothing until it is resumed");
    return { outcome: "done" };
  }
  for (;;) {
    const tally = await runRound(opened);
    if (hasMoved(tally)) continue;
    if (tally.locked === 0 || waitedMs >= ONCE_LOCK_WAIT_MS) return resultOf(tally);
    await pause(ONCE_LOCK_POLL_MS, workshop.signal);
    waitedMs += ONCE_LOCK_POLL_MS;
  }
}

/**
 * Rounds for ever: at once after one that moved something, else after a growing wait or a hint.
 *
 * Watching costs more than looking while a client itself is at work, since it hears of every file that it touches. So
 * it watches only at rest, and looks once more after the watch has begun.
 */
async function runOn(
  opened: OpenedWorkshop,
  context: ClientContext & { readonly section: Section; readonly log: Log },
): Promise<ClientResult> {
  const { workshop } = opened;
  const { section } = context;
  const pace = new Pace(section.refreshS ?? UNREACHABLE_WAIT_S, {
    isTold: workshop.relay.canWatch,
  });
  const patient = patientRound(opened, context);
  let roundMs = 0;
  const round = async () => {
    const startMs = performance.now();
    const isMoved = await patient();
    roundMs = performance.now() - startMs;
    if (isMoved) pace.moved();
    return isMoved;
  };
  while (!workshop.signal.aborted) {
    while (await round());
    await using watch = new Watch(workshop);
    while (!await round()) {
      const isHinted = await watch.wait(pace.nextS(roundMs / 1000) * 1000);
      if (workshop.signal.aborted) break;
      if (isHinted) {
        pace.hinted();
        break;
      }
    }
  }
  return { outcome: "stopped" };
}

/** A round that says whether anything moved, and takes a relay that is away for a round without. Told once. */
function patientRound(
  opened: OpenedWorkshop,
  { emit, log }: Pick<ClientContext, "emit"> & { readonly log: Log },
): () => Promise<boolean> {
  let failure: string | undefined;
  let isPaused = false;
  return async () => {
    if (isSuspended(opened.workshop.state) !== isPaused) {
      isPaused = !isPaused;
      log.info(isPaused ? "suspended" : "resumed");
    }
    if (isPaused) return false;
    try {
      const tally = await runRound(opened);
      if (failure !== undefined) log.info("the relay is back");
      failure = undefined;
      return hasMoved(tally);
    } catch (thrown) {
      const cause = firstFailure(thrown);
      if (!isPassing(cause)) throw cause;
      const message = messageOf(cause);
      if (message !== failure) {
        const { code, hint } = describe(cause);
        emit({ kind: "problem", code, message, ...(hint === undefined ? {} : { hint }) });
      }
      failure = message;
      return false;
    }
  };
}

/** A relay that cannot be reached now: no state is lost by waiting. */
function isPassing(cause: unknown): boolean {
  const { code } = describe(cause);
  return code === "relay" || code === "denied" || code === "full" || code === "locked";
}

function resultOf(tally: Tally): ClientResult {
  if (tally.problems > 0 || tally.waiting > tally.locked) return { outcome: "skipped" };
  return { outcome: tally.locked > 0 ? "locked" : "done" };
}

/** Watches both sides for changes until disposed of. */
class Watch implements AsyncDisposable {
  readonly #signal: AbortSignal;
  readonly #stop = new AbortController();
  readonly #watching: Promise<void>;
  #isHinted = false;
  #wake: (() => void) | undefined;

  constructor(workshop: Workshop) {
    this.#signal = AbortSignal.any([workshop.signal, this.#stop.signal]);
    const changed = () => {
      this.#isHinted = true;
      this.#wake?.();
    };
    workshop.relay.watch(changed, this.#signal);
    this.#watching = watchRepository(workshop.root, changed, {
      signal: this.#signal,
      warn: workshop.warnOnce,
    });
  }

  /** Waits until a hint, the time-out or the end, and says whether it was a hint. Hints come in bursts. */
  async wait(timeoutMs: number): Promise<boolean> {
    if (!this.#isHinted) {
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.#signal.removeEventListener("abort", done);
          this.#wake = undefined;
          resolve();
        };
        const timer = setTimeout(done, timeoutMs);
        this.#signal.addEventListener("abort", done, { once: true });
        this.#wake = done;
        if (this.#signal.aborted) done();
      });
    }
    if (!this.#isHinted) return false;
    await pause(DEBOUNCE_MS, this.#signal).catch(() => {});
    this.#isHinted = false;
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }
}
