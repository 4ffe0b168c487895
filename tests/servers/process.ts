import { setTimeout } from "node:timers/promises";

/** How long a server may take until it accepts connections. */
const START_MS = 20_000;
/** How long a server may take to end when asked to. */
const STOP_MS = 5_000;
const POLL_MS = 10;

/** A server program to be started; it must stay in the foreground. */
export interface ServerCommand {
  readonly program: string;
  readonly args: readonly string[];
  /** Where it will listen on 127.0.0.1. */
  readonly port: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A server program that accepts connections. Disposing it ends it and all its processes. */
export interface RunningServer extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** What it has written on standard output and standard error so far. */
  output(): string;
}

/** Below the ports that the system gives to whoever asks for any. */
const FIRST_PORT = 10_000;
const PORTS = 22_000;
const givenPorts = new Set<number>();

/** A port of 127.0.0.1 that nobody listens on. None is given twice: a program may remember what it met at a port. */
export function freePort(): number {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (givenPorts.has(port)) continue;
    givenPorts.add(port);
    try {
      using _listener = Deno.listen({ hostname: "127.0.0.1", port });
      return port;
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.AddrInUse)) throw thrown;
    }
  }
}

/**
 * Starts a server program and waits until it accepts connections.
 *
 * @throws {Error} with what the program wrote, if it ends or does not listen within {@linkcode START_MS}
 */
export async function startServer(command: ServerCommand): Promise<RunningServer> {
  const { program, args, port, cwd, env } = command;
  const child = new Deno.Command(program, {
    args: [...args],
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env: { ...env } }),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    // A process group of its own, so that the processes that it starts end with it.
    detached: true,
  }).spawn();
  const server = new ServerProcess(child, port);
  try {
    await server.accepting();
  } catch (thrown) {
    await server[Symbol.asyncDispose]();
    throw new Error(`Cannot start ${program}: ${String(thrown)}\n${server.output()}`);
  }
  return server;
}

class ServerProcess implements RunningServer {
  readonly port: number;
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #collected: Promise<unknown>;
  readonly #chunks: string[] = [];
  #hasEnded = false;

  constructor(child: Deno.ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    this.pid = child.pid;
    this.#collected = Promise.all([
      this.#collect(child.stdout),
      this.#collect(child.stderr),
      child.status.then(() => this.#hasEnded = true),
    ]);
  }

  output(): string {
    return this.#chunks.join("");
  }

  async accepting(): Promise<void> {
    for (const endMs = Date.now() + START_MS; Date.now() < endMs;) {
      if (this.#hasEnded) throw new Error("it has ended");
      try {
        using _connection = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
        return;
      } catch (thrown) {
        if (!(thrown instanceof Deno.errors.ConnectionRefused)) throw thrown;
      }
      await setTimeout(POLL_MS);
    }
    throw new Error(`it does not listen on port ${this.port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal("SIGTERM");
    const late = new AbortController();
    const killing = setTimeout(STOP_MS, undefined, { signal: late.signal })
      .then(() => this.#signal("SIGKILL"), () => {});
    await this.#child.status;
    // What it started and left behind would keep its output open.
    this.#signal("SIGKILL");
    await this.#collected;
    late.abort();
    await killing;
  }

  #signal(signal: Deno.Signal): void {
    try {
      Deno.kill(-this.pid, signal);
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    }
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.#chunks.push(decoder.decode(chunk, { stream: true }));
  }
}
