import { hash } from "node:crypto";
import type { ObjectInfo } from "../../backends/backend.ts";
import { EscaleError } from "../errors.ts";
import type { RelativePath } from "../path.ts";
import type { IndexContext } from "./context.ts";
import { IndexTransaction } from "./index_transaction.ts";
import type { HeldLock } from "./lock.ts";
import type { LockMode } from "./lock_text.ts";
import { classify } from "./names.ts";
import { entryOn, PageEntries, updateOf } from "./page_entries.ts";
import { type Listing, PageReader } from "./page_reader.ts";
import { checkUpdate, needsRepair, repairPage } from "./page_repair.ts";
import type { HeldPage, PageObjects, PageState } from "./page_state.ts";
import { pageLockName, pageOf, whyNotIndexed } from "./pages.ts";
import { RecordViewer } from "./record_view.ts";
import type { BatchItem, LockView, Relay, Survey, Transaction } from "./relay.ts";

/** An update has no more entries than this, however small they are: all are in memory while it is sent or taken. */
const MAX_UPDATE_ITEMS = 32_768;
const BUSY: LockView = { kind: "busy" };

/**
 * The index layout: pages of resources, each with an index of all its records and at most one update at a time, an
 * archive of what is new (FORMAT.md, "Index", "Pages", "Update data").
 */
export class IndexRelay implements Relay {
  readonly #context: IndexContext;
  readonly #reader: PageReader;
  readonly #records: RecordViewer;
  /** What the last survey showed. */
  #pages: ReadonlyMap<string, PageState> = new Map();
  /** Pages on which an update stands that waits for its pullers, as far as is known. */
  #busy = new Set<string>();
  /** It was made sure that no repository without an index stands here. */
  #isOurs = false;

  constructor(context: IndexContext) {
    this.#context = context;
    this.#records = new RecordViewer(context);
    this.#reader = new PageReader(context, this.#records);
  }

