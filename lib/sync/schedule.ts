/** How often a client polls, and what it may push. Pure. */

/** How many polls in a row found nothing, as far as it matters: the wait no longer grows after these. */
const LAST_STEP = 30;

/**
 * The wait before the `step`-th poll (from 0) that follows a round in which nothing moved, in seconds. It grows from
 * half of `refreshS` to `refreshS` along a logistic curve and is rounded to two digits (SEMANTICS, "Adaptive
 * interval"; `golden/timer.json`).
 */
export function pollIntervalS(refreshS: number, step: number): number {
  const first = refreshS / 2;
  const at = Math.min(step, LAST_STEP);
  const waitS = first + (refreshS - first) / (1 + Math.exp(10 - 2 * at));
  const unit = 10 ** (Math.floor(Math.log10(first)) - 1);
  return roundHalfToEven(waitS / unit) * unit;
}

/** The first wait at the start and after something moved, in seconds. */
const QUICK_WAIT_S = 0.25;
/** A client that polls fast spends at most this part of its time with it. */
const QUICK_SHARE = 0.1;

/**
 * How long a client waits between rounds. At its start and after a round in which something moved, more may follow soon,
 * as the next update of a page can only come when the last has been taken: then polls begin fast and slow down to
 * {@linkcode pollIntervalS}, so that throughput does not wait for the poll interval where nothing tells of changes.
 */
export class Pace {
  readonly #refreshS: number;
  readonly #firstS: number;
  #quickS: number;
  #step = 0;

  /** With `isTold`, a watch tells of changes, and there are no fast polls. */
  constructor(refreshS: number, options: { readonly isTold: boolean }) {
    this.#refreshS = refreshS;
    this.#firstS = options.isTold ? Infinity : QUICK_WAIT_S;
    this.#quickS = this.#firstS;
  }

  /** Something moved. */
  moved(): void {
    this.#quickS = this.#firstS;
    this.#step = 0;
  }

  /** Something may have changed. */
  hinted(): void {
    this.#step = 0;
  }

  /** The wait after a round of `roundS` seconds in which nothing moved, in seconds. */
  nextS(roundS: number): number {
    const waitS = Math.max(this.#quickS, roundS / QUICK_SHARE);
    if (waitS < pollIntervalS(this.#refreshS, 0)) {
      this.#quickS *= 2;
      return waitS;
    }
    this.#quickS = Infinity;
    return pollIntervalS(this.#refreshS, this.#step++);
  }
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** What limits pushes besides the files themselves. */
export interface PushLimits {
  /** The most bytes that may stand on the relay (`disk quota`). */
  readonly quotaBytes: number | undefined;
  /** The most contents that may wait on the relay (`max pending transfers`). */
  readonly maxPending: number | undefined;
}

/** Splits pushes into those that fit now and those that wait. What fits goes on, in order, past what does not. */
export function admit<T extends { readonly sizeBytes: number }>(
  pushes: readonly T[],
  limits: PushLimits & { readonly usedBytes: number; readonly pending: number },
): { readonly now: readonly T[]; readonly later: readonly T[] } {
  let freeBytes = (limits.quotaBytes ?? Infinity) - limits.usedBytes;
  let freePlaces = (limits.maxPending ?? Infinity) - limits.pending;
  const [now, later]: [T[], T[]] = [[], []];
  for (const push of pushes) {
    if (push.sizeBytes > freeBytes || freePlaces < 1) {
      later.push(push);
      continue;
    }
    freeBytes -= push.sizeBytes;
    freePlaces--;
    now.push(push);
  }
  return { now, later };
}
