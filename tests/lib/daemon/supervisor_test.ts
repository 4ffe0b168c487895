import assert from "node:assert/strict";
import { setImmediate as settle } from "node:timers/promises";

import type { Section } from "../../../lib/config/section.ts";
import type { StartWorker, WorkerReport } from "../../../lib/daemon/start_worker.ts";
import {
  type ClientChange,
  restartDelayMs,
  supervise,
  Supervisor,
  type Timers,
} from "../../../lib/daemon/supervisor.ts";
import { EscaleError } from "../../../lib/errors.ts";
import type { ClientEvent, ClientResult } from "../../../lib/sync/events.ts";
import { makeSection } from "../../support/sections.ts";

const FOR_EVER = { once: false, dryRun: false };
const ONCE = { once: true, dryRun: false };
const DONE: ClientResult = { outcome: "done" };
const FAILED: ClientResult = { outcome: "failed", error: { code: "relay", message: "away" } };
const ROUND: ClientEvent = {
  kind: "round",
  summary: {
    ms: 1,
    localFiles: 0,
    relayFiles: 0,
    pushed: 0,
    pulled: 0,
    conflicts: 0,
    problems: 0,
    waiting: 0,
  },
};

/** Timers that pass when the test says so. */
class FakeTimers implements Timers {
  #nowMs = 0;
  readonly #timers = new Set<{ dueMs: number; everyMs: number | undefined; call: () => void }>();

  get count(): number {
    return this.#timers.size;
  }

