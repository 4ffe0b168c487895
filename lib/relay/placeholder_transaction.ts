import type { ByteSource } from "../../backends/backend.ts";
import { EscaleError, messageOf } from "../errors.ts";
import type { RelativePath } from "../path.ts";
import { checkContent } from "./content.ts";
import { type ReadRecord, readText, type RelayContext } from "./context.ts";
import type { HeldLock } from "./lock.ts";
import type { Look, Looker } from "./look.ts";
import { acknowledgedCount, appendPuller, formatRecord, type RelayRecord } from "./metadata.ts";
import { contentName, placeholderName } from "./names.ts";
import { inParallel } from "./parallel.ts";
import type { ContentCheck, LockView, PlainContent, RelayEntry, Transaction } from "./relay.ts";

/** Contents up to this size are moved in one piece, without a stream. */
export const SMALL_BYTES = 262_144;

/**
 * A record lost or cut by a crash counts as absent and its content as one without a record, which is pulled: only
 * contents have to last, and the folders that name them.
 */
const RECORD = { isVolatile: true };

const encoder = new TextEncoder();

/** Locked resources of a placeholder relay. */
export class PlaceholderTransaction implements Transaction {
  readonly entries: Map<RelativePath, RelayEntry> = new Map();
  readonly refused: ReadonlyMap<RelativePath, LockView>;
  readonly left: ReadonlyMap<RelativePath, unknown> = new Map();
  readonly #context: RelayContext;
  readonly #locks: Map<RelativePath, HeldLock>;
  readonly #read: (resource: RelativePath, look?: Look) => Promise<RelayEntry>;
  readonly #looker: Looker;
  /** What was put and not yet read back: the record's text and the stored content's size. */
  readonly #unconfirmed = new Map<
    RelativePath,
    { text: string; storedBytes: number | undefined }
  >();

  constructor(
    context: RelayContext,
    locks: Map<RelativePath, HeldLock>,
    options: {
      readonly read: (resource: RelativePath, look?: Look) => Promise<RelayEntry>;
      readonly looker: Looker;
      readonly refused: ReadonlyMap<RelativePath, LockView>;
    },
  ) {
    this.#context = context;
    this.#locks = locks;
    this.#read = options.read;
    this.#looker = options.looker;
    this.refused = options.refused;
  }

