import { EscaleError } from "../errors.ts";
import type { LocalFile } from "../local/scan.ts";
import type { RelativePath } from "../path.ts";
import type { IndexContext } from "../relay/context.ts";
import type { HeldLock } from "../relay/lock.ts";
import { formatRecord } from "../relay/metadata.ts";
import { entryOn, resourcesIn } from "../relay/page_entries.ts";
import { PageReader } from "../relay/page_reader.ts";
import { repairPage } from "../relay/page_repair.ts";
import { type HeldPage, isResidue, type PageState } from "../relay/page_state.ts";
import { writePersistentIndex } from "../relay/page_write.ts";
import { pageLockName, pageOf, whyNotIndexed } from "../relay/pages.ts";
import { RecordViewer } from "../relay/record_view.ts";
import type { FixedFile, Fixer, FixOptions } from "./fix.ts";
import type { Toolbox } from "./toolbox.ts";

interface PagesOptions extends FixOptions {
  readonly fixer: Fixer;
}

/**
 * Rebuilds the persistent indices of a relay's pages: entries that are missing or cannot be read are made from the local
 * files, and with `update` those that differ. Other entries, and updates that stand, stay. Locks are taken in any case,
 * since there is one a page.
 *
 * @throws {EscaleError} `usage` if a page is asked for that no file belongs to; as `fixRelay()`
 */
export async function fixPages(
  toolbox: Toolbox,
  files: ReadonlyMap<RelativePath, LocalFile>,
  options: PagesOptions,
): Promise<void> {
  const { context } = toolbox;
  const byPage = Map.groupBy(files.keys(), (resource) => pageOf(resource, context.depth));
  const unknown = options.pages.find((page) => !byPage.has(page));
  if (unknown !== undefined) {
    const known = [...byPage.keys()].slice(0, 10).map((page) => `"${page}"`).join(", ");
    throw new EscaleError("usage", `Cannot rebuild page "${unknown}": no file here belongs to it`, {
      hint: `Pages with files are ${known || "none"}`,
    });
  }
  let done = 0;
  for (const [page, resources] of byPage) {
    toolbox.signal.throwIfAborted();
    if (options.pages.length > 0 && !options.pages.includes(page)) continue;
    await fixPage(page, resources, { ...options, toolbox });
    done += resources.length;
    options.progress({ files: done, of: files.size });
  }
  await toolbox.backend.flush({ signal: toolbox.signal });
}

type Step = PagesOptions & { readonly toolbox: Toolbox };

async function fixPage(
  page: string,
  resources: readonly RelativePath[],
  step: Step,
): Promise<void> {
  const { toolbox: { context, signal }, fixer } = step;
  const { held, refused } = await context.locks.acquire([pageLockName(page)], {
    mode: "w",
    signal,
  });
  const [lock] = held;
  if (lock === undefined) {
    const [view] = refused.values();
    const owner = view !== undefined && "owner" in view ? `"${view.owner}"` : "another client";
    for (const resource of resources) fixer.leave(resource, `${owner} has locked page "${page}"`);
    return;
  }
  try {
    await fixHeld(page, resources, { ...step, lock });
  } finally {
    await context.locks.release([lock]);
  }
}

async function fixHeld(
  page: string,
  resources: readonly RelativePath[],
  step: Step & { readonly lock: HeldLock },
): Promise<void> {
  const { toolbox: { context, signal }, fixer, lock } = step;
  const records = new RecordViewer(context);
  const reader = new PageReader(context, records);
  const held: HeldPage = { lock, state: await readPage(page, reader) };
  if (await repairPage(context, held, records)) {
    held.state = await readPage(page, reader);
  }
  const { changes, standing, counts } = await decideAll(resources, {
    ...step,
    ...{ context, records, state: held.state },
  });
  signal.throwIfAborted();
  if (changes.size > 0) {
    await writePersistentIndex(context, held, changes);
    const now = await readPage(page, reader);
    const lost = [...changes].find(([name, text]) => now.index.text(name) !== text);
    if (lost !== undefined) {
      throw new EscaleError("corrupt", `The relay did not keep the index of page "${page}"`);
    }
  }
  fixer.written += counts.written;
  fixer.replaced += counts.replaced;
  fixer.agree(standing);
}

/** What is to be written on a page, and which versions stand on it then. */
async function decideAll(
  resources: readonly RelativePath[],
  { context, records, state, fixer, toolbox }: Step & {
    readonly context: IndexContext;
    readonly records: RecordViewer;
    readonly state: PageState;
  },
): Promise<{
  readonly changes: ReadonlyMap<string, string>;
  readonly standing: readonly FixedFile[];
  readonly counts: { readonly written: number; readonly replaced: number };
}> {
  const changes = new Map<string, string>();
  const standing: FixedFile[] = [];
  const counts = { written: 0, replaced: 0 };
  // What an update holds belongs into the persistent index, which may have been lost.
  for (const update of state.updates) {
    if (update.index === undefined || isResidue(update)) continue;
    for (const resource of resourcesIn(update.index)) {
      const text = update.index.text(resource);
      if (text !== undefined && !state.index.has(resource)) changes.set(resource, text);
    }
  }
  for (const resource of resources) {
    toolbox.signal.throwIfAborted();
    const why = whyNotIndexed(resource, context.depth);
    if (why !== undefined) {
      fixer.leave(resource, why);
      continue;
    }
    const decided = await fixer.decide(resource, entryOn(state, resource, { ...context, records }));
    if (decided === undefined) continue;
    const { action, compared } = decided;
    if (action.kind === "leave") fixer.leave(resource, action.why);
    else if (action.kind === "right") {
      fixer.right.add(resource);
      const { record } = compared.situation;
      if (record !== undefined) standing.push({ resource, record, compared });
    } else {
      const seal = context.sealer?.seal(resource, action.record);
      changes.set(resource, `${formatRecord({ ...action.record, seal })}\n`);
      standing.push({ resource, record: action.record, compared });
      if (action.kind === "write") counts.written++;
      else counts.replaced++;
    }
  }
  return { changes, standing, counts };
}

async function readPage(page: string, reader: PageReader): Promise<PageState> {
  const { pages } = await reader.list();
  const objects = pages.get(page) ??
    { page, lock: undefined, persistent: undefined, updates: new Map() };
  return await reader.read(objects, { isLocked: true });
}
