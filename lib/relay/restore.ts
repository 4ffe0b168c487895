import { createHash } from "node:crypto";

import type { Backend, ObjectName } from "../../backends/backend.ts";
import { EscaleError, messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { printable } from "../path.ts";
import { type BackupProgress, type Contents, membersOf } from "./backup.ts";
import type { Spooled } from "./context.ts";
import type { HeldLock, Locks } from "./lock.ts";
import { confirmObject, digestObject } from "./object_copy.ts";
import { listParts } from "./parts.ts";

/** How an archive is restored. */
export interface RestoreOptions {
  /** Opens the archive from its start. */
  readonly open: () => ReadableStream<Uint8Array>;
  /** What reading it showed. */
  readonly contents: Contents;
  /** Locks on the relay; without, nobody else may be at work there. */
  readonly locks: Locks | undefined;
  readonly signal: AbortSignal;
  readonly progress: (done: BackupProgress) => void;
  /** Holds a content until it is disposed of. One at a time. */
  readonly spool: (content: ReadableStream<Uint8Array>) => Promise<Spooled>;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly log: Log;
}

/** What was restored. */
export interface Restored {
  readonly objects: number;
  readonly bytes: number;
  /** Of the objects, those that stood there already, of an earlier attempt. */
  readonly kept: number;
}

/** So many locks are held at a time. */
const LOCKS_AT_ONCE = 32;
const POLL_MS = 1_000;
/** Longer than it takes to tell that a lock was left by a command that was killed. */
const PATIENCE_MS = 80_000;

/**
 * Puts the objects of an archive on a relay that is empty, or holds part of the same archive, and reads each back.
 * Contents come first and then what describes them. If it fails or is interrupted, all that it has put is removed again.
 *
 * @throws {EscaleError} `refused` if something else stands there; `full` if there is not enough space; `locked`,
 * `changed` if clients are at work there; `corrupt`
 * @throws {BackendError}
 */
export async function restoreRelay(backend: Backend, options: RestoreOptions): Promise<Restored> {
  const { contents, signal } = options;
  await checkTarget(backend, options);
  await checkSpace(backend, options);
  const restore = new Restore(backend, options);
  try {
    const ranks = new Set([...contents.objects.values()].map(({ place }) => place.rank));
    for (const rank of [...ranks].sort()) await restore.putAll(rank);
    await backend.flush({ signal });
    return restore.summary();
  } catch (cause) {
    await restore.undo();
    throw cause;
  }
}

async function checkTarget(
  backend: Backend,
  { contents, signal }: Pick<RestoreOptions, "contents" | "signal">,
): Promise<void> {
  const { parts } = await listParts(backend, { signal });
  for (const { name, sizeBytes } of [...parts.values()].flatMap(({ objects }) => objects)) {
    if (contents.objects.get(name)?.sizeBytes === sizeBytes) continue;
    throw new EscaleError(
      "refused",
      `Cannot restore to a relay that is in use: "${
        printable(name)
      }" stands there, and is not what the archive holds`,
      { hint: "Use an empty folder, or empty the relay after a backup of what stands there" },
    );
  }
}

async function checkSpace(
  backend: Backend,
  { contents, signal }: Pick<RestoreOptions, "contents" | "signal">,
): Promise<void> {
  const { freeBytes } = await backend.space({ signal });
  const needed = totalBytes(contents);
  if (freeBytes === undefined || needed <= freeBytes) return;
  throw new EscaleError(
    "full",
    `Cannot restore the archive: it needs ${needed} bytes on the relay: ${freeBytes} are free`,
  );
}

function totalBytes({ objects }: Contents): number {
  let bytes = 0;
  for (const { sizeBytes } of objects.values()) bytes += sizeBytes;
  return bytes;
}

class Restore {
  readonly #backend: Backend;
  readonly #options: RestoreOptions;
  readonly #put: ObjectName[] = [];
  #objects = 0;
  #bytes = 0;
  #kept = 0;
  readonly #ofBytes: number;

  constructor(backend: Backend, options: RestoreOptions) {
    this.#backend = backend;
    this.#options = options;
    this.#ofBytes = totalBytes(options.contents);
  }

  /** Puts all objects of one rank, in the order of the archive. */
  async putAll(rank: number): Promise<void> {
    const { contents, open, signal } = this.#options;
    const names = [...contents.objects].flatMap(([name, it]) =>
      it.place.rank === rank ? [name] : []
    );
    await using turn = new LockWindow(names.map((name) => this.#lockOf(name)), this.#options);
    for await (const { path, content } of membersOf(open())) {
      signal.throwIfAborted();
      const expected = contents.objects.get(path);
      if (expected?.place.rank !== rank) continue;
      await turn.reach(expected.place.lock);
      await this.#putOne(path, { ...expected, content });
      this.#objects++;
      this.#bytes += expected.sizeBytes;
      this.#tell();
    }
  }

  /** Removes what was put, the last first. */
  async undo(): Promise<void> {
    const { log } = this.#options;
    for (const name of this.#put.toReversed()) {
      try {
        await this.#backend.remove(name);
      } catch (cause) {
        log.warn("cannot remove what was restored", { object: name, why: messageOf(cause) });
      }
    }
  }

  summary(): Restored {
    return { objects: this.#objects, bytes: this.#bytes, kept: this.#kept };
  }

  async #putOne(
    name: ObjectName,
    { digest, content }: {
      readonly digest: string;
      readonly content: ReadableStream<Uint8Array>;
    },
  ): Promise<void> {
    const { signal } = this.#options;
    const standing = await this.#backend.stat(name, { signal });
    if (standing !== undefined) {
      if ((await digestObject(this.#backend, name, { signal })).digest !== digest) {
        throw taken(name);
      }
      this.#kept++;
      return;
    }
    using source = await hold(content, digest, this.#options.spool);
    this.#put.push(name);
    await this.#backend.put(name, source, { signal });
    await confirmObject(this.#backend, name, { digest, signal });
  }

  #lockOf(name: ObjectName): ObjectName {
    return this.#options.contents.objects.get(name)?.place.lock ?? name;
  }

  #tell(): void {
    this.#options.progress({
      objects: this.#objects,
      bytes: this.#bytes,
      ofObjects: this.#options.contents.objects.size,
      ofBytes: this.#ofBytes,
    });
  }
}

/** The locks of those parts whose turn it is, taken some at a time in the order in which they come. */
class LockWindow implements AsyncDisposable {
  readonly #options: Pick<RestoreOptions, "locks" | "signal" | "wait">;
  readonly #coming: ObjectName[];
  #held: readonly HeldLock[] = [];

  constructor(
    coming: readonly ObjectName[],
    options: Pick<RestoreOptions, "locks" | "signal" | "wait">,
  ) {
    this.#coming = [...new Set(coming)];
    this.#options = options;
  }

  /** Makes sure that this lock is held. @throws {EscaleError} `locked` if another has it for 80 s */
  async reach(lock: ObjectName): Promise<void> {
    const { locks } = this.#options;
    if (locks === undefined || this.#held.some(({ name }) => name === lock)) return;
    await this[Symbol.asyncDispose]();
    const at = Math.max(0, this.#coming.indexOf(lock));
    const next = new Set([lock, ...this.#coming.splice(at, LOCKS_AT_ONCE)]);
    await this.#acquire([...next], locks);
  }

  async #acquire(wanted: readonly ObjectName[], locks: Locks): Promise<void> {
    const { signal, wait } = this.#options;
    let missing = wanted;
    for (let waitedMs = 0;; waitedMs += POLL_MS) {
      const { held, refused } = await locks.acquire(missing, { mode: "w", signal });
      this.#held = [...this.#held, ...held];
      missing = [...refused.keys()];
      const [first] = missing;
      if (first === undefined) return;
      if (waitedMs >= PATIENCE_MS) {
        throw new EscaleError(
          "locked",
          `Cannot restore what "${printable(first)}" covers: another client holds that lock`,
          { hint: "Stop the clients of the relay, and try again" },
        );
      }
      await wait(POLL_MS, signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const held = this.#held;
    this.#held = [];
    await this.#options.locks?.release(held);
  }
}

/** The content of a member, which can be read once, held so that a put can be attempted again. */
async function hold(
  content: ReadableStream<Uint8Array>,
  digest: string,
  spool: RestoreOptions["spool"],
): Promise<Spooled> {
  const hash = createHash("sha256");
  const observed = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      hash.update(chunk);
      controller.enqueue(chunk);
    },
  });
  const spooled = await spool(content.pipeThrough(observed));
  if (hash.digest("hex") === digest) return spooled;
  spooled[Symbol.dispose]();
  throw changed();
}

function changed(): EscaleError {
  return new EscaleError("changed", "The archive has changed while it was restored");
}

function taken(name: ObjectName): EscaleError {
  return new EscaleError(
    "changed",
    `Cannot restore "${printable(name)}": a client has put something else there meanwhile`,
    { hint: "Stop the clients of the relay, and try again" },
  );
}
