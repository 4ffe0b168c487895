import type { RelativePath } from "../path.ts";
import { failureOf, isAbsence, systemCodeOf } from "./_failure.ts";

/** Syncs under way at a time. */
const SYNCS = 32;
/** What file systems answer that cannot sync a folder; there names are as durable as they get. */
const NO_FOLDER_SYNC: readonly unknown[] = ["EINVAL", "ENOTSUP", "EOPNOTSUPP"];

/**
 * Makes the content of files durable. `takeOpen` hands over, to be closed, the handle of a file that still is open.
 *
 * @throws {EscaleError} for the first that fails
 */
export async function syncFiles(
  files: readonly { readonly path: RelativePath; readonly temporary: string }[],
  options: {
    readonly takeOpen: (temporary: string) => Deno.FsFile | undefined;
    readonly signal: AbortSignal | undefined;
  },
): Promise<void> {
  // Windows syncs only what is open for writing; elsewhere a file that may not be written is synced all the same.
  const write = Deno.build.os === "windows";
  await eachAtATime(files, async ({ path, temporary }) => {
    options.signal?.throwIfAborted();
    try {
      using handle = options.takeOpen(temporary) ?? Deno.openSync(temporary, { read: true, write });
      await handle.sync();
    } catch (cause) {
      throw failureOf(cause, "make durable", path);
    }
  });
}

/** Makes the names in folders durable, as far as the system offers that. @throws {EscaleError} for the first that fails */
export async function syncFolders(
  folders: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (Deno.build.os === "windows") return;
  await eachAtATime([...folders], async (folder) => {
    signal?.throwIfAborted();
    try {
      using handle = Deno.openSync(folder, { read: true });
      await handle.sync();
    } catch (cause) {
      if (isAbsence(cause) || NO_FOLDER_SYNC.includes(systemCodeOf(cause))) return;
      throw failureOf(cause, "make durable the names in", folder);
    }
  });
}

/** Does `work` on all items, some at a time. After a failure no more are begun; it is thrown at the end. */
async function eachAtATime<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const failures: unknown[] = [];
  const runner = async () => {
    for (const item of queue) {
      if (failures.length > 0) return;
      await work(item).catch((cause) => failures.push(cause));
    }
  };
  await Promise.all(Array.from({ length: SYNCS }, runner));
  if (failures.length > 0) throw failures[0];
}
