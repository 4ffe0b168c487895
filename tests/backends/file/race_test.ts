import assert from "node:assert/strict";
import type { Race, Won } from "./_racer.ts";

const ROUNDS = 200;
const RACERS = 3;

for (const hasLinks of [true, false]) {
  const where = hasLinks ? "with" : "without";
  Deno.test(`one of several threads wins each create and makeFolder ${where} hard links`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "escale-test-" });
    try {
      const starts = new Int32Array(new SharedArrayBuffer(2 * ROUNDS * 4));
      const race: Race = { folder, rounds: ROUNDS, racers: RACERS, hasLinks, starts };
      const results = await Promise.all(Array.from({ length: RACERS }, () => runRacer(race)));
      const all = Array.from({ length: ROUNDS }, (_, round) => round);
      for (const kind of ["creates", "folders"] as const) {
        const won = results.flatMap((result) => result[kind]).sort((a, b) => a - b);
        assert.deepEqual(won, all, kind);
      }
      assert.equal([...Deno.readDirSync(folder)].length, 2 * ROUNDS);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

async function runRacer(race: Race): Promise<Won> {
  const worker = new Worker(new URL("./_racer.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<Won>();
  worker.onmessage = ({ data }: MessageEvent<Won>) => resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  worker.postMessage(race);
  try {
    return await promise;
  } finally {
    worker.terminate();
  }
}
