import { commandOf, Program } from "../support/program.ts";
import { type Measured, median, runMeasured, usageOf } from "./measure.ts";
import { makeTree, type Scenario, totalsOf } from "./trees.ts";

const DEADLINE_MS = 300_000;

/** Carries a scenario's files from one folder to another, and says what that took. */
export type Peer = (place: Place, scenario: Scenario) => Promise<Measured>;

/** The folders of one measurement. */
export interface Place {
  readonly root: string;
  readonly a: string;
  readonly b: string;
  readonly relay: string;
}

/** The commands of a peer without a daemon: there, and back. */
export type Way = (place: Place) => readonly (readonly string[])[];

/** Makes the folders of a measurement, and the configurations of its two clients with these lines besides. */
export function makePlace(folder: string, lines: readonly string[] = []): Place {
  const place = { root: folder, a: `${folder}/A`, b: `${folder}/B`, relay: `${folder}/relay` };
  for (const path of [place.a, place.b, place.relay]) Deno.mkdirSync(path, { recursive: true });
  for (const side of ["A", "B"]) {
    const all = [
      "[bench]",
      `client = ${side}`,
      `path = ${folder}/${side}`,
      "protocol = file",
      `relay path = ${place.relay}`,
      "legacy peers = no",
      ...lines,
    ];
    Deno.writeTextFileSync(`${folder}/${side}.conf`, all.join("\n") + "\n");
  }
  return place;
}

/** Our clients, one `--once` run after the other. */
export const onceWay: Way = ({ root }) =>
  ["A", "B"].map((side) => [...commandOf("escale"), "--once", "-q", "-c", `${root}/${side}.conf`]);

export const copyWay: Way = ({ a, b, relay }) => [
  ["cp", "-a", `${a}/.`, `${relay}`],
  ["cp", "-a", `${relay}/.`, b],
];

export const rcloneWay: Way = ({ root, a, b, relay }) => {
  const config = ["--config", `${root}/rclone.conf`];
  return [
    ["rclone", "sync", ...config, a, `${relay}-rclone`],
    ["rclone", "sync", ...config, `${relay}-rclone`, b],
  ];
};

export const tarWay: Way = ({ a, b, relay }) => [
  ["sh", "-c", `tar -C '${a}' -cf - . | zstd -q -1 -T1 -o '${relay}.tar.zst'`],
  ["sh", "-c", `zstd -q -d -c '${relay}.tar.zst' | tar -C '${b}' -xf -`],
];

/** Our clients as a running pair: from the files standing at A to B holding them all. */
export async function runPair(place: Place, scenario: Scenario): Promise<Measured> {
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
export function runBoth(place: Place, scenario: Scenario, way: Way): Promise<Measured> {
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

/** Runs each peer on the scenario, in turn, and prints a line for each. Nothing is removed before all have run. */
export async function measure(
  scenario: Scenario,
  peers: Readonly<Record<string, Peer>>,
  options: {
    readonly rounds: number;
    readonly makePlace: (name: string, peer: string) => Place;
  },
): Promise<void> {
  say(`${scenario.name}: ${scenario.title}`);
  const runs = new Map<string, Measured[]>(Object.keys(peers).map((name) => [name, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (const [name, peer] of Object.entries(peers)) {
      const place = options.makePlace(
        `${scenario.name}-${round}-${name.replaceAll(/\W+/g, "-")}`,
        name,
      );
      runs.get(name)?.push(await peer(place, scenario));
    }
  }
  for (const [name, measured] of runs) tell(name, measured);
  say("");
}

/** A line with the medians of some runs. */
export function tell(name: string, measured: readonly Measured[]): void {
  const wall = measured.map(({ wallS }) => wallS);
  const range = `${Math.min(...wall).toFixed(2)} to ${Math.max(...wall).toFixed(2)}`;
  const cpuS = median(measured.map((run) => run.cpuS)).toFixed(2);
  const peakMiB = median(measured.map((run) => run.peakMiB)).toFixed(0);
  const wallText = median(wall).toFixed(2).padStart(7);
  say(`  ${name.padEnd(26)} ${wallText} (${range})  cpu ${cpuS}  peak ${peakMiB}`);
}

/** The head of a report. */
export function tellHead(base: string, rounds: number): void {
  const date = new Date().toISOString().slice(0, 10);
  const processors = navigator.hardwareConcurrency;
  say(`${date}, Deno ${Deno.version.deno}, ${processors} processors, in ${base}`);
  say(
    `median of ${rounds}; wall in s (least to most), processor time of all processes in s, ` +
      "peak memory of the largest in MiB\n",
  );
}

export function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

/** Looks cheaply and seldom, so as not to take the processors from what is measured. */
async function untilEqual({ a, b }: Place): Promise<void> {
  const count = countIn(a);
  await until(() => countIn(b) === count, "all files to come");
  const totals = totalsOf(a);
  await until(() => totalsOf(b) === totals, "the folders to be equal");
}

function countIn(folder: string): number {
  let count = 0;
  for (const entry of Deno.readDirSync(folder)) {
    if (entry.name.startsWith(".")) continue;
    count += entry.isDirectory ? countIn(`${folder}/${entry.name}`) : 1;
  }
  return count;
}

function checkEqual({ a, b }: Place): void {
  const { success } = new Deno.Command("diff", { args: ["-r", "-x", ".*", a, b] }).outputSync();
  if (!success) throw new Error(`"${a}" and "${b}" differ`);
}

/** Looks again after ten times as long as the look took. */
async function until(holds: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + DEADLINE_MS;
  for (;;) {
    const startMs = performance.now();
    if (holds()) return;
    const tookMs = performance.now() - startMs;
    if (startMs > endMs) throw new Error(`Waited in vain for ${what}`);
    await new Promise((resume) => setTimeout(resume, Math.max(10, 10 * tookMs)));
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
