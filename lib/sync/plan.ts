import {
  acknowledgedCount,
  hasAcknowledged,
  MAX_BASE,
  type RelayRecord,
} from "../relay/metadata.ts";
import { identityOf } from "../relay/checksum.ts";

/**
 * All decisions, without effects. The rules are those of SEMANTICS; each function here names the one it follows.
 * What is decided when a round is planned is decided again, by the same function, under the resource's lock.
 */

/** The four modes of synchronisation. */
export type Mode = "upload" | "download" | "shared" | "conservative";

/** The last version whose content this client durably held and whose exchange it completed. */
export interface AgreedVersion {
  readonly id: string;
  readonly base: readonly string[];
  readonly pusher: string | undefined;
  readonly timeS: number | undefined;
  readonly byPull: boolean;
  readonly pullers: readonly string[];
}

/** The local file, compared by content with what it may be compared with. */
export interface LocalVersion {
  /** The identity it would have on the relay. */
  readonly id: string;
  /** Its modification time, whole seconds. */
  readonly timeS: number;
  readonly equalsRecord: boolean;
  readonly equalsAgreed: boolean;
}

/** Everything that a decision about one resource rests on. */
export interface Situation {
  readonly local: LocalVersion | undefined;
  readonly agreed: AgreedVersion | undefined;
  /** Identities that this client began to push since `agreed` was set. */
  readonly intended: readonly string[];
  /** The version that was not let in, or that was pushed over. */
  readonly refused: string | undefined;
  /** The record on the relay; `undefined` also if it cannot be read. */
  readonly record: RelayRecord | undefined;
  readonly contentStands: boolean;
}

/** What a client may do with a resource, by its mode and the file's access modifiers. */
export interface Rules {
  readonly client: string;
  /** The client that works on the same folder and relay in the other direction, if there is one. */
  readonly sibling?: string | undefined;
  readonly mode: Mode;
  readonly mayPush: boolean;
  readonly mayPull: boolean;
  /** How many clients besides the pusher must have a file, as this client is configured. */
  readonly pullerCount: number;
}

/** What to do about one resource. */
export type Action =
  | { readonly kind: "none" }
  /** Send the local version, as one that replaces those of `base`. `over`: the foreign version that it is put over. */
  | { readonly kind: "push"; readonly base: readonly string[]; readonly over?: string }
  /** Place the arriving version; `keepLocal`: first keep the local file as a conflict copy. */
  | { readonly kind: "pull"; readonly keepLocal: boolean }
  /** Keep the arriving version as a conflict copy; the local file keeps the name. */
  | { readonly kind: "keep-arriving" }
  /** Both hold the same content: remember it, and acknowledge the version if nobody knows yet. */
  | { readonly kind: "agree"; readonly acknowledge: boolean }
  /** Tell the relay that this client has, or does not want, a version that it knows. */
  | { readonly kind: "acknowledge"; readonly why: "held" | "deleted" | "outdated" }
  /** Acknowledge a version without keeping it, and remember that it was not let in. */
  | { readonly kind: "refuse" }
  /** Remove the record of a version whose content is gone, so that whoever has it sends it again. */
  | { readonly kind: "request" }
  /** Remove content that everyone who should has got. */
  | { readonly kind: "sweep" }
  /** Content without a record: pull it if it is whole. */
  | { readonly kind: "adopt" }
  /** Content without a record, while a file stands here: write its record, or keep it aside and push. */
  | { readonly kind: "settle-orphan"; readonly base: readonly string[] };

const NONE: Action = { kind: "none" };

/** Decides what a client does about one resource. */
export function decide(situation: Situation, rules: Rules): Action {
  const { record } = situation;
  if (record === undefined) return decideWithoutRecord(situation, rules);
  const id = identityOf(record);
  const isKnown = situation.agreed?.id === id || situation.intended.includes(id) ||
    isFromSibling(record, rules);
  return isKnown
    ? decideKnown(situation, { ...rules, record, id })
    : decideArriving(situation, { ...rules, record, id });
}

