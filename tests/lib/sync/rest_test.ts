import assert from "node:assert/strict";
import { mock } from "node:test";
import { State } from "../../../lib/local/state.ts";
import { IndexReader } from "../../../lib/relay/index_parse.ts";
import type { ClientEvent } from "../../../lib/sync/events.ts";
import type { TestClient } from "../../support/engine.ts";
import { IndexWorld } from "./_index_world.ts";

/** Two clients in step, whose files are old enough for their stamps to be relied on. */
class RestingPair implements Disposable {
  readonly #stack = new DisposableStack();
  readonly #end = mock.method(IndexReader.prototype, "end");
  readonly world: IndexWorld;
  readonly a: TestClient;
  readonly b: TestClient;

  constructor(depth: number) {
    this.world = this.#stack.use(new IndexWorld());
    const options = { index: { kind: "pages", depth } } as const;
    this.a = this.world.indexed("A", options);
    this.b = this.world.indexed("B", options);
    const now = Date.now;
    const clock = mock.method(Date, "now", () => now.call(Date) + 60_000);
    for (const { mock } of [clock, this.#end]) this.#stack.defer(() => mock.restore());
  }

  static async inStep(depth = 0): Promise<RestingPair> {
    const pair = new RestingPair(depth);
    pair.a.write("f", "1");
    pair.a.write("d/g", "2");
    pair.b.write("d e/h", "3");
    await pair.world.settle([pair.a, pair.b]);
    for (const client of [pair.a, pair.b]) await client.once();
    pair.takeOpened();
    return pair;
  }

  /** How many indices were opened since the last time. */
  takeOpened(): number {
    const count = this.#end.mock.callCount();
    this.#end.mock.resetCalls();
    return count;
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

function outlookIn(events: readonly ClientEvent[]) {
  const found = events.find((event) => event.kind === "outlook");
  return found?.kind === "outlook" ? found.outlook : assert.fail();
}

for (const depth of [0, 1]) {
  Deno.test(`a client at rest opens no index, with pages ${depth} deep`, async () => {
    using pair = await RestingPair.inStep(depth);
    for (const client of [pair.a, pair.b]) {
      const run = await client.once();
      assert.deepEqual([run.result.outcome, run.actions, pair.takeOpened()], ["done", [], 0]);
      const { kind } = run.events.at(-1) ?? assert.fail();
      assert.equal(kind, "round");
    }
  });
}

Deno.test("at rest a client tells what it tells when it looks at everything", async () => {
  using pair = await RestingPair.inStep();
  pair.a.write("note.conflict-B-20260101-000000-0a1b2c3d.txt", "kept");
  await pair.world.settle([pair.a, pair.b]);
  await pair.b.once();
  pair.takeOpened();
  const atRest = await pair.b.once();
  assert.equal(pair.takeOpened(), 0);
  {
    using state = State.open(pair.b.section.statePath);
    state.noteRest("{}");
  }
  const wide = await pair.b.once();
  assert.ok(pair.takeOpened() > 0);
  assert.deepEqual(outlookIn(atRest.events), outlookIn(wide.events));
  assert.equal(outlookIn(atRest.events).conflictCopies, 1);
});

Deno.test("a client also rests while what it sent waits, until it is taken", async () => {
  using pair = await RestingPair.inStep();
  pair.a.write("new", "1");
  await pair.a.once();
  pair.takeOpened();
  const run = await pair.a.once();
  assert.deepEqual([run.actions, pair.takeOpened()], [[], 0]);
  const [standing] = outlookIn(run.events).standing;
  assert.deepEqual([standing?.path, standing?.lacking], ["new", 1]);
  await pair.b.once();
  pair.takeOpened();
  const after = await pair.a.once();
  assert.ok(pair.takeOpened() > 0);
  assert.deepEqual(outlookIn(after.events).standing, []);
});

Deno.test("a running client wakes and comes to rest again", async () => {
  using pair = await RestingPair.inStep();
  await using session = await pair.b.open();
  for (let turn = 0; turn < 3; turn++) {
    assert.deepEqual((await session.round()).actions, []);
    assert.equal(pair.takeOpened(), 0);
  }
  pair.a.write("f", "7");
  await pair.a.once();
  assert.deepEqual((await session.round()).actions, ["pull f"]);
  pair.b.write("d/g", "8");
  assert.deepEqual((await session.round()).actions, ["push d/g"]);
  await pair.world.settle([pair.a]);
  assert.equal(pair.a.read("d/g"), "8");
  for (let turn = 0; turn < 2; turn++) await session.round();
  pair.takeOpened();
  assert.deepEqual((await session.round()).actions, []);
  assert.equal(pair.takeOpened(), 0);
});

/** What ends the rest of B, and what B does then. */
const WAKINGS: readonly {
  readonly what: string;
  readonly wake: (pair: RestingPair) => unknown;
  readonly actions?: readonly string[];
}[] = [
  { what: "a new file", wake: ({ b }) => b.write("new", "1"), actions: ["push new"] },
  { what: "a file gone", wake: ({ b }) => b.remove("f"), actions: [] },
  {
    what: "a file of the same size with other content",
    wake: ({ b }) => b.write("f", "9", b.timeOf("f") + 1),
    actions: ["push f"],
  },
  {
    what: "two files that change their names",
    wake: ({ b }) => {
      Deno.renameSync(b.pathOf("f"), b.pathOf("x"));
      Deno.renameSync(b.pathOf("d/g"), b.pathOf("f"));
      Deno.renameSync(b.pathOf("x"), b.pathOf("d/g"));
    },
    actions: ["push d/g", "push f"],
  },
  {
    what: "an update of another client",
    wake: async ({ a }) => {
      a.write("f", "4");
      await a.once();
    },
    actions: ["pull f"],
  },
  {
    what: "a record that went from the index",
    wake: async ({ a }) => {
      a.remove("f");
      await a.with({ mode: "download" }).once();
    },
    actions: ["push f"],
  },
  {
    what: "an object of the layout without an index",
    wake: ({ world }) => world.put(".f.placeholder", new Uint8Array(1)),
  },
  {
    what: "an index that cannot be read",
    wake: ({ world }) => world.put(".0.index", new Uint8Array(1)),
    actions: ["push d e/h", "push d/g", "push f"],
  },
  {
    what: "access modifiers",
    wake: ({ b }) => b.setAccess("f", { write: false }),
    actions: [],
  },
  {
    what: "something forgotten by hand",
    wake: ({ b }) => {
      using state = State.open(b.section.statePath);
      state.change("f", { refused: null });
    },
    actions: [],
  },
];

for (const { what, wake, actions } of WAKINGS) {
  Deno.test(`what ends a client's rest: ${what}`, async () => {
    using pair = await RestingPair.inStep();
    await wake(pair);
    pair.takeOpened();
    const run = await pair.b.once();
    if (actions === undefined) return assert.equal(run.result.outcome, "failed");
    assert.deepEqual([...run.actions].sort(), actions);
    assert.ok(pair.takeOpened() > 0);
  });
}

Deno.test("what ends a client's rest: other settings", async () => {
  using pair = await RestingPair.inStep();
  pair.b.remove("f");
  await pair.b.once();
  await pair.b.once();
  pair.takeOpened();
  assert.deepEqual((await pair.b.once()).actions, []);
  assert.equal(pair.takeOpened(), 0, "a deletion here needs nothing");
  const run = await pair.b.with({ mode: "download" }).once();
  assert.deepEqual(run.actions, ["request f"]);
});

Deno.test("a client with a problem does not rest, and tells of it in every run", async () => {
  using pair = await RestingPair.inStep();
  pair.b.write("two\nlines", "1");
  for (let turn = 0; turn < 3; turn++) {
    const { result, problems } = await pair.b.once();
    assert.equal(result.outcome, "skipped");
    assert.equal(problems.length, 1);
  }
});

Deno.test("a file that was only just written keeps its client from resting", async () => {
  using pair = await RestingPair.inStep();
  mock.restoreAll();
  pair.b.write("new", "1");
  await pair.b.once();
  await pair.a.once();
  await pair.b.once();
  using state = State.open(pair.b.section.statePath);
  assert.equal(state.rest(), undefined);
});
