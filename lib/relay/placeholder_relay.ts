import { BackendError, type ObjectInfo, type ObjectName } from "../../backends/backend.ts";
import { EscaleError, messageOf } from "../errors.ts";
import type { RelativePath } from "../path.ts";
import { batches } from "./batches.ts";
import { checkContent } from "./content.ts";
import type { ReadRecord, RelayContext } from "./context.ts";
import { isOfOneFile } from "./failure.ts";
import type { HeldLock } from "./lock.ts";
import type { LockMode } from "./lock_text.ts";
import { decodeText, MAX_RECORD_BYTES } from "./metadata.ts";
import { type Look, Looker } from "./look.ts";
import { classify, contentName, lockName, placeholderName } from "./names.ts";
import { inParallel } from "./parallel.ts";
import { PlaceholderEntries, type Standing, standingOf } from "./placeholder_entries.ts";
import { PlaceholderTransaction } from "./placeholder_transaction.ts";
import { RecordViewer } from "./record_view.ts";
import type {
  BatchItem,
  LockView,
  RecordView,
  Relay,
  RelayEntry,
  Survey,
  Transaction,
} from "./relay.ts";

/** How many records that were read are noted at a time. */
const NOTE_AT_ONCE = 500;
/** Locks are not held for long, and a wait that a lock needs is shared by many. */
const BATCH = { maxItems: 128, maxBytes: 64 * 1024 * 1024 };

/** The placeholder layout: a record, a content and a lock beside each other for each resource (FORMAT.md). */
export class PlaceholderRelay implements Relay {
  readonly #context: RelayContext;
  readonly #records: RecordViewer;
  readonly #looker: Looker;

  constructor(context: RelayContext) {
    this.#context = context;
    this.#looker = new Looker(context.backend);
    this.#records = new RecordViewer(context);
  }

  async survey(options: { readonly signal?: AbortSignal } = {}): Promise<Survey> {
    const { locks, quiet, versions } = this.#context;
    const { found, usedBytes } = await this.#list(options);
    const standing = new Map<RelativePath, Standing>();
    const locked = new Map<RelativePath, LockView | undefined>();
    const toRead: ToRead[] = [];
    const lockNames = new Set<ObjectName>();
    const known = this.#context.records.reader();
    for (const resource of [...found.keys()].sort()) {
      const objects = found.get(resource);
      if (objects === undefined) continue;
      const stands = standingOf(objects, versions);
      standing.set(resource, stands);
      const { lock, placeholder } = objects;
      const isQuiet = lock === undefined && stands.mark !== undefined &&
        quiet.knowsRelay(resource, stands.mark);
      if (isQuiet) continue;
      if (lock !== undefined) lockNames.add(lock.name);
      const view = lock && await locks.look(lock.name);
      const { sign } = stands;
      const isKnown = sign !== undefined && known(resource)?.sign === sign;
      if (placeholder !== undefined && !isKnown) {
        const { name, sizeBytes } = placeholder;
        toRead.push({ resource, name, sizeBytes, sign });
      }
      if (lock !== undefined) locked.set(resource, view);
    }
    locks.forgetOthers(lockNames);
    const views = await this.#readRecords(toRead, { standing, ...options });
    const all = new PlaceholderEntries(standing, {
      locked,
      views,
      textOf: textReader(this.#context.records.reader()),
      viewer: this.#records,
      quiet,
    });
    return { entries: all, quiet: all, usedBytes };
  }

  /**
   * Reads records, and notes the texts of those whose versions a listing tells apart. The views of the others are
   * returned. A record that went meanwhile is taken out of what stands: the next survey shows what became of it.
   */
  async #readRecords(
    toRead: readonly ToRead[],
    { standing, signal }: {
      readonly standing: Map<RelativePath, Standing>;
      readonly signal?: AbortSignal;
    },
  ): Promise<ReadonlyMap<RelativePath, RecordView>> {
    const { maxTransfers, records } = this.#context;
    const views = new Map<RelativePath, RecordView>();
    const reads = new Map<RelativePath, ReadRecord>();
    const noteReads = () => {
      if (reads.size > 0) records.note(reads);
      reads.clear();
    };
    await inParallel(toRead, maxTransfers, async ({ resource, name, sizeBytes, sign }) => {
      signal?.throwIfAborted();
      const text = await this.#readRecord(name);
      if (text === undefined) standing.delete(resource);
      else if (typeof text !== "string") views.set(resource, text);
      else if (sign === undefined || lengthOf(text) !== sizeBytes) {
        // What is not the version that was listed, or not all of it, is not remembered as that version.
        views.set(resource, this.#records.view(resource, text));
      } else reads.set(resource, { sign, text });
      if (reads.size >= NOTE_AT_ONCE) noteReads();
    });
    noteReads();
    return views;
  }

  /** The text of a record; `undefined` if there is none, a view if it cannot be had: that stops its own file alone. */
  async #readRecord(name: ObjectName): Promise<string | RecordView | undefined> {
    try {
      return decodeText(await this.#context.backend.read(name, { maxBytes: MAX_RECORD_BYTES }));
    } catch (cause) {
      if (cause instanceof BackendError && cause.code === "not-found") return undefined;
      if (!isOfOneFile(cause)) throw cause;
      return { kind: "unreadable", why: messageOf(cause) };
    }
  }

  async open(
    resources: readonly RelativePath[],
    options: { readonly mode: LockMode; readonly signal?: AbortSignal },
  ): Promise<Transaction> {
    const byLock = new Map(resources.map((resource) => [lockName(resource), resource]));
    const { held, refused } = await this.#context.locks.acquire([...byLock.keys()], options);
    const locked = new Map<RelativePath, HeldLock>();
    for (const lock of held) {
      const resource = byLock.get(lock.name);
      if (resource !== undefined) locked.set(resource, lock);
    }
    const transaction = new PlaceholderTransaction(this.#context, locked, {
      read: (resource, look) => this.#readEntry(resource, look),
      looker: this.#looker,
      refused: new Map([...refused].flatMap(([name, view]) => {
        const resource = byLock.get(name);
        return resource === undefined ? [] : [[resource, view] as const];
      })),
    });
    try {
      await transaction.begin();
    } catch (cause) {
      await transaction[Symbol.asyncDispose]();
      throw cause;
    }
    return transaction;
  }

