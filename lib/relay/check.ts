import { BackendError, type ObjectInfo, type ObjectName } from "../../backends/backend.ts";
import { EscaleError } from "../errors.ts";
import type { RelativePath } from "../path.ts";
import { checkContent } from "./content.ts";
import { readText, type RelayContext } from "./context.ts";
import { COPY_MARK } from "./copy.ts";
import { type Checked, type CheckOptions, type Finding, lockFinding, sample } from "./findings.ts";
import { acknowledgedCount, type RelayRecord } from "./metadata.ts";
import { classify, contentName, placeholderName } from "./names.ts";
import { inParallel } from "./parallel.ts";
import { listParts, placeOf } from "./parts.ts";
import { RecordViewer } from "./record_view.ts";
import type { LockView, RelayEntry } from "./relay.ts";

/** A resource with its objects as a listing shows them. */
interface Seen {
  readonly resource: RelativePath;
  readonly content: ObjectInfo | undefined;
  readonly hasPlaceholder: boolean;
  readonly lock: LockView | undefined;
}

/**
 * Looks at all that stands on a relay without an index, changes nothing, and tells what it finds. Contents are compared
 * with their records by size, and those that are read by checksum.
 *
 * @throws {EscaleError} `wrong-key` if nothing there opens with this client's key
 * @throws {BackendError}
 */
export async function checkRelay(context: RelayContext, options: CheckOptions): Promise<Checked> {
  const check = new Check(context, options);
  const seen = await check.list();
  let objects = 0;
  await inParallel(seen, context.maxTransfers, async (it) => {
    options.signal.throwIfAborted();
    await check.look(it);
    options.progress({ objects: ++objects, of: seen.length });
  });
  const toRead = sample(check.standing, options);
  objects = 0;
  await inParallel(toRead, context.maxTransfers, async (entry) => {
    options.signal.throwIfAborted();
    await check.read(entry);
    options.progress({ objects: ++objects, of: toRead.length });
  });
  return check.finish(seen.length);
}

class Check {
  /** Contents with a record. */
  readonly standing: { readonly entry: RelayEntry; readonly record: RelayRecord }[] = [];
  readonly #context: RelayContext;
  readonly #options: CheckOptions;
  readonly #viewer: RecordViewer;
  /** What may come of another key, told once it is clear that it does not. */
  readonly #doubtful: Finding[] = [];
  #opened = 0;
  #verified = 0;
  #bytes = 0;

  constructor(context: RelayContext, options: CheckOptions) {
    this.#context = context;
    this.#options = options;
    this.#viewer = new RecordViewer(context);
  }