  after(ms: number, call: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + ms, everyMs: undefined, call });
  }

  every(ms: number, call: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + ms, everyMs: ms, call });
  }

  #add(timer: { dueMs: number; everyMs: number | undefined; call: () => void }): () => void {
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets time pass, and whoever waited act on it. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    while (true) {
      const [next] = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs);
      if (next === undefined || next.dueMs > endMs) break;
      this.#nowMs = next.dueMs;
      if (next.everyMs === undefined) this.#timers.delete(next);
      else next.dueMs += next.everyMs;
      next.call();
      await settle();
    }
    this.#nowMs = endMs;
  }

  /** A time in which the whole program stood still: each timer fires once at its end. */
  async standStill(): Promise<void> {
    for (const timer of [...this.#timers]) timer.call();
    await settle();
  }
}

interface FakeWorker {
  readonly section: Section;
  readonly report: (report: WorkerReport) => void;
  readonly calls: string[];
}

/** Supervises `sections` with workers that the test plays. */
function setUp(sections: readonly Section[], job = FOR_EVER) {
  const timers = new FakeTimers();
  const workers: FakeWorker[] = [];
  const events: ClientEvent[] = [];
  const endings: string[] = [];
  const stop = new AbortController();
  const startWorker: StartWorker = (section, _job, report) => {
    const calls: string[] = [];
    workers.push({ section, report, calls });
    return { stop: () => calls.push("stop"), terminate: () => calls.push("terminate") };
  };
  const ended = supervise(sections, job, {
    startWorker,
    emit: (_section, event) => events.push(event),
    ended: (section, { outcome }) => endings.push(`${section.name} ${outcome}`),
    signal: stop.signal,
    timers,
  });
  /** Has the worker that was started as number `i` send something. */
  const send = async (i: number, report: WorkerReport) => {
    const worker = workers[i];
    assert(worker !== undefined, `worker ${i} was started`);
    worker.report(report);
    await settle();
  };
  const warnings = () => events.flatMap((event) => event.kind === "log" ? [event.event] : []);
  return { timers, workers, events, endings, stop, ended, send, warnings };
}

function resultReport(result: ClientResult): WorkerReport {
  return { kind: "result", result };
}

Deno.test("supervise() runs a worker for each section and returns results in their order", async () => {
  const { ended, endings, workers, send, timers } = setUp([
    makeSection({ name: "one" }),
    makeSection({ name: "two" }),
  ]);
  assert.deepEqual(workers.map(({ section }) => section.name), ["one", "two"]);
  await send(1, resultReport({ outcome: "skipped" }));
  assert.deepEqual(endings, ["two skipped"], "is told at once");
  await send(0, resultReport(DONE));
  assert.deepEqual(await ended, [DONE, { outcome: "skipped" }]);
  assert.deepEqual(workers.map(({ calls }) => calls), [["terminate"], ["terminate"]]);
  assert.equal(timers.count, 0);
});

Deno.test("supervise() hands on what clients tell", async () => {
  const { ended, send, events } = setUp([makeSection()]);
  await send(0, { kind: "event", event: ROUND });
  await send(0, resultReport(DONE));
  await ended;
  assert.deepEqual(events, [ROUND]);
});

Deno.test("supervise() asks all clients to stop, and waits for them", async () => {
  const { ended, workers, send, stop, timers } = setUp([
    makeSection({ name: "one", keepAliveS: 1 }),
    makeSection({ name: "two", keepAliveS: 1 }),
  ]);
  stop.abort();
  assert.deepEqual(workers.map(({ calls }) => calls), [["stop"], ["stop"]]);
  await timers.pass(9_999);
  await send(0, resultReport({ outcome: "stopped" }));
  await send(1, resultReport(FAILED));
  assert.deepEqual(await ended, [{ outcome: "stopped" }, FAILED]);
  assert.equal(workers.length, 2);
  assert.equal(timers.count, 0);
});

Deno.test("supervise() ends a client that does not stop within 10 s, and says so", async () => {
  const { ended, workers, stop, timers } = setUp([makeSection()]);
  stop.abort();
  await timers.pass(9_999);
  assert.deepEqual(workers[0]?.calls, ["stop"]);
  await timers.pass(1);
  const message = 'Client "photos" was ended: it did not stop within 10 s';
  assert.deepEqual(await ended, [{ outcome: "failed", error: { code: "internal", message } }]);
  assert.deepEqual(workers[0]?.calls, ["stop", "terminate"]);
});

Deno.test("supervise() starts nothing once it is to stop", async () => {
  const context = { emit() {}, ended() {}, signal: AbortSignal.abort(), timers: new FakeTimers() };
  const startWorker = () => assert.fail("started");
  const results = await supervise([makeSection()], ONCE, { ...context, startWorker });
  assert.deepEqual(results, [{ outcome: "stopped" }]);
});

Deno.test("supervise() reports a silent client once, and never starts it twice", async () => {
  const { ended, workers, send, timers, warnings } = setUp([makeSection({ keepAliveS: 1 })]);
  await timers.pass(29_999);
  assert.deepEqual(warnings(), []);
  await timers.pass(1);
  assert.deepEqual(warnings(), ["client does not answer"]);
  await timers.pass(300_000);
  assert.deepEqual(warnings(), ["client does not answer"]);
  await send(0, { kind: "event", event: { kind: "beat" } });
  await timers.pass(30_000);
  assert.deepEqual(warnings(), ["client does not answer", "client does not answer"]);
  assert.equal(workers.length, 1);
  await send(0, resultReport(DONE));
  await ended;
});

Deno.test("supervise() does not take clients for silent after the program itself stood still", async () => {
  const { ended, send, timers, warnings } = setUp([makeSection()]);
  await timers.pass(25_000 - 1);
  await timers.standStill();
  assert.deepEqual(warnings(), []);
  await send(0, resultReport(DONE));
  await ended;
});

Deno.test("supervise() reports a worker that died", async () => {
  const { ended, workers, send } = setUp([makeSection()]);
  await send(0, { kind: "died", message: "Uncaught Error: odd" });
  const message = 'Client "photos" ended unexpectedly: Uncaught Error: odd';
  assert.deepEqual(await ended, [{ outcome: "failed", error: { code: "internal", message } }]);
  assert.deepEqual(workers[0]?.calls, ["terminate"]);
});

Deno.test("supervise() reports a worker that cannot be started", async () => {
  const context = {
    emit() {},
    ended() {},
    signal: new AbortController().signal,
    timers: new FakeTimers(),
  };
  const startWorker = () => {
    throw new EscaleError("denied", "Cannot make the folder", { hint: "Make it" });
  };
  assert.deepEqual(await supervise([makeSection()], ONCE, { ...context, startWorker }), [
    {
      outcome: "failed",
      error: { code: "denied", message: "Cannot make the folder", hint: "Make it" },
    },
  ]);
});

Deno.test("supervise() starts a failed client again, later each time", async () => {
  const { ended, workers, send, timers, events, stop } = setUp([makeSection({ keepAliveS: 60 })]);
  for (const [i, waitMs] of [60_000, 120_000, 240_000].entries()) {
    await send(i, resultReport(FAILED));
    await timers.pass(waitMs - 1);
    assert.equal(workers.length, i + 1);
    await timers.pass(1);
    assert.equal(workers.length, i + 2);
  }
  assert.deepEqual(events.slice(0, 2), [
    { kind: "problem", code: "relay", message: "away" },
    { kind: "log", level: "warn", event: "client is started again", fields: { seconds: 60 } },
  ]);

  // A round that was finished shows that the client works.
  await send(3, { kind: "event", event: ROUND });
  await send(3, { kind: "died", message: "odd" });
  await timers.pass(60_000);
  assert.equal(workers.length, 5);

  await send(4, resultReport(FAILED));
  stop.abort();
  assert.deepEqual(await ended, [FAILED]);
  assert.equal(timers.count, 0);
});

Deno.test("supervise() starts a client again that another process was running", async () => {
  const { timers, ended, send, workers, stop } = setUp([makeSection({ keepAliveS: 60 })]);
  const error = { code: "locked", message: "another process runs it already" } as const;
  await send(0, resultReport({ outcome: "locked", error }));
  await timers.pass(60_000);
  assert.equal(workers.length, 2);
  stop.abort();
  await send(1, resultReport({ outcome: "stopped" }));
  assert.deepEqual(await ended, [{ outcome: "stopped" }]);
});

Deno.test("supervise() leaves a client be that ended otherwise, or was to run once", async () => {
  for (const outcome of ["done", "skipped", "locked"] as const) {
    const { ended, send, workers } = setUp([makeSection({ keepAliveS: 60 })]);
    await send(0, resultReport({ outcome }));
    assert.deepEqual(await ended, [{ outcome }]);
    assert.equal(workers.length, 1);
  }
  const { ended, send } = setUp([makeSection({ keepAliveS: 60 })], ONCE);
  await send(0, resultReport(FAILED));
  assert.deepEqual(await ended, [FAILED]);
});

Deno.test("restartDelayMs() doubles up to an hour, and is never below `keep alive`", () => {
  const cases: readonly [keepAliveMs: number, failures: number, delayMs: number][] = [
    [60_000, 1, 60_000],
    [60_000, 2, 120_000],
    [60_000, 7, 3_600_000],
    [60_000, 5_000, 3_600_000],
    [86_400_000, 3, 86_400_000],
  ];
  for (const [keepAliveMs, failures, delayMs] of cases) {
    assert.equal(restartDelayMs(keepAliveMs, failures), delayMs);
  }
});

Deno.test("Supervisor waits for a change before it counts its clients as finished", async () => {
  const supervisor = new Supervisor(FOR_EVER, {
    startWorker: (_section, _job, report) => ({
      stop: () => report(resultReport({ outcome: "stopped" })),
      terminate: () => {},
    }),
    emit: () => {},
    ended: () => {},
    signal: new AbortController().signal,
  });
  const section = makeSection();
  supervisor.start(section);
  let isFinished = false;
  const finished = supervisor.finished().then((results) => {
    isFinished = true;
    return results;
  });
  const answer = await supervisor.during(async () => {
    await supervisor.stop(section.name);
    await settle();
    assert.equal(isFinished, false);
    supervisor.start(section);
    return "started again";
  });
  assert.equal(answer, "started again");
  await settle();
  assert.equal(isFinished, false);
  await supervisor.stop(section.name);
  assert.deepEqual(await finished, []);
});

Deno.test("Supervisor tells of starts, failures that are followed by one, and silence", async () => {
  const timers = new FakeTimers();
  const changes: ClientChange[] = [];
  const reports: ((report: WorkerReport) => void)[] = [];
  const stop = new AbortController();
  const supervisor = new Supervisor(FOR_EVER, {
    startWorker(_section, _job, report) {
      reports.push(report);
      return { stop: () => report(resultReport({ outcome: "stopped" })), terminate: () => {} };
    },
    emit: () => {},
    ended: () => {},
    change: (_section, change) => changes.push(change),
    signal: stop.signal,
    timers,
  });
  supervisor.start(makeSection({ keepAliveS: 5 }));
  await timers.pass(60_000);
  reports[0]?.(resultReport(FAILED));
  await settle();
  await timers.pass(5_000);
  assert.deepEqual(changes, [
    { kind: "started" },
    { kind: "silent", silentMs: 30_000 },
    { kind: "failed", result: FAILED, waitMs: 5_000 },
    { kind: "started" },
  ]);
  stop.abort();
  assert.deepEqual(await supervisor.finished(), [{ outcome: "stopped" }]);
});
