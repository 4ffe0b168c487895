import type { ByteSource } from "../../backends/backend.ts";
import { concatBytes } from "../bytes.ts";
import { EscaleError, messageOf } from "../errors.ts";
import type { RelativePath } from "../path.ts";
import type { IndexContext } from "./context.ts";
import { formatRecord, type RelayRecord } from "./metadata.ts";
import {
  ChosenEntries,
  type EntryContext,
  entryOn,
  resourcesIn,
  updateOf,
  viewIn,
} from "./page_entries.ts";
import { recordsOf } from "./page_repair.ts";
import { type HeldPage, isOwedBy, type Update } from "./page_state.ts";
import {
  acknowledgeUpdate,
  type Begun,
  publishUpdate,
  removeUpdate,
  withdrawEntries,
  writePersistentIndex,
} from "./page_write.ts";
import { pageOf, updateDataName } from "./pages.ts";
import { SMALL_BYTES } from "./placeholder_transaction.ts";
import type { RecordViewer } from "./record_view.ts";
import type { ContentCheck, LockView, PlainContent, RelayEntry, Transaction } from "./relay.ts";
import { readUpdateData, type UpdateMember } from "./update_data.ts";

/** What is to be done with a page, and what was begun. */
interface Work {
  readonly held: HeldPage;
  readonly puts: UpdateMember[];
  /** Resources that this client has no need of, or has what it needs. */
  readonly settled: Set<RelativePath>;
  /** Resources whose records are to go, and whether this client has lost them. */
  readonly withdrawn: Map<RelativePath, boolean>;
  /** An update that was begun and not yet read back. */
  unconfirmed: Begun | undefined;
}

/** More entries than this are made anew each time, as for a request of all that a page has. */
const MANY_ENTRIES = 65_536;

/** Locked pages of an index relay. */
export class IndexTransaction implements Transaction {
  entries: ReadonlyMap<RelativePath, RelayEntry> = new Map();
  readonly refused: ReadonlyMap<RelativePath, LockView>;
  readonly left: Map<RelativePath, unknown> = new Map();
  readonly #context: IndexContext;
  readonly #records: RecordViewer;
  readonly #entryContext: EntryContext;
  readonly #works: Map<string, Work>;
  readonly #changed: (page: string) => void;
  readonly #signal: AbortSignal | undefined;

