import { digestHex, DigestObserver } from "../crypto/digest.ts";
import { EscaleError } from "../errors.ts";
import { isSettled, openFile, SMALL_FILE_BYTES } from "../local/repository.ts";
import type { LocalFile } from "../local/scan.ts";
import type { RelativePath } from "../path.ts";
import { identityOf } from "../relay/checksum.ts";
import type { RelayRecord } from "../relay/metadata.ts";
import { inParallel } from "../relay/parallel.ts";
import type { ByteSource, Transaction } from "../relay/relay.ts";
import { agreedOn } from "./agreed.ts";
import type { Compared } from "./compare.ts";
import { type Action, decide } from "./plan.ts";
import { watchProgress } from "./progress.ts";
import {
  leaveForLater,
  noteRefused,
  type Planned,
  type Tally,
  tell,
  type Workshop,
} from "./round.ts";

/** How much of a batch's small files is in memory at a time. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/** A push that was decided again under the lock. */
interface ReadyPush {
  readonly resource: RelativePath;
  readonly file: LocalFile;
  readonly digest: string;
  /** The file was looked at, and had this digest, so long after its last change that a later one shows in its stamp. */
  readonly isSettled: boolean;
  /** The content, of a small file: it is read once, for its digest and to be put, as long as not too many are. */
  readonly bytes: Uint8Array | undefined;
  readonly action: Extract<Action, { kind: "push" }>;
  readonly compared: Compared;
  readonly record: RelayRecord;
}

/**
 * Pushes a batch: locks, decides again, notes what is intended, puts record and content, reads both back, and only then
 * agrees. A file that fails is left for the next round; the others go on.
 */
export async function pushBatch(
  batch: readonly Planned[],
  workshop: Workshop,
  tally: Tally,
): Promise<void> {
  const { relay, stager, state, signal } = workshop;
  const resources = batch.map(({ resource }) => resource);
  await using transaction = await relay.open(resources, { mode: "w", signal });
  noteRefused(transaction, workshop, tally);
  const ready = await decideAgain(transaction, workshop, tally);
  // What was read may lie under a disk that has been unmounted.
  stager.checkRoot();
  state.transaction(() => {
    for (const { resource, record, compared, action } of ready) {
      const intended = [...new Set([...compared.state.intended, identityOf(record)])];
      state.change(resource, {
        intended,
        ...(action.over === undefined ? {} : { refused: action.over }),
      });
    }
  });
  const sent = new Map<RelativePath, ReadyPush>();
  await inParallel(ready, workshop.settings.maxTransfers, async (push) => {
    signal.throwIfAborted();
    try {
      const source = contentOf(push, workshop);
      await transaction.put(push.resource, push.record, source);
      sent.set(push.resource, push);
    } catch (cause) {
      leaveForLater(push.resource, cause, workshop, tally);
    }
  });
  const confirmed = await transaction.confirm();
  for (const [resource, cause] of transaction.left) {
    leaveForLater(resource, cause, workshop, tally);
  }
  state.transaction(() => {
    for (const resource of confirmed) {
      const push = sent.get(resource);
      if (push !== undefined) agree(push, workshop);
    }
  });
  for (const resource of confirmed) {
    const push = sent.get(resource);
    if (push === undefined) continue;
    tally.pushed++;
    tell(workshop, "push", { path: resource, sizeBytes: push.file.sizeBytes });
  }
}

