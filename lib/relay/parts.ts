import type { Backend, ObjectInfo, ObjectName } from "../../backends/backend.ts";
import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";
import { classify, contentName, lockName, placeholderName } from "./names.ts";
import { classifyPageObject, pageLockName } from "./pages.ts";
import { readText } from "./context.ts";
import type { Locks } from "./lock.ts";
import { parseLock } from "./lock_text.ts";

export type { Backend, BackendTraits, ObjectName } from "../../backends/backend.ts";

/*
 * A relay as what can be copied of it, whatever its layout: parts, each of them the objects that one lock covers.
 */

/** What one lock covers: record and content of a resource, or an index page. */
export interface RelayPart {
  readonly lock: ObjectName;
  /** In an order in which whoever meets half of them takes no harm: contents before what describes them. */
  readonly objects: readonly ObjectInfo[];
}

/** All that stands on a relay. */
export interface RelayParts {
  /** By the names of their locks. */
  readonly parts: ReadonlyMap<ObjectName, RelayPart>;
  readonly locks: ReadonlyMap<ObjectName, ObjectInfo>;
  /** What belongs to no layout. */
  readonly others: readonly ObjectInfo[];
}

/** Where an object belongs, told by its name alone. */
export type Place =
  | { readonly kind: "lock" }
  | { readonly kind: "other" }
  | {
    readonly kind: "part";
    readonly layout: "placeholder" | "index";
    readonly lock: ObjectName;
    /** Objects of lower rank are written first. */
    readonly rank: number;
  };

/** Tells where the object of that name belongs. */
export function placeOf(name: ObjectName): Place {
  const kind = classify(name);
  switch (kind.kind) {
    case "lock":
    case "other":
      return isPageLock(name) ? { kind: "lock" } : { kind: kind.kind };
    case "content":
      return { kind: "part", layout: "placeholder", lock: lockName(kind.resource), rank: 0 };
    case "placeholder":
      return { kind: "part", layout: "placeholder", lock: lockName(kind.resource), rank: 2 };
    case "index": {
      const object = classifyPageObject(name);
      if (!("page" in object)) return { kind: "other" };
      const rank = object.kind === "update data" ? 0 : object.kind === "persistent" ? 1 : 2;
      return { kind: "part", layout: "index", lock: pageLockName(object.page), rank };
    }
    default:
      return kind satisfies never;
  }
}

/** Sorts the objects of a listing by where they belong. */
export async function listParts(
  backend: Pick<Backend, "list">,
  options: { readonly signal: AbortSignal },
): Promise<RelayParts> {
  const found = new Map<ObjectName, ObjectInfo[]>();
  const locks = new Map<ObjectName, ObjectInfo>();
  const others: ObjectInfo[] = [];
  for await (const info of backend.list("", { ...options, recursive: true })) {
    const place = placeOf(info.name);
    if (place.kind === "lock") locks.set(info.name, info);
    else if (place.kind === "other") others.push(info);
    else found.set(place.lock, [...found.get(place.lock) ?? [], info]);
  }
  return {
    parts: new Map([...found].map(([lock, infos]) => [lock, partOf(lock, infos)])),
    locks,
    others,
  };
}

