import { BEAT_MS } from "../../lib/relay/lock.ts";

/** How the clocks of a process differ from the machine's. */
export interface Clocks {
  /** By so much the wall clock is wrong, seconds. */
  readonly wrongS: number;
  /** What the machine's uptime is taken for at the process's start, seconds. */
  readonly uptimeS: number;
  /** How many times faster than it is the time goes by which locks are judged and kept alive. */
  readonly haste: number;
}

/**
 * Sets this process's wall clock, and lets beats of locks come as often as its uptime says. Whole leases pass so in
 * seconds, in the proportions that they have.
 *
 * @returns the uptime, in whole seconds like the system's
 */
export function setClocks({ wrongS, uptimeS, haste }: Clocks): () => number {
  const wall = Date.now;
  Date.now = () => wall() + wrongS * 1000;
  const { setInterval } = globalThis;
  const hasty = (callback: () => void, periodMs: number) =>
    setInterval(callback, periodMs === BEAT_MS ? periodMs / haste : periodMs);
  Object.assign(globalThis, { setInterval: hasty });
  return () => Math.floor(uptimeS + haste * performance.now() / 1000);
}
