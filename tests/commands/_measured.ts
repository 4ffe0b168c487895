import { usageOf } from "../bench/measure.ts";
import type { YardClient } from "./_yard.ts";

/** One run of a client. */
export interface MeasuredRun {
  readonly status: number;
  /** The most memory that it had at any time. */
  readonly peakMiB: number;
  readonly cpuS: number;
  readonly seconds: number;
}

/** Runs a client once and looks at its memory all the while. Linux only. */
export async function onceMeasured(client: YardClient): Promise<MeasuredRun> {
  const startMs = performance.now();
  client.start(["--once", "-q"]);
  let [peakMiB, cpuS] = [0, 0];
  const timer = setInterval(() => {
    // Between its end and the news of it there is nothing to look at.
    try {
      const usage = usageOf(client.pid);
      peakMiB = Math.max(peakMiB, usage.peakMiB || 0);
      cpuS = Math.max(cpuS, usage.cpuS || 0);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    }
  }, 50);
  try {
    const status = await client.ended();
    return { status, peakMiB, cpuS, seconds: (performance.now() - startMs) / 1000 };
  } finally {
    clearInterval(timer);
  }
}
