import assert from "node:assert/strict";
import { State } from "../../../lib/local/state.ts";
import { silentLog } from "../../../lib/log.ts";
import { openFile } from "../../../backends/file/mod.ts";
import { runClient } from "../../../lib/sync/client.ts";
import { isSuspended, setSuspended } from "../../../lib/sync/suspension.ts";
import { openState } from "../../../lib/sync/toolbox.ts";
import { World } from "../../support/engine.ts";

Deno.test("a suspended client does nothing until it is resumed, also when it is started again", async () => {
  using world = new World();
  const client = world.client("a");
  client.write("x", "content");
  {
    using state = openState(client.section, { log: silentLog });
    setSuspended(state, true);
  }
  const { result, events } = await client.once();
  assert.deepEqual(result, { outcome: "done" });
  assert(events.some((it) => it.kind === "log" && it.level === "warn"));
  assert.deepEqual(world.relayNames(), []);
  using state = State.open(client.section.statePath);
  assert(isSuspended(state));
  setSuspended(state, false);
  await client.once();
  assert(world.relayNames().includes("x"));
});

Deno.test("a running client is suspended and resumed between two rounds", async () => {
  using world = new World();
  const { section } = world.client("a", { refreshS: 0.05 });
  const stop = new AbortController();
  const said: string[] = [];
  let saidMore = Promise.withResolvers<void>();
  const until = async (text: string) => {
    while (!said.includes(text)) await saidMore.promise;
  };
  const running = runClient(section, {
    openBackend: openFile,
    signal: stop.signal,
    emit: (event) => {
      if (event.kind === "log") said.push(event.event);
      if (event.kind === "round") said.push("round");
      saidMore.resolve();
      saidMore = Promise.withResolvers();
    },
  }, { once: false, dryRun: false });
  await until("round");
  using state = State.open(section.statePath);
  setSuspended(state, true);
  await until("suspended");
  Deno.writeTextFileSync(`${section.localPath}/x`, "content");
  said.length = 0;
  setSuspended(state, false);
  await until("resumed");
  assert(!said.slice(0, said.indexOf("resumed")).includes("round"));
  said.length = 0;
  await until("round");
  stop.abort();
  assert.deepEqual(await running, { outcome: "stopped" });
  assert(world.relayNames().includes("x"));
});
