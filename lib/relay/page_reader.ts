import { BackendError, type ObjectInfo, type ObjectName } from "../../backends/backend.ts";
import { decompress } from "../archive/codec.ts";
import { hash } from "node:crypto";
import { EscaleError, messageOf } from "../errors.ts";
import { isRelativePath, printable } from "../path.ts";
import type { IndexContext } from "./context.ts";
import { IndexReader, MAX_INDEX_BYTES } from "./index_parse.ts";
import { EMPTY_INDEX, type IndexText } from "./index_text.ts";
import { resourcesIn, viewIn } from "./page_entries.ts";
import type { PageObjects, PageState, Update } from "./page_state.ts";
import {
  classifyPageObject,
  pageOf,
  persistentIndexName,
  updateDataName,
  updateIndexName,
} from "./pages.ts";
import type { RecordViewer } from "./record_view.ts";
import type { LockView } from "./relay.ts";

/** An index object as it was last seen. */
interface SeenIndex {
  /** Of the object, as listed; `undefined` if a listing does not tell two versions of it apart. */
  readonly sign: string | undefined;
  /** Of its content. */
  readonly digest: string;
}

/** What was read of an index object, for as long as its content stays the same. */
interface ReadIndex {
  readonly digest: string;
  readonly index: IndexText | undefined;
  readonly problem: EscaleError | undefined;
  readonly pushers: ReadonlySet<string | undefined>;
  readonly expected: number;
}

/** All that a listing of the relay's folder shows. */
export interface Listing {
  readonly pages: ReadonlyMap<string, PageObjects>;
  readonly usedBytes: number;
  /** An object of the layout without an index, where there is one. */
  readonly foreign: ObjectName | undefined;
}

/** Reads pages, and of them only what has changed since the last time. */
export class PageReader {
  readonly #context: IndexContext;
  readonly #seen = new Map<ObjectName, SeenIndex>();
  readonly #read = new Map<ObjectName, ReadIndex>();
  /** What {@linkcode digest} fetched, until it is read. */
  readonly #fetched = new Map<ObjectName, Uint8Array>();
  readonly #records: RecordViewer;

  constructor(context: IndexContext, records: RecordViewer) {
    this.#context = context;
    this.#records = records;
  }

  /** Lists the top of the relay's folder, where all that belongs to an index stands. */
  async list(options: { readonly signal?: AbortSignal } = {}): Promise<Listing> {
    const pages = new Map<string, PageObjects>();
    let usedBytes = 0;
    let foreign: ObjectName | undefined;
    for await (const info of this.#context.backend.list("", options)) {
      usedBytes += info.sizeBytes;
      this.#context.versions.note(info);
      const kind = classifyPageObject(info.name);
      if (kind.kind === "other") continue;
      if (kind.kind === "placeholder layout") {
        if (foreign === undefined || info.name.startsWith(".")) foreign = info.name;
        continue;
      }
      const { page } = kind;
      const objects = pages.get(page) ??
        { page, lock: undefined, persistent: undefined, updates: new Map() };
      pages.set(page, objects);
      if (kind.kind === "lock") objects.lock = info;
      else if (kind.kind === "persistent") objects.persistent = info;
      else {
        const update = objects.updates.get(kind.ts) ?? {};
        objects.updates.set(kind.ts, update);
        update[kind.kind === "update data" ? "data" : "index"] = info;
      }
    }
    this.#forgetOthers(pages);
    return { pages, usedBytes, foreign };
  }

  /**
   * Reads a page. `isLocked`: by this process, so that what is read holds; then only a tag shows that an index is the
   * one that was read before.
   */
  async read(
    objects: PageObjects,
    options: { readonly lock?: LockView | undefined; readonly isLocked?: boolean } = {},
  ): Promise<PageState> {
    const { page, persistent } = objects;
    const isLocked = options.isLocked ?? false;
    const problems: EscaleError[] = [];
    const read = persistent && await this.#index(persistent, { page, isLocked, isGrouped: true });
    if (read?.problem !== undefined) problems.push(read.problem);
    const updates: Update[] = [];
    for (const [ts, { index, data }] of [...objects.updates].sort(([a], [b]) => a - b)) {
      const text = index && await this.#index(index, { page, isLocked, isGrouped: false });
      if (text?.problem !== undefined) problems.push(text.problem);
      updates.push({
        ts,
        storedBytes: data?.sizeBytes,
        index: text?.index,
        hasIndexObject: text !== undefined,
        pushers: text?.pushers ?? new Set(),
        expected: text?.expected ?? this.#context.pullerCount,
      });
    }
    const lock = options.lock;
    return { page, lock, index: read?.index ?? EMPTY_INDEX, updates, problems };
  }

  /** Digest of the content of an index object. What is fetched for it is kept for {@linkcode read}. */
  async digest(info: ObjectInfo): Promise<string | undefined> {
    const sign = this.#context.versions.signOf(info);
    const seen = this.#seen.get(info.name);
    if (isSame(seen, sign)) return seen?.digest;
    const bytes = await this.#bytes(info.name);
    if (bytes === undefined) return undefined;
    this.#fetched.set(info.name, bytes);
    return this.#see(info, { sign, bytes });
  }

  /** Digest of the content of an index object as it was when it was last fetched. */
  lastDigest({ name }: ObjectInfo): string | undefined {
    return this.#seen.get(name)?.digest;
  }

