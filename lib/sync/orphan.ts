import { EscaleError } from "../errors.ts";
import type { LocalFile } from "../local/scan.ts";
import type { RelativePath } from "../path.ts";
import type { RelayRecord } from "../relay/metadata.ts";
import type { PlainContent, RelayEntry, Transaction } from "../relay/relay.ts";
import { agreedOn } from "./agreed.ts";
import type { Compared } from "./compare.ts";
import { fetchContent, type Fetched } from "./fetch.ts";
import { freeConflictPath } from "./place.ts";
import { decide } from "./plan.ts";
import { contentOf, recordOf } from "./push.ts";
import {
  leaveForLater,
  noteRefused,
  type Planned,
  type Tally,
  tell,
  type Workshop,
  type WorkshopSettings,
} from "./round.ts";

/** Plain content without a record may still be growing: its size must have stood so long, in seconds. */
const STABLE_S = 30;

/** A content without a record, seen under its lock. */
interface Orphan {
  readonly resource: RelativePath;
  readonly storedBytes: number;
  readonly storedMs: number | undefined;
  readonly compared: Compared;
  readonly base: readonly string[];
}

/**
 * Sees to contents that stand on the relay without a record (SEMANTICS, "Who pulls what"). One is never deleted: it is
 * pulled where nothing stands here, gets its record from a client that holds it, and is kept as a conflict copy before
 * a client that holds another content pushes over it.
 */
export async function settleOrphans(
  batch: readonly Planned[],
  workshop: Workshop,
  tally: Tally,
): Promise<void> {
  const { relay, signal } = workshop;
  const resources = batch.map(({ resource }) => resource);
  await using transaction = await relay.open(resources, { mode: "w", signal });
  noteRefused(transaction, workshop, tally);
  const orphans: Orphan[] = [];
  for (const resource of transaction.entries.keys()) {
    const orphan = await lookAgain(resource, { transaction, workshop, tally });
    if (orphan !== undefined) orphans.push(orphan);
  }
  const byName = new Map(orphans.map((orphan) => [orphan.resource, orphan]));
  const written: Written[] = [];
  await transaction.receive([...byName.keys()], async (resource, content) => {
    const orphan = byName.get(resource);
    if (orphan === undefined) return;
    try {
      const done = await settle(orphan, { transaction, workshop, tally, content });
      if (done !== undefined) written.push(done);
    } catch (cause) {
      leaveForLater(resource, cause, workshop, tally);
    }
  });
  if (written.length > 0) await agreeOnAll(written, { transaction, workshop, tally });
}

/** A record that was put for what stands here. */
interface Written {
  readonly resource: RelativePath;
  readonly file: LocalFile;
  readonly digest: string;
  readonly record: RelayRecord;
}

/**
 * Whether content whose record is not there, or was cut, may be taken for what its name says. A record without its
 * seal, or with a wrong one, shows that somebody else put the two together; and where seals are required, no record
 * says as little as one without a seal.
 */
export function mayAdopt(
  { record }: RelayEntry,
  { requiresSeals }: Pick<WorkshopSettings, "requiresSeals">,
): boolean {
  if (requiresSeals) return false;
  return record.kind === "absent" || record.kind === "unreadable" && record.seal === undefined;
}

/** What a step works with. */
interface Step {
  readonly transaction: Transaction;
  readonly workshop: Workshop;
  readonly tally: Tally;
}

async function lookAgain(
  resource: RelativePath,
  { transaction, workshop, tally }: Step,
): Promise<Orphan | undefined> {
  const { comparer, misfits, settings, state, signal } = workshop;
  const entry = transaction.entries.get(resource);
  if (entry?.storedBytes === undefined) return undefined;
  try {
    const file = misfits.stat(resource);
    const compared = await comparer.compare(resource, { file, entry, signal });
    const action = decide(
      compared.situation,
      settings.rulesFor(resource, (name) => state.access(name)),
    );
    const { storedBytes, storedMs } = entry;
    if (action.kind === "adopt" && mayAdopt(entry, settings)) {
      return { resource, storedBytes, storedMs, compared, base: [] };
    }
    if (action.kind === "settle-orphan") {
      return { resource, storedBytes, storedMs, compared, base: action.base };
    }
  } catch (cause) {
    leaveForLater(resource, cause, workshop, tally);
  }
  return undefined;
}