/** How {@linkcode lockedParts} works. */
export interface LockedPartsOptions {
  readonly backend: Backend;
  /** Takes the lock of each part meanwhile; without, nobody else may be at work. */
  readonly locks: Locks | undefined;
  readonly signal: AbortSignal;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** So many locks are taken at a time, and waits for them shared. */
const LOCKS_AT_ONCE = 32;
const POLL_MS = 1_000;
/** How long locks are waited for: longer than it takes to tell that one was left by a command that was killed. */
const PATIENCE_MS = 80_000;

/**
 * Gives the parts, some at a time, as they stand under their locks, which are held until the next are asked for. Waits
 * for those that others have locked. What an interrupted push left locked is taken as it stands, and its lock left to
 * whoever repairs it.
 *
 * @throws {EscaleError} `locked` if one stays locked for 80 s in which nothing else could be done
 */
export async function* lockedParts(
  parts: readonly RelayPart[],
  options: LockedPartsOptions,
): AsyncGenerator<readonly RelayPart[]> {
  const { backend, locks, signal, wait } = options;
  let waiting = [...parts];
  let waitedMs = 0;
  while (waiting.length > 0) {
    const refused: RefusedPart[] = [];
    for (let from = 0; from < waiting.length; from += LOCKS_AT_ONCE) {
      signal.throwIfAborted();
      const batch = waiting.slice(from, from + LOCKS_AT_ONCE);
      await using got = await lockBatch(batch, { ...options, locks });
      refused.push(...got.refused);
      yield locks === undefined ? got.ready : await readAgain(got.ready, backend, signal);
    }
    const [first] = refused;
    if (first === undefined) return;
    waitedMs = refused.length < waiting.length ? 0 : waitedMs + POLL_MS;
    if (waitedMs > PATIENCE_MS) throw stillLocked(first);
    waiting = refused.map(({ part }) => part);
    await wait(POLL_MS, signal);
  }
}

interface RefusedPart {
  readonly part: RelayPart;
  readonly owner: string;
}

/** Locked parts, until it is disposed of. */
interface LockedBatch extends AsyncDisposable {
  readonly ready: readonly RelayPart[];
  readonly refused: readonly RefusedPart[];
}

async function lockBatch(
  batch: readonly RelayPart[],
  { backend, locks, signal }: LockedPartsOptions,
): Promise<LockedBatch> {
  if (locks === undefined) {
    return { ready: batch, refused: [], [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const left = new Set<RelayPart>();
  for (const part of batch) {
    const isLeft = (await locks.look(part.lock))?.kind === "leftover";
    if (isLeft && !await coversNothing(part.lock, backend)) left.add(part);
  }
  const toLock = batch.filter((part) => !left.has(part));
  const names = toLock.map(({ lock }) => lock);
  const { held, refused } = await locks.acquire(names, { mode: "r", signal });
  const failed = refused.values().find((view) => view.kind === "failed");
  if (failed !== undefined) {
    await locks.release(held);
    throw failed.cause;
  }
  const got = new Set(held.map(({ name }) => name));
  return {
    ready: batch.filter((part) => left.has(part) || got.has(part.lock)),
    refused: toLock.flatMap((part) => {
      const view = refused.get(part.lock);
      return view === undefined ? [] : [{ part, owner: "owner" in view ? view.owner : "" }];
    }),
    [Symbol.asyncDispose]: () => locks.release(held),
  };
}

/** Whether a lock is of somebody who only read, so that nothing has to be repaired under it. */
async function coversNothing(lock: ObjectName, backend: Backend): Promise<boolean> {
  const text = await readText(backend, lock);
  try {
    return text !== undefined && parseLock(text).mode === "r";
  } catch (cause) {
    if (cause instanceof EscaleError) return false;
    throw cause;
  }
}

/** The parts as they stand now. */
async function readAgain(
  parts: readonly RelayPart[],
  backend: Backend,
  signal: AbortSignal,
): Promise<readonly RelayPart[]> {
  const pages = new Map<ObjectName, ObjectInfo[]>();
  if (parts.some(({ objects }) => objects.some(({ name }) => isOfPage(name)))) {
    for await (const info of backend.list("", { signal })) {
      const place = placeOf(info.name);
      if (place.kind !== "part" || place.layout !== "index") continue;
      pages.set(place.lock, [...pages.get(place.lock) ?? [], info]);
    }
  }
  const now: RelayPart[] = [];
  for (const { lock, objects } of parts) {
    const [first] = objects;
    if (first === undefined) continue;
    const infos = isOfPage(first.name)
      ? pages.get(lock) ?? []
      : await statAll(namesBeside(first.name), backend, signal);
    now.push(partOf(lock, infos));
  }
  return now;
}

async function statAll(
  names: readonly ObjectName[],
  backend: Backend,
  signal: AbortSignal,
): Promise<ObjectInfo[]> {
  const infos: ObjectInfo[] = [];
  for (const name of names) {
    const info = await backend.stat(name, { signal });
    if (info !== undefined) infos.push(info);
  }
  return infos;
}

function namesBeside(name: ObjectName): readonly ObjectName[] {
  const kind = classify(name);
  if (kind.kind !== "content" && kind.kind !== "placeholder") return [name];
  return [contentName(kind.resource), placeholderName(kind.resource)];
}

function partOf(lock: ObjectName, infos: readonly ObjectInfo[]): RelayPart {
  const rank = ({ name }: ObjectInfo) => {
    const place = placeOf(name);
    return place.kind === "part" ? place.rank : 0;
  };
  return { lock, objects: infos.toSorted((a, b) => rank(a) - rank(b)) };
}

function isOfPage(name: ObjectName): boolean {
  const place = placeOf(name);
  return place.kind === "part" && place.layout === "index";
}

/** The lock of a page whose name would be hidden as that of a resource. */
function isPageLock(name: ObjectName): boolean {
  return classifyPageObject(name).kind === "lock" && !name.includes("/");
}

function stillLocked({ part, owner }: RefusedPart): EscaleError {
  const who = owner === "" ? "another client" : `"${printable(owner)}"`;
  return new EscaleError(
    "locked",
    `Cannot read what "${printable(part.lock)}" covers: ${who} holds that lock`,
    {
      hint: "Try again when that client is done; a lock that was left behind is taken over in time",
    },
  );
}
