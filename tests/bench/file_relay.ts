/**
 * How long files take from one folder to another through a relay directory: our clients as a running pair (from the
 * files standing at A to B holding them all) and as one `--once` run after the other, beside `cp -a` twice and
 * `rclone sync` there and back. All in one run, the peers in turn, three times each.
 *
 * `deno task bench file_relay [DIR] [SCENARIO]...` works below DIR (default: the temporary folder) and prints a table.
 */
import { type Measured, median, runMeasured, usageOf } from "./measure.ts";
import { commandOf, Program } from "../support/program.ts";
import { makeTree, type Scenario, SCENARIOS, totalsOf } from "./trees.ts";

const ROUNDS = 3;
const DEADLINE_MS = 300_000;

type Peer = (place: Place, scenario: Scenario) => Promise<Measured>;

/** The folders of one measurement. */
interface Place {
  readonly root: string;
  readonly a: string;
  readonly b: string;
  readonly relay: string;
}

/** The commands of a peer without a daemon: there, and back. */
type Way = (place: Place) => readonly (readonly string[])[];

const onceWay: Way = ({ root }) =>
  ["A", "B"].map((side) => [...commandOf("escale"), "--once", "-q", "-c", `${root}/${side}.conf`]);
const copyWay: Way = (
  { a, b, relay },
) => [["cp", "-a", `${a}/.`, relay], ["cp", "-a", `${relay}/.`, b]];
const rcloneWay: Way = ({ root, a, b, relay }) => {
  const config = ["--config", `${root}/rclone.conf`];
  return [["rclone", "sync", ...config, a, `${relay}-rclone`], [
    "rclone",
    "sync",
    ...config,
    `${relay}-rclone`,
    b,
  ]];
};

const PEERS: Readonly<Record<string, Peer>> = {
  "escale, running pair": runPair,
  "escale --once, twice": (place, scenario) => runBoth(place, scenario, onceWay),
  "cp -a, twice": (place, scenario) => runBoth(place, scenario, copyWay),
  "rclone sync, twice": (place, scenario) => runBoth(place, scenario, rcloneWay),
};

const [base = Deno.env.get("TMPDIR") ?? "/tmp", ...wanted] = Deno.args;
const root = Deno.makeTempDirSync({ dir: base, prefix: "escale-bench-" });
say(
  `${
    new Date().toISOString().slice(0, 10)
  }, Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} processors, in ${base}`,
);
say(
  "median of 3; wall in s (least to most), processor time of all processes in s, peak memory of the largest in MiB\n",
);
try {
  for (const scenario of SCENARIOS) {
    if (wanted.length === 0 || wanted.includes(scenario.name)) await measure(scenario);
  }
  if (wanted.length === 0 || wanted.includes("idle")) measureIdle();
} finally {
  Deno.removeSync(root, { recursive: true });
}

async function measure(scenario: Scenario): Promise<void> {
  say(`${scenario.name}: ${scenario.title}`);
  const runs = new Map<string, Measured[]>(Object.keys(PEERS).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, peer] of Object.entries(PEERS)) {
      const place = makePlace(`${scenario.name}-${round}-${name.replaceAll(/\W+/g, "-")}`);
      runs.get(name)?.push(await peer(place, scenario));
    }
  }
  for (const [name, measured] of runs) tell(name, measured);
  say("");
}

function tell(name: string, measured: readonly Measured[]): void {
  const wall = measured.map(({ wallS }) => wallS);
  const range = `${Math.min(...wall).toFixed(2)} to ${Math.max(...wall).toFixed(2)}`;
  const cpuS = median(measured.map((run) => run.cpuS)).toFixed(2);
  const peakMiB = median(measured.map((run) => run.peakMiB)).toFixed(0);
  say(
    `  ${name.padEnd(22)} ${
      median(wall).toFixed(2).padStart(7)
    } (${range})  cpu ${cpuS}  peak ${peakMiB}`,
  );
}

function makePlace(name: string): Place {
  const folder = `${root}/${name}`;
  const place = { root: folder, a: `${folder}/A`, b: `${folder}/B`, relay: `${folder}/relay` };
  for (const path of [place.a, place.b, place.relay]) Deno.mkdirSync(path, { recursive: true });
  for (const side of ["A", "B"]) {
    const lines = [
      "[bench]",
      `client = ${side}`,
      `path = ${folder}/${side}`,
      "protocol = file",
      `relay path = ${place.relay}`,
      "legacy peers = no",
    ];
    Deno.writeTextFileSync(`${folder}/${side}.conf`, lines.join("\n") + "\n");
  }
  return place;
}

/** Both clients run before the clock starts. */
async function runPair(place: Place, scenario: Scenario): Promise<Measured> {
  makeTree(`${place.root}/new`, scenario);
  await using a = Program.start("escale", ["-v", "-c", `${place.root}/A.conf`]);
  await using b = Program.start("escale", ["-v", "-c", `${place.root}/B.conf`]);
  await until(
    () => [a, b].every((program) => program.output().includes("round of")),
    "the clients to start",
  );
  if (scenario.change !== undefined) {
    Deno.renameSync(`${place.root}/new`, `${place.a}/tree`);
    await untilEqual(place);
  }
  const before = [a, b].map((program) => usageOf(program.pid));
  const startMs = performance.now();
  if (scenario.change === undefined) Deno.renameSync(`${place.root}/new`, `${place.a}/tree`);
  else scenario.change(`${place.a}/tree`);
  await untilEqual(place);
  const wallS = (performance.now() - startMs) / 1000;
  const after = [a, b].map((program) => usageOf(program.pid));
  await a.stop();
  await b.stop();
  checkEqual(place);
  return {
    wallS,
    cpuS: sum(after.map(({ cpuS }) => cpuS)) - sum(before.map(({ cpuS }) => cpuS)),
    peakMiB: Math.max(...after.map(({ peakMiB }) => peakMiB)),
  };
}

/** The way there and the way back, one after the other. What both sides have before is not counted. */
function runBoth(place: Place, scenario: Scenario, way: Way): Promise<Measured> {
  const { root, a } = place;
  makeTree(`${root}/new`, scenario);
  Deno.renameSync(`${root}/new`, `${a}/tree`);
  const commands = way(place);
  if (scenario.change !== undefined) {
    runMeasured(commands);
    scenario.change(`${a}/tree`);
  }
  const measured = runMeasured(commands);
  checkEqual(place);
  return Promise.resolve(measured);
}

/** 20 000 files that both sides have, and nothing to do: a round of one side. */
function measureIdle(): void {
  const place = makePlace("idle");
  makeTree(`${place.a}/tree`, { name: "", title: "", files: 20_000, sizeBytes: 1_024 });
  const ways = { "escale --once": onceWay, "rclone sync": rcloneWay };
  for (const way of Object.values(ways)) runMeasured(way(place));
  runMeasured(onceWay(place));
  say("idle: nothing changed in 20 000 files of 1 KB, one side");
  for (const [name, way] of Object.entries(ways)) {
    const [command = []] = way(place);
    tell(name, Array.from({ length: ROUNDS }, () => runMeasured([command])));
  }
  say("");
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

async function untilEqual(place: Place): Promise<void> {
  await until(() => totalsOf(place.a) === totalsOf(place.b), "the folders to be equal");
}

function checkEqual({ a, b }: Place): void {
  const { success } = new Deno.Command("diff", { args: ["-r", "-x", ".*", a, b] }).outputSync();
  if (!success) throw new Error(`"${a}" and "${b}" differ`);
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + DEADLINE_MS;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`Waited in vain for ${what}`);
    await new Promise((resume) => setTimeout(resume, 20));
  }
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
