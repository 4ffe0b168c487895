import {
  type Backend,
  type ObjectInfo,
  type ObjectName,
  parseObjectName,
} from "../../backends/backend.ts";
import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";
import type { Locks } from "./lock.ts";
import { inParallel } from "./parallel.ts";
import { copyObject, digestObject } from "./object_copy.ts";
import { listParts, lockedParts, type RelayPart, type RelayParts } from "./parts.ts";

/** Stands on a relay that is being copied to, until the copy is complete. Clients ignore it. */
export const COPY_MARK: ObjectName = parseObjectName(".escale-copy");

/** How far a copy has come. */
export interface CopyProgress {
  readonly objects: number;
  readonly bytes: number;
  /** What the source holds. */
  readonly ofObjects: number;
  readonly ofBytes: number;
}

/** What a copy came to. */
export interface Copied {
  readonly objects: number;
  readonly bytes: number;
  /** Of the objects, those that stood there already. */
  readonly kept: number;
  /** Objects that belong to no layout and were left where they are. */
  readonly leftOut: readonly ObjectName[];
}

/** How a relay is copied. */
export interface CopyOptions {
  /** Locks on the source; without, nobody else may be at work there. */
  readonly locks: Locks | undefined;
  /** Says of which relay the copy is, so that an interrupted one is gone on with and no other. */
  readonly mark: string;
  readonly maxTransfers: number;
  readonly signal: AbortSignal;
  readonly progress: (done: CopyProgress) => void;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** After so many passes over a relay that keeps changing, somebody should stop the clients. */
const MAX_PASSES = 20;
/** Below this, a storage without tags is read again to see whether an object has changed. */
const SMALL_BYTES = 65_536;

/**
 * Copies all that belongs to a relay, except its locks, to another storage, reading each copy back. Goes over the source
 * until a whole pass finds nothing new, so that clients may be at work there. Nothing is changed on the source but locks.
 * Interrupted, it goes on where it was when it is called again.
 *
 * @throws {EscaleError} `refused` if something else stands at the target; `changed` if the source does not come to rest;
 * `locked`, `corrupt`
 * @throws {BackendError}
 */
export async function copyRelay(
  source: Backend,
  target: Backend,
  options: CopyOptions,
): Promise<Copied> {
  const { signal } = options;
  await checkTarget(target, options);
  const copy = new Copy(source, target, options);
  for (let pass = 0;; pass++) {
    signal.throwIfAborted();
    const listing = await listParts(source, { signal });
    const changed = await copy.changedParts(listing);
    if (changed.length === 0) {
      await copy.removeGone(listing);
      break;
    }
    if (pass >= MAX_PASSES) throw restless();
    for await (const batch of lockedParts(changed, { ...options, backend: source })) {
      await inParallel(batch, options.maxTransfers, (part) => copy.copyPart(part).catch(ifChanged));
    }
  }
  await target.flush({ signal });
  await target.remove(COPY_MARK, { signal });
  return copy.summary();
}

/** What changed while it was copied is new in the next pass. */
function ifChanged(cause: unknown): void {
  if (!(cause instanceof EscaleError) || cause.code !== "changed") throw cause;
}

async function checkTarget(
  target: Backend,
  { mark, signal }: Pick<CopyOptions, "mark" | "signal">,
): Promise<void> {
  const bytes = new TextEncoder().encode(mark);
  const standing = await target.stat(COPY_MARK, { signal });
  if (standing === undefined) {
    const { parts, locks } = await listParts(target, { signal });
    const [first] = [...parts.values()].flatMap(({ objects }) => objects.map(({ name }) => name));
    if (first !== undefined) throw notEmpty(first);
    const [lock] = locks.keys();
    if (lock !== undefined) throw notEmpty(lock);
    if (await target.create(COPY_MARK, bytes, { signal })) return;
  }
  const text = new TextDecoder().decode(await target.read(COPY_MARK, { maxBytes: 65_536, signal }));
  if (text === mark) return;
  throw new EscaleError(
    "refused",
    "Cannot copy to there: the copy of another relay was begun there",
    {
      hint: "Finish that one first, or use an empty folder",
    },
  );
}

/** A copy on its way. */
class Copy {
  readonly #source: Backend;
  readonly #target: Backend;
  readonly #options: CopyOptions;
  /** What stands at the target, and what it was made from. */
  readonly #done = new Map<ObjectName, { readonly info: ObjectInfo; readonly digest: string }>();
  #kept = 0;
  #bytes = 0;
  #total = { ofObjects: 0, ofBytes: 0 };
  #leftOut: readonly ObjectName[] = [];

