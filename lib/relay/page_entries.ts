import type { RelativePath } from "../path.ts";
import { isRelativePath } from "../path.ts";
import type { IndexText } from "./index_text.ts";
import { LazyMap } from "./lazy_map.ts";
import { EVERYONE } from "./metadata.ts";
import { isOwedBy, isResidue, type PageState, type Update } from "./page_state.ts";
import { pageOf } from "./pages.ts";
import type { QuietMemory } from "./quiet.ts";
import type { RecordViewer } from "./record_view.ts";
import type { QuietNotes, RecordView, RelayEntries, RelayEntry } from "./relay.ts";

/** What entries are made with. */
export interface EntryContext {
  readonly client: string;
  readonly sibling: string | undefined;
  readonly depth: number;
  readonly acknowledges: boolean;
  readonly records: RecordViewer;
  readonly quiet: QuietMemory;
}

/**
 * A resource as its page shows it: the last update that holds it, with that update's pullers, else the persistent index.
 * There its content is gone, and everyone who should has it.
 */
export function entryOn(
  state: PageState,
  resource: RelativePath,
  context: EntryContext,
): RelayEntry | undefined {
  const { lock, index } = state;
  const update = updateOf(state, resource);
  if (update?.index !== undefined) {
    const record = viewIn(update.index, resource, { ...context, pullers: update.index.pullers });
    return {
      resource,
      record,
      // An archive is not taken apart for what no record describes.
      storedBytes: record.kind === "present" ? update.storedBytes : undefined,
      lock,
      isOwed: context.acknowledges &&
        state.updates.some((it) => it.index?.has(resource) === true && isOwedBy(it, context)),
    };
  }
  if (!index.has(resource)) return undefined;
  const record = viewIn(index, resource, { ...context, pullers: [EVERYONE] });
  return { resource, record, storedBytes: undefined, lock };
}

/** The last update that holds a resource. */
export function updateOf({ updates }: PageState, resource: RelativePath): Update | undefined {
  return updates.findLast((it) => it.index?.has(resource) === true && !isResidue(it));
}

/** What an entry of an index says. */
export function viewIn(
  index: IndexText,
  resource: RelativePath,
  { records, pullers }: { readonly records: RecordViewer; readonly pullers: readonly string[] },
): RecordView {
  const text = index.text(resource) ?? "";
  if (text === "") return { kind: "unreadable", why: "it has none in the index" };
  const view = records.view(resource, text);
  return view.kind === "present" ? { ...view, record: { ...view.record, pullers } } : view;
}

/** The resources that an index lists. */
export function* resourcesIn(index: IndexText): Generator<RelativePath> {
  for (const name of index.names()) if (isRelativePath(name)) yield name;
}

/** The resources of a page, each once. */
export function* resourcesOn(state: PageState): Generator<RelativePath> {
  yield* resourcesIn(state.index);
  for (const resource of resourcesSent(state)) if (!state.index.has(resource)) yield resource;
}

/** The resources in the updates of a page, each once. */
export function* resourcesSent({ updates }: PageState): Generator<RelativePath> {
  for (const [at, update] of updates.entries()) {
    if (update.index === undefined || isResidue(update)) continue;
    for (const resource of resourcesIn(update.index)) {
      const isNew = !updates.slice(0, at).some((it) => it.index?.has(resource) && !isResidue(it));
      if (isNew) yield resource;
    }
  }
}

/** All entries of some pages. Each is made when it is asked for: a million of them would fill the memory. */
export class PageEntries extends LazyMap<RelativePath, RelayEntry>
  implements RelayEntries, QuietNotes {
  override readonly size: number;
  readonly contents: number;
  readonly #pages: ReadonlyMap<string, PageState>;
  readonly #context: EntryContext;

  constructor(pages: ReadonlyMap<string, PageState>, context: EntryContext) {
    super();
    this.#pages = pages;
    this.#context = context;
    let [size, contents] = [0, 0];
    for (const state of pages.values()) {
      size += state.index.size;
      for (const resource of resourcesSent(state)) {
        contents++;
        if (!state.index.has(resource)) size++;
      }
    }
    this.size = size;
    this.contents = contents;
  }

  override get(resource: RelativePath): RelayEntry | undefined {
    const state = this.#pages.get(pageOf(resource, this.#context.depth));
    return state && entryOn(state, resource, this.#context);
  }

  override has(resource: RelativePath): boolean {
    const state = this.#pages.get(pageOf(resource, this.#context.depth));
    return state !== undefined &&
      (state.index.has(resource) || updateOf(state, resource) !== undefined);
  }

  isQuiet(resource: RelativePath, mark: number): boolean {
    const state = this.#pages.get(pageOf(resource, this.#context.depth));
    if (state === undefined || state.lock !== undefined) return false;
    const { quiet } = this.#context;
    return updateOf(state, resource) === undefined &&
      quiet.isNoted(resource, { relay: state.index.sign(resource), local: mark });
  }

  note(resource: RelativePath, mark: number): void {
    const state = this.#pages.get(pageOf(resource, this.#context.depth));
    if (state !== undefined && updateOf(state, resource) === undefined) {
      this.#context.quiet.note(resource, { relay: state.index.sign(resource), local: mark });
    }
  }

  *standing(): Generator<RelayEntry> {
    for (const state of this.#pages.values()) {
      for (const resource of resourcesSent(state)) {
        const entry = entryOn(state, resource, this.#context);
        if (entry?.storedBytes !== undefined) yield entry;
      }
    }
  }

  *locked(): Generator<RelayEntry> {
    for (const state of this.#pages.values()) {
      if (state.lock === undefined) continue;
      for (const resource of resourcesOn(state)) {
        const entry = entryOn(state, resource, this.#context);
        if (entry !== undefined) yield entry;
      }
    }
  }

  override *keys(): Generator<RelativePath, undefined> {
    for (const state of this.#pages.values()) yield* resourcesOn(state);
    return undefined;
  }
}

/** Entries of some resources, each made when it is asked for. */
export class ChosenEntries extends LazyMap<RelativePath, RelayEntry> {
  readonly #resources: ReadonlySet<RelativePath>;
  readonly #make: (resource: RelativePath) => RelayEntry;

  constructor(
    resources: ReadonlySet<RelativePath>,
    make: (resource: RelativePath) => RelayEntry,
  ) {
    super();
    this.#resources = resources;
    this.#make = make;
  }

  override get size(): number {
    return this.#resources.size;
  }

  override has(resource: RelativePath): boolean {
    return this.#resources.has(resource);
  }

  override get(resource: RelativePath): RelayEntry | undefined {
    return this.has(resource) ? this.#make(resource) : undefined;
  }

  override keys(): SetIterator<RelativePath> {
    return this.#resources.values();
  }
}
