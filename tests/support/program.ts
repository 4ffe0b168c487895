import { fileURLToPath } from "node:url";

/** Names of the environment variables that say what to run instead of the sources. */
const BINARIES = { escale: "ESCALE_BIN", escalectl: "ESCALECTL_BIN" } as const;

/**
 * How `escale` or `escalectl` is started: what the environment names, else the sources under this runtime, with the
 * flags of the task of that name.
 */
export function commandOf(name: "escale" | "escalectl"): readonly string[] {
  const binary = Deno.env.get(BINARIES[name]);
  if (binary !== undefined) return binary.split(" ");
  const root = new URL("../../", import.meta.url);
  const { tasks } = JSON.parse(Deno.readTextFileSync(new URL("deno.json", root)));
  const [, ...flags] = String(tasks[name]).split(" ");
  const main = flags.pop() ?? "";
  return [Deno.execPath(), ...flags, fileURLToPath(new URL(main, root))];
}

/** A running `escale` or `escalectl` as a process of its own. Disposing ends it. */
export class Program implements AsyncDisposable {
  readonly label: string;
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<Deno.CommandStatus>;
  readonly #reading: Promise<void>;
  #text = "";
  #taken = 0;
  #isRunning = true;

  private constructor(child: Deno.ChildProcess, label: string) {
    this.label = label;
    this.#child = child;
    this.#reading = Promise.all([this.#read(child.stdout), this.#read(child.stderr)]).then(
      () => {},
    );
    this.#ended = child.status.finally(() => this.#isRunning = false);
  }

  static start(
    name: "escale" | "escalectl",
    args: readonly string[],
    options: {
      readonly label?: string;
      readonly env?: Record<string, string>;
      readonly cwd?: string;
    } = {},
  ): Program {
    const [command = "", ...flags] = commandOf(name);
    const { label = name, env, cwd } = options;
    const child = new Deno.Command(command, {
      args: [...flags, ...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      ...(env === undefined ? {} : { env }),
      ...(cwd === undefined ? {} : { cwd }),
    }).spawn();
    return new Program(child, label);
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Both streams so far, as they came. */
  output(): string {
    return this.#text;
  }

  /** The whole lines since the last call. */
  takeLines(): string[] {
    const end = this.#text.lastIndexOf("\n") + 1;
    const lines = this.#text.slice(this.#taken, end).split("\n").slice(0, -1);
    this.#taken = Math.max(end, this.#taken);
    return lines;
  }

  signal(name: Deno.Signal): void {
    if (!this.#isRunning) return;
    try {
      this.#child.kill(name);
    } catch (cause) {
      // It has ended, which is told a little later.
      if (!(cause instanceof TypeError)) throw cause;
    }
  }

  /** Asks it to end and returns its exit status. */
  async stop(): Promise<number> {
    this.signal("SIGTERM");
    return await this.status();
  }

  /** Waits for its end and returns its exit status. */
  async status(): Promise<number> {
    const { code } = await this.#ended;
    await this.#reading;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.status();
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.#text += text;
  }
}
