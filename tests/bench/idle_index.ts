/**
 * What a client with an index costs that has nothing to do: `--once` over a repository whose files are all known and
 * unchanged. The index that its relay has from others lists the very files that stand here, so that the first run
 * agrees on all of them without a transfer. Then a file is added, so that all must be looked at once more.
 *
 * `deno run --frozen -A tests/bench/idle_index.ts [DIR] [FILES] [RUNS]` works below DIR (default: the temporary folder)
 * with 1 000 000 files of four bytes, 1000 a folder, and prints wall and processor time in s and peak memory in MiB.
 * FILES of 1 000 000 take some 5 GB of a `tmpfs`.
 */
import { makeKnownFiles } from "../support/known_files.ts";
import { commandOf } from "../support/program.ts";
import { type Measured, median, runMeasured } from "./measure.ts";

const [base = Deno.env.get("TMPDIR") ?? "/tmp", files = "1000000", runs = "3"] = Deno.args;
const root = Deno.makeTempDirSync({ dir: base, prefix: "escale-bench-" });
say(
  `${new Date().toISOString().slice(0, 10)}, Deno ${Deno.version.deno}, ` +
    `${navigator.hardwareConcurrency} processors, ${files} files in ${base}`,
);
try {
  makePlace(Number(files));
  const once = () =>
    runMeasured([[...commandOf("escale"), "--once", "-q", "-c", `${root}/A.conf`]]);
  tell("first run: all are compared", [once()]);
  tell("idle", Array.from({ length: Number(runs) }, once));
  Deno.writeTextFileSync(`${root}/A/new`, "new");
  tell("one new file", [once()]);
} finally {
  Deno.removeSync(root, { recursive: true });
}

function makePlace(count: number): void {
  const place = { folder: `${root}/A`, relay: `${root}/relay` };
  for (const folder of Object.values(place)) Deno.mkdirSync(folder);
  makeKnownFiles(place, count);
  const lines = [
    "[bench]",
    "client = A",
    `path = ${place.folder}`,
    "protocol = file",
    `relay path = ${place.relay}`,
    "legacy peers = no",
    "index = yes",
  ];
  Deno.writeTextFileSync(`${root}/A.conf`, lines.join("\n") + "\n");
}

function tell(name: string, measured: readonly Measured[]): void {
  const wall = measured.map(({ wallS }) => wallS);
  const range = `${Math.min(...wall).toFixed(1)} to ${Math.max(...wall).toFixed(1)}`;
  const cpuS = median(measured.map((run) => run.cpuS)).toFixed(1);
  const peakMiB = Math.max(...measured.map((run) => run.peakMiB)).toFixed(0);
  say(`${name.padEnd(33)} ${median(wall).toFixed(1)} (${range})  cpu ${cpuS}  peak ${peakMiB}`);
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
