/** More threads than this find no work: one that reads and encrypts has to feed them. */
const MAX_THREADS = 8;

/** How a thread is started. */
export type StartThread = () => Pick<Worker, "postMessage" | "terminate" | "onerror">;

/**
 * Threads that compress for clients, since a client with limited permissions can start none: as many as there are
 * processors, begun when the first client asks, ended when the last has let go. One that fails is replaced when a client
 * asks again; whoever waits for it gives up by itself.
 */
export class Compressors {
  readonly #start: StartThread;
  readonly #count: number;
  readonly #users = new Set<unknown>();
  readonly #threads = new Set<ReturnType<StartThread>>();

  /** Threads that `start` starts; `processors` is how many there are at most, by default as this machine has. */
  constructor(start: StartThread, options: { readonly processors?: number } = {}) {
    this.#start = start;
    this.#count = Math.min(options.processors ?? navigator.hardwareConcurrency, MAX_THREADS);
  }

  /** A port to each thread for `user`; none if threads cannot be started. */
  open(user: unknown): MessagePort[] {
    this.#users.add(user);
    while (this.#threads.size < this.#count && this.#begin());
    return [...this.#threads].map((thread) => {
      const { port1, port2 } = new MessageChannel();
      thread.postMessage({ port: port2 }, [port2]);
      return port1;
    });
  }

  /** Takes back what `user` was given, if anything. */
  release(user: unknown): void {
    this.#users.delete(user);
    if (this.#users.size > 0) return;
    for (const thread of this.#threads) thread.terminate();
    this.#threads.clear();
  }

  #begin(): boolean {
    try {
      const thread = this.#start();
      thread.onerror = (event) => {
        // Else the error would end the whole program.
        event.preventDefault();
        this.#threads.delete(thread);
        thread.terminate();
      };
      this.#threads.add(thread);
      return true;
    } catch {
      // Clients compress by themselves then.
      return false;
    }
  }
}

/** Starts threads whose main module stands with a client's, without any permission where workers can be limited. */
export function threadStarter(
  workerEntry: URL,
  { isLimited }: { readonly isLimited: boolean },
): StartThread {
  const { href } = workerEntry;
  // Bundled, all modules have another extension.
  const module = `../archive/bzip2_worker${href.slice(href.lastIndexOf("."))}`;
  const limits = isLimited ? { deno: { permissions: "none" as const } } : {};
  return () => new Worker(new URL(module, workerEntry), { type: "module", ...limits });
}
