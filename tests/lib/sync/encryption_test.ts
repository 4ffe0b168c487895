import assert from "node:assert/strict";
import type { Section } from "../../../lib/config/section.ts";
import { GOLDEN_KEY, type TestClient, World } from "../../support/engine.ts";

const T = 1_600_000_000;
const FERNET: Partial<Section> = { cipher: "fernet", passphrase: GOLDEN_KEY };
const SEALED: Partial<Section> = {
  ...FERNET,
  legacyPeers: false,
  checksum: { algorithm: "sha256" },
};
const OTHER_KEY = new TextEncoder().encode("b3RoZXIga2V5IG90aGVyIGtleSBvdGhlciBrZXkgMTI=");
const SETTINGS = { "legacy peers = yes": FERNET, "legacy peers = no": SEALED } as const;

/** A relay with the encrypted files "f" and "g" of A, pushed and not pulled. */
async function pushed(world: World, options: Partial<Section>): Promise<[TestClient, TestClient]> {
  const [a, b] = [world.client("A", options), world.client("B", options)];
  a.write("f", "content of f", T);
  a.write("g", "content of g", T);
  assert.deepEqual((await a.once()).result, { outcome: "done" });
  return [a, b];
}

function swap(world: World, one: string, other: string): void {
  const aside = world.pathOnRelay(`.${one}.aside`);
  Deno.renameSync(world.pathOnRelay(one), aside);
  Deno.renameSync(world.pathOnRelay(other), world.pathOnRelay(one));
  Deno.renameSync(aside, world.pathOnRelay(other));
}

