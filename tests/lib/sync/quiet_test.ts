import assert from "node:assert/strict";
import { mock } from "node:test";
import { MemoryStore, openMemory } from "../../../backends/memory.ts";
import { type TestClient, World } from "../../support/engine.ts";
import { FaultyBackend } from "../../support/faulty_backend.ts";

/** A pair in step, whose files are old enough for their stamps to be relied on. */
class Pair implements Disposable {
  readonly #backends: FaultyBackend[] = [];
  readonly #store = new MemoryStore();
  readonly #stack = new DisposableStack();
  readonly world: World;
  readonly a: TestClient;
  readonly b: TestClient;

  constructor() {
    this.world = this.#stack.use(
      new World({
        openBackend: () => {
          const backend = new FaultyBackend(openMemory(this.#store));
          this.#backends.push(backend);
          return Promise.resolve(backend);
        },
      }),
    );
    this.a = this.world.client("A");
    this.b = this.world.client("B");
    const now = Date.now;
    const clock = mock.method(Date, "now", () => now.call(Date) + 60_000);
    this.#stack.defer(() => clock.mock.restore());
  }

  static async inStep(): Promise<Pair> {
    const pair = new Pair();
    pair.a.write("f", "1");
    pair.a.write("d/g", "2");
    await pair.world.settle([pair.a, pair.b]);
    for (const client of [pair.a, pair.b]) await client.once();
    pair.asked();
    return pair;
  }

  /** What was asked of the relay since the last time. */
  asked(): string[] {
    return this.#backends.splice(0).flatMap(({ calls }) =>
      calls.map(({ verb, name }) => `${verb} ${name}`.trim())
    );
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

Deno.test("an idle round asks the relay for one listing, also after a restart", async () => {
  using pair = await Pair.inStep();
  for (const client of [pair.a, pair.b]) {
    assert.deepEqual((await client.once()).actions, []);
    assert.deepEqual(pair.asked(), ["list"]);
  }
});

Deno.test("what was quiet is looked at again when it changes here or on the relay", async () => {
  using pair = await Pair.inStep();
  pair.b.write("f", "3");
  pair.a.write("d/g", "4");
  assert.deepEqual((await pair.a.once()).actions, ["push d/g"]);
  assert.deepEqual((await pair.b.once()).actions, ["pull d/g", "push f"]);
  await pair.world.settle([pair.a, pair.b]);
  assert.deepEqual(pair.a.tree(), { "d/g": "4", f: "3" });
  assert.deepEqual(pair.b.tree(), pair.a.tree());
  pair.b.remove("f");
  assert.deepEqual((await pair.b.once()).actions, [], "a deletion here is this client's own");
  pair.a.write("f", "5");
  await pair.world.settle([pair.a, pair.b]);
  assert.equal(pair.b.read("f"), "5");
});

Deno.test("what was quiet under other settings is looked at again", async () => {
  using pair = await Pair.inStep();
  pair.b.remove("f");
  await pair.b.once();
  assert.deepEqual((await pair.b.once()).actions, []);
  const mirror = pair.b.with({ mode: "download" });
  assert.deepEqual((await mirror.once()).actions, ["request f"]);
});

Deno.test("a file that was kept out by hand is looked at again when it no longer is", async () => {
  using pair = await Pair.inStep();
  pair.b.setAccess("f", { write: false });
  pair.a.write("f", "3");
  await pair.world.settle([pair.a, pair.b]);
  assert.equal(pair.b.read("f"), "1");
  for (let turn = 0; turn < 2; turn++) await pair.b.once();
  pair.b.setAccess("f", {});
  pair.a.write("f", "4");
  await pair.world.settle([pair.a, pair.b]);
  assert.equal(pair.b.read("f"), "4");
});

Deno.test("a dry run reads records as any other, and writes nothing down", async () => {
  using pair = await Pair.inStep();
  pair.b.loseState();
  assert.deepEqual((await pair.b.once({ dryRun: true })).actions, []);
  assert.deepEqual((await pair.b.once()).actions, []);
});
