/** What a measurement gives. */
export interface Measured {
  readonly wallS: number;
  /** User and system time of all processes. */
  readonly cpuS: number;
  /** Peak memory of the largest process. */
  readonly peakMiB: number;
}

/** Clock ticks a second in `/proc`. */
const TICKS = 100;

/** What a running process has used so far (Linux: `proc(5)`). */
export function usageOf(pid: number): { readonly cpuS: number; readonly peakMiB: number } {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The name, in parentheses, may hold blanks; the 12th and 13th fields after it are user and system time.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const peakKiB = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]);
  return { cpuS: (Number(fields[11]) + Number(fields[12])) / TICKS, peakMiB: peakKiB / 1024 };
}

/** Runs commands one after the other under GNU time. @throws {Error} if one fails */
export function runMeasured(commands: readonly (readonly string[])[]): Measured {
  return addUp(commands.map((command) => {
    const timed = timedBy(command);
    const startMs = performance.now();
    return timed.result(timed.command.outputSync(), startMs);
  }));
}

/** As {@linkcode runMeasured}; what else this program has to do goes on, as reading what its servers say. */
export async function runMeasuredAside(
  commands: readonly (readonly string[])[],
): Promise<Measured> {
  const measured: Measured[] = [];
  for (const command of commands) {
    const timed = timedBy(command);
    const startMs = performance.now();
    measured.push(timed.result(await timed.command.output(), startMs));
  }
  return addUp(measured);
}

/** A command under GNU time, and what its measurement was when it has ended. */
function timedBy(command: readonly string[]): {
  readonly command: Deno.Command;
  readonly result: (output: Deno.CommandOutput, startMs: number) => Measured;
} {
  const usage = Deno.makeTempFileSync();
  return {
    command: new Deno.Command("/usr/bin/time", {
      args: ["-o", usage, "-f", "%U %S %M", ...command],
      stdout: "null",
      stderr: "piped",
    }),
    result({ success, stderr }, startMs) {
      const wallS = (performance.now() - startMs) / 1000;
      if (!success) {
        throw new Error(`${command.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
      }
      const [userS = 0, systemS = 0, peakKiB = 0] = Deno.readTextFileSync(usage).trim().split(" ")
        .map(Number);
      Deno.removeSync(usage);
      return { wallS, cpuS: userS + systemS, peakMiB: peakKiB / 1024 };
    },
  };
}

function addUp(measured: readonly Measured[]): Measured {
  return measured.reduce((total, one) => ({
    wallS: total.wallS + one.wallS,
    cpuS: total.cpuS + one.cpuS,
    peakMiB: Math.max(total.peakMiB, one.peakMiB),
  }), { wallS: 0, cpuS: 0, peakMiB: 0 });
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
