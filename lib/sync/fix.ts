import type { Section } from "../config/section.ts";
import { EscaleError } from "../errors.ts";
import { rightsOf } from "../local/access.ts";
import { compileFilter } from "../local/filter.ts";
import { statFile } from "../local/repository.ts";
import { checkRoot, type RootFacts } from "../local/root.ts";
import { type LocalFile, scanRepository } from "../local/scan.ts";
import type { RelativePath } from "../path.ts";
import { identityOf } from "../relay/checksum.ts";
import { isOfOneFile } from "../relay/failure.ts";
import type { RelayRecord } from "../relay/metadata.ts";
import type { RelayEntry } from "../relay/relay.ts";
import { agreedOn } from "./agreed.ts";
import { type Compared, Comparer } from "./compare.ts";
import { limited } from "./plan.ts";
import type { Toolbox } from "./toolbox.ts";

/*
 * What rebuilding the records of a relay from a local repository decides, whatever the layout.
 */

/** How a relay's records are rebuilt. */
export interface FixOptions {
  /** Also replaces records that say something else than the local file. */
  readonly update: boolean;
  /** Takes no locks: quicker, and for relays where nobody is at work. */
  readonly isFast: boolean;
  /** Of an index relay, only these pages; all if empty. */
  readonly pages: readonly string[];
  readonly progress: (done: { readonly files: number; readonly of: number }) => void;
  /** A file that is left as it is, and why, a clause. */
  readonly left: (path: string, why: string) => void;
}

/** What rebuilding came to, in files. */
export interface Fixed {
  /** Their records were right. */
  readonly right: number;
  /** They had none, or one that could not be read. */
  readonly written: number;
  /** They had another one (`update`). */
  readonly replaced: number;
  /** They were left as they are, each told. */
  readonly left: number;
}

/** What is to be done about one file's record. */
export type FixAction =
  | { readonly kind: "right" }
  | { readonly kind: "write" | "replace"; readonly record: RelayRecord }
  | { readonly kind: "leave"; readonly why: string };

/** A file whose record stands as it should. */
export interface FixedFile {
  readonly resource: RelativePath;
  readonly record: RelayRecord;
  readonly compared: Compared;
}

const ROOT_FACT = "root";

/**
 * The files that a client may vouch for.
 *
 * @throws {EscaleError} `usage` if it only downloads; `no-repository` if its repository is not the one that it was
 */
export async function filesToFix(
  { section, state, signal }: Toolbox,
): Promise<ReadonlyMap<RelativePath, LocalFile>> {
  if (section.mode === "download") {
    throw new EscaleError(
      "usage",
      `Cannot rebuild the relay from "${section.name}": a client that only downloads sends nothing`,
      { hint: "Run this where the files come from" },
    );
  }
  const fact = state.fact(ROOT_FACT);
  const remembered: RootFacts | undefined = fact === undefined ? undefined : JSON.parse(fact);
  const filter = compileFilter(section.filters);
  const scan = await scanRepository(section.localPath, { filter, signal });
  checkRoot(section.localPath, remembered, scan);
  const access = state.allAccess();
  // What stands under another name, as this file system cannot hold its own, is never sent from here.
  const misfits = new Set(state.misfits().values());
  const files = new Map<RelativePath, LocalFile>();
  for (const [path, file] of scan.files) {
    if (misfits.has(path)) continue;
    const modifiers = access.get(path) ?? { read: undefined, write: undefined };
    if (rightsOf(section.mode, modifiers).mayPush) files.set(path, file);
  }
  return files;
}

/** Decides about the records of one client's files, and remembers those that stand. */
export class Fixer {
  readonly right: Set<RelativePath> = new Set();
  written = 0;
  replaced = 0;
  leftCount = 0;
  readonly #toolbox: Toolbox;
  readonly #options: FixOptions;
  readonly #comparer: Comparer;

  constructor(toolbox: Toolbox, options: FixOptions) {
    const { section, state, context } = toolbox;
    this.#toolbox = toolbox;
    this.#options = options;
    this.#comparer = new Comparer(section.localPath, { state, checksums: context.checksums });
  }

  /** Looks at a file and its record, which is read under its lock. */
  async decide(
    resource: RelativePath,
    entry: RelayEntry | undefined,
  ): Promise<{ readonly action: FixAction; readonly compared: Compared } | undefined> {
    const { section, signal } = this.#toolbox;
    try {
      const file = statFile(section.localPath, resource);
      const compared = await this.#comparer.compare(resource, { file, entry, signal });
      return { action: this.#decide(compared, entry), compared };
    } catch (cause) {
      if (!isOfOneFile(cause) || !(cause instanceof EscaleError)) throw cause;
      this.leave(resource, cause.message);
      return undefined;
    }
  }

  leave(resource: RelativePath, why: string): void {
    this.leftCount++;
    this.#options.left(resource, why);
  }

  /** Remembers versions whose records stand, as if they had been pushed from here. */
  agree(files: readonly FixedFile[]): void {
    const { state } = this.#toolbox;
    this.#comparer.save();
    state.transaction(() => {
      for (const { resource, record, compared } of files) {
        const { digest, state: { agreed } } = compared;
        if (digest === undefined) continue;
        const byPull = agreed?.digest === digest && agreed.byPull;
        state.change(resource, {
          agreed: agreedOn(record, { digest, byPull }),
          intended: [],
          record: null,
        });
      }
    });
  }

  summary(): Fixed {
    const { written, replaced, leftCount } = this;
    return { right: this.right.size, written, replaced, left: leftCount };
  }

  #decide(compared: Compared, entry: RelayEntry | undefined): FixAction {
    const { situation: { local, record, agreed, intended } } = compared;
    if (local === undefined || compared.digest === undefined) {
      return { kind: "leave", why: "it is gone meanwhile" };
    }
    if (record !== undefined && local.equalsRecord) return { kind: "right" };
    const stands = entry?.storedBytes !== undefined;
    if (record === undefined) {
      if (!stands) return { kind: "write", record: this.#recordOf(compared) };
      return { kind: "leave", why: "a content without a usable record stands on the relay" };
    }
    if (!this.#options.update) return { kind: "leave", why: "the relay has another version of it" };
    const id = identityOf(record);
    if (!stands) return { kind: "replace", record: this.#recordOf(compared) };
    const isKnown = agreed?.id === id || intended.includes(id);
    return {
      kind: "leave",
      why: isKnown
        ? "it is newer than what stands on the relay, and is sent when the client runs"
        : "a version that this client does not have waits on the relay",
    };
  }

  #recordOf({ situation, digest, file }: Compared): RelayRecord {
    const { section, context: { checksums } } = this.#toolbox;
    const { record, agreed, local } = situation;
    const ownS = Math.floor((file?.modifiedMs ?? 0) / 1000);
    const replacedS = record?.timeS;
    const timeS = replacedS !== undefined && replacedS >= ownS ? replacedS + 1 : ownS;
    const former = agreed === undefined
      ? []
      : local?.equalsAgreed
      ? agreed.base
      : [agreed.id, ...agreed.base];
    const base = record === undefined ? former : [identityOf(record), ...former];
    return {
      pusher: section.clientName,
      timeS: section.timestamps.kind === "yes" ? timeS : undefined,
      ...checksums.toRecord(digest ?? ""),
      base: limited(base),
      sizeBytes: file?.sizeBytes,
      expected: section.pullerCount === 1 ? undefined : section.pullerCount,
      seal: undefined,
      pullers: [],
    };
  }
}

/** Whether a section has its relay in pages. */
export function hasPages({ index }: Section): boolean {
  return index.kind === "pages";
}
