import { parseRelativePath, type RelativePath } from "../../lib/path.ts";
import { identityOf } from "../../lib/relay/checksum.ts";
import type { RelayRecord } from "../../lib/relay/metadata.ts";
import { originalName } from "../../lib/sync/conflict_name.ts";
import type { Action, AgreedVersion, decide, Mode, Rules, Situation } from "../../lib/sync/plan.ts";
import type { HistoryKind } from "./plan_history.ts";

/** A pure world of clients around one placeholder relay. A content is its identity; time is a counter. */
export interface World {
  readonly relay: Map<RelativePath, Slot>;
  readonly clients: Client[];
  readonly decide: typeof decide;
  readonly kind: HistoryKind;
  readonly isAuthentic: boolean;
  readonly hasTornPuts: boolean;
  readonly hasRaces: boolean;
  nowS: number;
  nextNonce: number;
  nextContent: number;
  /** Contents that users made, oldest first. */
  readonly contents: string[];
  /** Contents that must stand in some client's files: nobody replaced or deleted them. */
  readonly alive: Set<string>;
  /** Contents that somebody else put on the relay: they must stand there or in some client's files. */
  readonly guests: Map<string, RelativePath>;
  /** Whether a user returned to an earlier content: from then on nothing tells earlier from later. */
  hasReturned: boolean;
  /** Of each content all those that it was made from, one after the other. */
  readonly ancestors: Map<string, ReadonlySet<string>>;
  /** Contents that stood on the relay with their records. */
  readonly published: Set<string>;
  readonly trace: ((line: string) => void) | undefined;
}

/** What stands on the relay for one resource. */
export interface Slot {
  record: RelayRecord | undefined;
  content: StoredContent | undefined;
  lock: Lock | undefined;
}

/** A content on the relay; its time is that of its object. */
export interface StoredContent {
  readonly id: string;
  readonly isWhole: boolean;
  readonly timeS: number;
}

/** A lock on the relay. */
export interface Lock {
  readonly owner: string;
  readonly nonce: number;
  readonly mode: "r" | "w";
  readonly isStale: boolean;
}

/** A file of a client. */
export interface LocalFile {
  readonly id: string;
  readonly timeS: number;
}

/** What a client durably remembers of a resource. */
export interface Memory {
  agreed: AgreedVersion | undefined;
  intended: readonly string[];
  refused: string | undefined;
  /** Nonce of the lock that this client has written and not seen removed. */
  nonce: number | undefined;
}

/** A client with its files and its state. */
export interface Client {
  readonly name: string;
  readonly mode: Mode;
  /** Name of the client that works on the same files in the other direction. */
  sibling: string | undefined;
  /** Whether the file "p", and its conflict copies, may be pushed from here. */
  readonly mayRead: boolean;
  /** Whether the file "p" may be replaced here. */
  readonly mayWrite: boolean;
  readonly recordsTimes: boolean;
  pullerCount: number;
  isGone: boolean;
  readonly files: Map<RelativePath, LocalFile>;
  readonly memory: Map<RelativePath, Memory>;
  /** Exchanges that were stopped halfway and may go on. */
  readonly running: Map<RelativePath, Exchange>;
  /** For the oracle: what the user deleted here, contents that ever stood here, and those made or adopted here. */
  readonly deleted: Map<RelativePath, string>;
  /** Files that became conflict copies and whose names are not taken yet: after a crash they look deleted. */
  readonly moved: Set<RelativePath>;
  readonly held: Map<RelativePath, Set<string>>;
  readonly made: Map<RelativePath, Set<string>>;
}

/** What came of an exchange. */
export type Outcome = "idle" | "locked" | "fruitless" | "done";
/** An exchange of one file, effect by effect: each `yield` stands before one that lasts. */
export type Exchange = Generator<string, Outcome, undefined>;

/** A violated promise; the model's counterpart of a failed assertion. */
export class BrokenPromise extends Error {}

/** The files that users make by themselves; all others are conflict copies. */
export const PATHS: readonly RelativePath[] = ["p", "q.txt"].map(parseRelativePath);

/** What stands on the relay for `path`; made empty if nothing does. */
export function slotOf(world: World, path: RelativePath): Slot {
  let slot = world.relay.get(path);
  if (slot === undefined) {
    slot = { record: undefined, content: undefined, lock: undefined };
    world.relay.set(path, slot);
  }
  return slot;
}

