import { fileURLToPath } from "node:url";

/** A process that runs a script beside this file. Disposing ends it. */
export class Child implements AsyncDisposable {
  readonly client: string;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #ended: Promise<boolean>;
  readonly #waiting = new Set<() => void>();
  #output = "";
  #errors = "";
  #isRunning = true;

  /** Starts `script` with `job` as its one argument. */
  constructor(script: string, job: { readonly client: string }) {
    this.client = job.client;
    const file = fileURLToPath(new URL(script, import.meta.url));
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "-A", "--unstable-worker-options", file, JSON.stringify(job)],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#ended = this.#run();
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** What it said so far. */
  output(): string {
    return this.#output;
  }

  /** What it said of a failure. */
  errors(): string {
    return this.#errors;
  }

  /** Waits until it has said `text` in what came after the first `from` characters, or has ended. */
  async says(text: string, from = 0): Promise<void> {
    while (this.#isRunning && !this.#output.slice(from).includes(text)) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Tells it a line. One that has ended hears nothing. */
  async tell(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`)).catch(() => {});
  }

  /** Whether it ended well. */
  ended(): Promise<boolean> {
    return this.#ended;
  }

  signal(name: "SIGSTOP" | "SIGCONT" | "SIGKILL"): void {
    if (!this.#isRunning) return;
    try {
      this.#child.kill(name);
    } catch (cause) {
      // It has ended, which is not told yet.
      if (!(cause instanceof TypeError || cause instanceof Deno.errors.NotFound)) throw cause;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.#ended;
  }

  async #run(): Promise<boolean> {
    const reading = Promise.all([
      this.#read(this.#child.stdout, (text) => this.#output += text),
      this.#read(this.#child.stderr, (text) => this.#errors += text),
    ]);
    const { success } = await this.#child.status;
    this.#isRunning = false;
    await this.#input.close().catch(() => {});
    await reading;
    this.#wake();
    return success;
  }

  async #read(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      take(text);
      this.#wake();
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** Several that end together. */
export class Children implements AsyncDisposable {
  readonly all: Child[] = [];

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((child) => child[Symbol.asyncDispose]()));
  }
}
