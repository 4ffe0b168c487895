import type { ObjectInfo } from "../../backends/backend.ts";
import type { RelativePath } from "../path.ts";
import { signNumber } from "../sign.ts";
import { LazyMap } from "./lazy_map.ts";
import type { QuietMemory } from "./quiet.ts";
import type { RecordViewer } from "./record_view.ts";
import type { LockView, QuietNotes, RecordView, RelayEntries, RelayEntry } from "./relay.ts";
import type { Versions } from "./versions.ts";

/** What stands on the relay for a resource, as a listing shows it. */
export interface Standing {
  hasRecord: boolean;
  /** Tells versions of the record apart, where the listing can. */
  sign: string | undefined;
  storedBytes: number | undefined;
  storedMs: number | undefined;
  isLocked: boolean;
  /** Stands for all of this; `undefined` where the listing cannot tell versions apart. */
  mark: number | undefined;
}

/** Sums up the objects that stand for a resource. */
export function standingOf(
  { placeholder, content, lock }: {
    readonly placeholder?: ObjectInfo;
    readonly content?: ObjectInfo;
    readonly lock?: ObjectInfo;
  },
  versions: Pick<Versions, "signOf">,
): Standing {
  const sign = placeholder && versions.signOf(placeholder);
  const stored = content && versions.signOf(content);
  const isTold = (placeholder === undefined || sign !== undefined) &&
    (content === undefined || stored !== undefined);
  return {
    hasRecord: placeholder !== undefined,
    sign,
    storedBytes: content?.sizeBytes,
    storedMs: content?.modifiedMs,
    isLocked: lock !== undefined,
    mark: isTold ? signNumber(`${sign ?? "-"} ${stored ?? "-"}`) : undefined,
  };
}

/** What entries are made of besides the listing. */
interface EntryContext {
  /** The locked resources, and how their locks look; `undefined` for a lock that this process holds. */
  readonly locked: ReadonlyMap<RelativePath, LockView | undefined>;
  /** Records that are not remembered, as they were read. */
  readonly views: ReadonlyMap<RelativePath, RecordView>;
  /** The remembered text of a record. */
  readonly textOf: (resource: RelativePath) => string | undefined;
  readonly viewer: RecordViewer;
  readonly quiet: QuietMemory;
}

/** All entries of a placeholder relay. Each is made when it is asked for: a million of them would fill the memory. */
export class PlaceholderEntries extends LazyMap<RelativePath, RelayEntry>
  implements RelayEntries, QuietNotes {
  readonly contents: number;
  readonly #standing: ReadonlyMap<RelativePath, Standing>;
  readonly #context: EntryContext;

  constructor(standing: ReadonlyMap<RelativePath, Standing>, context: EntryContext) {
    super();
    this.#standing = standing;
    this.#context = context;
    let contents = 0;
    for (const { storedBytes } of standing.values()) if (storedBytes !== undefined) contents++;
    this.contents = contents;
  }

  override get size(): number {
    return this.#standing.size;
  }

  override get(resource: RelativePath): RelayEntry | undefined {
    const standing = this.#standing.get(resource);
    if (standing === undefined) return undefined;
    const { storedBytes, storedMs } = standing;
    return {
      resource,
      record: standing.hasRecord ? this.#recordOf(resource) : { kind: "absent" },
      storedBytes,
      storedMs,
      lock: this.#context.locked.get(resource),
      canCheck: true,
    };
  }

  #recordOf(resource: RelativePath): RecordView {
    const { views, textOf, viewer } = this.#context;
    const view = views.get(resource);
    if (view !== undefined) return view;
    const text = textOf(resource);
    return text === undefined ? { kind: "absent" } : viewer.view(resource, text);
  }

  override has(resource: RelativePath): boolean {
    return this.#standing.has(resource);
  }

  isQuiet(resource: RelativePath, mark: number): boolean {
    const standing = this.#standing.get(resource);
    return standing?.mark !== undefined && !standing.isLocked &&
      this.#context.quiet.isNoted(resource, { relay: standing.mark, local: mark });
  }

  note(resource: RelativePath, mark: number): void {
    const standing = this.#standing.get(resource);
    if (standing?.mark === undefined || standing.isLocked) return;
    this.#context.quiet.note(resource, { relay: standing.mark, local: mark });
  }

  *standing(): Generator<RelayEntry> {
    for (const [resource, { storedBytes }] of this.#standing) {
      const entry = storedBytes === undefined ? undefined : this.get(resource);
      if (entry !== undefined) yield entry;
    }
  }

  *locked(): Generator<RelayEntry> {
    for (const resource of this.#context.locked.keys()) {
      const entry = this.get(resource);
      if (entry?.lock !== undefined) yield entry;
    }
  }

  override keys(): MapIterator<RelativePath> {
    return this.#standing.keys();
  }
}
