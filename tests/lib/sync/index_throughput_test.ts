import assert from "node:assert/strict";
import type { OpenBackend } from "../../../backends/backend.ts";
import { MemoryStore, openMemory } from "../../../backends/memory.ts";
import { runClient } from "../../../lib/sync/client.ts";
import { World } from "../../support/engine.ts";
import { FaultyBackend } from "../../support/faulty_backend.ts";
import { INDEX, T } from "./_index_world.ts";

Deno.test("a page with much to send does not wait for the poll interval, though nothing tells of changes", async () => {
  const store = new MemoryStore();
  // Without a way to watch, as most storages.
  const openBackend: OpenBackend = () => {
    const backend = new FaultyBackend(openMemory(store));
    Object.defineProperty(backend, "watch", { value: undefined });
    return Promise.resolve(backend);
  };
  using world = new World({ openBackend });
  const options = { ...INDEX, refreshS: 600, maxPageSizeBytes: 10 };
  const [a, b] = [world.client("A", options), world.client("B", options)];
  const names = ["1", "2", "3", "4"];
  for (const name of names) a.write(name, `content ${name}`, T);
  const stop = new AbortController();
  const pulled = Promise.withResolvers<void>();
  let updates = 0;
  const run = (client: typeof a, emit: Parameters<typeof runClient>[1]["emit"]) =>
    runClient(client.section, {
      ...{ openBackend, emit, signal: stop.signal },
      uptimeS: () => world.clock.uptimeS,
    }, { once: false, dryRun: false });
  const running = [
    run(a, () => {}),
    run(b, (event) => {
      if (event.kind === "action" && event.action === "pull" && ++updates === names.length) {
        pulled.resolve();
      }
    }),
  ];
  const startMs = performance.now();
  await Promise.race([pulled.promise, ...running]);
  const seconds = (performance.now() - startMs) / 1000;
  stop.abort();
  assert.deepEqual((await Promise.all(running)).map(({ outcome }) => outcome), [
    "stopped",
    "stopped",
  ]);
  assert.deepEqual(b.tree(), a.tree());
  assert.ok(seconds < 60, `${seconds} s, a tenth of the interval`);
});