  /** Lists the relay, and tells of what has no place there. */
  async list(): Promise<readonly Seen[]> {
    const { backend, locks } = this.#context;
    const listing = await listParts(backend, this.#options);
    for (const { name } of listing.others) this.#options.found(foreign(name));
    const views = new Map<ObjectName, LockView | undefined>();
    for (const name of listing.locks.keys()) {
      const view = await locks.look(name);
      views.set(name, view);
      if (view !== undefined) this.#options.found(lockFinding(name, view));
    }
    const seen: Seen[] = [];
    for (const [lock, { objects }] of listing.parts) {
      for (const { sizeBytes } of objects) this.#bytes += sizeBytes;
      const [first] = objects;
      const kind = first && classify(first.name);
      if (first === undefined || kind === undefined || !("resource" in kind)) {
        this.#options.found(wrongLayout(first?.name ?? lock));
        continue;
      }
      const { resource } = kind;
      const content = objects.find(({ name }) => name === contentName(resource));
      const hasPlaceholder = objects.some(({ name }) => name === placeholderName(resource));
      seen.push({ resource, content, hasPlaceholder, lock: views.get(lock) });
    }
    return seen;
  }

  /** Looks at a resource's record, and whether its content fits. */
  async look({ resource, content, hasPlaceholder, lock }: Seen): Promise<void> {
    const { backend, pullerCount } = this.#context;
    // What is half there under a lock is no finding: somebody is at work, or has left a lock, which was told.
    if (lock !== undefined) return;
    const text = hasPlaceholder ? await readText(backend, placeholderName(resource)) : undefined;
    if (text === undefined) {
      if (content !== undefined && !hasPlaceholder) this.#options.found(orphan(resource));
      return;
    }
    const view = this.#viewer.view(resource, text);
    if (view.kind !== "present") {
      const why = view.kind === "unreadable" ? view.why : "it is gone";
      const isSeal = view.kind === "unreadable" && view.seal === "wrong";
      const finding = unreadable(resource, why, isSeal);
      if (isSeal) this.#doubtful.push(finding);
      else this.#options.found(finding);
      return;
    }
    const { record } = view;
    if (record.seal !== undefined && this.#context.sealer !== undefined) this.#opened++;
    const expected = Math.max(record.expected ?? 1, pullerCount);
    const counts = { taken: acknowledgedCount(record), expected };
    if (content === undefined) {
      if (counts.taken < expected) this.#options.found(gone(resource, counts));
      return;
    }
    if (counts.taken >= expected) this.#options.found(served(resource, counts));
    const [storedBytes, storedMs] = [content.sizeBytes, content.modifiedMs];
    const entry: RelayEntry = { resource, record: view, storedBytes, storedMs, lock: undefined };
    if (this.#isWrongSize(storedBytes, record)) {
      if (await this.#isStill(entry, text)) {
        this.#options.found(damaged(resource, "its size is not that of its record"));
      }
      return;
    }
    this.standing.push({ entry, record });
  }

  /** Reads a content whole. */
  async read({ entry, record }: { entry: RelayEntry; record: RelayRecord }): Promise<void> {
    const { cipher, checksums } = this.#context;
    const { resource } = entry;
    if (!cipher.authenticates && checksums.algorithmOf(record) === undefined) return;
    const outcome = await checkContent(this.#context, entry, record).catch((cause) => {
      if (cause instanceof BackendError && cause.code === "not-found") return "absent" as const;
      throw cause;
    });
    if (outcome === "whole") {
      this.#opened++;
      this.#verified++;
      return;
    }
    const text = entry.record.kind === "present" ? entry.record.text : "";
    if (outcome === "absent" || !await this.#isStill(entry, text)) return;
    this.#doubtful.push(damaged(resource, "its content is not what its record says"));
  }

  finish(resources: number): Checked {
    const { cipher } = this.#context;
    if (cipher.name !== "plain" && this.#opened === 0 && this.#doubtful.length > 0) {
      throw new EscaleError(
        "wrong-key",
        "Cannot verify what stands on the relay: nothing of it opens with this passphrase",
        { hint: 'Set "passphrase" to the one that the other clients have' },
      );
    }
    for (const finding of this.#doubtful) this.#options.found(finding);
    return {
      layout: "placeholder",
      resources,
      contents: this.standing.length,
      verified: this.#verified,
      bytes: this.#bytes,
    };
  }

  #isWrongSize(storedBytes: number, { sizeBytes }: RelayRecord): boolean {
    return sizeBytes !== undefined && this.#context.cipher.encryptedSize(sizeBytes) !== storedBytes;
  }

  /** Whether nothing has changed meanwhile: else a client is at work there. */
  async #isStill({ resource, storedBytes }: RelayEntry, text: string): Promise<boolean> {
    const { backend } = this.#context;
    const content = await backend.stat(contentName(resource));
    return content?.sizeBytes === storedBytes &&
      await readText(backend, placeholderName(resource)) === text;
  }
}

interface Counts {
  readonly taken: number;
  readonly expected: number;
}

function orphan(about: string): Finding {
  return {
    kind: "orphan",
    severity: "warning",
    about,
    what: "Its content stands without a record",
    mend: "A client that has the file gives it a record; one that has not takes it if it is whole",
  };
}

function unreadable(about: string, why: string, isSeal: boolean): Finding {
  return {
    kind: isSeal ? "wrong seal" : "unreadable record",
    severity: "error",
    about,
    what: `Its record cannot be used: ${why}`,
    mend: "A client that has the file writes it again; run escalectl fix where it is up to date",
  };
}

function gone(about: string, { taken, expected }: Counts): Finding {
  return {
    kind: "content gone",
    severity: "note",
    about,
    what: `Its content is gone though ${taken} of ${expected} clients have taken it`,
    mend: "A client that lacks the file requests it, and one that has it sends it again",
  };
}

function served(about: string, { taken, expected }: Counts): Finding {
  return {
    kind: "content served",
    severity: "note",
    about,
    what: `Its content stands though ${taken} of ${expected} clients have taken it`,
    mend: "The next client that runs removes it",
  };
}

function damaged(about: string, why: string): Finding {
  return {
    kind: "damaged content",
    severity: "error",
    about,
    what: `It is damaged: ${why}`,
    mend: "A puller asks for it again; run escalectl fix --update where the file is up to date",
  };
}

function foreign(name: ObjectName): Finding {
  if (name === COPY_MARK) {
    return {
      kind: "unfinished copy",
      severity: "error",
      about: name,
      what: "A relay was being copied to here, and that was not finished",
      mend: "Run escalectl migrate again as before",
    };
  }
  return {
    kind: "foreign object",
    severity: "note",
    about: name,
    what: "It belongs to no relay, and clients leave it alone",
  };
}

function wrongLayout(name: ObjectName): Finding {
  const other = placeOf(name);
  const is = other.kind === "part" && other.layout === "index" ? "with an index" : "without one";
  return {
    kind: "wrong layout",
    severity: "error",
    about: name,
    what: `It shows that a relay is kept here ${is}, unlike this section says`,
    mend: 'Set "index" as the other clients have it, or remove what does not belong here',
  };
}
