import assert from "node:assert/strict";
import { type TestClient, World } from "../support/engine.ts";
import { skip } from "../support/skip.ts";
import { looksOf } from "./hostile_oracle.ts";
import {
  hostileObjects,
  LOCKS,
  plant,
  plantByShell,
  plantLongPath,
  RECORDS,
} from "./hostile_relay.ts";

const T = 1_600_000_000;

/** A folder beside the relay with what planted links lead to. */
function makeOutside(world: World): string {
  const outside = `${world.root}/outside`;
  Deno.mkdirSync(outside);
  Deno.writeTextFileSync(`${outside}/secret`, "secret");
  Deno.writeTextFileSync(`${outside}/record`, "placeholder%1.0\npusher: A\ntimestamp: 1\n");
  Deno.writeTextFileSync(`${outside}/lock`, "lock%1.0\nowner: A");
  return outside;
}

function writeGoodFiles(client: TestClient): Record<string, string> {
  const names = ["good", "r/good", "l/good", "s/good", "k/good", "n/good", "new/good"];
  for (const name of names) client.write(name, `${name} of ${client.section.name}`, T);
  return Object.fromEntries(names.map((name) => [name, `${name} of ${client.section.name}`]));
}

/** Rounds of both clients, the clock going on so that locks become stale and contents stable. */
async function runAll(world: World, clients: readonly TestClient[]): Promise<string[]> {
  const problems: string[] = [];
  for (const client of clients) {
    await using session = await client.open();
    for (let round = 0; round < 4; round++) {
      problems.push(...(await session.round()).problems);
      world.clock.uptimeS += client.section.lockTimeoutS + 1;
    }
  }
  return problems;
}

Deno.test("a hostile relay: nothing outside is touched, nothing blocks, and the other files pass", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  const outside = makeOutside(world);
  const planted = plant(world.relay, hostileObjects(outside));
  assert.ok(planted > 150);
  plantLongPath(world.relay);
  if (!plantByShell(world.relay)) skip("names that are no Unicode cannot be made here");
  const good = writeGoodFiles(a);
  const passing = ["s/good link", "s/good linked record"];
  const hindered = ["s/good linked lock", "k/good folder", "k/good content folder"];
  for (const kind of ["pipe", "socket", "device"]) {
    passing.push(`k/good ${kind}`, `k/good content ${kind}`);
    hindered.push(`k/good lock ${kind}`);
  }
  for (const name of [...passing, ...hindered, "k/good lock folder"]) a.write(name, "of A", T);
  const before = looksOf(outside);
  const problems = await runAll(world, [a, b, a]);
  assert.deepEqual(looksOf(outside), before);
  assert.deepEqual(Object.keys(good).map((name) => b.read(name)), Object.values(good));
  for (const [index, client] of [a, b].entries()) {
    const tree = client.tree();
    assert.ok(!Object.values(tree).includes("secret"), "what links lead to is not read");
    const strange = Object.entries(tree).filter(([, content]) =>
      content !== "planted" && !content.endsWith("of A")
    );
    assert.deepEqual(strange, [], `client ${index}`);
    assert.ok(!Object.keys(tree).some((name) => name.startsWith("h/huge content")));
  }
  assert.deepEqual(passing.filter((name) => b.tree()[name] !== "of A"), []);
  for (const name of hindered) {
    const base = name.slice(2);
    assert.ok(problems.some((problem) => problem.includes(base)), `${name} is told`);
  }
  assert.ok(problems.length > 20);
  for (const problem of problems) {
    assert.match(problem, /"/, "each names its object");
    assert.doesNotMatch(problem, /[\p{Cc}\u202e]/u, "no control characters pass");
    assert.doesNotMatch(problem, /undefined|TypeError|not a function|unexpected/);
  }
});

Deno.test("each malformed record and lock alone: a named problem or nothing, and the file still passes", async () => {
  for (const [objects, extension] of [[RECORDS, "placeholder"], [LOCKS, "lock"]] as const) {
    for (const [name, text] of Object.entries(objects)) {
      using world = new World();
      const [a, b] = [world.client("A"), world.client("B")];
      plant(world.relay, [{ name: `.f.${extension}`, text }]);
      a.write("f", "of A", T);
      await runAll(world, [a, b, a, b]);
      if (extension === "lock" || b.tree()["f"] !== undefined) {
        assert.ok(Object.values(a.tree()).includes("of A"), name);
      }
      assert.ok(
        Object.values(b.tree()).includes("of A"),
        `${extension} ${name}: ${JSON.stringify(world.relayTree()).slice(0, 600)}`,
      );
    }
  }
});
