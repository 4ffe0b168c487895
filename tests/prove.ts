/**
 * The long versions of the tests that look for losses by chance: `deno task prove [NAME]...`, by default all. Each takes
 * its number of cases from the environment, prints its seed, and replays it with `ESCALE_SEED`.
 */
interface Proof {
  readonly title: string;
  readonly variable: string;
  readonly cases: number;
  readonly tests: readonly string[];
}

const PROOFS: Readonly<Record<string, Proof>> = {
  plan: {
    title: "decisions: random histories of clients in a model",
    variable: "ESCALE_CASES",
    cases: 100_000,
    tests: ["tests/model/plan_model_test.ts"],
  },
  interleavings: {
    title: "clients that run at the same time, on a relay in memory",
    variable: "ESCALE_INTERLEAVINGS",
    cases: 20_000,
    tests: ["tests/lib/sync/interleaving_test.ts", "tests/lib/sync/legacy_peer_test.ts"],
  },
  kills: {
    title: "real processes that are killed and suspended",
    variable: "ESCALE_HISTORIES",
    cases: 500,
    tests: ["tests/model/kill_test.ts"],
  },
};

const names = Deno.args.length > 0 ? Deno.args : Object.keys(PROOFS);
for (const name of names) {
  const proof = PROOFS[name];
  if (proof === undefined) {
    say(`There is no proof "${name}": choose from ${Object.keys(PROOFS).join(", ")}`);
    Deno.exit(2);
  }
  const cases = Deno.env.get(proof.variable) ?? String(proof.cases);
  say(`${name}: ${proof.title}, ${cases} cases`);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-check", "-A", ...proof.tests],
    env: { [proof.variable]: cases },
  }).spawn().status;
  if (!success) Deno.exit(1);
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
