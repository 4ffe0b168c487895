import { DigestObserver } from "../crypto/digest.ts";
import { EscaleError } from "../errors.ts";
import { isRelativePath } from "../path.ts";
import type { IndexContext } from "./context.ts";
import type { RelayRecord } from "./metadata.ts";
import { viewIn } from "./page_entries.ts";
import { type HeldPage, isResidue, isServed, type PageState, type Update } from "./page_state.ts";
import { removeUpdate } from "./page_write.ts";
import { updateDataName, updateIndexName } from "./pages.ts";
import type { RecordViewer } from "./record_view.ts";
import { readUpdateData } from "./update_data.ts";

/** Whether something stands on a page that is of use to nobody. */
export function needsRepair({ updates }: PageState): boolean {
  return updates.some((update) => isResidue(update) || isServed(update));
}

/**
 * Removes from a page, under its lock, what is of use to nobody (SEMANTICS, "Index pages"): half of an update, an update
 * whose index cannot be read, one that everyone has; and if the lock was taken over from a pusher, one that does not
 * verify. The files of what goes are requested by whoever lacks them.
 *
 * @returns whether anything was removed
 */
export async function repairPage(
  context: IndexContext,
  held: HeldPage,
  records: RecordViewer,
): Promise<boolean> {
  const { lock, state } = held;
  const isPush = lock.taken !== undefined && lock.taken.mode !== "r";
  let hasRemoved = false;
  for (const update of state.updates) {
    if (!await mustGo(update, { context, page: state.page, records, isPush })) continue;
    await removeUpdate(context, held, update);
    context.log.info("removed an update that was of no use", { page: state.page, ts: update.ts });
    hasRemoved = true;
  }
  return hasRemoved;
}

async function mustGo(
  update: Update,
  options: {
    readonly context: IndexContext;
    readonly page: string;
    readonly records: RecordViewer;
    readonly isPush: boolean;
  },
): Promise<boolean> {
  const { context, page, isPush } = options;
  // A listing may lag behind: what it lacks is looked for by name.
  if (update.storedBytes === undefined) {
    return await context.backend.stat(updateDataName(page, update.ts)) === undefined;
  }
  if (!update.hasIndexObject) {
    return await context.backend.stat(updateIndexName(page, update.ts)) === undefined;
  }
  if (isResidue(update) || isServed(update)) return true;
  return isPush && await checkUpdate(update, options) === "damaged";
}

/** Reads an update whole and says whether it is what its index lists. */
export async function checkUpdate(
  update: Update,
  options: {
    readonly context: IndexContext;
    readonly page: string;
    readonly records: RecordViewer;
  },
): Promise<"whole" | "damaged" | "unproven"> {
  const { context, page } = options;
  const records = recordsOf(update, options);
  try {
    await readUpdateData(context, updateDataName(page, update.ts), {
      sizes: new Map([...records].map(([name, record]) => [name, record?.sizeBytes])),
      storedBytes: update.storedBytes ?? 0,
      take: async ({ path, content }) => {
        await checkContent(records.get(path), content, context);
      },
    });
    return "whole";
  } catch (cause) {
    if (!(cause instanceof EscaleError)) throw cause;
    // With another key everything looks damaged.
    if (!context.isKeyProven()) return "unproven";
    const codes: readonly string[] = ["corrupt", "wrong-key", "refused"];
    if (!codes.includes(cause.code)) throw cause;
    return "damaged";
  }
}

/** What the entries of an update say, by their names; `undefined` where it cannot be read. */
export function recordsOf(
  { index }: Update,
  { records }: { readonly records: RecordViewer },
): Map<string, RelayRecord | undefined> {
  const found = new Map<string, RelayRecord | undefined>();
  if (index === undefined) return found;
  for (const name of index.names()) {
    if (!isRelativePath(name)) continue;
    const view = viewIn(index, name, { records, pullers: [] });
    found.set(name, view.kind === "present" ? view.record : undefined);
  }
  return found;
}

async function checkContent(
  record: RelayRecord | undefined,
  content: ReadableStream<Uint8Array>,
  { checksums }: IndexContext,
): Promise<void> {
  const algorithm = record && checksums.algorithmOf(record);
  if (record === undefined || algorithm === undefined) return;
  const observer = new DigestObserver(algorithm);
  for await (const chunk of content) observer.update(chunk);
  if (checksums.matches(record, observer.finish().checksum)) return;
  throw new EscaleError("corrupt", "Refused an update: a checksum is not the one of its record");
}
