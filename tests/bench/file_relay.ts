/**
 * How long files take from one folder to another through a relay directory: our clients as a running pair (from the
 * files standing at A to B holding them all) and as one `--once` run after the other, beside `cp -a` twice and
 * `rclone sync` there and back. All in one run, the peers in turn, three times each.
 *
 * `deno task bench [DIR] [SCENARIO]...` works below DIR (default: the temporary folder) and prints a table.
 */
import {
  copyWay,
  makePlace,
  measure,
  onceWay,
  type Peer,
  rcloneWay,
  runBoth,
  runPair,
  say,
  tell,
  tellHead,
} from "./local_pair.ts";
import { runMeasured } from "./measure.ts";
import { makeTree, SCENARIOS } from "./trees.ts";

const ROUNDS = 3;

const PEERS: Readonly<Record<string, Peer>> = {
  "escale, running pair": runPair,
  "escale --once, twice": (place, scenario) => runBoth(place, scenario, onceWay),
  "cp -a, twice": (place, scenario) => runBoth(place, scenario, copyWay),
  "rclone sync, twice": (place, scenario) => runBoth(place, scenario, rcloneWay),
};

const [base = Deno.env.get("TMPDIR") ?? "/tmp", ...wanted] = Deno.args;
const root = Deno.makeTempDirSync({ dir: base, prefix: "escale-bench-" });
tellHead(base, ROUNDS);
try {
  for (const scenario of SCENARIOS) {
    if (wanted.length > 0 && !wanted.includes(scenario.name)) continue;
    await measure(scenario, PEERS, {
      rounds: ROUNDS,
      makePlace: (name) => makePlace(`${root}/${name}`),
    });
  }
  if (wanted.length === 0 || wanted.includes("idle")) measureIdle();
} finally {
  Deno.removeSync(root, { recursive: true });
}

/** 20 000 files that both sides have, and nothing to do: a round of one side. */
function measureIdle(): void {
  const place = makePlace(`${root}/idle`);
  makeTree(`${place.a}/tree`, { name: "", title: "", files: 20_000, sizeBytes: 1_024 });
  const ways = { "escale --once": onceWay, "rclone sync": rcloneWay };
  for (const way of Object.values(ways)) runMeasured(way(place));
  // The first look after a transfer reads once more what was too fresh to be relied on.
  for (let round = 0; round < 2; round++) runMeasured(onceWay(place));
  say("idle: nothing changed in 20 000 files of 1 KB, one side");
  for (const [name, way] of Object.entries(ways)) {
    const [command = []] = way(place);
    tell(name, Array.from({ length: ROUNDS }, () => runMeasured([command])));
  }
  say("");
}
