import { mock } from "node:test";
import { parseObjectName } from "../../../backends/backend.ts";
import { openFile } from "../../../backends/file/mod.ts";

/** What a racer is told. */
export interface Race {
  readonly folder: string;
  readonly rounds: number;
  readonly racers: number;
  readonly hasLinks: boolean;
  /** Counts the racers that came to the start of a round. */
  readonly starts: Int32Array<SharedArrayBuffer>;
}

/** The rounds that a racer won, by kind. */
export interface Won {
  readonly creates: readonly number[];
  readonly folders: readonly number[];
}

if (typeof WorkerGlobalScope !== "undefined" && self instanceof WorkerGlobalScope) {
  const worker = self;
  worker.onmessage = async ({ data }: MessageEvent<Race>) => {
    worker.postMessage(await runRace(data));
    worker.close();
  };
}

async function runRace(race: Race): Promise<Won> {
  if (!race.hasLinks) {
    mock.method(Deno, "linkSync", () => {
      throw Object.assign(new Error("Operation not permitted"), { code: "EPERM" });
    });
  }
  await using backend = await openFile({
    protocol: "file",
    folder: race.folder,
    verifyTls: true,
    maxTransfers: 1,
    timeoutMs: 1000,
  });
  const creates: number[] = [];
  const folders: number[] = [];
  const bytes = new Uint8Array(60);
  for (let round = 0; round < race.rounds; round++) {
    waitForAll(race, 2 * round);
    if (await backend.create(parseObjectName(`lock-${round}`), bytes)) creates.push(round);
    waitForAll(race, 2 * round + 1);
    if (await backend.makeFolder(parseObjectName(`guard-${round}`))) folders.push(round);
  }
  return { creates, folders };
}

/** Returns to all racers at the same moment, as nearly as can be. */
function waitForAll({ starts, racers }: Race, start: number): void {
  if (Atomics.add(starts, start, 1) === racers - 1) Atomics.notify(starts, start);
  for (let here = 0; here < racers;) {
    here = Atomics.load(starts, start);
    if (here < racers) Atomics.wait(starts, start, here, 1);
  }
}
