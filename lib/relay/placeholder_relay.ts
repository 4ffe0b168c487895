import type { ObjectInfo, ObjectName } from "../../backends/backend.ts";
import { EscaleError } from "../errors.ts";
import type { RelativePath } from "../path.ts";
import { batches } from "./batches.ts";
import { checkContent } from "./content.ts";
import { type ReadRecord, readText, type RelayContext, signOf } from "./context.ts";
import type { HeldLock } from "./lock.ts";
import type { LockMode } from "./lock_text.ts";
import { classify, contentName, lockName, placeholderName } from "./names.ts";
import { inParallel } from "./parallel.ts";
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

/** Locks are not held for long, and a wait that a lock needs is shared by many. */
const BATCH = { maxItems: 128, maxBytes: 64 * 1024 * 1024 };

/** The placeholder layout: a record, a content and a lock beside each other for each resource (FORMAT.md). */
export class PlaceholderRelay implements Relay {
  readonly #context: RelayContext;
  readonly #records: RecordViewer;

  constructor(context: RelayContext) {
    this.#context = context;
    this.#records = new RecordViewer(context);
  }

  async survey(options: { readonly signal?: AbortSignal } = {}): Promise<Survey> {
    const { locks } = this.#context;
    const listed = await this.#list(options);
    const entries = new Map<RelativePath, RelayEntry>();
    const toRead: [RelativePath, ObjectInfo][] = [];
    const lockNames = new Set<ObjectName>();
    for (const [resource, { placeholder, content, lock }] of listed.found) {
      const storedBytes = content?.sizeBytes;
      let view: LockView | undefined;
      if (lock !== undefined) {
        lockNames.add(lock.name);
        view = await locks.look(lock.name);
      }
      const storedMs = content?.modifiedMs;
      const entry = { resource, storedBytes, storedMs, lock: view, canCheck: true } as const;
      if (placeholder === undefined) {
        entries.set(resource, { ...entry, record: { kind: "absent" } });
        continue;
      }
      const known = this.#context.records.get(resource);
      if (known !== undefined && known.sign === signOf(placeholder, content)) {
        entries.set(resource, { ...entry, record: this.#records.view(resource, known.text) });
      } else {
        entries.set(resource, { ...entry, record: { kind: "absent" } });
        toRead.push([resource, placeholder]);
      }
    }
    locks.forgetOthers(lockNames);
    const reads = new Map<RelativePath, ReadRecord>();
    await inParallel(toRead, this.#context.maxTransfers, async ([resource, placeholder]) => {
      options.signal?.throwIfAborted();
      const entry = entries.get(resource);
      if (entry === undefined) return;
      const text = await readText(this.#context.backend, placeholder.name);
      // It went between the listing and now: the next survey shows what became of it.
      if (text === undefined) entries.delete(resource);
      else {
        const sign = signOf(placeholder, listed.found.get(resource)?.content);
        if (sign !== undefined) reads.set(resource, { sign, text });
        entries.set(resource, { ...entry, record: this.#records.view(resource, text) });
      }
    });
    if (reads.size > 0) this.#context.records.note(reads);
    return { entries, usedBytes: listed.usedBytes };
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
      read: (resource) => this.#readEntry(resource),
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
    return batches(items, { ...BATCH, minItems: this.#context.maxTransfers });
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
  async #readEntry(resource: RelativePath): Promise<RelayEntry> {
    const { backend } = this.#context;
    const text = await readText(backend, placeholderName(resource));
    const content = await backend.stat(contentName(resource));
    const record: RecordView = text === undefined
      ? { kind: "absent" }
      : this.#records.view(resource, text);
    const [storedBytes, storedMs] = [content?.sizeBytes, content?.modifiedMs];
    return { resource, record, storedBytes, storedMs, lock: undefined, canCheck: true };
  }
}

interface Listed {
  readonly found: Map<
    RelativePath,
    { content?: ObjectInfo; placeholder?: ObjectInfo; lock?: ObjectInfo }
  >;
  readonly usedBytes: number;
}
