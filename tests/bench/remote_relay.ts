/**
 * How long files take from one folder over a server to another: our clients as one `--once` run after the other, with
 * and without an index, beside `rclone sync` there and back and, over FTP, `lftp mirror`. All in one run, the peers in
 * turn.
 *
 * `deno task bench-remote [WORD]...` prints a table; words choose servers (pure-ftpd, vsftpd, apache, nginx), remotes of
 * rclone's (rclone-local, rclone-sftp), scenarios (few, small, tiny, big, changed, idle) and round trips ("0 ms", "20 ms",
 * "100 ms"), and how often each is measured ("rounds=3"). Of what no word chooses, all are measured; only "few" and "small" with an added round trip. The slow
 * network is a program of ours (`delay.ts`), as not every machine's kernel can slow down its own.
 */
import { type Measured, median, runMeasuredAside } from "./measure.ts";
import { PEERS, type Place, type Remote, SERVERS, startRemote, type Way } from "./remote_peers.ts";
import { makeTree, type Scenario, SCENARIOS } from "./trees.ts";

const ROUND_TRIPS_MS = [0, 20, 100];
/** What is measured over a slow network unless another scenario is named. */
const SLOW_SCENARIOS: ReadonlySet<string> = new Set(["few", "small"]);

const REMOTE_SCENARIOS: readonly Scenario[] = [
  { name: "few", title: "200 files of 4 KB", files: 200, sizeBytes: 4_096 },
  ...SCENARIOS.filter(({ name }) => name !== "changed"),
  {
    name: "changed",
    title: "1 % of 20 000 files of 1 KB grown by a byte",
    files: 20_000,
    sizeBytes: 1_024,
    change: growSome,
  },
  {
    name: "idle",
    title: "nothing changed in 20 000 files of 1 KB",
    files: 20_000,
    sizeBytes: 1_024,
    change: () => {},
  },
];

const words = new Set(Deno.args.map((word) => word.replaceAll(" ", "")));
const rounds = Number([...words].find((word) => word.startsWith("rounds="))?.slice(7) ?? 3);
const folder = Deno.makeTempDirSync({ prefix: "escale-bench-" });
say(
  `${new Date().toISOString().slice(0, 10)}, Deno ${Deno.version.deno}, ` +
    `${navigator.hardwareConcurrency} processors; median of ${rounds}: wall in s (least to most), ` +
    "processor time of the clients in s, peak memory of the largest in MiB\n",
);
try {
  for (const server of chosen(SERVERS, (it) => it)) {
    for (const roundTripMs of chosen(ROUND_TRIPS_MS, (ms) => `${ms}ms`)) {
      await using remote = await startRemote(server, roundTripMs);
      const scenarios = chosen(REMOTE_SCENARIOS, ({ name }) => name);
      const isAll = scenarios.length === REMOTE_SCENARIOS.length;
      for (const scenario of scenarios) {
        if (isAll && roundTripMs > 0 && !SLOW_SCENARIOS.has(scenario.name)) continue;
        say(`${server}, ${roundTripMs} ms, ${scenario.name}: ${scenario.title}`);
        await measure(scenario, `${server}-${roundTripMs}`, remote);
      }
    }
  }
} finally {
  Deno.removeSync(folder, { recursive: true });
}

/** Those that a word names; all if none does. */
function chosen<T>(all: readonly T[], wordOf: (item: T) => string): readonly T[] {
  const named = all.filter((item) => words.has(wordOf(item)));
  return named.length > 0 ? named : all;
}

async function measure(scenario: Scenario, prefix: string, remote: Remote): Promise<void> {
  const runs = new Map<string, Measured[]>();
  for (let round = 0; round < rounds; round++) {
    for (const [peer, way] of Object.entries(PEERS)) {
      const name = `${prefix}-${scenario.name}-${round}-${peer.replaceAll(/\W+/g, "-")}`;
      const measured = await measureOnce(scenario, makePlace(name), { way, remote });
      if (measured !== undefined) runs.set(peer, [...(runs.get(peer) ?? []), measured]);
    }
  }
  for (const [peer, measured] of runs) tell(peer, measured);
  say("");
}

/** The way there and the way back. What both sides have before is not counted. */
async function measureOnce(
  scenario: Scenario,
  place: Place,
  { way, remote }: { readonly way: Way; readonly remote: Remote },
): Promise<Measured | undefined> {
  const commands = way(place, remote);
  if (commands.length === 0) return undefined;
  makeTree(`${place.a}/tree`, scenario);
  if (scenario.change !== undefined) {
    // Twice, as a client notes only in its second round that nothing is to be done.
    await runMeasuredAside([...commands, ...commands]);
    scenario.change(`${place.a}/tree`);
  }
  const measured = await runMeasuredAside(commands);
  checkEqual(place);
  Deno.removeSync(place.root, { recursive: true });
  return measured;
}

function makePlace(name: string): Place {
  const root = `${folder}/${name}`;
  const place = { root, a: `${root}/A`, b: `${root}/B`, name };
  for (const path of [place.a, place.b]) Deno.mkdirSync(path, { recursive: true });
  return place;
}

function tell(name: string, measured: readonly Measured[]): void {
  const wall = measured.map(({ wallS }) => wallS);
  const range = `${Math.min(...wall).toFixed(2)} to ${Math.max(...wall).toFixed(2)}`;
  const cpuS = median(measured.map((run) => run.cpuS)).toFixed(2);
  const peakMiB = median(measured.map((run) => run.peakMiB)).toFixed(0);
  const middle = median(wall).toFixed(2).padStart(8);
  say(`  ${name.padEnd(22)} ${middle} (${range})  cpu ${cpuS}  peak ${peakMiB}`);
}

function checkEqual({ a, b }: Place): void {
  const { success } = new Deno.Command("diff", { args: ["-r", "-x", ".*", a, b] }).outputSync();
  if (!success) throw new Error(`"${a}" and "${b}" differ`);
}

/** Every hundredth file grows: all peers see that, also where a server keeps no times. */
function growSome(tree: string): void {
  let index = 0;
  for (const { name } of Deno.readDirSync(tree)) {
    for (const entry of Deno.readDirSync(`${tree}/${name}`)) {
      if (index++ % 100 !== 0) continue;
      Deno.writeFileSync(`${tree}/${name}/${entry.name}`, new Uint8Array(1), { append: true });
    }
  }
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
