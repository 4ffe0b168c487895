import { BackendError } from "../backend.ts";
import type { Drive } from "./_drive.ts";
import type { Running, RunOptions } from "./_program.ts";

/** Which content is opened, and how. */
export interface GetOptions {
  readonly drive: Drive;
  readonly options: RunOptions;
  /** How long it is. */
  readonly sizeBytes: number;
}

/**
 * Opens the content of a file; `undefined` if it is gone. The stream errors with a {@linkcode BackendError} unless drive
 * succeeds and has given as much as stands.
 */
export async function contentOf(
  id: string,
  get: GetOptions,
): Promise<ReadableStream<Uint8Array> | undefined> {
  const running = get.drive.pull(id, get.options);
  const chunks = read(running, get);
  let first: IteratorResult<Uint8Array>;
  try {
    // What is gone is noticed before anything is given.
    first = await chunks.next();
  } catch (thrown) {
    if (thrown instanceof BackendError && thrown.code === "not-found") return undefined;
    throw thrown;
  }
  let ahead: IteratorResult<Uint8Array> | undefined = first;
  return new ReadableStream({
    async pull(controller) {
      const next = ahead ?? await chunks.next();
      ahead = undefined;
      if (next.done === true) controller.close();
      else controller.enqueue(next.value);
    },
    async cancel() {
      // What waits for the next chunk must not wait for drive.
      running[Symbol.dispose]();
      await chunks.return(undefined);
    },
  }, { highWaterMark: 0 });
}

async function* read(
  running: Running,
  { drive, options, sizeBytes }: GetOptions,
): AsyncGenerator<Uint8Array, undefined> {
  using _ending = running;
  await running.stdin.close().catch(() => {});
  let givenBytes = 0;
  for await (const chunk of running.stdout) {
    givenBytes += chunk.length;
    // The reader may take its time.
    running.rest();
    yield chunk;
    running.touch();
  }
  drive.check(await running.ended(), options);
  if (givenBytes === sizeBytes) return;
  const detail = `drive gave ${givenBytes} bytes of ${sizeBytes}`;
  throw new BackendError("unavailable", `Cannot ${options.action}: ${detail}`);
}