async function settle(
  orphan: Orphan,
  step: Step & { readonly content: () => Promise<PlainContent> },
): Promise<Written | undefined> {
  const { workshop, tally } = step;
  const { resource, storedBytes, compared } = orphan;
  const { stager, state } = workshop;
  const sign = `orphan ${storedBytes}`;
  if (compared.file === undefined && compared.state.refused === sign) return undefined;
  if (!isStable(orphan, workshop)) {
    tally.waiting++;
    return undefined;
  }
  const fetched = await fetchOrphan(orphan, step);
  if (fetched === undefined) return await writeRecord(orphan, { ...step, isSame: false });
  try {
    if (compared.file === undefined) {
      const id = workshop.checksums.toRecord(fetched.digest).checksum;
      const wasHeld = fetched.digest === compared.state.agreed?.digest ||
        (id !== undefined && compared.state.intended.includes(id));
      if (wasHeld) {
        // Deleted here: it does not come back by itself.
        state.change(resource, { refused: sign });
        return undefined;
      }
      await stager.sync([fetched.staged]);
      stager.place(fetched.staged, undefined);
      await stager.syncFolders([fetched.staged]);
      // Noted as if it had been pushed, so that it does not come back once it is deleted.
      if (id !== undefined) state.change(resource, { intended: [id] });
      tally.pulled++;
      tell(workshop, "pull", {
        path: resource,
        sizeBytes: fetched.staged.sizeBytes,
        detail: "it had no record",
      });
      return undefined;
    }
    if (fetched.digest !== compared.digest) {
      const version = {
        client: "unknown",
        // The relay's own time, so that all clients give the copy one name.
        timeS: Math.floor((orphan.storedMs ?? 0) / 1000),
        id: fetched.digest,
        digest: fetched.digest,
      };
      const path = await freeConflictPath(resource, version, workshop);
      if (path.kind === "free") {
        const copy = { ...fetched.staged, path: path.path };
        await stager.sync([copy]);
        stager.place(copy, undefined);
        await stager.syncFolders([copy]);
      }
      tally.conflicts++;
      tell(workshop, "conflict", {
        path: resource,
        detail: `what stood on the relay without a record is "${path.path}"`,
      });
    }
  } finally {
    stager.discard(fetched.staged);
  }
  return await writeRecord(orphan, { ...step, isSame: fetched.digest === compared.digest });
}

/**
 * Fetches the content; `undefined` if it is not authentic and a file stands here that may take its place: what does not
 * open with the relay's own key is nothing to anybody.
 */
async function fetchOrphan(
  { resource, storedBytes, compared }: Orphan,
  { content, workshop }: Step & { readonly content: () => Promise<PlainContent> },
): Promise<Fetched | undefined> {
  try {
    return await fetchContent(resource, { content, workshop, sizeBytes: storedBytes });
  } catch (cause) {
    const { settings } = workshop;
    const isGarbage = cause instanceof EscaleError &&
      (cause.code === "corrupt" || cause.code === "wrong-key") &&
      settings.cipherAuthenticates && settings.isKeyProven();
    if (isGarbage && compared.file !== undefined) return undefined;
    throw cause;
  }
}

/** Gives the content its record, after putting ours in its place if it is another. */
async function writeRecord(
  orphan: Orphan,
  { transaction, workshop, isSame }: Step & { readonly isSame: boolean },
): Promise<Written | undefined> {
  const { resource, compared, base } = orphan;
  const { file, digest } = compared;
  if (file === undefined || digest === undefined) return undefined;
  const record = recordOf({ file, digest, base, compared }, workshop);
  workshop.state.transaction(() => {
    const { id } = agreedOn(record, { digest, byPull: false });
    workshop.state.change(resource, { intended: [...new Set([...compared.state.intended, id])] });
  });
  if (isSame) await transaction.putRecord(resource, record);
  else {await transaction.put(
      resource,
      record,
      contentOf({ resource, file, digest, isSettled: false, bytes: undefined }, workshop),
    );}
  return { resource, file, digest, record };
}

async function agreeOnAll(
  written: readonly Written[],
  { transaction, workshop, tally }: Step,
): Promise<void> {
  const confirmed = await transaction.confirm();
  const standing = written.filter(({ resource }) => confirmed.has(resource));
  workshop.state.transaction(() => {
    for (const { resource, record, digest } of standing) {
      const agreed = agreedOn(record, { digest, byPull: false });
      workshop.state.change(resource, { agreed, intended: [] });
    }
  });
  for (const { resource, file } of standing) {
    tally.pushed++;
    tell(workshop, "push", { path: resource, sizeBytes: file.sizeBytes });
  }
}

/** Encrypted content proves itself; plain content must not have changed its size for a while. */
function isStable({ resource, storedBytes }: Orphan, { state, settings }: Workshop): boolean {
  if (settings.cipherAuthenticates) return true;
  const name = `content ${resource}`;
  const text = String(storedBytes);
  const uptimeS = settings.uptimeS();
  const seen = state.sighting(name);
  if (seen?.text === text && seen.uptimeS <= uptimeS) return uptimeS - seen.uptimeS >= STABLE_S;
  state.noteSighting(name, { text, uptimeS });
  return false;
}
