import assert from "node:assert/strict";
import fc from "fast-check";
import { admit, pollIntervalS } from "../../../lib/sync/schedule.ts";

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