  async survey(options: { readonly signal?: AbortSignal } = {}): Promise<Survey> {
    const { locks } = this.#context;
    const listing = await this.#reader.list(options);
    await this.#checkLayout(listing, options);
    const pages = new Map<string, PageState>();
    const problems: { where: string; error: EscaleError }[] = [];
    const lockNames = new Set([...listing.pages.values()].flatMap(({ lock }) => lock?.name ?? []));
    for (const [page, objects] of listing.pages) {
      options.signal?.throwIfAborted();
      const lock = objects.lock && await locks.look(objects.lock.name);
      const state = await this.#reader.read(objects, { lock });
      pages.set(page, state);
      // While another client writes, what is half there is no problem.
      if (lock !== undefined) continue;
      for (const error of state.problems) problems.push({ where: pageLabel(page), error });
    }
    locks.forgetOthers(lockNames);
    this.#reader.forgetFetched();
    this.#pages = pages;
    this.#busy = new Set([...pages.values()].flatMap((it) => it.updates.length > 0 ? it.page : []));
    const entries = this.#entries(pages);
    const sign = problems.length > 0
      ? undefined
      : await signOf(listing, (info) => this.#reader.lastDigest(info));
    return {
      ...{ entries, quiet: entries, usedBytes: listing.usedBytes, problems },
      ...(sign === undefined ? {} : { sign }),
    };
  }

  async recognise(
    sign: string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<{ readonly usedBytes: number } | undefined> {
    this.#reader.forgetFetched();
    const listing = await this.#reader.list(options);
    const digestOf = (info: ObjectInfo) => {
      options.signal?.throwIfAborted();
      return this.#reader.digest(info);
    };
    if (await signOf(listing, digestOf) !== sign) return undefined;
    this.#reader.forgetFetched();
    this.#context.locks.forgetOthers(new Set());
    return { usedBytes: listing.usedBytes };
  }

  async open(
    resources: readonly RelativePath[],
    options: { readonly mode: LockMode; readonly signal?: AbortSignal },
  ): Promise<Transaction> {
    const { mode } = options;
    const byPage = Map.groupBy(resources, (resource) => pageOf(resource, this.#context.depth));
    const refused = new Map<string, LockView>();
    if (mode === "w") {
      for (const page of byPage.keys()) if (this.#busy.has(page)) refused.set(page, BUSY);
    }
    const held = await this.#lockPages(
      [...byPage.keys()].filter((page) => !refused.has(page)),
      { ...options, refused },
    );
    const transaction = new IndexTransaction(this.#context, {
      records: this.#records,
      pages: held,
      refused: new Map([...refused].flatMap(([page, view]) => {
        return (byPage.get(page) ?? []).map((resource) => [resource, view] as const);
      })),
      changed: (page) => this.#noteBusy(page, held.get(page)),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    transaction.begin(resources, mode);
    return transaction;
  }

  async repair(options: { readonly signal?: AbortSignal } = {}): Promise<readonly string[]> {
    const { signal } = options;
    const pages = [...this.#pages.values()]
      .filter((state) => state.lock?.kind === "leftover" || !state.lock && needsRepair(state))
      .map(({ page }) => page);
    if (pages.length === 0) return [];
    const held = await this.#lockPages(pages, {
      mode: "w",
      refused: new Map(),
      ...(signal === undefined ? {} : { signal }),
      keepsBusy: true,
    });
    await this.#context.locks.release([...held.values()].map(({ lock }) => lock));
    return [...held.keys()].map(pageLabel);
  }

  *batches<T extends BatchItem>(items: readonly T[], use: LockMode | "request"): Generator<T[]> {
    const { depth, maxPageSizeBytes } = this.#context;
    for (const batch of Map.groupBy(items, ({ resource }) => pageOf(resource, depth)).values()) {
      // Each part of a request would write the whole index anew.
      if (use === "w") yield* cut(batch, maxPageSizeBytes);
      else yield batch;
    }
  }

  whyNotHeld(resource: RelativePath): string | undefined {
    return whyNotIndexed(resource, this.#context.depth);
  }

  async tryKey(resource: RelativePath): Promise<"opens" | "fails" | "gone"> {
    const state = this.#pages.get(pageOf(resource, this.#context.depth));
    const update = state && updateOf(state, resource);
    if (state === undefined || update === undefined) return "gone";
    const { cipher, checksums } = this.#context;
    const entry = entryOn(state, resource, { ...this.#context, records: this.#records });
    const hasChecksum = entry?.record.kind === "present" &&
      checksums.algorithmOf(entry.record.record) !== undefined;
    if (!cipher.authenticates && !hasChecksum) return "gone";
    const check = await checkUpdate(update, {
      context: { ...this.#context, isKeyProven: () => true },
      page: state.page,
      records: this.#records,
    });
    return check === "whole" ? "opens" : "fails";
  }

  get canWatch(): boolean {
    return this.#context.backend.watch !== undefined;
  }

  watch(changed: () => void, signal: AbortSignal): void {
    this.#context.backend.watch?.(changed, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.locks[Symbol.asyncDispose]();
    await this.#context.backend[Symbol.asyncDispose]();
  }

  #entries(pages: ReadonlyMap<string, PageState>): PageEntries {
    // A lock to be taken over by repair() is, until then, a lock.
    const shown = [...pages].map(([page, state]): [string, PageState] => {
      if (state.lock?.kind !== "leftover") return [page, state];
      return [page, {
        ...state,
        lock: { kind: "held", owner: state.lock.owner, unchangedS: 0 },
      }];
    });
    return new PageEntries(new Map(shown), { ...this.#context, records: this.#records });
  }

  async #checkLayout(
    { foreign, pages }: Listing,
    options: { readonly signal?: AbortSignal },
  ): Promise<void> {
    const isEmpty = [...pages.values()].every((it) => !it.persistent && it.updates.size === 0);
    if (foreign !== undefined && (isEmpty || foreign.startsWith("."))) throw wrongLayout(foreign);
    if (!isEmpty) this.#isOurs = true;
    if (this.#isOurs) return;
    // All that belongs to the other layout may stand in folders.
    for await (const { name } of this.#context.backend.list("", { ...options, recursive: true })) {
      const { kind } = classify(name);
      if (kind === "content" || kind === "placeholder") throw wrongLayout(name);
    }
    this.#isOurs = true;
  }

  /** Locks pages, reads them again under their locks and repairs them. `refused` gets the others. */
  async #lockPages(
    pages: readonly string[],
    options: {
      readonly mode: LockMode;
      readonly signal?: AbortSignal;
      readonly refused: Map<string, LockView>;
      /** Whether a page stays locked although an update stands there. */
      readonly keepsBusy?: boolean;
    },
  ): Promise<Map<string, HeldPage>> {
    const { locks } = this.#context;
    const found = new Map<string, HeldPage>();
    if (pages.length === 0) return found;
    const byName = new Map(pages.map((page) => [pageLockName(page), page]));
    const { held, refused } = await locks.acquire([...byName.keys()], options);
    for (const [name, view] of refused) options.refused.set(byName.get(name) ?? "", view);
    const toRelease: HeldLock[] = [];
    try {
      const listing = held.length === 0 ? undefined : await this.#reader.list(options);
      for (const lock of held) {
        const page = byName.get(lock.name) ?? "";
        const objects = listing?.pages.get(page) ?? emptyPage(page);
        const heldPage = { lock, state: await this.#reader.read(objects, { isLocked: true }) };
        if (await repairPage(this.#context, heldPage, this.#records)) {
          heldPage.state = await this.#readAgain(page);
        }
        const isBusy = heldPage.state.updates.length > 0;
        if (isBusy) this.#busy.add(page);
        else this.#busy.delete(page);
        if (options.mode === "w" && isBusy && !options.keepsBusy) {
          options.refused.set(page, BUSY);
          toRelease.push(lock);
        } else found.set(page, heldPage);
      }
    } catch (cause) {
      // What a lock covers that was taken over is not repaired yet.
      for (const lock of held) if (lock.taken !== undefined) locks.abandon(lock);
      await locks.release(held.filter(({ taken }) => taken === undefined));
      throw cause;
    }
    await locks.release(toRelease);
    return found;
  }

  async #readAgain(page: string): Promise<PageState> {
    const listing = await this.#reader.list();
    const objects = listing.pages.get(page) ?? emptyPage(page);
    return await this.#reader.read(objects, { isLocked: true });
  }

  /** An update came or goes: until the page is read again, only one that was pulled may be gone. */
  #noteBusy(page: string, held: HeldPage | undefined): void {
    if ((held?.state.updates.length ?? 0) > 0) this.#busy.delete(page);
    else this.#busy.add(page);
  }
}

/** Stands for the indices and what waits for its pullers, where nothing else is; that there is nothing says nothing. */
async function signOf(
  { foreign, pages }: Listing,
  digestOf: (index: ObjectInfo) => Promise<string | undefined> | string | undefined,
): Promise<string | undefined> {
  if (foreign !== undefined || pages.size === 0) return undefined;
  const told: string[] = [];
  for (const { page, lock, persistent, updates } of pages.values()) {
    const digest = lock === undefined && persistent ? await digestOf(persistent) : undefined;
    if (digest === undefined) return undefined;
    told.push(`${page} ${digest}`);
    for (const [ts, { index, data }] of updates) {
      const sent = index && data && await digestOf(index);
      if (sent === undefined || data === undefined) return undefined;
      told.push(`${page} ${ts} ${sent} ${data.sizeBytes} ${data.tag ?? data.modifiedMs}`);
    }
  }
  return hash("sha256", told.sort().join("\n"), "hex");
}

/** Parts of at most so many bytes, where one item does not have more, and of not too many items. */
function* cut<T extends BatchItem>(items: readonly T[], maxBytes: number): Generator<T[]> {
  let part: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const isFull = part.length >= MAX_UPDATE_ITEMS || bytes + item.sizeBytes > maxBytes;
    if (part.length > 0 && isFull) {
      yield part;
      [part, bytes] = [[], 0];
    }
    part.push(item);
    bytes += item.sizeBytes;
  }
  if (part.length > 0) yield part;
}

function emptyPage(page: string): PageObjects {
  return { page, lock: undefined, persistent: undefined, updates: new Map() };
}

function pageLabel(page: string): string {
  return `index page "${page}"`;
}

function wrongLayout(name: string): EscaleError {
  return new EscaleError(
    "refused",
    `Cannot use the relay with an index: "${name}" shows that it is kept without one`,
    { hint: 'Set "index = no" as the other clients have it, or use an empty folder' },
  );
}