/** A record is there, and what it says of itself. */
interface Arriving extends Rules {
  readonly record: RelayRecord;
  readonly id: string;
}

function decideWithoutRecord(situation: Situation, rules: Rules): Action {
  const { local, contentStands } = situation;
  if (contentStands && local === undefined) return rules.mayPull ? { kind: "adopt" } : NONE;
  if (local === undefined || !rules.mayPush) return NONE;
  const base = ownBase(situation, local);
  return contentStands ? { kind: "settle-orphan", base } : { kind: "push", base };
}

/** The record is of a version that this client has held, or has begun to push. */
function decideKnown(situation: Situation, rules: Arriving): Action {
  const { local, agreed, contentStands } = situation;
  const { id } = rules;
  if (local === undefined) {
    if (rules.mode === "download" && rules.mayPull) {
      return contentStands ? { kind: "pull", keepLocal: false } : { kind: "request" };
    }
    return owesAcknowledgement(rules) ? { kind: "acknowledge", why: "deleted" } : NONE;
  }
  if (!local.equalsRecord) {
    if (rules.mayPush) return { kind: "push", base: withBasesOf(situation, rules) };
    return owesAcknowledgement(rules) ? { kind: "acknowledge", why: "outdated" } : NONE;
  }
  if (agreed?.id !== id) return { kind: "agree", acknowledge: owesAcknowledgement(rules) };
  if (owesAcknowledgement(rules)) return { kind: "acknowledge", why: "held" };
  return contentStands && isEveryoneServed(rules) ? { kind: "sweep" } : NONE;
}

/** The record is of a version that this client does not know. */
function decideArriving(situation: Situation, rules: Arriving): Action {
  const { local } = situation;
  if (rules.mode === "upload") return decideForUploader(situation, rules);
  if (local === undefined) return rules.mayPull ? fetch(situation) : refuse(situation, rules);
  if (local.equalsRecord) return { kind: "agree", acknowledge: owesAcknowledgement(rules) };
  if (isSentAgain(situation, rules)) return pushOverOld(situation, local, rules);
  if (!mayOverwrite(situation, local, rules)) return refuse(situation, rules);
  if (isPlainUpdate(situation, local, rules)) return fetch(situation);
  if (!situation.contentStands) return { kind: "request" };
  return local.equalsAgreed || isLater(rules, local)
    ? { kind: "pull", keepLocal: true }
    : { kind: "keep-arriving" };
}

/** "An `upload` client pushes over a foreign record", once for each, or two of them would never end. */
function decideForUploader(situation: Situation, rules: Arriving): Action {
  const { local, refused } = situation;
  if (local === undefined || !rules.mayPush) return NONE;
  if (local.equalsRecord) return { kind: "agree", acknowledge: false };
  const isForeign = rules.record.pusher !== rules.client;
  if (isForeign && refused === rules.id && local.equalsAgreed) return NONE;
  return { kind: "push", base: ownBase(situation, local), over: rules.id };
}

function fetch(situation: Situation): Action {
  return situation.contentStands ? { kind: "pull", keepLocal: false } : { kind: "request" };
}

/** Conservative mode, and files without write access: not let in, and only unpushed content goes over it. */
function refuse(situation: Situation, rules: Arriving): Action {
  const { local, refused } = situation;
  if (refused !== rules.id || owesAcknowledgement(rules)) return { kind: "refuse" };
  if (local === undefined || !rules.mayPush || local.equalsAgreed) return NONE;
  return { kind: "push", base: ownBase(situation, local), over: rules.id };
}

function mayOverwrite(situation: Situation, local: LocalVersion, rules: Arriving): boolean {
  if (!rules.mayPull) return false;
  if (rules.mode !== "conservative") return true;
  return local.equalsAgreed && situation.agreed?.byPull === true;
}

/**
 * "The arriving version stands in our agreed record's `base` and does not name our agreed version in its own", nor one
 * that was refused here: then somebody went back to it after both, and pushing over it would never end.
 */
