/**
 * How long files take from one folder to another through a relay directory with an index: our clients as a running pair
 * with each compression, plain and encrypted, beside `tar` through `zstd`, `cp -a` and `rclone sync` there and back. All in
 * one run, the peers in turn, three times each.
 *
 * `deno task bench-index [DIR] [SCENARIO]...` works below DIR (default: the temporary folder) and prints a table.
 */
import {
  copyWay,
  makePlace,
  measure,
  onceWay,
  type Peer,
  type Place,
  rcloneWay,
  runBoth,
  runPair,
  tarWay,
  tellHead,
} from "./local_pair.ts";
import { SCENARIOS } from "./trees.ts";

const ROUNDS = 3;
const KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const ENCRYPTED = ["encryption = fernet", `passphrase = ${KEY}`];

/** The lines of our peers' configurations. */
const OURS: Readonly<Record<string, readonly string[]>> = {
  "escale, zstd": ["compression = zstd"],
  "escale, zstd, fernet": ["compression = zstd", ...ENCRYPTED],
  "escale, bz2": ["compression = bz2"],
  "escale, none": ["compression = none"],
  "escale, none, fernet": ["compression = none", ...ENCRYPTED],
  "escale --once, zstd": ["compression = zstd"],
};

const PEERS: Readonly<Record<string, Peer>> = {
  "escale, zstd": runPair,
  "escale, zstd, fernet": runPair,
  "escale, bz2": runPair,
  "escale, none": runPair,
  "escale, none, fernet": runPair,
  "escale --once, zstd": (place, scenario) => runBoth(place, scenario, onceWay),
  "tar | zstd, twice": (place, scenario) => runBoth(place, scenario, tarWay),
  "cp -a, twice": (place, scenario) => runBoth(place, scenario, copyWay),
  "rclone sync, twice": (place, scenario) => runBoth(place, scenario, rcloneWay),
};

const [base = Deno.env.get("TMPDIR") ?? "/tmp", ...wanted] = Deno.args;
const root = Deno.makeTempDirSync({ dir: base, prefix: "escale-bench-" });
tellHead(base, ROUNDS);
try {
  for (const scenario of SCENARIOS) {
    if (wanted.length > 0 && !wanted.includes(scenario.name)) continue;
    // A compressed gigabyte of random bytes takes minutes and shows nothing that the small trees do not.
    const peers = scenario.name === "big" ? withoutBzip2(PEERS) : PEERS;
    await measure(scenario, peers, { rounds: ROUNDS, makePlace: placeFor });
  }
} finally {
  Deno.removeSync(root, { recursive: true });
}

function placeFor(name: string, peer: string): Place {
  return makePlace(`${root}/${name}`, ["index = yes", ...OURS[peer] ?? []]);
}

function withoutBzip2(peers: Readonly<Record<string, Peer>>): Record<string, Peer> {
  return Object.fromEntries(Object.entries(peers).filter(([name]) => !name.includes("bz2")));
}
