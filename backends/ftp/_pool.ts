import { BackendError } from "../backend.ts";
import type { Session } from "./_session.ts";
import { unlessAborted } from "./_wire.ts";

/** How a {@linkcode Pool} keeps its sessions. */
export interface PoolOptions {
  /** Opens another session. */
  readonly open: () => Promise<Session>;
  /** The most sessions at a time. */
  readonly max: number;
  /** The longest wait for a session that others use. */
  readonly timeoutMs: number;
  readonly trace: (line: string) => void;
  /** How often an idle session says something, so that neither server nor gateways end it, milliseconds; a minute. */
  readonly idleMs?: number;
}

/** What a session is wanted for: a transfer may last; of two sessions or more, one is kept for all else. */
export type Purpose = "transfer" | "call";

const IDLE_MS = 60_000;
/** A session that was idle for longer is tried before it is used, milliseconds. */
const STALE_MS = 20_000;
/** How long a session that is tried may take to answer, milliseconds. */
const TRY_MS = 10_000;
/** How long fewer sessions are used after the server refused another, milliseconds. */
const REFUSED_MS = 60_000;
/** How long what was aborted may take to end by itself, milliseconds. */
const GRACE_MS = 3_000;

interface Idle {
  readonly session: Session;
  readonly sinceMs: number;
}

/** Sessions with one server, opened as they are needed and used again. */
export class Pool {
  readonly #options: PoolOptions;
  /** The one used last stands last. */
  #idle: Idle[] = [];
  readonly #busy = new Map<Session, Purpose>();
  readonly #waiting = new Set<() => void>();
  #opening = 0;
  #openingTransfers = 0;
  #refused: { readonly max: number; readonly untilMs: number } | undefined;
  #isClosed = false;
  readonly #timer: ReturnType<typeof setInterval>;
  #keeping: Promise<void> | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
    const idleMs = options.idleMs ?? IDLE_MS;
    this.#timer = setInterval(() => this.#keeping ??= this.#keepAlive(idleMs / 2), idleMs);
    this.#timer.unref();
  }

  /** Calls `body` with a session of its own. One that is in the middle of something afterwards is not used again. */
  async use<T>(
    { purpose, signal }: { readonly purpose: Purpose; readonly signal: AbortSignal | undefined },
    body: (session: Session) => Promise<T>,
  ): Promise<T> {
    const session = await this.take(purpose, signal);
    let grace: ReturnType<typeof setTimeout> | undefined;
    const abort = () => grace = setTimeout(() => session.close(), GRACE_MS);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      signal?.throwIfAborted();
      return await body(session);
    } catch (thrown) {
      signal?.throwIfAborted();
      throw thrown;
    } finally {
      signal?.removeEventListener("abort", abort);
      clearTimeout(grace);
      this.give(session);
    }
  }

  /** A session for the caller alone until it is given back. @throws {BackendError} `unavailable` if there is none */
  async take(purpose: Purpose, signal: AbortSignal | undefined): Promise<Session> {
    const endMs = performance.now() + this.#options.timeoutMs;
    for (;;) {
      signal?.throwIfAborted();
      if (this.#isClosed) throw new BackendError("unavailable", "the relay is closed");
      if (this.#mayTake(purpose)) {
        const session = await this.#idleSession(purpose) ?? await this.#tryOpen(purpose, signal);
        if (session !== undefined) return session;
      }
      if (performance.now() >= endMs) {
        throw new BackendError("unavailable", "all connections that the server allows are in use");
      }
      await this.#turn(endMs, signal);
    }
  }

  /** Takes a session back. */
  give(session: Session): void {
    this.#busy.delete(session);
    if (session.isReady && !this.#isClosed) {
      this.#idle.push({ session, sinceMs: performance.now() });
    } else session.close();
    this.#stir();
  }

  /** Ends all sessions. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    const idle = this.#idle.splice(0);
    for (const session of this.#busy.keys()) session.close();
    await Promise.all(idle.map(({ session }) => session.quit()));
    await this.#keeping;
    this.#stir();
  }

  #mayTake(purpose: Purpose): boolean {
    if (purpose === "call") return true;
    const transfers = [...this.#busy.values()].filter((it) => it === "transfer").length;
    return transfers + this.#openingTransfers < Math.max(1, this.#max() - 1);
  }

  #max(): number {
    const { max } = this.#options;
    if (this.#refused === undefined || performance.now() > this.#refused.untilMs) return max;
    return Math.min(max, this.#refused.max);
  }

  async #idleSession(purpose: Purpose): Promise<Session | undefined> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      const { session, sinceMs } = idle;
      this.#busy.set(session, purpose);
      if (session.isReady) {
        if (performance.now() - sinceMs < STALE_MS || await answers(session)) return session;
      }
      this.#busy.delete(session);
      session.close();
    }
    return undefined;
  }

  /** Another session, or `undefined` if there may be none now. */
  async #tryOpen(purpose: Purpose, signal: AbortSignal | undefined): Promise<Session | undefined> {
    const count = this.#busy.size + this.#opening + this.#idle.length;
    if (count >= this.#max()) return undefined;
    const isTransfer = purpose === "transfer" ? 1 : 0;
    this.#opening++;
    this.#openingTransfers += isTransfer;
    const opening = this.#options.open();
    try {
      const session = await unlessAborted(opening, signal, (late) => this.give(late));
      if (this.#isClosed) {
        session.close();
        throw new BackendError("unavailable", "the relay is closed");
      }
      this.#busy.set(session, purpose);
      return session;
    } catch (thrown) {
      if (!(thrown instanceof BackendError) || count === 0 || this.#isClosed) throw thrown;
      // Others are logged in, so it is the number of them that the server minds.
      this.#options.trace(`no more than ${count} connections: ${thrown.message}`);
      this.#refused = { max: Math.max(1, count), untilMs: performance.now() + REFUSED_MS };
      return undefined;
    } finally {
      this.#opening--;
      this.#openingTransfers -= isTransfer;
      this.#stir();
    }
  }

  async #turn(endMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.max(0, endMs - performance.now()));
    this.#waiting.add(resolve);
    try {
      await unlessAborted(promise, signal, () => {});
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(resolve);
    }
  }

  #stir(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Ends the sessions that nobody needed for a while but one, and says something on that. */
  async #keepAlive(restMs: number): Promise<void> {
    const oldMs = performance.now() - restMs;
    const old = this.#idle.filter(({ sinceMs }) => sinceMs < oldMs);
    this.#idle = this.#idle.filter((idle) => !old.includes(idle));
    const kept = this.#idle.length === 0 ? old.pop() : undefined;
    try {
      await Promise.all(old.map(({ session }) => session.quit()));
      if (kept === undefined) return;
      this.#busy.set(kept.session, "call");
      await answers(kept.session);
      this.give(kept.session);
    } finally {
      this.#keeping = undefined;
    }
  }
}

async function answers(session: Session): Promise<boolean> {
  try {
    return (await session.exchange("NOOP", TRY_MS)).code < 400;
  } catch {
    return false;
  }
}
