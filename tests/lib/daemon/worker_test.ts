import assert from "node:assert/strict";

import type { FromWorker, Job, ToWorker } from "../../../lib/daemon/messages.ts";
import { type RunClient, serveClient, type WorkerScope } from "../../../lib/daemon/worker.ts";
import { EscaleError } from "../../../lib/errors.ts";
import type { ClientResult } from "../../../lib/sync/events.ts";
import { makeSection } from "../../support/sections.ts";

const JOB: Job = { once: true, dryRun: false };
const section = makeSection();

/** Serves `run` in a scope whose messages the test plays. */
function setUp(run: RunClient) {
  const sent: FromWorker[] = [];
  const { promise: result, resolve } = Promise.withResolvers<ClientResult>();
  const scope: WorkerScope = {
    onmessage: null,
    onunhandledrejection: null,
    postMessage(message) {
      sent.push(message);
      if (message.kind === "result") resolve(message.result);
    },
  };
  serveClient(scope, run);
  return {
    sent,
    result,
    scope,
    start: () => {
      scope.onmessage?.(
        new MessageEvent("message", { data: { kind: "start", section, job: JOB } }),
      );
    },
    stop: () => scope.onmessage?.(new MessageEvent("message", { data: { kind: "stop" } })),
  };
}

/** A promise that fails when the signal aborts. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

Deno.test("serveClient() runs the client with its section and job, and sends events and result", async () => {
  const { sent, start, result } = setUp((given, { emit }, job) => {
    assert.deepEqual([given, job], [section, JOB]);
    emit({ kind: "action", action: "pull", path: "a" });
    return Promise.resolve({ outcome: "skipped" });
  });
  start();
  await result;
  assert.deepEqual(sent, [
    { kind: "event", event: { kind: "action", action: "pull", path: "a" } },
    { kind: "result", result: { outcome: "skipped" } },
  ]);
});

Deno.test("serveClient() aborts the client's signal when it is to stop", async () => {
  const { start, stop, result } = setUp((_section, { signal }) => untilAborted(signal));
  start();
  stop();
  assert.deepEqual(await result, { outcome: "stopped" });
});

Deno.test("serveClient() makes a failed result of what the client throws", async () => {
  const cases: readonly [unknown, ClientResult["error"]][] = [
    [
      new EscaleError("twin", "Second client", { hint: "Rename it" }),
      { code: "twin", message: "Second client", hint: "Rename it" },
    ],
    [new TypeError("odd"), { code: "internal", message: "odd" }],
    // An abort that nobody asked for is no stop.
    [new DOMException("gone", "AbortError"), { code: "internal", message: "gone" }],
  ];
  for (const [thrown, error] of cases) {
    const { start, result } = setUp(() => Promise.reject(thrown));
    start();
    assert.deepEqual(await result, { outcome: "failed", error });
  }
});

Deno.test("serveClient() makes a failed result of a rejection that nobody handles", async () => {
  const { start, stop, result, scope } = setUp((_section, { signal }) => untilAborted(signal));
  start();
  const reason = new TypeError("floating");
  const event = new PromiseRejectionEvent("unhandledrejection", {
    promise: Promise.resolve(),
    reason,
    cancelable: true,
  });
  scope.onunhandledrejection?.(event);
  assert(event.defaultPrevented);
  const error = { code: "internal", message: "floating" };
  assert.deepEqual(await result, { outcome: "failed", error });
  stop();
});

Deno.test("serveClient() gives signs of life while the client runs", async () => {
  const { setInterval, clearInterval } = globalThis;
  const intervals = new Map<number, { readonly call: () => void; readonly ms: number }>();
  Object.assign(globalThis, {
    setInterval(call: () => void, ms: number) {
      intervals.set(1, { call, ms });
      return 1;
    },
    clearInterval: (id: number) => intervals.delete(id),
  });
  try {
    const { start, stop, sent, result } = setUp((_section, { signal }) => untilAborted(signal));
    assert.equal(intervals.size, 0);
    start();
    assert.equal(intervals.get(1)?.ms, 5_000);
    intervals.get(1)?.call();
    assert.deepEqual(sent, [{ kind: "event", event: { kind: "beat" } }]);
    stop();
    await result;
    await Promise.resolve();
    assert.equal(intervals.size, 0);
  } finally {
    Object.assign(globalThis, { setInterval, clearInterval });
  }
});

Deno.test("serveClient() asks its supervisor for threads that compress", async () => {
  const { sent, start, result, scope } = setUp(async (_section, { compressors }) => {
    const ports = await compressors.open();
    compressors.release();
    for (const port of ports) port.close();
    return { outcome: ports.length === 1 ? "done" : "failed" };
  });
  start();
  const { port1, port2 } = new MessageChannel();
  const data: ToWorker = { kind: "compressors", ports: [port1] };
  scope.onmessage?.(new MessageEvent("message", { data }));
  assert.deepEqual(await result, { outcome: "done" });
  assert.deepEqual(sent.slice(0, 2), [
    { kind: "compressors", wanted: true },
    { kind: "compressors", wanted: false },
  ]);
  port2.close();
});
