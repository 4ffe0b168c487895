import type { StatusDocument } from "../../lib/daemon/status.ts";
import { commandOf } from "../support/program.ts";
import { sleep } from "./_yard.ts";

export { sleep } from "./_yard.ts";

/** How long the program may take for what a test waits for. */
const PATIENCE_MS = 30_000;

/** How a command ended. */
export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One configuration file in a temporary place, its clients run in the background. Disposing ends what runs. */
export class Site implements AsyncDisposable {
  readonly root: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "escale-site-" }));
  readonly config: string = `${this.root}/site.conf`;
  readonly log: string = `${this.root}/site/.escale.log`;

  constructor(clients: readonly string[] = ["one"], { globals = [], lines = [] }: {
    readonly globals?: readonly string[];
    readonly lines?: readonly string[];
  } = {}) {
    Deno.mkdirSync(`${this.root}/relay`);
    for (const name of clients) Deno.mkdirSync(`${this.root}/${name}`);
    this.configure([...globals, ...clients.flatMap((name) => this.section(name, lines))]);
  }

  /** The lines of a client that shares a relay with the others. */
  section(name: string, lines: readonly string[] = []): readonly string[] {
    return [
      ...["", `[${name}]`, `client = ${name}`, `path = ${this.root}/${name}`, "protocol = file"],
      ...[`relay path = ${this.root}/relay`, "refresh = 1", "legacy peers = no", ...lines],
    ];
  }

  configure(lines: readonly string[]): void {
    Deno.writeTextFileSync(this.config, `${lines.join("\n")}\n`, { mode: 0o600 });
  }

  /** Runs `escalectl` to its end. */
  ctl(...args: readonly string[]): Promise<Ended> {
    return run([...commandOf("escalectl"), ...args, "-c", this.config]);
  }

  /** Runs `escale` to its end. */
  escale(...args: readonly string[]): Promise<Ended> {
    return run([...commandOf("escale"), ...args, "-c", this.config]);
  }

  /** What the status says; what is noted of a client can be a second old. */
  async status(...args: readonly string[]): Promise<StatusDocument & { isRunning: boolean }> {
    const { stdout, stderr } = await this.ctl("status", "--json", ...args);
    const [first = ""] = stdout.split("\n");
    if (!first.includes('"kind":"status"')) throw new Error(`no status: ${stdout}${stderr}`);
    return JSON.parse(first);
  }

  /** The process number in the pid file; 0 without one. */
  pid(): number {
    return Number(this.read("site.pid") ?? "0");
  }

  /** The text of a file below the root; `undefined` if there is none. */
  read(path: string): string | undefined {
    try {
      return Deno.readTextFileSync(`${this.root}/${path}`);
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return undefined;
      throw cause;
    }
  }

  write(path: string, text: string): void {
    Deno.writeTextFileSync(`${this.root}/${path}`, text);
  }

  /** Waits until `holds`. @throws {Error} with the log if that takes too long */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const endMs = performance.now() + PATIENCE_MS;
    while (!await holds()) {
      if (performance.now() > endMs) {
        throw new Error(`${what}: it took too long\n${this.read("site/.escale.log")}`);
      }
      await sleep(20);
    }
  }

  /** Waits until the process with this number is gone. */
  async untilGone(pid: number): Promise<void> {
    await this.until(`the end of process ${pid}`, () => !isAlive(pid));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pid = this.pid();
    // The number of a stale file may be another program's by now.
    if (pid > 0 && (await this.status().catch(() => undefined))?.isRunning) {
      Deno.kill(pid, "SIGKILL");
      await this.untilGone(pid);
    }
    await Deno.remove(this.root, { recursive: true });
  }
}

/** Whether there is a process with this number that has not ended. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

/** Runs a command to its end. */
export async function run(
  [command = "", ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args,
    stdin: "null",
    env: { NO_COLOR: "1", ...env },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { status: code, stdout: text(stdout), stderr: text(stderr) };
}
