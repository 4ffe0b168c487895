import { EscaleError } from "../errors.ts";
import { printable, type RelativePath } from "../path.ts";
import { batches } from "../relay/batches.ts";
import { readText } from "../relay/context.ts";
import { formatRecord, type RelayRecord } from "../relay/metadata.ts";
import { contentName, placeholderName } from "../relay/names.ts";
import { inParallel } from "../relay/parallel.ts";
import { placeOf } from "../relay/parts.ts";
import { PlaceholderRelay } from "../relay/placeholder_relay.ts";
import { RecordViewer } from "../relay/record_view.ts";
import type { RelayEntry } from "../relay/relay.ts";
import { filesToFix, type Fixed, type FixedFile, Fixer, type FixOptions, hasPages } from "./fix.ts";
import { fixPages } from "./fix_pages.ts";
import type { Toolbox } from "./toolbox.ts";

const BATCH = { maxItems: 64, maxBytes: 1024 * 1024 * 1024, minItems: 64 };

/**
 * Rebuilds the records of a relay from the files of a client that is up to date, so that a relay that was lost need not
 * be filled with all contents again: clients that have the same files agree on them, others request what they lack.
 * Nothing that stands on the relay is removed, and no content is written. May be interrupted and run again.
 *
 * @throws {EscaleError} `usage`, `no-repository`; `corrupt` if the relay does not keep what is written
 * @throws {BackendError}
 */
export async function fixRelay(toolbox: Toolbox, options: FixOptions): Promise<Fixed> {
  const files = await filesToFix(toolbox);
  await checkLayout(toolbox);
  const fixer = new Fixer(toolbox, options);
  if (hasPages(toolbox.section)) {
    await fixPages(toolbox, files, { ...options, fixer });
    return fixer.summary();
  }
  if (options.pages.length > 0) {
    throw new EscaleError("usage", 'Cannot use "--page": the relay is kept without an index');
  }
  let done = 0;
  const items = [...files.values()].map(({ path, sizeBytes }) => ({ resource: path, sizeBytes }));
  for (const batch of batches(items, BATCH)) {
    toolbox.signal.throwIfAborted();
    const names = batch.map(({ resource }) => resource);
    if (options.isFast) await fixAll(await readAll(names, toolbox), { toolbox, fixer });
    else await fixLocked(names, { toolbox, fixer });
    done += names.length;
    options.progress({ files: done, of: files.size });
  }
  await toolbox.backend.flush({ signal: toolbox.signal });
  return fixer.summary();
}

interface Step {
  readonly toolbox: Toolbox;
  readonly fixer: Fixer;
}

/** Takes the locks, which repairs what was left locked, and reads the entries under them. */
async function fixLocked(names: readonly RelativePath[], step: Step): Promise<void> {
  const { context, signal } = step.toolbox;
  const relay = new PlaceholderRelay(context);
  await using transaction = await relay.open(names, { mode: "w", signal });
  for (const [resource, view] of transaction.refused) {
    const owner = "owner" in view && view.owner !== "" ? `"${view.owner}"` : "another client";
    step.fixer.leave(resource, `${owner} has locked it`);
  }
  await fixAll(transaction.entries, step);
}

async function fixAll(
  entries: ReadonlyMap<RelativePath, RelayEntry>,
  { toolbox, fixer }: Step,
): Promise<void> {
  const { context, signal } = toolbox;
  const standing: FixedFile[] = [];
  await inParallel([...entries], context.maxTransfers, async ([resource, entry]) => {
    signal.throwIfAborted();
    const decided = await fixer.decide(resource, entry);
    if (decided === undefined) return;
    const { action, compared } = decided;
    if (action.kind === "leave") return fixer.leave(resource, action.why);
    if (action.kind === "right") {
      fixer.right.add(resource);
      const { record } = compared.situation;
      if (record !== undefined) standing.push({ resource, record, compared });
      return;
    }
    await writeRecord(resource, action.record, toolbox);
    if (action.kind === "write") fixer.written++;
    else fixer.replaced++;
    standing.push({ resource, record: action.record, compared });
  });
  fixer.agree(standing);
}

async function writeRecord(
  resource: RelativePath,
  record: RelayRecord,
  { context: { backend, sealer } }: Toolbox,
): Promise<void> {
  const seal = sealer?.seal(resource, record);
  const text = formatRecord({ ...record, seal });
  const bytes = new TextEncoder().encode(text);
  const name = placeholderName(resource);
  const open = () => ReadableStream.from([bytes]);
  await backend.put(name, { sizeBytes: bytes.length, bytes, open });
  if (await readText(backend, name) === text) return;
  throw new EscaleError("corrupt", `The relay did not keep the record of "${resource}"`, {
    path: resource,
  });
}

async function readAll(
  names: readonly RelativePath[],
  { context, signal }: Toolbox,
): Promise<ReadonlyMap<RelativePath, RelayEntry>> {
  const { backend, maxTransfers } = context;
  const viewer = new RecordViewer(context);
  const entries = new Map<RelativePath, RelayEntry>();
  await inParallel(names, maxTransfers, async (resource) => {
    signal.throwIfAborted();
    const text = await readText(backend, placeholderName(resource));
    const content = await backend.stat(contentName(resource));
    entries.set(resource, {
      resource,
      record: text === undefined ? { kind: "absent" } : viewer.view(resource, text),
      storedBytes: content?.sizeBytes,
      lock: undefined,
    });
  });
  return entries;
}

/** @throws {EscaleError} `refused` if the relay is kept in the other layout */
async function checkLayout({ backend, section, signal }: Toolbox): Promise<void> {
  const wanted = hasPages(section) ? "index" : "placeholder";
  for await (const { name } of backend.list("", { signal, recursive: true })) {
    const place = placeOf(name);
    if (place.kind !== "part" || place.layout === wanted) continue;
    const is = place.layout === "index" ? "with an index" : "without one";
    throw new EscaleError(
      "refused",
      `Cannot rebuild the relay: "${printable(name)}" shows that it is kept ${is}`,
      { hint: 'Set "index" as the other clients have it' },
    );
  }
}
