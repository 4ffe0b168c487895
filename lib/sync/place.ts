import { EscaleError } from "../errors.ts";
import { digestFile, isSettled, statFile } from "../local/repository.ts";
import type { LocalFile } from "../local/scan.ts";
import { printable, type RelativePath } from "../path.ts";
import { identityOf } from "../relay/checksum.ts";
import { conflictName } from "./conflict_name.ts";
import type { Arrived, Held } from "./exchange.ts";
import { leaveForLater, type Tally, tell, type Workshop } from "./round.ts";

/** The most digits of an identity that a conflict copy's name takes. */
const MAX_DIGITS = 128;

/** The version that a conflict copy is named after (SEMANTICS, "Two changed the same file", 3). */
export interface CopiedVersion {
  readonly client: string;
  readonly timeS: number;
  readonly id: string;
  /** Digest of the content by this client's algorithm. */
  readonly digest: string;
}

/**
 * Places verified contents that are durable in their temporary files, and makes the names durable too. Where the local
 * file is in the way it is kept beside. What cannot be placed is left on the relay for the next round.
 */
export async function placeArrived(
  arrived: readonly Arrived[],
  workshop: Workshop,
  tally: Tally,
): Promise<Held[]> {
  const { stager, signal } = workshop;
  const held: Held[] = [];
  try {
    for (const item of arrived) {
      signal.throwIfAborted();
      try {
        held.push(await placeOne(item, workshop, tally));
      } catch (cause) {
        leaveForLater(item.resource, cause, workshop, tally);
      }
    }
  } finally {
    stager.discard(arrived.map(({ staged }) => staged));
  }
  await stager.syncFolders(arrived.map(({ staged }) => staged));
  return held;
}

async function placeOne(item: Arrived, workshop: Workshop, tally: Tally): Promise<Held> {
  const { stager } = workshop;
  const { resource, staged, digest, compared, record, action } = item;
  // Only now is it known for certain, where records have no checksum.
  if (compared.file !== undefined && digest === compared.digest) {
    return { ...item, file: undefined, byPull: true };
  }
  if (action.kind === "keep-arriving") {
    const timeS = record.timeS ?? Math.floor(workshop.nowMs() / 1000);
    const version = { client: record.pusher ?? "", timeS, id: identityOf(record), digest };
    const path = await freeConflictPath(resource, version, workshop);
    if (path.kind === "free") stager.place({ ...staged, path: path.path }, undefined);
    tell(workshop, "conflict", {
      path: resource,
      sizeBytes: staged.sizeBytes,
      detail: `the other version is "${path.path}"`,
    });
    tally.conflicts++;
    return { ...item, file: undefined, byPull: true };
  }
  const { file: before } = compared;
  await checkStill(item, workshop);
  let expected = before;
  if (before !== undefined && action.kind === "pull" && action.keepLocal) {
    const copy = await keepLocalAside(item, before, workshop);
    expected = copy === "same" ? before : undefined;
    tally.conflicts++;
  }
  const file = stager.place(staged, expected);
  tally.pulled++;
  const told = { path: resource, sizeBytes: staged.sizeBytes };
  const isMisfit = staged.path !== resource;
  const detail = `kept as "${printable(staged.path)}": it cannot have its name here`;
  tell(workshop, "pull", isMisfit ? { ...told, detail } : told);
  return { ...item, file, byPull: true };
}

/** A file too fresh for its stamp to be relied on is read again before it is replaced. */
async function checkStill(item: Arrived, { root, checksums, nowMs }: Workshop): Promise<void> {
  const { compared, resource } = item;
  if (compared.file === undefined || isSettled(compared.file, nowMs())) return;
  const now = await digestFile(root, compared.file, checksums.algorithm.runtimeName);
  if (now !== compared.digest) {
    throw new EscaleError("changed", `Left "${resource}" for later: it has just changed here`, {
      path: resource,
    });
  }
}

/** Moves the local file to a conflict copy's name; `same`: that very content is kept under it already. */
async function keepLocalAside(
  item: Arrived,
  before: LocalFile,
  workshop: Workshop,
): Promise<"moved" | "same"> {
  const { resource, compared } = item;
  const { local, agreed } = compared.situation;
  if (local === undefined || compared.digest === undefined) {
    throw new EscaleError("internal", `Cannot keep "${resource}" aside: it was not compared`);
  }
  const isAgreed = local.equalsAgreed && agreed !== undefined;
  const version: CopiedVersion = {
    client: isAgreed ? agreed.pusher ?? "" : workshop.settings.client,
    timeS: (isAgreed ? agreed.timeS : undefined) ?? local.timeS,
    id: local.id,
    digest: compared.digest,
  };
  const path = await freeConflictPath(resource, version, workshop);
  tell(workshop, "conflict", { path: resource, detail: `the local version is "${path.path}" now` });
  if (path.kind === "same") return "same";
  const place = workshop.misfits.placeOf(resource);
  if (workshop.stager.keepAside(place, path.path, before) === "taken") {
    throw new EscaleError(
      "changed",
      `Left "${resource}" for later: "${path.path}" has just appeared`,
      {
        path: resource,
      },
    );
  }
  return "moved";
}

/** A name for a conflict copy: one that nothing has, or that of a file with the same content. */
export async function freeConflictPath(
  resource: RelativePath,
  version: CopiedVersion,
  { root, checksums, misfits }: Workshop,
): Promise<{ readonly kind: "free" | "same"; readonly path: RelativePath }> {
  const place = misfits.placeOf(resource);
  for (let digits = 8;; digits += 8) {
    const path = conflictName(place, { ...version, digits });
    // A conflict about a conflict copy: its own name is the one that is to be given up.
    if (path === place) continue;
    const standing = statFile(root, path);
    if (standing === undefined) return { kind: "free", path };
    const digest = await digestFile(root, standing, checksums.algorithm.runtimeName);
    if (digest === version.digest) return { kind: "same", path };
    if (digits >= MAX_DIGITS) {
      throw new EscaleError(
        "refused",
        `Cannot keep a conflict copy of "${resource}": all its names are taken`,
        {
          path: resource,
          hint: `Rename "${path}"`,
        },
      );
    }
  }
}
