import { createHash } from "node:crypto";

import {
  type Backend,
  BackendError,
  type ObjectInfo,
  type ObjectName,
  parseObjectName,
  whyNotObjectName,
} from "../../backends/backend.ts";
import { decompress } from "../archive/codec.ts";
import { packTar, type TarSource, unpackNamed } from "../archive/tar.ts";
import { concatBytes } from "../bytes.ts";
import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";
import { listParts, lockedParts, type LockedPartsOptions, type Place, placeOf } from "./parts.ts";

/*
 * An archive of a relay: a tar archive of its objects under their names, whatever the layout, and at its end a list of
 * them with their checksums. Clients ignore an object of the list's name, so that the archive may be unpacked by any tar.
 */

/** The list at the end of an archive. */
export const MANIFEST_NAME: ObjectName = parseObjectName(".escale-backup");

/** An object as an archive holds it. */
export interface Archived {
  readonly sizeBytes: number;
  /** SHA-256 of the object as it is stored, hexadecimal. */
  readonly digest: string;
}

/** How far the work has come. */
export interface BackupProgress {
  readonly objects: number;
  readonly bytes: number;
  readonly ofObjects: number;
  readonly ofBytes: number;
}

/** How a relay is packed. */
export interface PackOptions extends Omit<LockedPartsOptions, "backend"> {
  readonly progress: (done: BackupProgress) => void;
}

const MANIFEST_KIND = "escale backup";
const MANIFEST_VERSION = 1;
const MAX_MANIFEST_BYTES = 512 * 1024 * 1024;

/**
 * Packs all that belongs to a relay, except its locks, into a tar archive. `packed` gets what was packed; it is complete
 * when the stream has ended.
 *
 * The stream fails with EscaleError `changed` if an object changes while it is read, which locks prevent; `locked`.
 */
export function packRelay(
  backend: Backend,
  packed: Map<ObjectName, Archived>,
  options: PackOptions,
): ReadableStream<Uint8Array> {
  return packTar(sources(backend, packed, options));
}

async function* sources(
  backend: Backend,
  packed: Map<ObjectName, Archived>,
  options: PackOptions,
): AsyncGenerator<TarSource<ObjectName>> {
  const { parts } = await listParts(backend, options);
  const infos = [...parts.values()].flatMap(({ objects }) => objects);
  const ofBytes = infos.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let bytes = 0;
  for await (const batch of lockedParts([...parts.values()], { ...options, backend })) {
    for (const info of batch.flatMap(({ objects }) => objects)) {
      options.signal.throwIfAborted();
      yield sourceOf(info, { backend, packed, signal: options.signal });
      bytes += info.sizeBytes;
      const objects = packed.size;
      options.progress({ objects, bytes, ofObjects: infos.length, ofBytes });
    }
  }
  const manifest = manifestOf(packed);
  yield {
    path: MANIFEST_NAME,
    sizeBytes: manifest.length,
    timeS: Math.floor(Date.now() / 1000),
    open: () => ReadableStream.from([manifest]),
  };
}

function sourceOf(
  { name, sizeBytes, modifiedMs }: ObjectInfo,
  { backend, packed, signal }: {
    readonly backend: Backend;
    readonly packed: Map<ObjectName, Archived>;
    readonly signal: AbortSignal;
  },
): TarSource<ObjectName> {
  return {
    path: name,
    sizeBytes,
    timeS: Math.floor((modifiedMs ?? Date.now()) / 1000),
    open: async () => {
      const hash = createHash("sha256");
      const content = await getUnchanged(backend, name, signal);
      return content.pipeThrough(
        new TransformStream({
          transform(chunk, controller) {
            hash.update(chunk);
            controller.enqueue(chunk);
          },
          flush() {
            packed.set(name, { sizeBytes, digest: hash.digest("hex") });
          },
        }),
      );
    },
  };
}

/** Without locks, what was listed may be gone by now. */
async function getUnchanged(
  backend: Backend,
  name: ObjectName,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  try {
    return await backend.get(name, { signal });
  } catch (cause) {
    if (!(cause instanceof BackendError) || cause.code !== "not-found") throw cause;
    throw new EscaleError("changed", `Cannot pack "${printable(name)}": it is gone meanwhile`, {
      hint: "Try again, without --fast",
      cause,
    });
  }
}

/** What an archive holds. */
export interface Contents {
  readonly objects: ReadonlyMap<ObjectName, Archived & { readonly place: PartPlace }>;
  /** Members that belong to no layout, as locks; they are not restored. */
  readonly leftOut: number;
  /** Whether a list of checksums stands in it, which was compared. */
  readonly hasManifest: boolean;
}

/** Where an object belongs that can be restored. */
export type PartPlace = Extract<Place, { kind: "part" }>;

/** How an archive is read. */
export interface ReadOptions {
  readonly signal: AbortSignal;
  /** Is told of each member that was read. */
  readonly progress?: (done: { readonly objects: number; readonly bytes: number }) => void;
}

