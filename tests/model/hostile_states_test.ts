import assert from "node:assert/strict";
import { ciphertextStates, runCiphertexts, runNames, runRecordsAndLocks } from "./hostile_files.ts";
import { pageStates, runPages } from "./hostile_pages.ts";
import { ALL_LOCKS, ALL_NAMES, ALL_RECORDS } from "./hostile_records.ts";

const LEAST_STATES = 500;

Deno.test("hostile records and locks: named or ignored, nothing is lost, the other files pass", async () => {
  await runRecordsAndLocks();
});

Deno.test("hostile names: named or ignored, nothing else is touched", async () => {
  // Some names are too long, or no names at all, for the disk at hand.
  assert.ok(await runNames() > 0.9 * ALL_NAMES.length);
});

Deno.test("hostile contents: refused by name, and their author sends them again", async () => {
  for (const states of ciphertextStates()) await runCiphertexts(states);
});

for (const states of pageStates()) {
  Deno.test(`hostile pages (${states.kind}): named or ignored, nothing is lost, the other pages pass`, async () => {
    await runPages(states);
  });
}

Deno.test(`there are at least ${LEAST_STATES} hostile states, all different`, () => {
  const counts: Record<string, number> = {
    placeholder: distinct(Object.values(ALL_RECORDS)),
    lock: distinct(Object.values(ALL_LOCKS)),
    names: distinct(ALL_NAMES),
  };
  for (const { kind, states } of [...ciphertextStates(), ...pageStates()]) {
    const made = Object.values(states).map((change) => change(GOOD, "s0"));
    counts[kind] = distinct(made);
  }
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  assert.ok(all >= LEAST_STATES, JSON.stringify(counts));
  for (const [kind, count] of Object.entries(counts)) assert.ok(count > 30, `${kind}: ${count}`);
  if (Deno.env.has("ESCALE_HOSTILE")) {
    Deno.stderr.writeSync(new TextEncoder().encode(`${all} states: ${JSON.stringify(counts)}\n`));
  }
});

/** Stands for what a client has written: a token of some length. */
const GOOD = new TextEncoder().encode(
  new Uint8Array(Array.from({ length: 150 }, (_, at) => at)).toBase64({ alphabet: "base64url" }),
);

function distinct(contents: readonly (string | Uint8Array)[]): number {
  return new Set(contents.map((it) => typeof it === "string" ? it : it.toBase64())).size;
}
