import type { ByteSource, ObjectName } from "../../backends/backend.ts";
import { compress } from "../archive/codec.ts";
import { EscaleError } from "../errors.ts";
import type { RelativePath } from "../path.ts";
import { type IndexContext, readText } from "./context.ts";
import { MAX_INDEX_BYTES } from "./index_parse.ts";
import { appendUpdatePuller, formatUpdateIndex } from "./index_text.ts";
import { resourcesOn } from "./page_entries.ts";
import { type HeldPage, takenBy, type Update } from "./page_state.ts";
import { MAX_TS, persistentIndexName, updateDataName, updateIndexName } from "./pages.ts";
import { type UpdateMember, writeUpdateData } from "./update_data.ts";

/*
 * What is written on a page whose lock is held. The lock is read again before each step, so that a client that lost it
 * stops.
 */

const encoder = new TextEncoder();

/** What of an update may stand, whole or not. */
export interface Begun {
  readonly ts: number;
  /** The persistent index may have the update in it. */
  readonly hasIndex: boolean;
}

/** An update as it was written. */
export interface Published {
  readonly members: readonly UpdateMember[];
  /** Whether everything stood as it was written when it was read back. */
  readonly stands: boolean;
}

/**
 * Writes an update: its data, then the persistent index with the update in it, then the update's index, and reads back
 * what stands. `began` is told of what is about to be written.
 *
 * @throws {EscaleError} `locked` if the lock was lost; `refused` if the page's time lies beyond all times
 */
export async function publishUpdate(
  context: IndexContext,
  held: HeldPage,
  options: {
    readonly members: readonly UpdateMember[];
    readonly left: Map<RelativePath, unknown>;
    readonly began: (step: Begun) => void;
    /** Ends the writing of the data in the middle. */
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Published> {
  const { backend, pageTimes, nowS } = context;
  const { page, updates } = held.state;
  const check = () => context.locks.check(held.lock);
  const lastTs = Math.max(pageTimes.get(page), ...updates.map(({ ts }) => ts));
  const ts = Math.max(nowS(), lastTs + 1);
  if (ts > MAX_TS) {
    const why = `it has an update of the time ${lastTs}, which lies too far ahead`;
    throw new EscaleError("refused", `Cannot push to the index page "${page}": ${why}`);
  }
  pageTimes.note(page, ts);
  options.began({ ts, hasIndex: false });
  const dataName = updateDataName(page, ts);
  const written = await writeUpdateData(context, dataName, { ...options, check });
  if (written === undefined) return { members: [], stands: true };
  const { members, storedBytes } = written;
  options.began({ ts, hasIndex: true });
  const indexBytes = await writePersistentIndex(
    context,
    held,
    new Map(members.map(({ resource, text }) => [resource, text])),
  );
  await check();
  const text = formatUpdateIndex(members.map(({ resource, text }) => [resource, text]));
  const updateName = updateIndexName(page, ts);
  await backend.put(updateName, textSource(text));
  await backend.flush();
  const data = await backend.stat(dataName);
  const index = await backend.stat(persistentIndexName(page));
  const stands = data?.sizeBytes === storedBytes && index?.sizeBytes === indexBytes &&
    await isText(context, updateName, text);
  if (!stands) context.log.warn("the relay did not keep what was put", { page });
  return { members, stands };
}

/** Writes the persistent index with `changes` in it and gives the size of what is stored. */
export async function writePersistentIndex(
  context: IndexContext,
  held: HeldPage,
  changes: ReadonlyMap<string, string | undefined>,
): Promise<number> {
  const { backend, compression, compressBzip2, spool } = context;
  const compressed = compress(ReadableStream.from(held.state.index.grouped(changes)), {
    // An index is always compressed, by what its readers know.
    compression: compression === "none" ? "bz2" : compression,
    ...(compressBzip2 === undefined ? {} : { compressBzip2 }),
  });
  using source = await spool(compressed);
  await context.locks.check(held.lock);
  await backend.put(persistentIndexName(held.state.page), source);
  return source.sizeBytes;
}

/**
 * Removes entries from the persistent index, so that whoever has the files sends them again.
 *
 * @param withdrawn by resource, whether this client had the file and lost it
 * @throws {EscaleError} `refused` if that would empty the page of what was lost here, and may not
 */
export async function withdrawEntries(
  context: IndexContext,
  held: HeldPage,
  withdrawn: ReadonlyMap<RelativePath, boolean>,
): Promise<void> {
  const { state } = held;
  const changes = new Map<string, undefined>();
  for (const resource of withdrawn.keys()) {
    if (state.index.has(resource)) changes.set(resource, undefined);
  }
  if (changes.size === 0) return;
  const isAllLost = [...withdrawn.values()].every((isLost) => isLost);
  const isEmptied = isAllLost && changes.size === countOf(resourcesOn(state));
  if (isEmptied && !context.allowPageDeletion) {
    throw new EscaleError(
      "refused",
      `Cannot request the files of the index page "${state.page}": all of them are gone here`,
      { hint: 'Restore the folder, or set "allow page deletion = yes" to pull them all again' },
    );
  }
  await writePersistentIndex(context, held, changes);
}

/** Adds this client to an update's pullers, or removes the update if it was the last one expected. */
export async function acknowledgeUpdate(
  context: IndexContext,
  held: HeldPage,
  update: Update,
): Promise<void> {
  const { backend, client, locks, log } = context;
  const count = takenBy(update) + 1;
  const { page } = held.state;
  if (count > update.expected) {
    const { expected } = update;
    log.warn("more clients have an update than are expected: check puller count", {
      ...{ page, expected, count },
    });
  }
  if (count >= update.expected) return await removeUpdate(context, held, update);
  const name = updateIndexName(page, update.ts);
  const stored = await backend.read(name, { maxBytes: MAX_INDEX_BYTES });
  if (update.index === undefined) throw gone(name);
  await locks.check(held.lock);
  await backend.put(name, sourceOf(appendUpdatePuller(stored, update.index, client)));
}

/** Removes an update: its index first, as data without an index is known for residue. */
export async function removeUpdate(
  context: IndexContext,
  held: HeldPage,
  update: Pick<Update, "ts">,
): Promise<void> {
  const { backend, locks } = context;
  const { page } = held.state;
  await locks.check(held.lock);
  await backend.remove(updateIndexName(page, update.ts));
  await locks.check(held.lock);
  await backend.remove(updateDataName(page, update.ts));
}

async function isText(context: IndexContext, name: ObjectName, text: string): Promise<boolean> {
  const bytes = encoder.encode(text);
  const info = await context.backend.stat(name);
  if (info?.sizeBytes !== bytes.length) return false;
  if (bytes.length <= 65_536) return await readText(context.backend, name) === text;
  const stored = await context.backend.read(name, { maxBytes: bytes.length });
  return stored.every((byte, at) => byte === bytes[at]);
}

function countOf(resources: Iterable<RelativePath>): number {
  let count = 0;
  for (const _ of resources) count++;
  return count;
}

function textSource(text: string): ByteSource {
  return sourceOf(encoder.encode(text));
}

function sourceOf(bytes: Uint8Array): ByteSource {
  return { sizeBytes: bytes.length, bytes, open: () => ReadableStream.from([bytes]) };
}

function gone(name: ObjectName): EscaleError {
  return new EscaleError("internal", `Cannot acknowledge "${name}": it was not read`);
}