  repair(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  whyNotHeld(_resource: RelativePath): string | undefined {
    return undefined;
  }

  batches<T extends BatchItem>(items: readonly T[]): Iterable<T[]> {
    const { backend, maxTransfers } = this.#context;
    // Where a lock costs no wait, large contents go one by one, so that each can be fetched while the next is put.
    const minItems = backend.traits.exclusiveCreate ? 1 : maxTransfers;
    return batches(items, { ...BATCH, minItems });
  }

  async tryKey(resource: RelativePath): Promise<"opens" | "fails" | "gone"> {
    const entry = await this.#readEntry(resource);
    if (entry.record.kind !== "present") return "gone";
    const { cipher, checksums } = this.#context;
    const { record } = entry.record;
    if (!cipher.authenticates && checksums.algorithmOf(record) === undefined) return "gone";
    // What authenticates itself shows the key, whether it is the record's content or not.
    const judged = cipher.authenticates
      ? { ...record, checksum: undefined, sizeBytes: undefined }
      : record;
    const check = await checkContent(this.#context, entry, judged);
    return check === "whole" ? "opens" : check === "damaged" ? "fails" : "gone";
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

  async #list(options: { readonly signal?: AbortSignal }): Promise<Listed> {
    const found: Listed["found"] = new Map();
    let usedBytes = 0;
    for await (const info of this.#context.backend.list("", { ...options, recursive: true })) {
      usedBytes += info.sizeBytes;
      this.#context.versions.note(info);
      const kind = classify(info.name);
      switch (kind.kind) {
        case "content":
        case "placeholder":
        case "lock": {
          const objects = found.get(kind.resource) ?? {};
          objects[kind.kind] = info;
          found.set(kind.resource, objects);
          break;
        }
        case "index":
          throw new EscaleError(
            "refused",
            `Cannot use the relay without an index: "${info.name}" shows that it is kept with one`,
            { hint: 'Set "index = yes" (or "topdir") as the other clients have it' },
          );
        case "other":
          break;
        default:
          kind satisfies never;
      }
    }
    return { found, usedBytes };
  }

  /** One resource as it stands now; for those that are locked. */
  async #readEntry(resource: RelativePath, look?: Look): Promise<RelayEntry> {
    const { backend } = this.#context;
    const text = await this.#recordAt(resource, look);
    const name = contentName(resource);
    const content = await (look === undefined ? backend.stat(name) : look.at(name));
    const record: RecordView = text === undefined
      ? { kind: "absent" }
      : typeof text === "string"
      ? this.#records.view(resource, text)
      : text;
    const [storedBytes, storedMs] = [content?.sizeBytes, content?.modifiedMs];
    return { resource, record, storedBytes, storedMs, lock: undefined, canCheck: true };
  }

  /** As {@linkcode #readRecord}; what a look shows to be absent, or the version that was read before, is not read. */
  async #recordAt(
    resource: RelativePath,
    look: Look | undefined,
  ): Promise<string | RecordView | undefined> {
    const name = placeholderName(resource);
    if (look?.has(name)) {
      const info = await look.at(name);
      if (info === undefined) return undefined;
      const known = info.tag === undefined ? undefined : this.#context.records.get(resource);
      if (known !== undefined && known.sign === info.tag) return known.text;
    }
    return await this.#readRecord(name);
  }
}

/** A record that has to be read. */
interface ToRead {
  readonly resource: RelativePath;
  readonly name: ObjectName;
  /** As listed. */
  readonly sizeBytes: number;
  readonly sign: string | undefined;
}

function lengthOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

function textReader(
  known: (resource: RelativePath) => ReadRecord | undefined,
): (resource: RelativePath) => string | undefined {
  return (resource) => known(resource)?.text;
}

interface Listed {
  readonly found: Map<
    RelativePath,
    { content?: ObjectInfo; placeholder?: ObjectInfo; lock?: ObjectInfo }
  >;
  readonly usedBytes: number;
}
