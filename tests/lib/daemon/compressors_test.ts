import assert from "node:assert/strict";
import { CompressionClient } from "../../../lib/archive/bzip2_port.ts";
import { decompressBytes } from "../../../lib/archive/codec.ts";
import { Compressors, type StartThread, threadStarter } from "../../../lib/daemon/compressors.ts";

const ENTRY = new URL("../../../lib/daemon/worker_entry.ts", import.meta.url);

/** Starts threads that the test plays. */
function playThreads(): { start: StartThread; log: string[]; fail: (thread: number) => void } {
  const log: string[] = [];
  const threads: ReturnType<StartThread>[] = [];
  const start: StartThread = () => {
    const number = threads.length;
    const thread: ReturnType<StartThread> = {
      onerror: null,
      postMessage(message: { readonly port: MessagePort }) {
        log.push(`port for ${number}`);
        message.port.close();
      },
      terminate: () => log.push(`end ${number}`),
    };
    threads.push(thread);
    log.push(`start ${number}`);
    return thread;
  };
  const fail = (number: number) => {
    const event = new ErrorEvent("error", { cancelable: true });
    const onerror: unknown = threads[number]?.onerror;
    assert(typeof onerror === "function");
    Reflect.apply(onerror, undefined, [event]);
    assert.ok(event.defaultPrevented, "the program goes on");
  };
  return { start, log, fail };
}

function close(ports: readonly MessagePort[]): void {
  for (const port of ports) port.close();
}

Deno.test("Compressors start with the first client and end with the last", () => {
  const { start, log } = playThreads();
  const compressors = new Compressors(start, { processors: 2 });
  assert.deepEqual(log, []);
  close(compressors.open("a"));
  close(compressors.open("b"));
  const started = ["start 0", "start 1", "port for 0", "port for 1", "port for 0", "port for 1"];
  assert.deepEqual(log, started);
  compressors.release("a");
  compressors.release("a");
  compressors.release("never asked");
  assert.deepEqual(log, started);
  compressors.release("b");
  assert.deepEqual(log.slice(started.length), ["end 0", "end 1"]);
  close(compressors.open("a"));
  assert.deepEqual(log.slice(-2), ["port for 2", "port for 3"]);
});

Deno.test("Compressors replace a thread that failed", () => {
  const { start, log, fail } = playThreads();
  const compressors = new Compressors(start, { processors: 2 });
  close(compressors.open("a"));
  fail(0);
  close(compressors.open("a"));
  assert.deepEqual(log.slice(-4), ["end 0", "start 2", "port for 1", "port for 2"]);
});

Deno.test("Compressors give no ports where no thread can be started", () => {
  const compressors = new Compressors(() => {
    throw new Error("no more threads");
  });
  assert.deepEqual(compressors.open("a"), []);
});

Deno.test("Compressors start no more threads than find work", () => {
  const { start } = playThreads();
  const ports = new Compressors(start, { processors: 64 }).open("a");
  assert.equal(ports.length, 8);
  close(ports);
});

Deno.test("threads without permissions compress for clients", async () => {
  const compressors = new Compressors(threadStarter(ENTRY, { isLimited: true }), { processors: 2 });
  const block = new TextEncoder().encode("block");
  for (const user of ["a", "b"]) {
    const clients = compressors.open(user).map((port) => new CompressionClient(port));
    assert.equal(clients.length, 2);
    for (const client of clients) {
      assert.deepEqual(await decompressBytes(await client.compress(block), { maxBytes: 5 }), block);
      client[Symbol.dispose]();
    }
    compressors.release(user);
  }
});
