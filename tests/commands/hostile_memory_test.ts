import assert from "node:assert/strict";
import { pageStates, PATTERNS } from "../model/hostile_pages.ts";
import { ALL_NAMES, ALL_RECORDS } from "../model/hostile_records.ts";
import { hostileObjects, plant } from "../model/hostile_relay.ts";
import { onceMeasured } from "./_measured.ts";
import { filesBelow, Yard } from "./_yard.ts";

/** The most that a client may take, whatever stands on its relay. */
const MOST_MIB = 256;
/** Of the pages every third: they take a while on a disk. All by hand; see `tests/model/results/hostile-states.txt`. */
const STEP = Deno.env.has("ESCALE_HOSTILE") ? 1 : 3;

const linux = { ignore: Deno.build.os !== "linux" };

function say(what: string, peakMiB: number): void {
  Deno.stderr.writeSync(
    new TextEncoder().encode(`${what}: ${Math.round(peakMiB)} MiB at its peak\n`),
  );
}

Deno.test("hostile objects: a client takes less than 256 MiB", linux, async () => {
  await using yard = new Yard();
  const [a, b] = [yard.client("A"), yard.client("B")];
  a.write("good", "1");
  for (const at of Object.keys(ALL_RECORDS).keys()) a.write(`r${at}`, `${at}`);
  assert.equal(await a.once(["-q"]), 0, a.output);
  const outside = `${yard.root}/outside`;
  Deno.mkdirSync(outside);
  // Locks that are held would be waited for.
  plant(yard.relay, hostileObjects(outside).filter(({ name }) => !name.endsWith("lock")));
  const records = Object.values(ALL_RECORDS);
  plant(yard.relay, records.map((text, at) => ({ name: `.r${at}.placeholder`, text })));
  const names = ALL_NAMES.filter((name) => !name.endsWith("lock") && name.length < 80);
  plant(yard.relay, names.map((name) => ({ name: `n/${name}`, text: "planted" })));
  const run = await onceMeasured(b);
  say("hostile objects", run.peakMiB);
  assert.equal(run.status, 3, b.output);
  assert.ok(run.peakMiB > 20 && run.peakMiB < MOST_MIB, `${run.peakMiB} MiB`);
  assert.equal(b.read("good"), "1");
  assert.deepEqual(filesBelow(outside), []);
});

Deno.test("hostile pages: a client takes less than 256 MiB", linux, async () => {
  await using yard = new Yard();
  const [a, b] = [yard.client("A", ["index = topdir"]), yard.client("B", ["index = topdir"])];
  const kinds = pageStates().filter(({ options }) => options.cipher === undefined);
  const all = kinds.flatMap(({ object, states }) =>
    Object.values(states).map((change) => ({ object, change }))
  ).filter((_, at) => at % STEP === 0);
  a.write("good/f", "1");
  for (const at of all.keys()) a.write(`s${at}/f`, `content of ${at}`);
  assert.equal(await a.once(["-q"]), 0, a.output);
  const standing = filesBelow(yard.relay);
  for (const [at, { object, change }] of all.entries()) {
    const pattern = PATTERNS[object](`s${at}`);
    const place = `${yard.relay}/${standing.find((name) => pattern.test(name))}`;
    Deno.writeFileSync(place, change(Deno.readFileSync(place), `s${at}`));
  }
  const run = await onceMeasured(b);
  say(`${all.length} hostile pages`, run.peakMiB);
  assert.equal(run.status, 3, b.output);
  assert.ok(run.peakMiB > 20 && run.peakMiB < MOST_MIB, `${run.peakMiB} MiB`);
  assert.equal(b.read("good/f"), "1");
  assert.deepEqual(filesBelow(yard.root).filter((name) => name.includes("evil")), []);
});
