import { setTimeout as sleep } from "node:timers/promises";
import { lastWords, noProgram } from "./_program.ts";

/** The waits before the process is started again; the last counts for all further ones, milliseconds. */
const RESTART_MS: readonly number[] = [20, 100, 500, 2_000, 5_000];
/** What has run this long has not failed to start, milliseconds. */
const STEADY_MS = 10_000;
/** How long it may take to end when asked to, milliseconds. */
const STOP_MS = 3_000;
/** How much of what it wrote is kept, characters. */
const MAX_WORDS = 4_000;

/** What a {@linkcode Keeper} runs. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Is told of each end of the process that was not asked for. */
  readonly warn: (text: string) => void;
}

/** Runs a program, and again whenever it ends. Disposing ends it. */
export class Keeper implements AsyncDisposable {
  readonly #command: Command;
  readonly #stop = new AbortController();
  readonly #kept: Promise<void>;
  #child: Deno.ChildProcess | undefined;
  #words = "";
  #ends = 0;

  /** @throws {BackendError} `unsupported` if the program cannot be started */
  constructor(command: Command) {
    this.#command = command;
    const first = this.#spawn();
    this.#kept = this.#keep(first);
  }

  /** The number of the process that runs; `undefined` between two. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** How often the process has ended. */
  get ends(): number {
    return this.#ends;
  }

  /** The last line that it wrote. */
  get lastWords(): string {
    return lastWords(this.#words);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#signal("SIGTERM");
    const timer = setTimeout(() => this.#signal("SIGKILL"), STOP_MS);
    await this.#kept;
    clearTimeout(timer);
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child?.kill(signal);
    } catch {
      // It has just ended.
    }
  }

  #spawn(): Deno.ChildProcess {
    const { program, args, environment } = this.#command;
    try {
      return new Deno.Command(program, {
        args: [...args],
        env: { ...environment },
        stdin: "null",
        stdout: "null",
        stderr: "piped",
        // Ctrl-C is for this program, which ends its transfers first.
        detached: true,
      }).spawn();
    } catch (cause) {
      throw noProgram(program, cause);
    }
  }

  async #keep(first: Deno.ChildProcess): Promise<void> {
    const { signal } = this.#stop;
    let failures = 0;
    for (let child: Deno.ChildProcess | undefined = first;; child = this.#spawnAgain()) {
      const startMs = performance.now();
      const wasKilled = child !== undefined && await this.#ended(child);
      if (signal.aborted) return;
      this.#command.warn(this.lastWords);
      // Who is killed could have gone on.
      const hasWorked = wasKilled || performance.now() - startMs > STEADY_MS;
      failures = hasWorked ? 1 : failures + 1;
      const waitMs = RESTART_MS[Math.min(failures, RESTART_MS.length) - 1] ?? 0;
      await sleep(waitMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
    }
  }

  /** Waits for the end of the process, and says whether a signal brought it about. */
  async #ended(child: Deno.ChildProcess): Promise<boolean> {
    this.#child = child;
    if (this.#stop.signal.aborted) this.#signal("SIGTERM");
    const [status] = await Promise.all([child.status, this.#read(child.stderr)]);
    this.#child = undefined;
    this.#ends++;
    return status.signal !== null;
  }

  #spawnAgain(): Deno.ChildProcess | undefined {
    try {
      return this.#spawn();
    } catch (thrown) {
      this.#words = String(thrown);
      return undefined;
    }
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.#words = (this.#words + text).slice(-MAX_WORDS);
    }
  }
}
