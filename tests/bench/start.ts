/**
 * How long the programs take to start: `escale --version`, `escalectl --help`, and a run with nothing to do, from the
 * sources and from the bundle, beside an empty program under the same runtime.
 *
 * `deno run -A tests/bench/start.ts [RUNS]` prints a table; the peers take turns.
 */
import { bundle, runtimeFlags } from "../build.ts";
import { commandOf } from "../support/program.ts";
import { type Measured, median, runMeasured } from "./measure.ts";

const runs = Number(Deno.args[0] ?? 15);
const root = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "escale-start-" }));

try {
  await bundle(`${root}/bundle`);
  const config = makeConfig();
  const runtime = [Deno.execPath(), "run", ...runtimeFlags("escale")];
  Deno.writeTextFileSync(`${root}/empty.js`, "Deno.exit(0);\n");
  const sources = commandOf("escale");
  const bundled = [...runtime, `${root}/bundle/main.js`];
  const once = ["--once", "-q", "-c", config];
  tell({
    "empty program": [...runtime, `${root}/empty.js`],
    "escale --version, sources": [...sources, "--version"],
    "escale --version, bundle": [...bundled, "--version"],
    "escalectl --help, sources": [...commandOf("escalectl"), "--help"],
    "escalectl --help, bundle": [...runtime, `${root}/bundle/ctl.js`, "--help"],
    "idle --once, sources": [...sources, ...once],
    "idle --once, bundle": [...bundled, ...once],
  });
} finally {
  Deno.removeSync(root, { recursive: true });
}

function makeConfig(): string {
  for (const name of ["files", "relay"]) Deno.mkdirSync(`${root}/${name}`);
  Deno.writeTextFileSync(`${root}/files/a.txt`, "one\n");
  const lines = ["[a]", "client = a", `path = ${root}/files`, "protocol = file"];
  Deno.writeTextFileSync(
    `${root}/a.conf`,
    [...lines, `relay path = ${root}/relay`, "legacy peers = no", ""].join("\n"),
  );
  return `${root}/a.conf`;
}

function tell(peers: Readonly<Record<string, readonly string[]>>): void {
  const measured = new Map<string, Measured[]>();
  // The first run fills the runtime's caches and is not counted.
  for (let run = 0; run <= runs; run++) {
    for (const [name, command] of Object.entries(peers)) {
      const result = runMeasured([command]);
      if (run > 0) measured.set(name, [...measured.get(name) ?? [], result]);
    }
  }
  const date = new Date().toISOString().slice(0, 10);
  say(`${date}, Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} processors`);
  say(`median of ${runs} in ms, least in parentheses; processor time; peak memory in MiB\n`);
  for (const [name, results] of measured) {
    const wall = results.map(({ wallS }) => wallS * 1000);
    const cpu = median(results.map(({ cpuS }) => cpuS * 1000)).toFixed(0);
    const peak = median(results.map(({ peakMiB }) => peakMiB)).toFixed(0);
    const times = `${median(wall).toFixed(0).padStart(5)} (${Math.min(...wall).toFixed(0)})`;
    say(`  ${name.padEnd(28)} ${times.padEnd(14)} cpu ${cpu.padStart(4)}  peak ${peak}`);
  }
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