/** What `client` remembers of `path`; made empty if it is nothing. */
export function memoryOf(client: Client, path: RelativePath): Memory {
  let memory = client.memory.get(path);
  if (memory === undefined) {
    memory = { agreed: undefined, intended: [], refused: undefined, nonce: undefined };
    client.memory.set(path, memory);
  }
  return memory;
}

/** All that `decide()` is told. */
export function situationOf(world: World, client: Client, path: RelativePath): Situation {
  const { record, content } = slotOf(world, path);
  const { agreed, intended, refused } = memoryOf(client, path);
  const file = client.files.get(path);
  return {
    local: file && {
      ...file,
      equalsRecord: record !== undefined && identityOf(record) === file.id,
      equalsAgreed: agreed?.id === file.id,
    },
    agreed,
    intended,
    refused,
    record,
    contentStands: content !== undefined,
  };
}

/** What `client` may do with `path`. */
export function rulesOf(client: Client, path: RelativePath): Rules {
  const { name, mode, pullerCount, sibling } = client;
  return {
    client: name,
    sibling,
    mode,
    mayPush: mode !== "download" && (originalName(path) !== PATHS[0] || client.mayRead),
    mayPull: mode !== "upload" && (path !== PATHS[0] || client.mayWrite),
    pullerCount,
  };
}

/** All paths that stand anywhere, in a fixed order. */
export function pathsOf(world: World): RelativePath[] {
  const paths = new Set(world.relay.keys());
  for (const client of world.clients) for (const path of client.files.keys()) paths.add(path);
  return [...paths].sort();
}

/** How a content is shown: its letter and its number. */
export function short(id: string | undefined): string {
  return id === undefined ? "nothing" : id.slice(0, 1) + Number.parseInt(id.slice(8), 16);
}

/** An action, and what it was decided on, in one line. */
export function describe(action: Action, slot: Slot, seen: LocalFile | undefined): string {
  const { record, content } = slot;
  const list = (ids: readonly string[]) => `[${ids.map(short).join(" ")}]`;
  const details = Object.entries(action).filter(([key]) => key !== "kind").map(([key, value]) =>
    ` ${key}=${Array.isArray(value) ? list(value) : key === "over" ? short(value) : value}`
  );
  const said = record === undefined
    ? "no record"
    : `record ${short(identityOf(record))} by ${record.pusher}, time ${record.timeS}, base ${
      list(record.base)
    }, pullers [${record.pullers.join(" ")}]`;
  return `${action.kind}${details.join("")} (here ${short(seen?.id)}; ${said}; content ${
    short(content?.id)
  })`;
}

/** A content never seen before. The first 8 digits of all are one of two, so that conflict names collide. */
export function newContent(world: World): string {
  const number = world.nextContent++;
  return (number % 2 === 0 ? "a" : "f").repeat(8) + number.toString(16).padStart(40, "0");
}

/** Puts a file in place and notes that its content stood here. */
export function setFile(client: Client, path: RelativePath, file: LocalFile): void {
  client.files.set(path, file);
  let held = client.held.get(path);
  if (held === undefined) client.held.set(path, held = new Set());
  held.add(file.id);
}

/** Notes that a content came into being here, or that nobody here knows where it came from. */
export function noteMade(client: Client, path: RelativePath, id: string): void {
  let made = client.made.get(path);
  if (made === undefined) client.made.set(path, made = new Set());
  made.add(id);
}

/** Nobody is to keep this content any longer. */
export function forgetContent(world: World, id: string): void {
  world.alive.delete(id);
  world.guests.delete(id);
}

/** Whether `later` was made from `earlier`. */
export function isMadeFrom(world: World, later: string | undefined, earlier: string): boolean {
  if (later === undefined || world.hasReturned) return false;
  return world.ancestors.get(later)?.has(earlier) ?? false;
}

/** The clients that are to have a version of this pusher. */
export function pullersBesides(world: World, pusher: string | undefined): Client[] {
  return world.clients.filter(({ name, mode, sibling }) => {
    return mode !== "upload" && name !== pusher && (sibling === undefined || sibling !== pusher);
  });
}

/** Whether any client has a file with this content. */
export function standsInFiles(world: World, id: string): boolean {
  return world.clients.some(({ files }) => files.values().some((file) => file.id === id));
}
