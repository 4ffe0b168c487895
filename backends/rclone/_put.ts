import { BackendError, type ByteSource, type ObjectName } from "../backend.ts";
import { RELAY_REMOTE } from "./_endpoint.ts";
import { RcError } from "./_errors.ts";
import { baseOf, folderOf, isTooLong, temporaryFor } from "./_names.ts";
import type { Rc, RcOptions } from "./_rc.ts";
import type { Standing, Storage } from "./_storage.ts";

/** An upload up to this size is not looked at when it is done: rclone compares its checksum where there is one. */
const SMALL_BYTES = 512 * 1024;
/** What rclone may hold of one upload, in bytes. Larger ones go to S3 in parts, and then it has no checksum of them. */
const HELD_BYTES = 8 * 1024 * 1024;
/** How long an abandoned upload may take to be removed. */
const CLEAN_UP_MS = 5_000;

/** What storing an object works with. */
export interface PutParts {
  readonly rc: Rc;
  readonly storage: Storage;
  readonly trace: (line: string) => void;
}

/** Stores an object so that it is seen whole or not at all; as {@linkcode Backend.put}. */
export async function putObject(
  name: ObjectName,
  source: ByteSource,
  parts: PutParts & { readonly options: RcOptions },
): Promise<void> {
  try {
    await store(name, source, parts);
  } catch (thrown) {
    if (!(thrown instanceof RcError) || thrown.status !== 500 || !isTooLong(name)) throw thrown;
    const { action } = parts.options;
    throw new BackendError("invalid-name", `Cannot ${action}: the name is too long`, {
      cause: thrown,
    });
  }
  parts.storage.noteSuccess();
}

async function store(
  name: ObjectName,
  source: ByteSource,
  parts: PutParts & { readonly options: RcOptions },
): Promise<void> {
  const { rc, storage, options } = parts;
  const { uploadsWhole, movesReplace } = storage.features;
  if (uploadsWhole) {
    const isHeld = source.sizeBytes <= HELD_BYTES;
    await rc.upload({ folder: folderOf(name), base: baseOf(name), source, isHeld }, options);
    // Another client may have replaced it by now; some services keep nothing of what is too large for them.
    const isKept = (sizeBytes: number) => sizeBytes > 0;
    if (source.sizeBytes > SMALL_BYTES) await checkUpload(name, isKept, parts);
  } else {
    const temporary = temporaryFor(name);
    try {
      const base = baseOf(temporary);
      await rc.upload({ folder: folderOf(name), base, source, isHeld: false }, options);
      const isWhole = (sizeBytes: number) => sizeBytes === source.sizeBytes;
      if (source.sizeBytes > SMALL_BYTES) await checkUpload(temporary, isWhole, parts);
      if (!movesReplace) checkPlace(await storage.look(name, options), options);
      await rc.call("operations/movefile", {
        ...{ srcFs: RELAY_REMOTE, srcRemote: temporary, dstFs: RELAY_REMOTE, dstRemote: name },
        // Else an object of the same size and second counts as the same, and the new one is dropped. Where a move
        // replaces, what stands there must not be removed first.
        _config: { IgnoreTimes: true, NoCheckDest: movesReplace },
      }, options);
    } catch (thrown) {
      await removeQuietly(temporary, parts);
      throw thrown;
    }
  }
}

async function checkUpload(
  name: ObjectName,
  isRight: (sizeBytes: number) => boolean,
  { storage, options }: PutParts & { readonly options: RcOptions },
): Promise<void> {
  const standing = await storage.look(name, options);
  if (standing.kind === "object" && isRight(standing.info.sizeBytes)) return;
  throw new BackendError(
    "protocol",
    `Cannot ${options.action}: the storage did not keep all that was sent`,
    { retryable: true },
  );
}

function checkPlace({ kind }: Standing, { action }: RcOptions): void {
  if (kind !== "folder") return;
  throw new BackendError("exists", `Cannot ${action}: a folder of that name stands there`);
}

/** Removes what an upload left, also when its signal has aborted. What cannot be removed now is removed in a day. */
async function removeQuietly(name: ObjectName, { rc, trace }: PutParts): Promise<void> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), CLEAN_UP_MS);
  const options = { action: `remove ${JSON.stringify(name)}`, signal: patience.signal };
  try {
    await rc.call("operations/deletefile", { fs: RELAY_REMOTE, remote: name }, options);
  } catch (thrown) {
    trace(`${name} may be left behind: ${String(thrown)}`);
  } finally {
    clearTimeout(timer);
  }
}
