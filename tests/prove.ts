/**
 * The long versions of the tests that look for losses by chance: `deno task prove [NAME [CASES]]...`, by default all.
 * Each takes its number of cases from there or from the environment, prints its seed, and replays it with `ESCALE_SEED`.
 */
interface Proof {
  readonly title: string;
  readonly variable: string;
  readonly cases: number | "all";
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
  world: {
    title: "whole clients in a simulated world: users, crashes, faults",
    variable: "ESCALE_WORLDS",
    cases: 100_000,
    tests: ["tests/model/world_test.ts"],
  },
  crashes: {
    title: "death at every call to the disk or the relay, each with all losses",
    variable: "ESCALE_CRASHES",
    cases: "all",
    tests: ["tests/model/crash_sweep_test.ts"],
  },
  fuzz: {
    title: "each parser of what comes from outside, fed with what is malformed",
    variable: "ESCALE_FUZZ",
    cases: 1_000_000,
    tests: ["tests/model/fuzz_test.ts"],
  },
  deaths: {
    title: "death at each call of a round of random histories",
    variable: "ESCALE_DEATHS",
    cases: 1_000,
    tests: ["tests/model/world_deaths_test.ts"],
  },
  faults: {
    title: "each fault at each relay call of a round of random histories",
    variable: "ESCALE_FAULTS",
    cases: 200,
    tests: ["tests/model/world_faults_test.ts"],
  },
  kills: {
    title: "real processes that are killed and suspended, while folders go away and disks are full",
    variable: "ESCALE_HISTORIES",
    cases: 500,
    tests: ["tests/model/kill_test.ts"],
  },
  locks: {
    title: "real processes after the same locks on every storage, with wrong clocks and stops",
    variable: "ESCALE_LOCKS",
    cases: 10_000,
    tests: ["tests/model/lock_test.ts", "tests/model/lock_lease_test.ts"],
  },
};

const names = Deno.args.length > 0 ? Deno.args : Object.keys(PROOFS);
for (const [at, name] of names.entries()) {
  if (isCount(name)) continue;
  const proof = PROOFS[name];
  if (proof === undefined) {
    say(`There is no proof "${name}": choose from ${Object.keys(PROOFS).join(", ")}`);
    Deno.exit(2);
  }
  const given = names[at + 1];
  const cases = given !== undefined && isCount(given)
    ? given
    : Deno.env.get(proof.variable) ?? String(proof.cases);
  say(`${name}: ${proof.title}, ${cases} cases`);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-check", "-A", ...proof.tests],
    env: { [proof.variable]: cases },
  }).spawn().status;
  if (!success) Deno.exit(1);
}

function isCount(text: string): boolean {
  return /^[0-9]+$/.test(text);
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