/**
 * Reads an archive to its end, in any compression, ours or one that `tar` made of a relay's folder, and tells what it
 * holds.
 *
 * @throws {EscaleError} `corrupt` if it is cut or damaged, or not what its own list says; `refused` if it holds what no
 * relay holds: odd names, links, or nothing
 */
export async function readContents(
  archive: ReadableStream<Uint8Array>,
  { signal, progress }: ReadOptions,
): Promise<Contents> {
  const objects = new Map<ObjectName, Archived & { readonly place: PartPlace }>();
  let manifest: ReadonlyMap<string, Archived> | undefined;
  let [leftOut, bytes] = [0, 0];
  for await (const member of membersOf(archive)) {
    signal.throwIfAborted();
    const { path, sizeBytes, content } = member;
    if (path === MANIFEST_NAME) {
      manifest = await readManifest(content, sizeBytes);
      continue;
    }
    const place = placeOf(path);
    if (place.kind !== "part") {
      leftOut++;
      continue;
    }
    const hash = createHash("sha256");
    for await (const chunk of content) {
      signal.throwIfAborted();
      hash.update(chunk);
    }
    objects.set(path, { sizeBytes, digest: hash.digest("hex"), place });
    bytes += sizeBytes;
    progress?.({ objects: objects.size, bytes });
  }
  if (manifest !== undefined) compare(objects, manifest);
  if (objects.size === 0 && manifest === undefined) {
    throw new EscaleError("refused", "Refused the archive: it holds nothing of a relay");
  }
  return { objects, leftOut, hasManifest: manifest !== undefined };
}

/** The members of an archive in any compression, their names as those of objects. */
export function membersOf(
  archive: ReadableStream<Uint8Array>,
): ReturnType<typeof unpackNamed<ObjectName>> {
  const plain = decompress(archive, { maxBytes: Number.MAX_SAFE_INTEGER });
  return unpackNamed(plain, { parseName: objectNameOf, accept: () => {} });
}

/** The name of an object as tar writes it, with or without `./` before it; the folder itself is nothing. */
function objectNameOf(name: string): ObjectName | undefined {
  const plain = name.replace(/^(?:\.\/+)+/, "");
  if (plain === "" || plain === ".") return undefined;
  const why = whyNotObjectName(plain);
  if (why === undefined) return parseObjectName(plain);
  throw new EscaleError("refused", `Refused the archive's member "${printable(name)}": ${why}`);
}

function manifestOf(packed: ReadonlyMap<ObjectName, Archived>): Uint8Array {
  const lines = [JSON.stringify({ kind: MANIFEST_KIND, version: MANIFEST_VERSION })];
  for (const [name, { sizeBytes, digest }] of packed) {
    lines.push(JSON.stringify({ name, sizeBytes, sha256: digest }));
  }
  return new TextEncoder().encode(`${lines.join("\n")}\n`);
}

async function readManifest(
  content: ReadableStream<Uint8Array>,
  sizeBytes: number,
): Promise<ReadonlyMap<string, Archived>> {
  if (sizeBytes > MAX_MANIFEST_BYTES) throw damaged("its list is too long");
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  const lines = new TextDecoder().decode(concatBytes(...chunks)).trimEnd().split("\n");
  const head = parseLine(lines[0] ?? "");
  if (head["kind"] !== MANIFEST_KIND) throw damaged("its list does not begin as one");
  if (head["version"] !== MANIFEST_VERSION) {
    throw new EscaleError("unsupported", "Cannot read the archive: its list is of a later version");
  }
  const manifest = new Map<string, Archived>();
  for (const line of lines.slice(1)) {
    const { name, sizeBytes, sha256 } = parseLine(line);
    const isEntry = typeof name === "string" && typeof sizeBytes === "number" &&
      typeof sha256 === "string";
    if (!isEntry) throw damaged("its list has a line that is no entry");
    manifest.set(name, { sizeBytes, digest: sha256 });
  }
  return manifest;
}

function parseLine(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return { ...value };
  } catch {
    // It is said below.
  }
  throw damaged("its list cannot be read");
}

function compare(
  objects: ReadonlyMap<ObjectName, Archived>,
  manifest: ReadonlyMap<string, Archived>,
): void {
  for (const [name, { sizeBytes, digest }] of manifest) {
    const found = objects.get(parseObjectName(name));
    if (found === undefined) throw damaged(`"${printable(name)}" is missing`);
    if (found.sizeBytes !== sizeBytes || found.digest !== digest) {
      throw damaged(`"${printable(name)}" is not what was packed`);
    }
  }
  for (const name of objects.keys()) {
    if (!manifest.has(name)) throw damaged(`"${printable(name)}" is not in its list`);
  }
}

function damaged(why: string): EscaleError {
  return new EscaleError("corrupt", `Refused the archive: ${why}`);
}