for (const [name, options] of Object.entries(SETTINGS)) {
  Deno.test(`${name}: nothing of a content is readable on the relay, and B gets it`, async () => {
    using world = new World();
    const [a, b] = await pushed(world, options);
    assert.doesNotMatch(JSON.stringify(world.relayTree()), /content of/);
    assert.deepEqual((await b.once()).result, { outcome: "done" });
    assert.deepEqual(b.tree(), a.tree());
    b.write("f", "changed", T + 1);
    await world.settle([a, b]);
    assert.deepEqual(a.tree(), { f: "changed", g: "content of g" });
  });

  Deno.test(`W3, ${name}: with a wrong key nothing is pulled or pushed and no file changes`, async () => {
    using world = new World();
    const [, b] = await pushed(world, options);
    const wrong = b.with({ passphrase: OTHER_KEY });
    wrong.write("own", "mine", T);
    wrong.write("f", "other f", T + 100);
    const before = world.relayTree();
    for (let start = 0; start < 2; start++) {
      const run = await wrong.once();
      assert.equal(run.result.outcome, "failed");
      assert.equal(run.result.error?.code, "wrong-key");
      assert.deepEqual([run.actions, run.problems], [[], []]);
    }
    assert.deepEqual(world.relayTree(), before);
    assert.deepEqual(wrong.tree(), { f: "other f", own: "mine" });
    // With the right key the same client goes on.
    assert.deepEqual((await b.once()).result, { outcome: "done" });
    assert.equal(b.read("g"), "content of g");
  });

  Deno.test(`W3, ${name}: a key that changes later is noticed too`, async () => {
    using world = new World();
    const [a, b] = await pushed(world, options);
    await world.settle([a, b]);
    a.write("f", "new", T + 5);
    await a.once();
    const before = world.relayTree();
    b.write("g", "edited", T + 5);
    const run = await b.with({ passphrase: OTHER_KEY }).once();
    assert.equal(run.result.error?.code, "wrong-key");
    assert.deepEqual(world.relayTree(), before);
    assert.deepEqual(b.tree(), { f: "content of f", g: "edited" });
  });

  for (
    const [how, damage] of [
      ["tampered", (text: string) => text.replace(/.(?=.{40}$)/, (c) => c === "A" ? "B" : "A")],
      ["truncated", (text: string) => text.slice(0, -20)],
      ["emptied", () => ""],
    ] as const
  ) {
    Deno.test(`W4, ${name}: ${how} ciphertext changes nothing here, and its author sends it again`, async () => {
      using world = new World();
      const [a, b] = await pushed(world, options);
      const place = world.pathOnRelay("f");
      Deno.writeTextFileSync(place, damage(Deno.readTextFileSync(place)));
      const first = await b.once();
      assert.deepEqual(b.tree(), { g: "content of g" }, "the other file passes");
      assert.deepEqual([...first.actions].sort(), ["pull g", "request f"]);
      assert.equal(world.relayNames().includes("f"), false, "it is withdrawn");
      assert.deepEqual((await a.once()).actions, ["push f"]);
      assert.deepEqual((await b.once()).actions, ["pull f"]);
      assert.deepEqual(b.tree(), a.tree());
    });
  }

  Deno.test(`${name}: a client that proved its key is not stopped by one damaged content`, async () => {
    using world = new World();
    const [a, b] = await pushed(world, options);
    await world.settle([a, b]);
    a.write("f", "second", T + 5);
    await a.once();
    Deno.writeTextFileSync(world.pathOnRelay("f"), "rubbish");
    const run = await b.once();
    assert.notEqual(run.result.outcome, "failed");
    await world.settle([a, b]);
    assert.deepEqual(b.tree(), { f: "second", g: "content of g" });
  });

  Deno.test(`W16, ${name}: swapped ciphertexts are not taken for each other`, async () => {
    using world = new World();
    const [a, b] = await pushed(world, options);
    swap(world, "f", "g");
    await b.once();
    assert.equal(Object.values(b.tree()).length, 0);
    await world.settle([a, b]);
    assert.deepEqual(b.tree(), { f: "content of f", g: "content of g" });
    assert.deepEqual(a.tree(), b.tree());
  });

  Deno.test(`W16, ${name}: ciphertexts swapped along with their records are refused by the seal`, async () => {
    using world = new World();
    const [a, b] = await pushed(world, options);
    a.write("h", "content of h", T);
    await a.once();
    swap(world, "f", "g");
    swap(world, ".f.placeholder", ".g.placeholder");
    const run = await b.once();
    assert.deepEqual(b.tree(), { h: "content of h" });
    assert.equal(run.problems.length, 2);
    assert.match(run.problems.join(), /its seal is wrong/);
    assert.deepEqual(run.result, { outcome: "skipped" });
    await world.settle([a, b]);
    assert.equal(a.read("f"), "content of f");
    assert.equal(b.read("f"), "content of f");
    assert.equal(b.read("g"), "content of g");
  });

  Deno.test(`${name}: a changed field of a record is refused by the seal`, async () => {
    for (
      const [from, to] of [
        [/timestamp: 1/, "timestamp: 2"],
        [/pusher: A/, "pusher: C"],
        [/size: \d+/, "size: 11"],
        [/\n---/, "\nbase: 00\n---"],
      ] as const
    ) {
      using world = new World();
      const [, b] = await pushed(world, options);
      const place = world.pathOnRelay(".f.placeholder");
      Deno.writeTextFileSync(place, Deno.readTextFileSync(place).replace(from, to));
      const run = await b.once();
      assert.deepEqual(b.tree(), { g: "content of g" }, String(from));
      assert.match(run.problems.join(), /Refused the record of "f" .* its seal is wrong/);
    }
  });
}

Deno.test("legacy peers = yes: records without a seal are accepted, with one warning", async () => {
  using world = new World();
  const [, b] = await pushed(world, FERNET);
  for (const name of [".f.placeholder", ".g.placeholder"]) {
    const place = world.pathOnRelay(name);
    Deno.writeTextFileSync(place, Deno.readTextFileSync(place).replace(/seal: .*\n/, ""));
  }
  const run = await b.once();
  const warnings = run.events.filter((event) => event.kind === "log" && event.level === "warn");
  assert.equal(warnings.length, 1);
  assert.deepEqual(b.tree(), { f: "content of f", g: "content of g" });
  assert.deepEqual(run.result, { outcome: "done" });
});

Deno.test("legacy peers = no: a record without a seal is refused, and so is what 0.7 wrote", async () => {
  using world = new World();
  const [, b] = await pushed(world, SEALED);
  const place = world.pathOnRelay(".f.placeholder");
  Deno.writeTextFileSync(place, Deno.readTextFileSync(place).replace(/seal: .*\n/, ""));
  const run = await b.once();
  assert.deepEqual(b.tree(), { g: "content of g" });
  assert.match(run.problems.join(), /it has no seal, and "legacy peers" is "no"/);
  assert.deepEqual(run.result, { outcome: "skipped" });
});

