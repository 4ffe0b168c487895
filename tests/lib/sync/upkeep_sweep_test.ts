import assert from "node:assert/strict";
import { openFile } from "../../../backends/file/mod.ts";
import type { Section } from "../../../lib/config/section.ts";
import { fixRelay } from "../../../lib/sync/fix_relay.ts";
import { forgetClient } from "../../../lib/sync/forget.ts";
import type { Toolbox } from "../../../lib/sync/toolbox.ts";
import { type TestClient, World } from "../../support/engine.ts";
import { FaultyBackend, onCall } from "../../support/faulty_backend.ts";
import { toolboxOf } from "../../support/toolbox.ts";

const LAYOUTS: readonly Partial<Section>[] = [{}, { index: { kind: "pages", depth: 0 } }];
/** Longer than a lock that was left behind counts as held. */
const LATER_S = 400;

interface Pair {
  readonly world: World;
  readonly a: TestClient;
  readonly b: TestClient;
}

/** Ends the command at each of its calls to the relay, then lets the clients go on: they end up alike, nothing lost. */
async function sweep(
  prepare: (pair: Pair) => Promise<void>,
  command: (toolbox: Toolbox) => Promise<unknown>,
  options: { readonly changes: Partial<Section>; readonly isAlone: boolean },
): Promise<number> {
  const { changes, isAlone } = options;
  for (let nth = 1;; nth++) {
    using world = new World();
    const [a, b] = [world.client("a", changes), world.client("b", changes)];
    for (const name of ["x", "y"]) a.write(name, `content of ${name}`);
    await world.settle([a, b]);
    await prepare({ world, a, b });
    let isMet = false;
    const run = async () => {
      await using toolbox = await toolboxOf(a, {
        isAlone,
        puller: isAlone ? "a" : "gone",
        openBackend: async (address) =>
          new FaultyBackend(await openFile(address), (call) => {
            const fault = onCall(nth, { kind: "fail", dies: true })(call);
            isMet ||= fault !== undefined;
            return fault;
          }),
      });
      await command(toolbox);
    };
    await run().catch((cause) => {
      if (!isMet) throw cause;
    });
    const before = { ...b.tree(), ...a.tree() };
    for (const client of [a, b]) await client.round();
    world.clock.uptimeS += LATER_S;
    await world.settle([a, b]);
    assert.deepEqual(a.tree(), b.tree(), `call ${nth}`);
    assert.deepEqual(a.tree(), before, `call ${nth}`);
    assert(!world.relayNames().some((name) => name.endsWith(".lock")), `call ${nth}`);
    if (!isMet) return nth;
  }
}

Deno.test("fixRelay() that ends at any call loses nothing", async () => {
  for (const changes of LAYOUTS) {
    const calls = await sweep(({ world }) => {
      Deno.removeSync(world.relay, { recursive: true });
      Deno.mkdirSync(world.relay);
      return Promise.resolve();
    }, (toolbox) =>
      fixRelay(toolbox, {
        ...{ update: false, isFast: false, pages: [] },
        progress: () => {},
        left: () => {},
      }), { changes, isAlone: true });
    assert(calls > 5, `${calls} calls`);
  }
});

Deno.test("forgetClient() that ends at any call loses nothing", async () => {
  for (const changes of LAYOUTS) {
    const calls = await sweep(async ({ a }) => {
      a.write("x", "newer");
      a.write("z", "new");
      await a.once();
    }, (toolbox) =>
      forgetClient(toolbox, "gone", {
        isUnknownFine: true,
        wait: () => Promise.resolve(),
        progress: () => {},
      }), { changes, isAlone: false });
    assert(calls > 5, `${calls} calls`);
  }
});
