/**
 * Two or three real clients on one relay directory, users who edit everywhere, processes that are killed and stopped at
 * bad moments, and a relay, repositories and disks that go away, are emptied or are full for a while.
 * `deno run -A tests/model/kill_runs.ts 500` runs that many histories and reports.
 */
import { Counts } from "./kill_counts.ts";
import { History } from "./kill_history.ts";

/**
 * Plays the history of a seed. What users, signals and troubles do follows from the seed; how it falls into the clients'
 * work does not.
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

/** Plays the histories of `count` seeds from `first`, `pairs` at a time, and adds up what happened. */
export async function playHistories(
  first: number,
  { count, pairs, failed }: {
    readonly count: number;
    readonly pairs: number;
    readonly failed: (story: string) => void;
  },
): Promise<Counts> {
  const sum = new Counts();
  let next = first;
  const player = async () => {
    while (next < first + count) {
      const seed = next++;
      try {
        sum.addAll(await playHistory(seed));
      } catch (cause) {
        failed(cause instanceof Error ? cause.message : String(cause));
      }
    }
  };
  await Promise.all(Array.from({ length: pairs }, player));
  return sum;
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
  say(`seeds ${first} to ${first + count - 1}, ${pairs} at a time, ${seconds} s`);
  say(`${count - failures} of ${count} histories passed, in which there were`);
  for (const line of sum.lines()) say(line);
  if (failures > 0) Deno.exitCode = 1;
}

if (import.meta.main) await main();
