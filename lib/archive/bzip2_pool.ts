import {
  BZIP2_BLOCK_BYTES,
  type CompressBlock,
  compressHere,
  compressWithPool,
} from "./bzip2_encode.ts";
import { CompressionClient } from "./bzip2_port.ts";

/** Where threads that compress come from. */
export interface CompressorSource {
  /** A port to each of them, on which it answers as bzip2_port.ts says; no port if there are no such threads. */
  open(): Promise<readonly MessagePort[]>;
  /** Says that the ports are not used any more. */
  release(): void;
}

/** Threads that had nothing to do for so long are let go. */
const IDLE_MS = 5_000;

/** What is open while threads are used. */
interface Session extends Disposable {
  readonly compress: CompressBlock;
}

/**
 * Compresses on other threads, which are asked for with the first full block and let go when none came for a while. A
 * block that is not full is compressed here: little follows it. So is one whose thread fails.
 */
export class CompressorPool implements Disposable {
  readonly #source: CompressorSource;
  readonly #idleMs: number;
  #session: Promise<Session> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #underWay = 0;

  /** A pool that asks for threads when they are needed; `idleMs` is how long they may be idle. */
  constructor(source: CompressorSource, options: { readonly idleMs?: number } = {}) {
    this.#source = source;
    this.#idleMs = options.idleMs ?? IDLE_MS;
  }

  /** Compresses one block. Bound to the pool, so that it can be handed on as it is. */
  readonly compress: CompressBlock = async (block) => {
    if (block.length < BZIP2_BLOCK_BYTES) return compressHere(block);
    clearTimeout(this.#timer);
    this.#underWay++;
    try {
      this.#session ??= this.#open();
      const { compress } = await this.#session;
      return await compress(block);
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#timer = setTimeout(() => this.#letGo(), this.#idleMs);
    }
  };

  /** Lets the threads go. */
  [Symbol.dispose](): void {
    this.#letGo();
  }

  async #open(): Promise<Session> {
    const ports = await this.#source.open();
    const clients = ports.map((port) => new CompressionClient(port));
    return {
      compress: compressWithPool(clients.map(({ compress }) => compress)),
      [Symbol.dispose]: () => clients.forEach((client) => client[Symbol.dispose]()),
    };
  }

  #letGo(): void {
    clearTimeout(this.#timer);
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined) return;
    this.#source.release();
    session.then((opened) => opened[Symbol.dispose](), () => {});
  }
}
