import assert from "node:assert/strict";
import { noise } from "../support/byte_streams.ts";
import { mountTmpfs } from "../support/mount.ts";
import { skip } from "../support/skip.ts";
import { filesBelow, Yard } from "./_yard.ts";

const MB = 1024 * 1024;

Deno.test("an update for which the disk is too small is given up early, and sent once there is space", async () => {
  await using yard = new Yard();
  const a = yard.client("A", ["index = yes"]);
  const state = a.config.replace(/\.conf$/, "");
  Deno.mkdirSync(state);
  await using disk = mountTmpfs(state, "48m");
  if (disk === undefined) return skip("a small disk cannot be mounted here");
  a.write("big", noise(100 * MB));
  assert.notEqual(await a.once(), 0);
  assert.match(a.output, /Cannot hold what is to be sent in ".*\.spool": about \d+ MiB more/);
  assert.doesNotMatch(a.output, /no space is left/);
  assert.deepEqual(filesBelow(state).filter((name) => name.endsWith(".spool")), []);
  a.write("big", noise(20 * MB));
  assert.equal(await a.once(), 0, a.output);
  assert.ok(filesBelow(yard.relay).some((name) => name.endsWith(".data")));
});
