import assert from "node:assert/strict";
import type { OpenBackend } from "../../../backends/backend.ts";
import { openFile } from "../../../backends/file/mod.ts";
import { STALE_S } from "../../../lib/relay/lock.ts";
import { type TestClient, World } from "../../support/engine.ts";
import { type Call, type Fault, FaultyBackend } from "../../support/faulty_backend.ts";

const T = 1_600_000_000;

/** Two clients in step, each of which has changed the same file since. */
async function bothChanged(world: World): Promise<[TestClient, TestClient]> {
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f", "1", T);
  await world.settle([a, b]);
  a.write("f", "of A", T + 10);
  b.write("f", "of B", T + 5);
  return [a, b];
}

/** A way to the relay on which one call goes wrong, and what it has come to. */
class Stage {
  readonly reached: Promise<Call>;
  readonly open: OpenBackend;
  backend: FaultyBackend | undefined;

  constructor(fault: Fault, isIt: (call: Call) => boolean) {
    const reached = Promise.withResolvers<Call>();
    this.reached = reached.promise;
    this.open = async (address) => {
      this.backend = new FaultyBackend(await openFile(address), (call) => {
        if (!isIt(call)) return undefined;
        reached.resolve(call);
        return fault;
      });
      return this.backend;
    };
  }
}

/** The calls that a client makes for its push, after it has got its lock and until it gives it back. */
async function callsUnderLock(): Promise<Call[]> {
  using world = new World();
  const [a] = await bothChanged(world);
  const stage = new Stage({ kind: "stall" }, () => false);
  await a.with({}, stage.open).round();
  const calls = stage.backend?.calls ?? [];
  const from = calls.findIndex(({ verb, name }) => verb === "create" && name === ".f.lock");
  const to = calls.findLastIndex(({ verb, name }) => verb === "remove" && name === ".f.lock");
  assert.ok(from > 0 && to > from);
  return calls.slice(from + 1, to + 1);
}

function isPublishing({ verb, name }: Call): boolean {
  return (verb === "put" || verb === "remove") && name !== ".f.lock";
}

/** The lock becomes stale for B, who sees it now and after the lease. */
async function takeOver(world: World, b: TestClient): Promise<void> {
  await b.round();
  world.clock.uptimeS += STALE_S + 1;
  const { actions } = await b.round();
  assert.deepEqual(actions, ["repair f"]);
}

Deno.test("a client stopped for longer than its lease publishes nothing over the one that took over", async () => {
  for (const stalled of await callsUnderLock()) {
    using world = new World();
    const [a, b] = await bothChanged(world);
    const stage = new Stage({ kind: "stall" }, ({ nth }) => nth === stalled.nth);
    const round = a.with({}, stage.open).round();
    await stage.reached;
    await takeOver(world, b);
    // B holds the name while A wakes up, and then B is done.
    await b.round();
    const before = world.relayTree();
    stage.backend?.release();
    const { problems } = await round;
    // A call that was on its way when the client was stopped cannot be taken back.
    if (!isPublishing(stalled)) {
      assert.deepEqual(world.relayTree(), before, `woken at ${stalled.verb} ${stalled.name}`);
    }
    assert.deepEqual(problems, []);
    await world.settle([a, b]);
    assert.deepEqual(Object.values(a.tree()).sort(), ["of A", "of B"]);
    assert.deepEqual(b.tree(), a.tree());
    assert.ok(world.relayNames().every((name) => name.endsWith(".placeholder")));
  }
});

Deno.test("W20: the lock of a client that died is taken over after its lease, and its push undone", async () => {
  for (const last of await callsUnderLock()) {
    using world = new World();
    const [a, b] = await bothChanged(world);
    const stage = new Stage({ kind: "fail", dies: true }, ({ nth }) => nth === last.nth);
    await assert.rejects(a.with({}, stage.open).round());
    await takeOver(world, b);
    await world.settle([b]);
    assert.ok(Object.values(b.tree()).includes("of B"));
    await world.settle([a, b]);
    assert.deepEqual(Object.values(a.tree()).sort(), ["of A", "of B"]);
    assert.deepEqual(b.tree(), a.tree());
  }
});

Deno.test("a client that dies once more while it takes its own lock back takes it back at once", async () => {
  for (const verb of ["makeFolder", "put", "removeFolder", "stat", "remove"] as const) {
    using world = new World();
    const [a, b] = await bothChanged(world);
    const die = (isIt: (call: Call) => boolean) =>
      a.with({}, new Stage({ kind: "lose-reply", dies: true }, isIt).open).round();
    await assert.rejects(die((call) => call.verb === "put" && call.name === "f"));
    await assert.rejects(die((call) => call.verb === verb && call.name !== ".f.placeholder"));
    await a.round();
    assert.ok(!world.relayNames().includes(".f.lock"), verb);
    await world.settle([a, b]);
    assert.deepEqual(Object.values(b.tree()).sort(), ["of A", "of B"], verb);
    assert.deepEqual(a.tree(), b.tree());
    assert.ok(world.relayNames().every((name) => name.endsWith(".placeholder")));
  }
});

Deno.test("a client that dies right after it wrote a lock, after dying right before, knows it as its own", async () => {
  using world = new World();
  const [a] = await bothChanged(world);
  const isLock = ({ verb, name }: Call) => verb === "create" && name === ".f.lock";
  await assert.rejects(a.with({}, new Stage({ kind: "fail", dies: true }, isLock).open).round());
  assert.ok(!world.relayNames().includes(".f.lock"));
  await assert.rejects(
    a.with({}, new Stage({ kind: "lose-reply", dies: true }, isLock).open).round(),
  );
  assert.ok(world.relayNames().includes(".f.lock"));
  assert.deepEqual((await a.round()).actions, ["repair f"]);
  assert.deepEqual((await a.round()).actions, ["push f"]);
});
