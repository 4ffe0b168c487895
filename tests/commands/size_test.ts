import assert from "node:assert/strict";
import { hostileObjects, plant } from "../model/hostile_relay.ts";
import { makeKnownFiles } from "../support/known_files.ts";
import { type MeasuredRun, onceMeasured } from "./_measured.ts";
import { filesBelow, Yard } from "./_yard.ts";

/** Larger ones by hand; `tests/model/results/sizes.txt` has what came out. */
const FILES = Number(Deno.env.get("ESCALE_FILES") ?? 2_000);
const NAMES = Number(Deno.env.get("ESCALE_NAMES") ?? 100_000);
const KNOWN = Number(Deno.env.get("ESCALE_KNOWN") ?? 20_000);
const SPARSE_MB = Number(Deno.env.get("ESCALE_SPARSE_MB") ?? 512);

const MB = 1024 * 1024;

function say(what: string, { peakMiB, cpuS, seconds }: MeasuredRun): void {
  const text = `${what}: ${seconds.toFixed(1)} s (${cpuS.toFixed(1)} s of processor time), ` +
    `${Math.round(peakMiB)} MiB at its peak\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}

const linux = { ignore: Deno.build.os !== "linux" };

Deno.test("a sparse file far larger than the memory taken passes through", linux, async () => {
  await using yard = new Yard();
  const [a, b] = [yard.client("A"), yard.client("B")];
  a.write("disk.img", "start");
  Deno.truncateSync(`${a.folder}/disk.img`, SPARSE_MB * MB);
  const [push, pull] = [await onceMeasured(a), await onceMeasured(b)];
  say(`push of ${SPARSE_MB} MiB`, push);
  say(`pull of ${SPARSE_MB} MiB`, pull);
  assert.deepEqual([push.status, pull.status], [0, 0]);
  assert.ok(push.peakMiB < 200 && pull.peakMiB < 200);
  assert.equal(Deno.statSync(`${b.folder}/disk.img`).size, SPARSE_MB * MB);
  assert.deepEqual(filesBelow(yard.relay), [".disk.img.placeholder"]);
});

Deno.test(`${FILES} files in one folder`, linux, async () => {
  await using yard = new Yard();
  const [a, b] = [yard.client("A"), yard.client("B")];
  for (let index = 0; index < FILES; index++) a.write(`many/${index}`, `${index}`);
  const [push, pull, rest] = [
    await onceMeasured(a),
    await onceMeasured(b),
    await onceMeasured(a),
  ];
  say(`push of ${FILES} files`, push);
  say(`pull of ${FILES} files`, pull);
  say(`nothing left among ${FILES} files`, rest);
  assert.deepEqual([push.status, pull.status, rest.status], [0, 0, 0]);
  assert.equal([...Deno.readDirSync(`${b.folder}/many`)].length, FILES);
  assert.equal(b.read(`many/${FILES - 1}`), `${FILES - 1}`);
  for (const { peakMiB } of [push, pull, rest]) assert.ok(peakMiB < 200 + FILES / 150);
});

Deno.test(`${KNOWN} files that an index lists, and nothing to do`, linux, async () => {
  await using yard = new Yard();
  const a = yard.client("A", ["index = yes"]);
  makeKnownFiles({ folder: a.folder, relay: yard.relay }, KNOWN);
  const [first, idle] = [await onceMeasured(a), await onceMeasured(a)];
  say(`agreeing on ${KNOWN} files`, first);
  say(`${KNOWN} files at rest`, idle);
  assert.deepEqual([first.status, idle.status], [0, 0]);
  assert.ok(idle.peakMiB < 150 + KNOWN / 2_000);
});

Deno.test(`a relay of ${NAMES} names that mean nothing here`, linux, async () => {
  await using yard = new Yard();
  const [a, b] = [yard.client("A"), yard.client("B")];
  a.write("f", "1");
  assert.equal(await a.once(), 0);
  for (let index = 0; index < NAMES; index++) {
    Deno.writeTextFileSync(`${yard.relay}/.${index}.foreign`, "");
  }
  const pull = await onceMeasured(b);
  say(`pull beside ${NAMES} names`, pull);
  assert.equal(b.read("f"), "1");
  assert.equal(pull.status, 0);
  assert.ok(pull.peakMiB < 200 + NAMES / 1000);
  assert.deepEqual(filesBelow(b.folder), ["f"]);
});

Deno.test("a hostile relay takes no memory", linux, async () => {
  await using yard = new Yard();
  const [a, b] = [yard.client("A"), yard.client("B")];
  a.write("f", "1");
  assert.equal(await a.once(), 0);
  const outside = `${yard.root}/outside`;
  Deno.mkdirSync(outside);
  // Locks that are held would be waited for.
  plant(yard.relay, hostileObjects(outside).filter(({ name }) => !name.endsWith("lock")));
  const pull = await onceMeasured(b);
  say("pull from a hostile relay", pull);
  assert.equal(b.read("f"), "1");
  assert.equal(pull.status, 3);
  assert.ok(pull.peakMiB < 256);
  assert.deepEqual([...Deno.readDirSync(outside)], []);
});
