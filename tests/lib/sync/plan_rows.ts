import assert from "node:assert/strict";
import type { RelayRecord } from "../../../lib/relay/metadata.ts";
import {
  type Action,
  type AgreedVersion,
  decide,
  type Mode,
  type Rules,
} from "../../../lib/sync/plan.ts";

/** What a row says; contents are named by one letter, made in the order of the alphabet. */
interface Row extends Partial<Omit<Rules, "mode">> {
  readonly mode?: Mode;
  readonly local?: string;
  readonly localTimeS?: number;
  readonly agreed?: Partial<AgreedVersion> & { readonly id: string };
  readonly intended?: readonly string[];
  readonly refused?: string;
  readonly record?: Partial<RelayRecord>;
  /** Whether content stands on the relay; it does beside a record that says nothing else. */
  readonly content?: boolean;
}

/** Claim, situation and outcome. */
export type Rows = readonly (readonly [claim: string, row: Row, action: Action])[];

export const ME: string = "me";
export const PEER: string = "peer";
export const NONE: Action = { kind: "none" };
export const PULL: Action = { kind: "pull", keepLocal: false };
export const KEEP_LOCAL: Action = { kind: "pull", keepLocal: true };
export const KEEP_ARRIVING: Action = { kind: "keep-arriving" };
export const REQUEST: Action = { kind: "request" };

/** The decision to push with this base. */
export function push(base: readonly string[], over?: string): Action {
  return over === undefined ? { kind: "push", base } : { kind: "push", base, over };
}

function decideRow(row: Row): Action {
  const mode = row.mode ?? "shared";
  const record = row.record && recordOf(row.record);
  const agreed = row.agreed && agreedOf(row.agreed);
  return decide({
    local: row.local === undefined ? undefined : {
      id: row.local,
      timeS: row.localTimeS ?? 100,
      equalsRecord: row.local === record?.checksum,
      equalsAgreed: row.local === agreed?.id,
    },
    agreed,
    intended: row.intended ?? [],
    refused: row.refused,
    record,
    contentStands: row.content ?? record !== undefined,
  }, {
    client: ME,
    sibling: row.sibling,
    mode,
    mayPush: row.mayPush ?? mode !== "download",
    mayPull: row.mayPull ?? mode !== "upload",
    pullerCount: row.pullerCount ?? 1,
  });
}

/** A record of the peer, but for what `part` says. */
export function recordOf(part: Partial<RelayRecord>): RelayRecord {
  return {
    pusher: PEER,
    timeS: 100,
    checksum: undefined,
    algorithm: "sha512",
    base: [],
    sizeBytes: 1,
    expected: undefined,
    seal: undefined,
    pullers: [],
    ...part,
  };
}

/** An agreed version that came by a pull, but for what `part` says. */
export function agreedOf(part: Partial<AgreedVersion> & { readonly id: string }): AgreedVersion {
  return { base: [], pusher: PEER, timeS: 100, byPull: true, pullers: [], ...part };
}

/** Makes a test of each row. */
export function check(rows: Rows): void {
  for (const [claim, row, action] of rows) {
    Deno.test(`decide() ${claim}`, () => assert.deepEqual(decideRow(row), action));
  }
}
