import assert from "node:assert/strict";
import { noise } from "../support/byte_streams.ts";
import { type Mount, mountTmpfs } from "../support/mount.ts";
import { skip } from "../support/skip.ts";
import { filesBelow, sleep, until, untilRounds, Yard } from "./_yard.ts";

const MB = 1024 * 1024;

/** A disk of 8 MiB at `path`, or nothing where this process may not mount. */
function smallDisk(path: string): Mount | undefined {
  const disk = mountTmpfs(path, "8m");
  if (disk === undefined) skip("a small disk cannot be mounted here");
  return disk;
}

Deno.test("a full local disk: the file stays on the relay, nothing is cut, and all goes on with space", async () => {
  await using yard = new Yard();
  const [a, b] = [yard.client("A"), yard.client("B")];
  await using disk = smallDisk(b.folder);
  if (disk === undefined) return;
  const big = noise(6 * MB);
  b.write("filler", noise(4 * MB, 2));
  a.write("big", big);
  a.write("small", "small");
  a.start();
  b.start(["-v"]);
  await until("the problem", [a, b], () => b.output.includes("no space is left"));
  await until("the small file", [a, b], () => b.read("small") === "small");
  await untilRounds(b, 3);
  assert.equal(b.count("no space is left"), 1, "told once");
  // It is tried again in every round: what an attempt under way has written goes with the attempt.
  const isClean = () => filesBelow(b.folder).join(" ") === "filler small";
  await until("an end of each attempt that leaves nothing here", [a, b], isClean);
  assert.ok(filesBelow(yard.relay).includes("big"));
  Deno.removeSync(`${b.folder}/filler`);
  await until("the big file", [a, b], () => filesBelow(b.folder).includes("big"));
  assert.deepEqual(Deno.readFileSync(`${b.folder}/big`), big);
});

Deno.test("a full disk with the state on it: the client goes on once there is space", async () => {
  await using yard = new Yard();
  const [a, b] = [yard.client("A"), yard.client("B")];
  const state = b.config.replace(/\.conf$/, "");
  Deno.mkdirSync(state);
  await using disk = smallDisk(state);
  if (disk === undefined) return;
  b.write("before", "before");
  a.start();
  b.start(["-v"]);
  await until("the first exchange", [a, b], () => a.read("before") === "before");
  fill(`${state}/filler`);
  for (let index = 0; index < 40; index++) a.write(`new ${index}`, `new ${index}`);
  await until("the problem", [a, b], () => b.output.includes("space"));
  await sleep(1500);
  assert.ok(b.isRunning);
  assert.ok(b.count("warning: ") < 50, b.output);
  Deno.removeSync(`${state}/filler`);
  await until("the rest", [a, b], () => b.read("new 39") === "new 39");
  await until(
    "all of it",
    [a, b],
    () => filesBelow(yard.relay).every((name) => name.endsWith(".placeholder")),
  );
});

Deno.test("a read-only local disk: told once, what is here is still sent, and all goes on later", async () => {
  await using yard = new Yard();
  const [a, b] = [yard.client("A"), yard.client("B")];
  await using disk = smallDisk(b.folder);
  if (disk === undefined) return;
  b.write("of B", "of B");
  disk.makeReadOnly();
  a.write("of A", "of A");
  a.start();
  b.start(["-v"]);
  await until("the file of B", [a, b], () => a.read("of B") === "of B");
  await until("the problem", [a, b], () => b.output.includes("Cannot write"));
  await untilRounds(b, 3);
  assert.equal(b.count("Cannot write"), 1, "told once");
  disk.makeWritable();
  await until("the file of A", [a, b], () => b.read("of A") === "of A");
});

/** Takes all the space that is left. */
function fill(path: string): void {
  using file = Deno.openSync(path, { write: true, createNew: true });
  for (const sizeBytes of [MB, 4096, 1]) {
    try {
      for (;;) file.writeSync(new Uint8Array(sizeBytes));
    } catch (cause) {
      if (!(cause instanceof Error && "code" in cause && cause.code === "ENOSPC")) throw cause;
    }
  }
}
