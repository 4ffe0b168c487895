import { playHistories } from "./kill_runs.ts";

const HISTORIES = Number(Deno.env.get("ESCALE_HISTORIES") ?? 4);
const SEED = Number(Deno.env.get("ESCALE_SEED") ?? Date.now() % 2 ** 31);

Deno.test(`clients lose nothing and need no hand, whatever befalls them, their relay and their disks (seed ${SEED})`, async () => {
  const stories: string[] = [];
  await playHistories(SEED, {
    count: HISTORIES,
    pairs: 4,
    failed: (story) => stories.push(story),
  });
  if (stories.length > 0) throw new Error(stories.join("\n\n"));
});
