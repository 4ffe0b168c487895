import assert from "node:assert/strict";
import { type BackendTraits, type ObjectName, parseObjectName } from "../../../backends/backend.ts";
import { MemoryStore, openMemory } from "../../../backends/memory.ts";
import { Looker } from "../../../lib/relay/look.ts";
import { FaultyBackend } from "../../support/faulty_backend.ts";

const FAR: Partial<BackendTraits> = { exclusiveCreate: false };

/** A relay with these objects, what it was asked, and looks at it. */
async function relayOf(names: readonly string[], traits: Partial<BackendTraits> = FAR) {
  const backend = new FaultyBackend(openMemory(new MemoryStore({ traits })));
  for (const name of names) await backend.create(parseObjectName(name), new Uint8Array(3));
  backend.calls.splice(0);
  return {
    looker: new Looker(backend),
    asked: () => backend.calls.splice(0).map(({ verb, name }) => `${verb} ${name}`.trim()),
  };
}

function inFolder(folder: string, count: number): ObjectName[] {
  return Array.from({ length: count }, (_, at) => parseObjectName(`${folder}${at}`));
}

Deno.test("lookFor() lists a folder of which enough is asked, and asks for the rest one by one", async () => {
  const { looker, asked } = await relayOf(["0", "d/0", "d/1", "e/0"]);
  const [top, d, e] = [inFolder("", 4), inFolder("d/", 4), inFolder("e/", 3)];
  const look = await looker.lookFor([...top, ...d, ...e]);
  assert.deepEqual(asked(), ["list", "list d"]);
  const sizes = async (names: readonly ObjectName[]) =>
    await Promise.all(names.map(async (name) => (await look.at(name))?.sizeBytes));
  assert.deepEqual(await sizes(top), [3, undefined, undefined, undefined]);
  assert.deepEqual(await sizes(d), [3, 3, undefined, undefined]);
  assert.deepEqual(asked(), []);
  assert.deepEqual(await sizes(e), [3, undefined, undefined]);
  assert.deepEqual(asked(), ["stat e/0", "stat e/1", "stat e/2"]);
  assert.deepEqual([...d, ...e].map((name) => look.has(name)), [
    ...[true, true, true, true],
    ...[false, false, false],
  ]);
});

Deno.test("lookFor() lists a folder once to find out that far more stands there than is asked for", async () => {
  const { looker, asked } = await relayOf(inFolder("d/", 129));
  const names = inFolder("d/", 4);
  await looker.lookFor(names);
  assert.deepEqual(asked(), ["list d"]);
  await looker.lookFor(names);
  assert.deepEqual(asked(), []);
  await looker.lookFor(inFolder("d/", 5));
  assert.deepEqual(asked(), ["list d"]);
});

Deno.test("lookFor() lists nothing where storages are near or listings lag behind", async () => {
  for (const traits of [{}, { ...FAR, listingLagMs: 1 }]) {
    const { looker, asked } = await relayOf(["d/0"], traits);
    const look = await looker.lookFor(inFolder("d/", 4));
    assert.equal((await look.at(parseObjectName("d/0")))?.sizeBytes, 3);
    assert.deepEqual(asked(), ["stat d/0"]);
  }
});
