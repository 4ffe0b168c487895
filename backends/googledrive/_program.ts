import { BackendError } from "../backend.ts";
import { joined } from "../streams.ts";
import { cannotStart, failureOf } from "./_errors.ts";

/** The most that a run may print, bytes: a listing of some 300 000 files. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** The most that is kept of what a run says of errors, characters. */
const MAX_WORDS = 64 * 1024;

/** How a run is called in messages, and what ends it early. */
export interface RunOptions {
  readonly action: string;
  readonly signal: AbortSignal | undefined;
}

/** How a run ended. */
export interface Ended {
  readonly isSuccess: boolean;
  /** What it wrote to say what went wrong; it may do so and succeed all the same. */
  readonly words: string;
}

/** A run of drive under way. Disposing ends it. */
export interface Running extends Disposable {
  readonly stdin: WritableStream<Uint8Array>;
  readonly stdout: ReadableStream<Uint8Array>;
  /** @throws {BackendError} `unavailable` if it was silent for too long; the abort of its signal */
  ended(): Promise<Ended>;
  /** Starts to count the time without a sign of life anew. */
  touch(): void;
  /** Counts no time until the next touch: it is not drive that is waited for. */
  rest(): void;
}

/** The program drive at one mount point. Disposing ends all that runs. */
export class Program implements Disposable {
  /** The folder where "drive init" was run. */
  readonly mount: string;
  readonly #program: string;
  readonly #patienceMs: number;
  readonly #trace: (line: string) => void;
  readonly #running = new Set<Running>();

  constructor({ program, mount, patienceMs, trace }: {
    readonly program: string;
    readonly mount: string;
    /** The longest time without a sign of life of a run, milliseconds. */
    readonly patienceMs: number;
    readonly trace: (line: string) => void;
  }) {
    this.mount = mount;
    this.#program = program;
    this.#patienceMs = patienceMs;
    this.#trace = trace;
  }

  /** Runs `drive` to its end. What it prints is text. */
  async run(args: readonly string[], options: RunOptions): Promise<Ended & { text: string }> {
    using running = this.start(args, options);
    await running.stdin.close().catch(() => {});
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (const chunk of running.stdout) {
      running.touch();
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes <= MAX_OUTPUT_BYTES) continue;
      throw new BackendError("too-large", `Cannot ${options.action}: drive prints too much`);
    }
    const { isSuccess, words } = await running.ended();
    const text = new TextDecoder().decode(joined(chunks, sizeBytes));
    // Of a command that it does not know it only prints those that it knows.
    const isMute = !isSuccess && words.trim() === "";
    return { isSuccess, words: isMute ? text.slice(0, MAX_WORDS) : words, text };
  }

  /** Starts `drive`; the first argument is its command. No argument after `--` is taken for an option. */
  start(args: readonly string[], { action, signal }: RunOptions): Running {
    signal?.throwIfAborted();
    this.#trace(`drive ${args.map(masked).join(" ")}`);
    let child: Deno.ChildProcess;
    try {
      child = new Deno.Command(this.#program, {
        args: [...args],
        cwd: this.mount,
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
    } catch (cause) {
      throw cannotStart(this.#program, { mount: this.mount, cause });
    }
    const run = this.#watch(child, { action, signal });
    this.#running.add(run);
    return run;
  }

  /** The error for a run that failed, by what it said. */
  failure(action: string, words: string): BackendError {
    return failureOf(action, { text: words, mount: this.mount });
  }

  [Symbol.dispose](): void {
    for (const run of [...this.#running]) run[Symbol.dispose]();
  }

  #watch(child: Deno.ChildProcess, { action, signal }: RunOptions): Running {
    let isEnded = false;
    const kill = () => {
      if (isEnded) return;
      try {
        child.kill("SIGKILL");
      } catch {
        // It has just ended.
      }
    };
    let silentSinceMs = performance.now();
    let wasSilent = false;
    const watch = setInterval(() => {
      if (performance.now() - silentSinceMs < this.#patienceMs) return;
      wasSilent = true;
      kill();
    }, Math.min(this.#patienceMs, 10_000));
    signal?.addEventListener("abort", kill, { once: true });
    const words = wordsOf(child.stderr);
    const status = child.status.then(({ success }) => {
      isEnded = true;
      clearInterval(watch);
      signal?.removeEventListener("abort", kill);
      return success;
    });
    const run: Running = {
      stdin: child.stdin,
      stdout: child.stdout,
      touch: () => silentSinceMs = performance.now(),
      rest: () => silentSinceMs = Infinity,
      ended: async () => {
        const [isSuccess, said] = await Promise.all([status, words]);
        signal?.throwIfAborted();
        if (!wasSilent) return { isSuccess, words: said };
        const detail = `drive did nothing for ${Math.round(this.#patienceMs / 1000)} s`;
        throw new BackendError("unavailable", `Cannot ${action}: ${detail}`);
      },
      [Symbol.dispose]: () => {
        this.#running.delete(run);
        kill();
        // Nobody may be reading any more.
        child.stdin.abort().catch(() => {});
        child.stdout.cancel().catch(() => {});
      },
    };
    return run;
  }
}

async function wordsOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    text = (text + decoder.decode(chunk, { stream: true })).slice(-MAX_WORDS);
  }
  return text;
}

function masked(arg: string): string {
  return arg.replace(/^(-(?:en|de)cryption-password=).*$/s, "$1...");
}
