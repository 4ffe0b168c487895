import { EscaleError, messageOf } from "../errors.ts";
import type { RelativePath } from "../path.ts";
import { isAbsence } from "./_failure.ts";

/** What is remembered of a repository's root, to know it again. Plain data. */
export interface RootFacts {
  /** The file system's number; it may change when the machine starts. */
  readonly device: number;
  /** `undefined` where the folder above may not be looked at. */
  readonly isMountPoint: boolean | undefined;
  readonly hadFiles: boolean;
  /** Some of the files that stood there, paths relative to the root. */
  readonly landmarks: readonly RelativePath[];
}

/** What of a scan tells of its root. */
interface Scanned {
  readonly files: ReadonlyMap<RelativePath, unknown>;
}

/** How many files are remembered to know a root by. */
const LANDMARKS = 64;

/**
 * Looks whether `root` still is the folder that was remembered, and says what to remember from now on. With a `scan`,
 * taken just before, also whether all files are gone. A scan that passes holds for deletions; one that does not says
 * nothing about them.
 *
 * A changed device number alone is no sign, since numbers are given anew when the machine starts: it counts if the
 * root also has become, or ceased to be, a mount point, or if none of the remembered files stands there.
 *
 * @throws {EscaleError} `no-repository`; `denied` if the system does not let us look
 */
export function checkRoot(
  root: string,
  remembered: RootFacts | undefined,
  scan?: Scanned,
): RootFacts {
  const device = deviceOf(root);
  const isMountPoint = isMount(root, device);
  if (remembered !== undefined && remembered.device !== device) {
    const why = whyAnother(root, remembered, isMountPoint);
    if (why !== undefined) throw anotherDisk(root, why);
  }
  if (scan === undefined) {
    return { hadFiles: false, landmarks: [], ...remembered, device, isMountPoint };
  }
  if (remembered?.hadFiles && scan.files.size === 0) throw emptied(root);
  return { device, isMountPoint, hadFiles: scan.files.size > 0, landmarks: landmarksOf(scan) };
}

/**
 * Makes sure that `root` is still on the file system `device`, as it was when it was looked at.
 *
 * @throws {EscaleError} `no-repository`, `denied` as {@linkcode checkRoot}
 */
export function checkDevice(root: string, device: number): void {
  if (deviceOf(root) !== device) throw anotherDisk(root, "it has just come to be on another disk");
}

function deviceOf(root: string): number {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(root);
  } catch (cause) {
    if (isAbsence(cause)) throw noRepository(root, "there is no such folder", cause);
    throw new EscaleError(
      "denied",
      `Cannot look at the repository "${root}": ${messageOf(cause)}`,
      { cause },
    );
  }
  if (!info.isDirectory) throw noRepository(root, "it is a file, not a folder");
  return info.dev;
}

function isMount(root: string, device: number): boolean | undefined {
  try {
    return Deno.statSync(`${root}/..`).dev !== device;
  } catch {
    return undefined;
  }
}

function whyAnother(
  root: string,
  remembered: RootFacts,
  isMountPoint: boolean | undefined,
): string | undefined {
  if (remembered.isMountPoint === true && isMountPoint === false) return "its disk is not mounted";
  if (remembered.isMountPoint === false && isMountPoint === true) {
    return "another disk is mounted there";
  }
  if (!remembered.hadFiles || remembered.landmarks.some((path) => stands(`${root}/${path}`))) {
    return undefined;
  }
  return "it is on another disk than before, and holds none of the files that were there";
}

function stands(place: string): boolean {
  try {
    Deno.lstatSync(place);
    return true;
  } catch {
    return false;
  }
}

/** Files spread over the whole scan. */
function landmarksOf(scan: Scanned): RelativePath[] {
  const step = Math.ceil(scan.files.size / LANDMARKS);
  let index = 0;
  return [...scan.files.keys()].filter(() => index++ % step === 0);
}

function noRepository(root: string, why: string, cause?: unknown): EscaleError {
  return new EscaleError("no-repository", `Cannot use the repository "${root}": ${why}`, {
    hint: "Mount its disk, make the folder, or correct the local path in the configuration",
    cause,
  });
}

function anotherDisk(root: string, why: string): EscaleError {
  return new EscaleError("no-repository", `Stopped before the repository "${root}": ${why}`, {
    hint: "Mount the disk that belongs there; if the repository has moved here on purpose, " +
      "remove the client's state database: all files are then compared by content",
  });
}

function emptied(root: string): EscaleError {
  return new EscaleError(
    "no-repository",
    `Stopped before the repository "${root}": it held files and holds none of them now`,
    {
      hint: "Mount its disk or bring the files back, and look at the filters; if it was emptied " +
        "on purpose, put any file there and start again",
    },
  );
}
