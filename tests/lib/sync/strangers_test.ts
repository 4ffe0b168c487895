import assert from "node:assert/strict";
import { World } from "../../support/engine.ts";

const STRANGERS = Number(Deno.env.get("ESCALE_FILES") ?? 300);

Deno.test(`${STRANGERS} files of strangers on a relay are pulled once they stood still, and then are files like all`, async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  for (let index = 0; index < STRANGERS; index++) {
    const folder = world.pathOnRelay(`of strangers ${index % 10}`);
    if (index < 10) Deno.mkdirSync(folder);
    Deno.writeTextFileSync(`${folder}/${index}`, `stranger ${index}`);
  }
  const before = world.relayTree();
  await using session = await a.open();
  const first = await session.round();
  assert.deepEqual([first.actions, first.tally.waiting], [[], STRANGERS]);
  world.clock.uptimeS += 31;
  const second = await session.round();
  assert.equal(second.tally.pulled, STRANGERS);
  assert.deepEqual(world.relayTree(), before, "a pull changes nothing there");
  const third = await session.round();
  assert.equal(third.tally.pushed, STRANGERS, "whoever has a file writes its record");
  assert.deepEqual((await session.round()).actions, []);
  const { result } = await b.once();
  assert.deepEqual(result, { outcome: "done" });
  assert.deepEqual(a.tree(), before);
  assert.deepEqual(b.tree(), before);
  assert.ok(world.relayNames().every((name) => name.endsWith(".placeholder")));
});
