import { basename } from "node:path";

import { compress, type Compression } from "../archive/codec.ts";
import { EscaleError } from "../errors.ts";
import { newFile, readFile } from "../local/archive_file.ts";
import { printable } from "../path.ts";
import {
  type Archived,
  type BackupProgress,
  type Contents,
  packRelay,
  readContents,
} from "../relay/backup.ts";
import type { ObjectName } from "../relay/parts.ts";
import { type Restored, restoreRelay } from "../relay/restore.ts";
import { pause } from "./pause.ts";
import type { Toolbox } from "./toolbox.ts";

/** What a backup or a restoration is told. */
export interface BackupOptions {
  /** Takes no locks: quicker, and for relays where nobody is at work. */
  readonly isFast: boolean;
  readonly progress: (what: "pack" | "verify" | "restore", done: BackupProgress) => void;
}

/** What a backup came to. */
export interface BackedUp {
  readonly objects: number;
  readonly bytes: number;
  readonly archiveBytes: number;
}

const EXTENSIONS: readonly (readonly [RegExp, Compression])[] = [
  [/\.tar$/i, "none"],
  [/\.(tar\.gz|tgz)$/i, "gzip"],
  [/\.(tar\.bz2|tbz2?)$/i, "bz2"],
  [/\.(tar\.zst|tzst)$/i, "zstd"],
];

/** How an archive of this name is compressed. @throws {EscaleError} `usage` if the name does not say */
export function compressionOf(file: string): Compression {
  const found = EXTENSIONS.find(([pattern]) => pattern.test(basename(file)));
  if (found !== undefined) return found[1];
  throw new EscaleError(
    "usage",
    `Cannot tell what archive "${
      printable(file)
    }" is to be: its name should end with .tar, .tar.gz, .tar.bz2 or .tar.zst`,
  );
}

/**
 * Writes all that stands on the relay, but for locks, into a new archive, reads the archive again and compares. The file
 * has its name when all of that is done; else nothing is left of it.
 *
 * @throws {EscaleError} `usage`, `refused` if the name will not do or is taken; `locked`, `changed` if the relay does not
 * hold still; `full`, `denied`, `corrupt`
 * @throws {BackendError}
 */
export async function backupRelay(
  { backend, context, signal }: Toolbox,
  file: string,
  { isFast, progress }: BackupOptions,
): Promise<BackedUp> {
  const compression = compressionOf(file);
  await using archive = await newFile(file);
  const packed = new Map<ObjectName, Archived>();
  const plain = packRelay(backend, packed, {
    locks: isFast ? undefined : context.locks,
    ...{ signal, wait: pause },
    progress: (done) => progress("pack", done),
  });
  let archiveBytes = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      archiveBytes += chunk.length;
      controller.enqueue(chunk);
    },
  });
  await archive.write(compress(plain, { compression }).pipeThrough(counter));
  const of = { ofObjects: packed.size, ofBytes: sumOf(packed) };
  const { objects } = await readContents(archive.read(), {
    signal,
    progress: (done) => progress("verify", { ...done, ...of }),
  });
  const isSame = objects.size === packed.size &&
    packed.entries().every(([name, { digest }]) => objects.get(name)?.digest === digest);
  if (!isSame) {
    throw new EscaleError(
      "corrupt",
      `Cannot write "${printable(file)}": what was read back differs`,
    );
  }
  await archive.finish();
  return { objects: packed.size, bytes: of.ofBytes, archiveBytes };
}

/** What a restoration came to. */
export interface RestoredFrom extends Restored {
  /** Members that belong to no relay, or are locks. */
  readonly leftOut: number;
  /** The archive has no list of checksums: it was not made by a backup. */
  readonly isForeign: boolean;
}

/**
 * Puts what an archive holds on an empty relay, after having read all of it. All or nothing.
 *
 * @throws {EscaleError} as `readContents` and `restoreRelay`; `refused` if the archive is of the other layout
 * @throws {BackendError}
 */
export async function restoreArchive(
  { backend, context, section, signal }: Toolbox,
  file: string,
  { isFast, progress }: BackupOptions,
): Promise<RestoredFrom> {
  const none = { ofObjects: 0, ofBytes: 0 };
  const contents = await readContents(readFile(file), {
    signal,
    progress: (done) => progress("verify", { ...done, ...none }),
  }).catch((cause) => {
    throw aboutArchive(cause, file);
  });
  checkLayout(contents, section.index.kind);
  const restored = await restoreRelay(backend, {
    open: () => readFile(file),
    contents,
    locks: isFast ? undefined : context.locks,
    spool: context.spool,
    log: context.log,
    ...{ signal, wait: pause },
    progress: (done) => progress("restore", done),
  });
  return { ...restored, leftOut: contents.leftOut, isForeign: !contents.hasManifest };
}

/** What is wrong with an archive, with its name. */
function aboutArchive(cause: unknown, file: string): unknown {
  if (!(cause instanceof EscaleError)) return cause;
  if (!["corrupt", "refused", "unsupported"].includes(cause.code)) return cause;
  const { code, hint, message } = cause;
  return new EscaleError(code, `Cannot restore "${printable(file)}": ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    cause,
  });
}

function checkLayout({ objects }: Contents, index: "none" | "pages"): void {
  const wanted = index === "none" ? "placeholder" : "index";
  for (const [name, { place }] of objects) {
    if (place.layout === wanted) continue;
    const is = place.layout === "index" ? "with an index" : "without one";
    throw new EscaleError(
      "refused",
      `Cannot restore the archive: "${printable(name)}" shows that its relay was kept ${is}`,
      { hint: 'Set "index" as it was on that relay' },
    );
  }
}

function sumOf(packed: ReadonlyMap<ObjectName, Archived>): number {
  let bytes = 0;
  for (const { sizeBytes } of packed.values()) bytes += sizeBytes;
  return bytes;
}