  /** `changed` is told of each page on which an update came or went. */
  constructor(
    context: IndexContext,
    options: {
      readonly records: RecordViewer;
      readonly pages: ReadonlyMap<string, HeldPage>;
      readonly refused: ReadonlyMap<RelativePath, LockView>;
      readonly changed: (page: string) => void;
      /** Ends the writing and reading of updates in the middle. */
      readonly signal?: AbortSignal;
    },
  ) {
    this.#context = context;
    this.#records = options.records;
    this.#entryContext = { ...context, records: options.records };
    this.refused = options.refused;
    this.#changed = options.changed;
    this.#signal = options.signal;
    this.#works = new Map([...options.pages].map(([page, held]) => [page, {
      held,
      puts: [],
      settled: new Set(),
      withdrawn: new Map(),
      unconfirmed: undefined,
    }]));
  }

  /** Notes the entries of these resources, and in mode `r` of all that this client has to acknowledge with them. */
  begin(resources: readonly RelativePath[], mode: "r" | "w"): void {
    const chosen = new Set<RelativePath>();
    for (const { held: { state } } of this.#works.values()) {
      const owed = mode === "w" ? [] : this.#owedOn(state.updates);
      for (const { index } of owed) {
        for (const resource of index ? resourcesIn(index) : []) chosen.add(resource);
      }
    }
    for (const resource of resources) {
      if (this.#works.has(pageOf(resource, this.#context.depth))) chosen.add(resource);
    }
    const entries = new ChosenEntries(chosen, (resource) => this.#entryOf(resource));
    this.entries = chosen.size > MANY_ENTRIES ? entries : new Map(entries);
  }

  #entryOf(resource: RelativePath): RelayEntry {
    const { state } = this.#workOf(resource).held;
    const entry = entryOn(state, resource, this.#entryContext) ??
      { resource, record: { kind: "absent" }, storedBytes: undefined };
    return { ...entry, lock: undefined };
  }

  put(resource: RelativePath, record: RelayRecord, content: ByteSource): Promise<void> {
    const { sealer } = this.#context;
    const seal = sealer?.seal(resource, record);
    const text = `${formatRecord({ ...record, seal })}\n`;
    this.#workOf(resource).puts.push({ resource, record, text, content });
    return Promise.resolve();
  }

  putRecord(resource: RelativePath): Promise<void> {
    const message = `Cannot write the record of "${resource}" alone: it stands in an index`;
    return Promise.reject(new EscaleError("internal", message));
  }

  async confirm(): Promise<ReadonlySet<RelativePath>> {
    const confirmed = new Set<RelativePath>();
    for (const [page, work] of this.#works) {
      const members = work.puts.splice(0);
      if (members.length === 0) continue;
      this.#changed(page);
      const { members: sent, stands } = await publishUpdate(this.#context, work.held, {
        members,
        left: this.left,
        began: (step) => work.unconfirmed = step,
        signal: this.#signal,
      });
      if (!stands) continue;
      work.unconfirmed = undefined;
      for (const { resource } of sent) confirmed.add(resource);
    }
    return confirmed;
  }

  async receive(
    resources: readonly RelativePath[],
    take: (resource: RelativePath, content: () => Promise<PlainContent>) => Promise<void>,
  ): Promise<ReadonlyMap<RelativePath, EscaleError>> {
    const failed = new Map<RelativePath, EscaleError>();
    const byUpdate = new Map<Update, { page: string; wanted: Set<RelativePath> }>();
    for (const resource of resources) {
      const { state } = this.#workOf(resource).held;
      const update = updateOf(state, resource);
      if (update === undefined) {
        failed.set(resource, new EscaleError("corrupt", `No update holds "${resource}"`));
        continue;
      }
      const group = byUpdate.get(update) ?? { page: state.page, wanted: new Set() };
      byUpdate.set(update, group);
      group.wanted.add(resource);
    }
    const inOrder = [...byUpdate].sort(([a], [b]) => a.ts - b.ts);
    for (const [update, { page, wanted }] of inOrder) {
      const cause = await this.#receiveFrom(update, { page, wanted, take });
      if (cause !== undefined) { for (const resource of wanted) failed.set(resource, cause); }
    }
    return failed;
  }

  acknowledge(resource: RelativePath): Promise<boolean> {
    this.pass(resource);
    return Promise.resolve(false);
  }

  pass(resource: RelativePath): void {
    this.#workOf(resource).settled.add(resource);
  }

  /** Contents are no objects of their own here: an update is verified as a whole when it is read. */
  check(): Promise<ContentCheck> {
    return Promise.resolve("whole");
  }

  /** Contents go with their update. */
  removeContent(): Promise<void> {
    return Promise.resolve();
  }

  withdraw(resource: RelativePath, options: { readonly isLost: boolean }): Promise<void> {
    const work = this.#workOf(resource);
    work.withdrawn.set(resource, options?.isLost ?? false);
    work.settled.add(resource);
    return Promise.resolve();
  }

  async commit(): Promise<number> {
    let acknowledged = 0;
    for (const [page, work] of this.#works) {
      await withdrawEntries(this.#context, work.held, work.withdrawn);
      for (const update of this.#owedOn(work.held.state.updates)) {
        if (!this.#isSettled(update, work)) continue;
        this.#changed(page);
        await acknowledgeUpdate(this.#context, work.held, update);
        this.#context.pageTimes.note(page, update.ts);
        acknowledged++;
      }
    }
    return acknowledged;
  }

  /** Undoes what was not confirmed and gives the locks back. A lock stays where undoing was not possible. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { locks, log } = this.#context;
    const works = [...this.#works];
    this.#works.clear();
    const free: HeldPage[] = [];
    for (const [page, { held, unconfirmed }] of works) {
      try {
        if (unconfirmed !== undefined) await this.#undo(held, unconfirmed);
        free.push(held);
      } catch (cause) {
        locks.abandon(held.lock);
        log.warn("cannot undo a push that failed: its lock stays", {
          page,
          why: messageOf(cause),
        });
      }
    }
    await locks.release(free.map(({ lock }) => lock));
  }

  /** Removes an update that failed, and brings back the index as it was: nobody has what the new one says. */
  async #undo(held: HeldPage, { ts, hasIndex }: Begun): Promise<void> {
    await removeUpdate(this.#context, held, { ts });
    if (hasIndex) await writePersistentIndex(this.#context, held, new Map());
  }

  async #receiveFrom(
    update: Update,
    { page, wanted, take }: {
      readonly page: string;
      readonly wanted: ReadonlySet<RelativePath>;
      readonly take: (
        resource: RelativePath,
        content: () => Promise<PlainContent>,
      ) => Promise<void>;
    },
  ): Promise<EscaleError | undefined> {
    const records = recordsOf(update, { records: this.#records });
    let thrown: unknown;
    try {
      await readUpdateData(this.#context, updateDataName(page, update.ts), {
        sizes: new Map([...records].map(([name, record]) => [name, record?.sizeBytes])),
        storedBytes: update.storedBytes ?? 0,
        signal: this.#signal,
        take: async ({ path, sizeBytes, content }) => {
          if (!wanted.has(path)) return;
          try {
            await take(path, () => sizeBytes <= SMALL_BYTES ? whole(content) : stream(content));
          } catch (cause) {
            thrown = cause;
            throw cause;
          }
        },
      });
    } catch (cause) {
      if (thrown !== undefined || !(cause instanceof EscaleError)) throw cause;
      return cause;
    }
    return undefined;
  }

  /** The updates that wait for this client. */
  #owedOn(updates: readonly Update[]): readonly Update[] {
    if (!this.#context.acknowledges) return [];
    return updates.filter((update) => isOwedBy(update, this.#context));
  }

  #isSettled({ index }: Update, { settled }: Work): boolean {
    if (index === undefined) return false;
    const context = { records: this.#records, pullers: index.pullers };
    for (const resource of resourcesIn(index)) {
      if (settled.has(resource)) continue;
      const view = viewIn(index, resource, context);
      const isOwn = view.kind === "present" && this.#isFromHere(view.record.pusher);
      // Nobody can do anything with a content whose record says nothing. One that is forged is reported instead.
      const isVoid = view.kind === "unreadable" && view.seal === undefined;
      if (!isOwn && !isVoid) return false;
    }
    return true;
  }

  #isFromHere(pusher: string | undefined): boolean {
    const { client, sibling } = this.#context;
    return pusher !== undefined && (pusher === client || pusher === sibling);
  }

  #workOf(resource: RelativePath): Work {
    const work = this.#works.get(pageOf(resource, this.#context.depth));
    if (work !== undefined) return work;
    throw new EscaleError(
      "locked",
      `Cannot change "${resource}" on the relay: its page is not locked`,
    );
  }
}

async function whole(content: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : concatBytes(...chunks);
}

function stream(content: ReadableStream<Uint8Array>): Promise<ReadableStream<Uint8Array>> {
  return Promise.resolve(content);
}