  constructor(source: Backend, target: Backend, options: CopyOptions) {
    this.#source = source;
    this.#target = target;
    this.#options = options;
  }

  /** The parts that are not at the target yet as they stand. */
  async changedParts({ parts, others }: RelayParts): Promise<RelayPart[]> {
    this.#leftOut = others.map(({ name }) => name).filter((name) => name !== COPY_MARK);
    const infos = [...parts.values()].flatMap(({ objects }) => objects);
    const ofBytes = infos.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    this.#total = { ofObjects: infos.length, ofBytes };
    const changed: RelayPart[] = [];
    for (const part of parts.values()) if (await this.#isChanged(part)) changed.push(part);
    return changed;
  }

  async copyPart({ objects }: RelayPart): Promise<void> {
    const { signal } = this.#options;
    for (const info of objects) {
      signal.throwIfAborted();
      if (!await this.#isObjectChanged(info)) continue;
      const moved = (bytes: number) => {
        this.#bytes += bytes;
        this.#tell();
      };
      const ends = { source: this.#source, target: this.#target };
      const { digest, isWritten } = await copyObject(info, ends, { signal, moved });
      if (!isWritten) this.#kept++;
      this.#done.set(info.name, { info, digest });
      this.#tell();
    }
  }

  /** Removes from the target what an earlier pass, or run, has copied and the source has no more. */
  async removeGone({ parts }: RelayParts): Promise<void> {
    const { signal } = this.#options;
    const names = new Set(
      [...parts.values()].flatMap(({ objects }) => objects.map(({ name }) => name)),
    );
    const standing = await listParts(this.#target, { signal });
    for (const { objects } of standing.parts.values()) {
      for (const { name } of objects) {
        if (names.has(name)) continue;
        await this.#target.remove(name, { signal });
        this.#done.delete(name);
      }
    }
  }

  summary(): Copied {
    let bytes = 0;
    for (const { info } of this.#done.values()) bytes += info.sizeBytes;
    return { objects: this.#done.size, bytes, kept: this.#kept, leftOut: this.#leftOut };
  }

  async #isChanged({ objects }: RelayPart): Promise<boolean> {
    for (const info of objects) if (await this.#isObjectChanged(info)) return true;
    return false;
  }

  async #isObjectChanged(info: ObjectInfo): Promise<boolean> {
    const done = this.#done.get(info.name);
    if (done === undefined || done.info.sizeBytes !== info.sizeBytes) return true;
    if (info.tag !== undefined) return done.info.tag !== info.tag;
    if (done.info.modifiedMs !== info.modifiedMs) return true;
    // Times may be coarse. What describes a content changes with it, and is small.
    if (info.sizeBytes > SMALL_BYTES) return false;
    const { digest } = await digestObject(this.#source, info.name, this.#options);
    return digest !== done.digest;
  }

  #tell(): void {
    const { progress } = this.#options;
    progress({ objects: this.#done.size, bytes: this.#bytes, ...this.#total });
  }
}

function notEmpty(name: ObjectName): EscaleError {
  return new EscaleError(
    "refused",
    `Cannot copy to there: "${printable(name)}" stands there already: should be an empty folder`,
    { hint: "Name another folder, or empty that one" },
  );
}

function restless(): EscaleError {
  return new EscaleError(
    "changed",
    `Cannot copy the relay: it still changes after ${MAX_PASSES} passes`,
    { hint: "Stop the clients of the relay, and try again: what was copied is kept" },
  );
}
