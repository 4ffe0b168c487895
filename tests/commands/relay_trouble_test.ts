import assert from "node:assert/strict";
import { mountTmpfs } from "../support/mount.ts";
import { skip } from "../support/skip.ts";
import { filesBelow, until, untilRounds, Yard, type YardClient } from "./_yard.ts";

/** Two running clients in step. */
async function inStep(yard: Yard): Promise<[YardClient, YardClient]> {
  const [a, b] = [yard.client("A"), yard.client("B")];
  a.write("f", "1");
  b.write("d/g", "2");
  for (const client of [a, b]) client.start(["-v"]);
  await until("the first exchange", [a, b], () => b.read("f") === "1" && a.read("d/g") === "2");
  await until("rest", [a, b], () => isClean(yard));
  return [a, b];
}

function isClean({ relay }: Yard): boolean {
  return filesBelow(relay).every((name) => name.endsWith(".placeholder"));
}

/** Edits on both sides pass, as they did before the trouble. */
async function goesOn(yard: Yard, [a, b]: readonly [YardClient, YardClient]): Promise<void> {
  a.write("f", "after it, of A");
  b.write("d/g", "after it, of B");
  await until(
    "edits after the trouble",
    [a, b],
    () => b.read("f") === "after it, of A" && a.read("d/g") === "after it, of B" && isClean(yard),
  );
  assert.deepEqual(filesBelow(a.folder), ["d/g", "f"]);
  assert.deepEqual(filesBelow(b.folder), ["d/g", "f"]);
}

Deno.test("W21: a relay that goes away and comes back, over and over, ends no client", async () => {
  await using yard = new Yard();
  const [a, b] = await inStep(yard);
  for (let times = 1; times <= 3; times++) {
    Deno.renameSync(yard.relay, `${yard.relay}.away`);
    a.write("f", `edit ${times}`);
    await until("the problem", [a, b], () => a.count("there is no such folder") === times);
    Deno.renameSync(`${yard.relay}.away`, yard.relay);
    await until("the edit", [a, b], () => b.read("f") === `edit ${times}`);
  }
  await goesOn(yard, [a, b]);
  assert.ok(b.count("there is no such folder") <= 3, "told once each time");
});

Deno.test("a relay that is emptied under running clients is filled again, and no file is deleted", async () => {
  await using yard = new Yard();
  const [a, b] = await inStep(yard);
  for (const { name } of [...Deno.readDirSync(yard.relay)]) {
    Deno.removeSync(`${yard.relay}/${name}`, { recursive: true });
  }
  await until(
    "new records",
    [a, b],
    () => filesBelow(yard.relay).join() === ".f.placeholder,d/.g.placeholder",
  );
  await goesOn(yard, [a, b]);
});

Deno.test("a relay that becomes read-only: told once, and all goes on when it is writable", async () => {
  await using yard = new Yard();
  await using disk = mountTmpfs(yard.relay, "8m");
  if (disk === undefined) return skip("a disk cannot be mounted here");
  const [a, b] = await inStep(yard);
  disk.makeReadOnly();
  a.write("f", "edit");
  await until("the problem", [a, b], () => a.output.includes("read-only"));
  await untilRounds(b, 2);
  assert.equal(a.count("read-only"), 1, a.output);
  disk.makeWritable();
  await until("the edit", [a, b], () => b.read("f") === "edit");
  await goesOn(yard, [a, b]);
});

Deno.test("a relay that is full: told once, what fits passes, and all goes on with space", async () => {
  await using yard = new Yard();
  await using disk = mountTmpfs(yard.relay, "8m");
  if (disk === undefined) return skip("a disk cannot be mounted here");
  const [a, b] = await inStep(yard);
  const filler = `${yard.relay}/.filler`;
  Deno.writeFileSync(filler, new Uint8Array(6 * 1024 * 1024));
  a.write("big", new Uint8Array(4 * 1024 * 1024).fill(7));
  a.write("small", "small");
  await until("the small file", [a, b], () => b.read("small") === "small");
  await until("the problem", [a, b], () => a.output.includes("no space is left"));
  await untilRounds(a, 2);
  assert.equal(a.count("no space is left"), 1, a.output);
  Deno.removeSync(filler);
  await until("the big file", [a, b], () => filesBelow(b.folder).includes("big"));
  await until("rest", [a, b], () => isClean(yard));
});

Deno.test("a relay's disk that is not mounted any more is no emptied relay", async () => {
  await using yard = new Yard();
  await using disk = mountTmpfs(yard.relay, "8m");
  if (disk === undefined) return skip("a disk cannot be mounted here");
  const [a, b] = await inStep(yard);
  disk.unmount();
  a.write("f", "edit");
  await until("the problem", [a, b], () => a.output.includes("another file system than before"));
  assert.deepEqual(filesBelow(yard.relay), []);
});