  /** Drops what was fetched and is not read. */
  forgetFetched(): void {
    this.#fetched.clear();
  }

  async #index(
    info: ObjectInfo,
    options: { readonly page: string; readonly isLocked: boolean; readonly isGrouped: boolean },
  ): Promise<ReadIndex | undefined> {
    const { page, isLocked, isGrouped } = options;
    const sign = isLocked ? info.tag : this.#context.versions.signOf(info);
    const [seen, read] = [this.#seen.get(info.name), this.#read.get(info.name)];
    if (read !== undefined && isSame(seen, sign) && seen?.digest === read.digest) return read;
    const fetched = isLocked ? undefined : this.#fetched.get(info.name);
    this.#fetched.delete(info.name);
    const bytes = fetched ?? await this.#bytes(info.name);
    if (bytes === undefined) return undefined;
    // Under our lock nobody else writes: then it was not read whole.
    if (isLocked && bytes.length !== info.sizeBytes) throw notWhole(info, bytes);
    const digest = this.#see(info, { sign, bytes });
    if (read?.digest === digest) return read;
    const parsed = await this.#parse(bytes, { page, isGrouped, name: info.name });
    const now = { digest, ...parsed };
    this.#read.set(info.name, now);
    return now;
  }

  /** Notes the content of an object: as that of the listed version only if it has its length. */
  #see(
    { name, sizeBytes }: ObjectInfo,
    options: { readonly sign: string | undefined; readonly bytes: Uint8Array },
  ): string {
    const { bytes } = options;
    const sign = bytes.length === sizeBytes ? options.sign : undefined;
    const digest = hash("sha256", bytes, "hex");
    const seen = this.#seen.get(name);
    this.#seen.set(name, {
      sign: sign ?? (seen?.digest === digest ? seen.sign : undefined),
      digest,
    });
    return digest;
  }

  async #bytes(name: ObjectName): Promise<Uint8Array | undefined> {
    try {
      return await this.#context.backend.read(name, { maxBytes: MAX_INDEX_BYTES });
    } catch (cause) {
      if (!(cause instanceof BackendError)) throw cause;
      if (cause.code === "not-found") return undefined;
      if (cause.code === "too-large") return new Uint8Array([0]);
      throw cause;
    }
  }

  async #parse(
    bytes: Uint8Array,
    options: { readonly page: string; readonly isGrouped: boolean; readonly name: ObjectName },
  ): Promise<Omit<ReadIndex, "digest">> {
    const { page, isGrouped, name } = options;
    const { depth, pullerCount } = this.#context;
    const accepts = (entry: string) => isRelativePath(entry) && pageOf(entry, depth) === page;
    try {
      const reader = new IndexReader({ isGrouped, accepts });
      const stored = ReadableStream.from([bytes]);
      const text = isGrouped ? decompress(stored, { maxBytes: MAX_INDEX_BYTES }) : stored;
      for await (const chunk of text) reader.push(chunk);
      const index = reader.end();
      const problem = index.refused.length === 0 ? undefined : new EscaleError(
        "refused",
        `Refused "${printable(index.refused[0] ?? "")}" in the index "${name}": ` +
          "it is not a name that belongs on this page",
        { hint: 'See that "index" is set alike for all clients of the relay' },
      );
      return { index, problem, ...(isGrouped ? NOBODY : this.#facts(index, pullerCount)) };
    } catch (cause) {
      if (!(cause instanceof EscaleError)) throw cause;
      const problem = new EscaleError(
        "corrupt",
        `Refused the index "${name}" on the relay: ${messageOf(cause)}`,
        { cause },
      );
      return { index: undefined, problem, ...NOBODY };
    }
  }

  #facts(index: IndexText, pullerCount: number): Pick<ReadIndex, "pushers" | "expected"> {
    const pushers = new Set<string | undefined>();
    let expected = pullerCount;
    for (const resource of resourcesIn(index)) {
      const view = viewIn(index, resource, { records: this.#records, pullers: [] });
      if (view.kind !== "present") continue;
      pushers.add(view.record.pusher);
      expected = Math.max(expected, view.record.expected ?? 1);
    }
    if (pushers.size === 0) pushers.add(undefined);
    return { pushers, expected };
  }

  #forgetOthers(pages: ReadonlyMap<string, PageObjects>): void {
    const standing = new Set<ObjectName>();
    for (const [page, { persistent, updates }] of pages) {
      if (persistent !== undefined) standing.add(persistentIndexName(page));
      for (const ts of updates.keys()) {
        standing.add(updateIndexName(page, ts)).add(updateDataName(page, ts));
      }
    }
    for (const name of this.#read.keys()) if (!standing.has(name)) this.#read.delete(name);
    for (const name of this.#seen.keys()) if (!standing.has(name)) this.#seen.delete(name);
  }
}

function notWhole({ name, sizeBytes }: ObjectInfo, bytes: Uint8Array): BackendError {
  const message = `Cannot read "${printable(name)}": ${bytes.length} bytes came, ` +
    `while ${sizeBytes} are listed`;
  return new BackendError("unavailable", message);
}

/** Whether a listing shows that an object is the one that was seen. */
function isSame(seen: SeenIndex | undefined, sign: string | undefined): boolean {
  return sign !== undefined && seen?.sign === sign;
}

const NOBODY: Pick<ReadIndex, "pushers" | "expected"> = { pushers: new Set(), expected: 1 };
