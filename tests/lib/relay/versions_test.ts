import assert from "node:assert/strict";
import { type ObjectInfo, parseObjectName } from "../../../backends/backend.ts";
import { State } from "../../../lib/local/state.ts";
import { type VersionContext, Versions } from "../../../lib/relay/versions.ts";

const T = 1_600_000_000_000;

function info(changes: Partial<ObjectInfo>): ObjectInfo {
  return { name: parseObjectName("f"), sizeBytes: 7, ...changes };
}

/** Versions on a storage with whole seconds, and a way to let time pass here. */
function setUp(changes: Partial<VersionContext> = {}) {
  using stack = new DisposableStack();
  const clock = { uptimeS: 1000 };
  const context: VersionContext = {
    traits: { timePrecisionMs: 1000 },
    storage: "ftp://here",
    memory: stack.use(State.open(":memory:")),
    uptimeS: () => clock.uptimeS,
    ...changes,
  };
  const held = stack.move();
  return {
    versions: new Versions(context),
    clock,
    /** As in the next run of the program. */
    again: (more: Partial<VersionContext> = {}) => new Versions({ ...context, ...more }),
    [Symbol.dispose]: () => held.dispose(),
  };
}

Deno.test("a tag tells versions apart, whatever the time", () => {
  using place = setUp();
  assert.equal(place.versions.signOf(info({ tag: "x", modifiedMs: T })), "x");
});

Deno.test("size and time tell versions apart once newer objects stand there", () => {
  using place = setUp();
  const { versions } = place;
  const old = info({ modifiedMs: T });
  assert.equal(versions.signOf(old), undefined);
  versions.note(old);
  assert.equal(versions.signOf(old), undefined);
  versions.note(info({ modifiedMs: T + 2000 }));
  assert.equal(versions.signOf(old), undefined);
  versions.note(info({ modifiedMs: T + 3000 }));
  const sign = versions.signOf(old);
  assert.ok(sign !== undefined);
  assert.notEqual(versions.signOf(info({ modifiedMs: T - 1000 })), sign);
  assert.notEqual(versions.signOf(info({ modifiedMs: T, sizeBytes: 8 })), sign);
  assert.equal(versions.signOf(info({ modifiedMs: T + 1000 })), undefined);
});

Deno.test("size and time tell versions apart once time has passed here, however clocks stand", () => {
  for (const atMs of [T, 0, T + 1e12]) {
    using place = setUp();
    const { versions, clock } = place;
    const newest = info({ modifiedMs: atMs });
    versions.note(newest);
    for (const [uptimeS, isTold] of [[1000, false], [1003, false], [1004, true]] as const) {
      clock.uptimeS = uptimeS;
      // What is seen again is not newer.
      versions.note(newest);
      assert.equal(versions.signOf(newest) !== undefined, isTold);
    }
  }
});

Deno.test("coarser times need longer, and where there are none nothing is told apart", () => {
  for (
    const [timePrecisionMs, waitS] of [[1, 4], [1000, 4], [60_000, 63], [
      undefined,
      Infinity,
    ]] as const
  ) {
    using place = setUp({ traits: { timePrecisionMs } });
    const { versions, clock } = place;
    versions.note(info({ modifiedMs: T }));
    for (const passedS of [1, 2, 3, 4, 62, 63, 10_000]) {
      clock.uptimeS = 1000 + passedS;
      assert.equal(versions.signOf(info({ modifiedMs: T })) !== undefined, passedS >= waitS);
    }
    assert.equal(versions.signOf(info({})), undefined);
  }
});

Deno.test("what time it was is known in the next run, for that storage alone", () => {
  using place = setUp();
  const { versions, clock, again } = place;
  versions.note(info({ modifiedMs: T }));
  versions.save();
  clock.uptimeS += 10;
  assert.notEqual(again().signOf(info({ modifiedMs: T })), undefined);
  assert.equal(again({ storage: "ftp://there" }).signOf(info({ modifiedMs: T })), undefined);
});

Deno.test("after a restart of the machine the wait begins again", () => {
  using place = setUp();
  const { versions, clock, again } = place;
  versions.note(info({ modifiedMs: T }));
  versions.save();
  clock.uptimeS = 5;
  const next = again();
  for (const [uptimeS, isTold] of [[5, false], [8, false], [9, true]] as const) {
    clock.uptimeS = uptimeS;
    assert.equal(next.signOf(info({ modifiedMs: T })) !== undefined, isTold);
  }
  assert.notEqual(next.signOf(info({ modifiedMs: T - 3000 })), undefined);
});
