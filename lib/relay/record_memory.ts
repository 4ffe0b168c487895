import type { RelativePath } from "../path.ts";
import type { ReadRecord, RecordCache } from "./context.ts";

/** Keeps texts of records in memory, over those that `lasting` has: for who may not, or need not, write them down. */
export class RecordMemory implements RecordCache {
  readonly #reads = new Map<RelativePath, ReadRecord>();
  readonly #lasting: Pick<RecordCache, "get" | "reader"> | undefined;

  constructor(lasting?: Pick<RecordCache, "get" | "reader">) {
    this.#lasting = lasting;
  }

  get(resource: RelativePath): ReadRecord | undefined {
    return this.#reads.get(resource) ?? this.#lasting?.get(resource);
  }

  reader(): (resource: RelativePath) => ReadRecord | undefined {
    const lasting = this.#lasting?.reader();
    return (resource) => this.#reads.get(resource) ?? lasting?.(resource);
  }

  note(reads: ReadonlyMap<RelativePath, ReadRecord>): void {
    for (const [resource, read] of reads) this.#reads.set(resource, read);
  }
}
