import assert from "node:assert/strict";

import type { StatusDocument } from "../../../lib/daemon/status.ts";
import { readStatus, StatusFile, WRITE_EVERY_MS } from "../../../lib/daemon/status_file.ts";
import { ManualTimers } from "./_manual_timers.ts";

Deno.test("StatusFile is written once a second at most, and at the end", () => {
  const folder = Deno.makeTempDirSync();
  const path = `${folder}/status.json`;
  const timers = new ManualTimers();
  let count = 0;
  const document = (): StatusDocument => {
    count++;
    return {
      version: 1,
      configFile: "/a.conf",
      pid: 5,
      startedMs: 1,
      atMs: count,
      args: [],
      clients: [],
    };
  };
  const written = () => readStatus(path)?.atMs;
  {
    using file = new StatusFile(path, { document, timers });
    assert.equal(readStatus(path), undefined);
    for (let touch = 0; touch < 10; touch++) file.touch();
    assert.equal(written(), undefined);
    timers.pass(WRITE_EVERY_MS);
    assert.equal(written(), 1);
    timers.pass(10 * WRITE_EVERY_MS);
    assert.equal(written(), 1);
    file.touch();
    file.write();
    assert.deepEqual([written(), timers.count], [2, 0]);
  }
  assert.equal(written(), 3);
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["status.json"]);
  for (const text of ["", "no JSON", "{}", '{"version":2}']) {
    Deno.writeTextFileSync(path, text);
    assert.equal(readStatus(path), undefined);
  }
  Deno.removeSync(folder, { recursive: true });
});