function isSentAgain({ agreed, refused }: Situation, { record, id }: Arriving): boolean {
  if (agreed === undefined || !agreed.base.includes(id)) return false;
  return ![agreed.id, refused].some((later) => later !== undefined && record.base.includes(later));
}

function pushOverOld(situation: Situation, local: LocalVersion, rules: Arriving): Action {
  if (!rules.mayPush) {
    return owesAcknowledgement(rules) ? { kind: "acknowledge", why: "outdated" } : NONE;
  }
  const base = ownBase(situation, local);
  return {
    kind: "push",
    base: local.equalsAgreed ? limited([rules.id, ...base]) : limited([...base, rules.id]),
  };
}

/** Whether the arriving version was made from what stands here, so that nothing is lost by taking it. */
function isPlainUpdate(situation: Situation, local: LocalVersion, rules: Arriving): boolean {
  const { agreed } = situation;
  const { record } = rules;
  if (local.id === record.base[0]) return true;
  if (agreed === undefined || !local.equalsAgreed) return false;
  if (record.base.includes(agreed.id)) return true;
  // 0.7 names no base. If its pusher is known to have had our version, its own was made from it.
  return isFromLegacyPeer(record) && record.pusher !== undefined &&
    (agreed.pusher === record.pusher || agreed.pullers.includes(record.pusher));
}

/** Ours always write the size. */
function isFromLegacyPeer(record: RelayRecord): boolean {
  return record.sizeBytes === undefined && record.base.length === 0;
}

/** "The later time keeps the name (a tie: the greater checksum)." */
function isLater({ record, id }: Arriving, local: LocalVersion): boolean {
  if (record.timeS !== undefined && record.timeS !== local.timeS) return record.timeS > local.timeS;
  return id > local.id;
}

/** What a push of the local file replaces when no record of a known version stands: the version it was made from. */
function ownBase({ agreed }: Situation, local: LocalVersion): readonly string[] {
  if (agreed === undefined) return [];
  return local.equalsAgreed ? agreed.base : limited([agreed.id, ...agreed.base]);
}

/**
 * "First the version replaced, then its own bases as long as not every expected client had acknowledged it." If that one
 * was kept aside here, the versions that the local file was made from are among the agreed bases.
 */
function withBasesOf({ agreed }: Situation, rules: Arriving): readonly string[] {
  const { record, id } = rules;
  const ownBase = agreed?.id === id ? agreed.base : [];
  return isEveryoneServed(rules) ? [id] : limited([id, ...record.base, ...ownBase]);
}

/**
 * Identities each once, as many as a record takes: the newest, and the oldest, which is the last that every expected
 * client had. Whoever was away since then still has it, however often the file changed.
 */
export function limited(ids: readonly string[]): readonly string[] {
  const once = [...new Set(ids)];
  return once.length <= MAX_BASE ? once : [...once.slice(0, MAX_BASE - 1), ...once.slice(-1)];
}

/** Uploaders do not count among pullers, nor does a version's own pusher, nor who pulls into the pusher's folder. */
function owesAcknowledgement(rules: Arriving): boolean {
  const { record, client, mode } = rules;
  const isFromHere = record.pusher === client || isFromSibling(record, rules);
  return mode !== "upload" && !isFromHere && !hasAcknowledged(record, client);
}

/** Whether the version came out of this very folder: what differs here now was made from it. */
function isFromSibling(record: RelayRecord, { sibling }: Rules): boolean {
  return sibling !== undefined && record.pusher === sibling;
}

function isEveryoneServed({ record, pullerCount }: Arriving): boolean {
  return acknowledgedCount(record) >= expectedCount(record, pullerCount);
}

/** How many clients besides the pusher are to have a version: the larger of its own and the reader's setting. */
export function expectedCount(record: RelayRecord, pullerCount: number): number {
  return Math.max(record.expected ?? 1, pullerCount);
}