  /** Repairs what taken-over locks covered and reads every entry. */
  async begin(): Promise<void> {
    const resources = [...this.#locks.keys()];
    const { maxTransfers } = this.#context;
    await inParallel([...this.#locks], maxTransfers, async ([resource, lock]) => {
      if (lock.taken !== undefined && lock.taken.mode !== "r") await this.#undo(resource);
    });
    const look = await this.#lookAt(resources);
    const entries = new Map<RelativePath, RelayEntry>();
    await inParallel(resources, maxTransfers, async (resource) => {
      entries.set(resource, await this.#read(resource, look));
    });
    for (const resource of resources) {
      const entry = entries.get(resource);
      if (entry !== undefined) this.entries.set(resource, entry);
    }
  }

  async put(resource: RelativePath, record: RelayRecord, content: ByteSource): Promise<void> {
    const { backend, cipher, sealer } = this.#context;
    const sealed = sealer === undefined
      ? record
      : { ...record, seal: sealer.seal(resource, record) };
    const text = formatRecord(sealed);
    const stored = encrypted(content, cipher);
    await this.#check(resource);
    this.#unconfirmed.set(resource, { text, storedBytes: stored.sizeBytes });
    await backend.put(placeholderName(resource), textSource(text), RECORD);
    await this.#check(resource);
    await backend.put(contentName(resource), stored);
  }

  async putRecord(resource: RelativePath, record: RelayRecord): Promise<void> {
    const { backend, sealer } = this.#context;
    const sealed = sealer === undefined
      ? record
      : { ...record, seal: sealer.seal(resource, record) };
    const text = formatRecord(sealed);
    await this.#check(resource);
    this.#unconfirmed.set(resource, { text, storedBytes: undefined });
    await backend.put(placeholderName(resource), textSource(text), RECORD);
  }

  async confirm(): Promise<ReadonlySet<RelativePath>> {
    const { backend, log, maxTransfers, records, versions } = this.#context;
    const confirmed = new Set<RelativePath>();
    const reads = new Map<RelativePath, ReadRecord>();
    if (this.#unconfirmed.size === 0) return confirmed;
    await backend.flush();
    const puts = [...this.#unconfirmed];
    const look = await this.#lookAt(puts.map(([resource]) => resource));
    await inParallel(puts, maxTransfers, async ([resource, put]) => {
      const content = await look.at(contentName(resource));
      // Looked at before it is read: what is written in between shows in the next survey.
      const placeholder = content?.tag === undefined
        ? undefined
        : await look.at(placeholderName(resource));
      const text = await readText(backend, placeholderName(resource));
      const isSize = put.storedBytes === undefined || content?.sizeBytes === put.storedBytes;
      if (text !== put.text || content === undefined || !isSize) {
        log.warn("the relay did not keep what was put", { path: resource });
        return;
      }
      this.#unconfirmed.delete(resource);
      confirmed.add(resource);
      const sign = placeholder && versions.signOf(placeholder);
      if (sign !== undefined) reads.set(resource, { sign, text });
    });
    if (reads.size > 0) records.note(reads);
    return confirmed;
  }

  async receive(
    resources: readonly RelativePath[],
    take: (resource: RelativePath, content: () => Promise<PlainContent>) => Promise<void>,
  ): Promise<ReadonlyMap<RelativePath, EscaleError>> {
    await inParallel(
      resources,
      this.#context.maxTransfers,
      (resource) => take(resource, () => this.#get(resource)),
    );
    return new Map();
  }

  async #get(resource: RelativePath): Promise<PlainContent> {
    const { backend, cipher } = this.#context;
    const storedBytes = this.entries.get(resource)?.storedBytes ?? Infinity;
    if (storedBytes <= SMALL_BYTES) {
      return cipher.decryptBytes(
        await backend.read(contentName(resource), { maxBytes: SMALL_BYTES }),
      );
    }
    return (await backend.get(contentName(resource))).pipeThrough(cipher.decrypt());
  }

  async acknowledge(
    resource: RelativePath,
    options: { readonly removeContent: boolean },
  ): Promise<boolean> {
    const { backend, client } = this.#context;
    const record = this.entries.get(resource)?.record;
    if (record?.kind !== "present") {
      throw new EscaleError("internal", `Cannot acknowledge "${resource}": it has no record`);
    }
    await this.#check(resource);
    if (options.removeContent) await backend.remove(contentName(resource));
    const text = appendPuller(record.text, client);
    await backend.put(placeholderName(resource), textSource(text), RECORD);
    return true;
  }

  pass(_resource: RelativePath): void {}

  commit(): Promise<number> {
    return Promise.resolve(0);
  }

  async check(resource: RelativePath): Promise<ContentCheck> {
    const entry = this.entries.get(resource);
    return entry?.record.kind === "present"
      ? await checkContent(this.#context, entry, entry.record.record)
      : "absent";
  }

  async removeContent(resource: RelativePath): Promise<void> {
    await this.#check(resource);
    await this.#context.backend.remove(contentName(resource));
  }

  async withdraw(resource: RelativePath): Promise<void> {
    const { backend } = this.#context;
    await this.#check(resource);
    await backend.remove(placeholderName(resource));
    await backend.remove(contentName(resource));
  }

  /** Undoes what was not confirmed and gives the locks back. A lock stays where undoing was not possible. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { locks, log, maxTransfers } = this.#context;
    await inParallel([...this.#unconfirmed.keys()], maxTransfers, async (resource) => {
      const lock = this.#locks.get(resource);
      if (lock === undefined) return;
      try {
        await this.#undo(resource);
      } catch (cause) {
        this.#locks.delete(resource);
        locks.abandon(lock);
        log.warn("cannot undo a push that failed: its lock stays", {
          path: resource,
          why: messageOf(cause),
        });
      }
    });
    this.#unconfirmed.clear();
    const held = [...this.#locks.values()];
    this.#locks.clear();
    await locks.release(held);
  }

  /**
   * Judges what an interrupted push left by what stands (SEMANTICS, "Locks"): a whole push stays, a partial one is
   * removed so that it is sent again, content without a record is left alone.
   */
  async #undo(resource: RelativePath): Promise<void> {
    const { backend, pullerCount, log } = this.#context;
    const entry = await this.#read(resource);
    if (entry.record.kind === "absent") return;
    if (entry.record.kind === "present") {
      const { record } = entry.record;
      const check = await checkContent(this.#context, entry, record);
      if (check === "whole") return;
      const expected = Math.max(record.expected ?? 1, pullerCount);
      if (check === "absent" && acknowledgedCount(record) >= expected) return;
    }
    await this.#check(resource);
    // Content first: a record without content is noticed, content without its record might be taken for good.
    await backend.remove(contentName(resource));
    await this.#check(resource);
    await backend.remove(placeholderName(resource));
    log.info("undid an interrupted push", { path: resource });
  }

  #lookAt(resources: readonly RelativePath[]): Promise<Look> {
    return this.#looker.lookFor(
      resources.flatMap((resource) => [placeholderName(resource), contentName(resource)]),
    );
  }

  async #check(resource: RelativePath): Promise<void> {
    const lock = this.#locks.get(resource);
    if (lock === undefined) {
      throw new EscaleError(
        "locked",
        `Cannot change "${resource}" on the relay: its lock is not held`,
      );
    }
    await this.#context.locks.check(lock);
  }
}

/** `content` as it is to be stored. */
function encrypted(content: ByteSource, cipher: RelayContext["cipher"]): ByteSource {
  const { bytes } = content;
  if (bytes !== undefined) return bytesSource(cipher.encryptBytes(bytes));
  return {
    sizeBytes: cipher.encryptedSize(content.sizeBytes),
    open: () => content.open().pipeThrough(cipher.encrypt()),
  };
}

function textSource(text: string): ByteSource {
  return bytesSource(encoder.encode(text));
}

function bytesSource(bytes: Uint8Array): ByteSource {
  return { sizeBytes: bytes.length, bytes, open: () => ReadableStream.from([bytes]) };
}
