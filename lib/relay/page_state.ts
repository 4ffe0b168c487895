import type { ObjectInfo } from "../../backends/backend.ts";
import type { EscaleError } from "../errors.ts";
import type { HeldLock } from "./lock.ts";
import type { IndexText } from "./index_text.ts";
import { isAmong } from "./metadata.ts";
import type { LockView } from "./relay.ts";

/** The objects of a page as a listing shows them. */
export interface PageObjects {
  readonly page: string;
  lock: ObjectInfo | undefined;
  persistent: ObjectInfo | undefined;
  /** By their `TS`. */
  readonly updates: Map<number, { index?: ObjectInfo; data?: ObjectInfo }>;
}

/** An update that stands on a page; whole if it has both of its objects. */
export interface Update {
  readonly ts: number;
  /** Size of its data, `undefined` if there is none. */
  readonly storedBytes: number | undefined;
  /** Its index; `undefined` if there is none or it cannot be read. */
  readonly index: IndexText | undefined;
  readonly hasIndexObject: boolean;
  /** The pushers of its entries, nearly always one. */
  readonly pushers: ReadonlySet<string | undefined>;
  /** How many clients besides the pusher are to have it. */
  readonly expected: number;
}

/** What a page holds. */
export interface PageState {
  readonly page: string;
  readonly lock: LockView | undefined;
  /** The persistent index, empty if there is none or it cannot be read. */
  readonly index: IndexText;
  /** In the order of their `TS`. */
  readonly updates: readonly Update[];
  readonly problems: readonly EscaleError[];
}

/** A page that this process has locked. */
export interface HeldPage {
  readonly lock: HeldLock;
  state: PageState;
}

/** How many clients other than its pusher have taken an update. */
export function takenBy(update: Update): number {
  return (update.index?.pullers ?? []).filter((name) => !update.pushers.has(name)).length;
}

/** Whether every expected client has taken an update, so that it may go. */
export function isServed(update: Update): boolean {
  return takenBy(update) >= update.expected;
}

/** Whether an update cannot be consumed by anybody: one of its objects is missing, or its index says nothing. */
export function isResidue(update: Update): boolean {
  return update.storedBytes === undefined || update.index === undefined || update.index.size === 0;
}

/** Whether an update waits for this client. One that it pushed itself never does. */
export function isOwedBy(
  update: Update,
  { client, sibling }: { readonly client: string; readonly sibling: string | undefined },
): boolean {
  if (isResidue(update) || update.index === undefined) return false;
  if (isAmong(update.index.pullers, client)) return false;
  return [...update.pushers].some((pusher) => {
    return pusher !== client && (pusher === undefined || pusher !== sibling);
  });
}