Deno.test("legacy peers = no: checksums are keyed, so that they confirm no guessed content", async () => {
  using world = new World();
  await pushed(world, SEALED);
  const text = world.relayTree()[".f.placeholder"] ?? "";
  const guess = new Uint8Array(
    await crypto.subtle.digest("SHA-256", new TextEncoder().encode("content of f")),
  ).toHex();
  assert.doesNotMatch(text, new RegExp(guess));
  assert.match(text, /\nchecksum: [0-9a-f]{64}\nalgorithm: sha256-keyed\n/);
});

Deno.test("a forged record does not keep its author from sending the file again", async () => {
  using world = new World();
  const [a, b] = await pushed(world, SEALED);
  await world.settle([a, b]);
  Deno.writeTextFileSync(
    world.pathOnRelay(".f.placeholder"),
    `placeholder%1.0\npusher: E\ntimestamp: ${T + 50}\nchecksum: ${"00".repeat(32)}\n---pullers---`,
  );
  await world.settle([a, b]);
  assert.deepEqual(a.tree(), { f: "content of f", g: "content of g" });
  assert.deepEqual(b.tree(), a.tree());
  assert.match(world.relayTree()[".f.placeholder"] ?? "", /pusher: [AB]\n/);
});

Deno.test("W3: a client with encryption that starts on a plain relay pulls no plain file", async () => {
  using world = new World();
  const [plain, b] = [world.client("A"), world.client("B", FERNET)];
  plain.write("f", "plain text", T);
  await plain.once();
  const before = world.relayTree();
  const run = await b.once();
  assert.equal(run.result.error?.code, "wrong-key");
  assert.deepEqual(b.tree(), {});
  assert.deepEqual(world.relayTree(), before);
});

Deno.test("W16: swapped ciphertexts of unsealed records are withdrawn by a client that starts on them", async () => {
  using world = new World();
  const [a, b] = await pushed(world, FERNET);
  for (const name of [".f.placeholder", ".g.placeholder"]) {
    const place = world.pathOnRelay(name);
    Deno.writeTextFileSync(place, Deno.readTextFileSync(place).replace(/seal: .*\n/, ""));
  }
  swap(world, "f", "g");
  const run = await b.once();
  assert.deepEqual([...run.actions].sort(), ["request f", "request g"]);
  assert.deepEqual(b.tree(), {});
  await world.settle([a, b]);
  assert.deepEqual(b.tree(), a.tree());
});

Deno.test("W3: with blowfish a wrong key shows by the checksums", async () => {
  using world = new World();
  const blowfish = { cipher: "blowfish", passphrase: new Uint8Array(16).fill(65) } as const;
  const [, b] = await pushed(world, blowfish);
  for (const name of [".f.placeholder", ".g.placeholder"]) {
    const place = world.pathOnRelay(name);
    Deno.writeTextFileSync(place, Deno.readTextFileSync(place).replace(/seal: .*\n/, ""));
  }
  const before = world.relayTree();
  const run = await b.with({ passphrase: new Uint8Array(16).fill(66) }).once();
  assert.equal(run.result.error?.code, "wrong-key");
  assert.deepEqual([b.tree(), world.relayTree()], [{}, before]);
  await b.once();
  assert.equal(b.read("f"), "content of f");
});

Deno.test("with seals required, content without a record is not taken for what its name says", async () => {
  using world = new World();
  const secret = { cipher: "fernet", passphrase: GOLDEN_KEY, legacyPeers: false } as const;
  const [a, b] = [world.client("A", secret), world.client("B", secret)];
  a.write("f", "of f", T);
  a.write("g", "of g", T);
  await a.once();
  // Whoever owns the relay swaps the contents and removes the records.
  Deno.renameSync(`${world.relay}/f`, `${world.relay}/swap`);
  Deno.renameSync(`${world.relay}/g`, `${world.relay}/f`);
  Deno.renameSync(`${world.relay}/swap`, `${world.relay}/g`);
  for (const name of ["f", "g"]) Deno.removeSync(`${world.relay}/.${name}.placeholder`);
  const run = await b.once();
  assert.deepEqual(b.tree(), {});
  assert.equal(run.result.outcome, "skipped");
  assert.match(run.problems.join("\n"), /Left "f" on the relay: it has no record/);
  await a.once();
  await b.once();
  assert.equal(b.tree()["f"], "of f");
  assert.equal(b.tree()["g"], "of g");
});
