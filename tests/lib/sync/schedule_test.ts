import assert from "node:assert/strict";
import fc from "fast-check";
import { admit, Pace, pollIntervalS } from "../../../lib/sync/schedule.ts";

interface Timer {
  readonly from_refresh: readonly {
    readonly refresh: number;
    readonly intervals: readonly number[];
  }[];
}

Deno.test("pollIntervalS() waits as long as 0.7 does, for every refresh of the golden table", () => {
  const file = new URL("../../golden/timer.json", import.meta.url);
  const golden: Timer = JSON.parse(Deno.readTextFileSync(file));
  for (const { refresh, intervals } of golden.from_refresh) {
    intervals.forEach((interval, step) => {
      const difference = Math.abs(pollIntervalS(refresh, step) - interval);
      assert.ok(difference < 1e-9, `refresh ${refresh}, step ${step}`);
    });
  }
});

Deno.test("pollIntervalS() stays between half of refresh and refresh, and never shrinks", () => {
  fc.assert(fc.property(fc.double({ min: 0.1, max: 1e6, noNaN: true }), (refresh) => {
    let last = 0;
    for (let step = 0; step < 100; step++) {
      const wait = pollIntervalS(refresh, step);
      // Rounded to two digits, so a little beyond both ends.
      assert.ok(wait >= refresh * 0.45 && wait <= refresh * 1.1, `${refresh}: ${wait}`);
      assert.ok(wait >= last);
      last = wait;
    }
  }));
});

function waitsOf(pace: Pace, count: number, roundS = 0): number[] {
  return Array.from({ length: count }, () => pace.nextS(roundS));
}

function adaptive(refreshS: number, count: number): number[] {
  return Array.from({ length: count }, (_, step) => pollIntervalS(refreshS, step));
}

Deno.test("Pace polls fast at first and after something moved, then as 0.7 does", () => {
  const pace = new Pace(30, { isTold: false });
  const waits = [0.25, 0.5, 1, 2, 4, 8, ...adaptive(30, 3)];
  assert.deepEqual(waitsOf(pace, 9), waits);
  pace.hinted();
  assert.deepEqual(waitsOf(pace, 5), adaptive(30, 5));
  pace.moved();
  assert.deepEqual(waitsOf(pace, 9), waits);
});

Deno.test("Pace does not poll fast what takes long to look at, nor slower than the interval", () => {
  const pace = new Pace(30, { isTold: false });
  assert.deepEqual(waitsOf(pace, 3, 1), [10, 10, 10]);
  pace.moved();
  assert.deepEqual(waitsOf(pace, 3, 2), adaptive(30, 3));
  assert.deepEqual(waitsOf(new Pace(0.4, { isTold: false }), 3), adaptive(0.4, 3));
});

Deno.test("Pace does not poll fast where a watch tells of changes", () => {
  const pace = new Pace(30, { isTold: true });
  assert.deepEqual(waitsOf(pace, 5), adaptive(30, 5));
  pace.moved();
  assert.deepEqual(waitsOf(pace, 5), adaptive(30, 5));
});

const files = [{ sizeBytes: 50 }, { sizeBytes: 200 }, { sizeBytes: 30 }, { sizeBytes: 30 }];

Deno.test("admit() lets everything go without limits", () => {
  const all = { usedBytes: 1e12, pending: 1e6, quotaBytes: undefined, maxPending: undefined };
  assert.deepEqual(admit(files, all), { now: files, later: [] });
});

Deno.test("admit() goes on with what fits the quota past what does not", () => {
  const limits = { usedBytes: 900, pending: 0, quotaBytes: 1000, maxPending: undefined };
  const { now, later } = admit(files, limits);
  assert.deepEqual(now, [{ sizeBytes: 50 }, { sizeBytes: 30 }]);
  assert.deepEqual(later, [{ sizeBytes: 200 }, { sizeBytes: 30 }]);
});

Deno.test("admit() counts what waits on the relay already", () => {
  const limits = { usedBytes: 0, pending: 8, quotaBytes: undefined, maxPending: 10 };
  assert.equal(admit(files, limits).now.length, 2);
  assert.equal(admit(files, { ...limits, pending: 11 }).now.length, 0);
});
