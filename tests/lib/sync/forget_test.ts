import assert from "node:assert/strict";
import type { Section } from "../../../lib/config/section.ts";
import { forgetClient } from "../../../lib/sync/forget.ts";
import { type TestClient, World } from "../../support/engine.ts";
import { toolboxOf } from "../../support/toolbox.ts";

const INDEX: Partial<Section> = { index: { kind: "pages", depth: 0 } };

async function forget(
  client: TestClient,
  gone: string,
  meanwhile: () => void = () => {},
  isUnknownFine = true,
) {
  await using toolbox = await toolboxOf(client, { puller: gone });
  return await forgetClient(toolbox, gone, {
    isUnknownFine,
    wait: () => Promise.resolve(meanwhile()),
    progress: () => {},
  });
}

for (
  const [layout, changes] of Object.entries({ "without an index": {}, "with an index": INDEX })
) {
  Deno.test(`forgetClient() ends the wait for a client that is gone, ${layout}`, async () => {
    using world = new World();
    const options = { ...changes, pullerCount: 2 };
    const [a, b] = [world.client("a", options), world.client("b", options)];
    a.write("x", "content");
    a.write("y", "more");
    await world.settle([a, b]);
    const isWaiting = () => world.relayNames().some((name) => /^x$|data$/.test(name));
    assert(isWaiting());
    const { acknowledged, locks, locked } = await forget(a, "c");
    assert.deepEqual([acknowledged, locks, locked], [layout === "with an index" ? 1 : 2, 0, 0]);
    assert(!isWaiting());
    assert.equal((await forget(a, "c")).acknowledged, 0);
    await world.settle([a, b]);
    assert.deepEqual(a.tree(), b.tree());
  });

  Deno.test(`forgetClient() leaves a content that others have yet to take, ${layout}`, async () => {
    using world = new World();
    const options = { ...changes, pullerCount: 2 };
    const [a, b] = [world.client("a", options), world.client("b", options)];
    a.write("x", "content");
    await a.once();
    assert.equal((await forget(a, "c")).acknowledged, 1);
    assert(world.relayNames().some((name) => /^x$|data$/.test(name)));
    await b.once();
    assert.equal(b.read("x"), "content");
    assert(!world.relayNames().some((name) => /^x$|data$/.test(name)));
  });

  Deno.test(`forgetClient() keeps a content that may be the only copy, ${layout}`, async () => {
    using world = new World();
    const a = world.client("a", changes);
    a.write("x", "content");
    a.write("other", "stays");
    await a.once();
    a.remove("x");
    await forget(a, "c");
    assert(world.relayNames().some((name) => /^x$|data$/.test(name)));
  });

  Deno.test(`forgetClient() takes over the locks of a client that is gone, not of one that lives, ${layout}`, async () => {
    using world = new World();
    const a = world.client("a", changes);
    a.write("x", "content");
    await a.once();
    const lock = world.pathOnRelay(layout === "with an index" ? ".0.lock" : ".x.lock");
    const text = "lock%1.0\nowner: c\nmode: w\nnonce: abc\nbeat: 1";
    Deno.writeTextFileSync(lock, text);
    const beat = () => Deno.writeTextFileSync(lock, text.replace("beat: 1", "beat: 2"));
    await assert.rejects(forget(a, "c", beat), { name: "EscaleError", code: "refused" });
    const before = world.relayTree();
    assert.equal((await forget(a, "other")).locks, 0);
    assert.deepEqual(world.relayTree(), before);
    assert.equal((await forget(a, "c")).locks, 1);
    assert(!world.relayNames().some((name) => name.endsWith(".lock")));
  });
}

Deno.test("forgetClient() does not forget the client that it works for", async () => {
  using world = new World();
  await assert.rejects(forget(world.client("a"), "a"), { code: "usage" });
});

Deno.test("forgetClient() asks twice about a name that the relay does not know", async () => {
  using world = new World();
  const [a, b] = [world.client("a"), world.client("b")];
  a.write("x", "content");
  await world.settle([a, b]);
  a.write("y", "content");
  await a.once();
  const before = world.relayTree();
  await assert.rejects(forget(a, "bee", () => {}, false), { code: "usage" });
  assert.deepEqual(world.relayTree(), before);
  assert.equal((await forget(a, "b", () => {}, false)).acknowledged, 1);
});