async function decideAgain(
  transaction: Transaction,
  workshop: Workshop,
  tally: Tally,
): Promise<ReadyPush[]> {
  const { checksums, comparer, misfits, nowMs, root, settings, state, signal } = workshop;
  const ready: ReadyPush[] = [];
  let keptBytes = 0;
  for (const [resource, entry] of transaction.entries) {
    signal.throwIfAborted();
    try {
      const lookedAtMs = nowMs();
      const file = misfits.stat(resource);
      const bytes = file && openFile(root, file).bytes;
      const compared = await comparer.compare(resource, {
        file,
        entry,
        signal,
        ...(bytes === undefined ? {} : { digest: digestHex(checksums.algorithm, bytes) }),
      });
      const action = decide(
        compared.situation,
        settings.rulesFor(resource, (name) => state.access(name)),
      );
      const { digest } = compared;
      if (action.kind !== "push" || file === undefined || digest === undefined) continue;
      const record = recordOf({ file, digest, base: action.base, compared }, workshop);
      const isKept = keptBytes + file.sizeBytes <= MAX_KEPT_BYTES;
      if (isKept) keptBytes += bytes?.length ?? 0;
      const kept = isKept ? bytes : undefined;
      ready.push({
        resource,
        file,
        digest,
        isSettled: isSettled(file, lookedAtMs),
        bytes: kept,
        action,
        compared,
        record,
      });
    } catch (cause) {
      leaveForLater(resource, cause, workshop, tally);
    }
  }
  return ready;
}

/**
 * The record of a new version. Its time moves forward where the content changed, or 0.7 would not take it.
 */
export function recordOf(
  push: {
    readonly file: LocalFile;
    readonly digest: string;
    readonly base: readonly string[];
    readonly compared: Compared;
  },
  { settings, checksums }: Workshop,
): RelayRecord {
  const { file, digest, base, compared } = push;
  const { record, agreed, local } = compared.situation;
  const replacedS = record?.timeS ?? (local?.equalsAgreed ? undefined : agreed?.timeS);
  const ownS = Math.floor(file.modifiedMs / 1000);
  const timeS = replacedS !== undefined && replacedS >= ownS ? replacedS + 1 : ownS;
  return {
    pusher: settings.client,
    timeS: settings.timestamps ? timeS : undefined,
    ...checksums.toRecord(digest),
    base,
    sizeBytes: file.sizeBytes,
    expected: settings.pullerCount === 1 ? undefined : settings.pullerCount,
    seal: undefined,
    pullers: [],
  };
}

/** The file's content, which must be the one that was hashed: else it changed meanwhile and the put fails. */
export function contentOf(
  push: Pick<ReadyPush, "resource" | "file" | "digest" | "isSettled" | "bytes">,
  workshop: Workshop,
): ByteSource {
  const { file, digest, resource, bytes } = push;
  if (bytes !== undefined) {
    return { sizeBytes: bytes.length, bytes, open: () => ReadableStream.from([bytes]) };
  }
  const source = openFile(workshop.root, file);
  const { algorithm } = workshop.checksums;
  const changed = () =>
    new EscaleError("changed", `Left "${resource}" for later: it changed while it was read`, {
      path: resource,
    });
  if (source.sizeBytes <= SMALL_FILE_BYTES) {
    const read = () => {
      const now = source.bytes;
      if (now === undefined || digestHex(algorithm, now) !== digest) throw changed();
      return now;
    };
    return {
      sizeBytes: source.sizeBytes,
      get bytes() {
        return read();
      },
      open: () => ReadableStream.from([read()]),
    };
  }
  return {
    sizeBytes: source.sizeBytes,
    open() {
      // The stream ends only if the stamp is the same; where that proves nothing, the digest has to be.
      const observer = push.isSettled ? undefined : new DigestObserver(algorithm);
      const progress = watchProgress(workshop, {
        action: "push",
        path: resource,
        sizeBytes: file.sizeBytes,
      });
      return source.open().pipeThrough(
        new TransformStream({
          transform(chunk, controller) {
            observer?.update(chunk);
            progress(chunk.length);
            controller.enqueue(chunk);
          },
          flush(controller) {
            if (observer && observer.finish().checksum !== digest) controller.error(changed());
          },
        }),
      );
    },
  };
}

/** Record and content stand on the relay and were read back: this is the agreed version now. */
function agree(push: ReadyPush, { state }: Workshop): void {
  const { record, resource, digest } = push;
  state.change(resource, {
    agreed: agreedOn(record, { digest, byPull: false }),
    intended: [],
  });
}
