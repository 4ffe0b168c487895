import { BackendError, type ByteSource, type ObjectName } from "../../backends/backend.ts";
import { compress, decompress } from "../archive/codec.ts";
import {
  acceptOnly,
  packTar,
  type TarHeader,
  type TarMember,
  tarSize,
  type TarSource,
  unpackTar,
} from "../archive/tar.ts";
import { type ErrorDetails, EscaleError, messageOf } from "../errors.ts";
import { printable, type RelativePath } from "../path.ts";
import type { IndexContext } from "./context.ts";
import { isOfOneFile } from "./failure.ts";
import type { RelayRecord } from "./metadata.ts";

/** A file to go into an update. */
export interface UpdateMember {
  readonly resource: RelativePath;
  readonly record: RelayRecord;
  /** The record as the index has it. */
  readonly text: string;
  readonly content: ByteSource;
}

/** What writing an update's data needs. */
export type WriteContext = Pick<
  IndexContext,
  "backend" | "cipher" | "compression" | "compressBzip2" | "spool" | "nowS"
>;

/** What reading an update's data needs. */
export type ReadContext = Pick<IndexContext, "backend" | "cipher" | "maxPageSizeBytes">;

/** What the headers of a member may take: its own, an extended one, and what fills their blocks. */
const MEMBER_BYTES = 12 * 1024;
/** How much more than it has bytes an update may expand to where its records do not tell the sizes. */
const MAX_EXPANSION = 100;

/**
 * Stores an update's data: a tar archive, compressed, then encrypted. A file that cannot be read, or changes while it is
 * read, is noted in `left` and does without: the archive is whole all the same.
 *
 * @returns the members that are in it and the size of what is stored; `undefined` if there is none
 */
export async function writeUpdateData(
  context: WriteContext,
  name: ObjectName,
  options: {
    readonly members: readonly UpdateMember[];
    readonly left: Map<RelativePath, unknown>;
    /** Called before each attempt to store. */
    readonly check: () => Promise<void>;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<
  { readonly members: readonly UpdateMember[]; readonly storedBytes: number } | undefined
> {
  const { left, check, signal } = options;
  let members = options.members;
  while (members.length > 0) {
    const packing = new Packing(members, context.nowS());
    try {
      using source = await sourceOf(packing, { ...context, signal });
      members = packing.packed;
      if (members.length === 0) break;
      await check();
      await context.backend.put(name, source, signal === undefined ? {} : { signal });
      return { members, storedBytes: source.sizeBytes };
    } catch (cause) {
      const { broken } = packing;
      if (broken === undefined || cause instanceof BackendError) throw cause;
      packing.left.set(broken.resource, broken.cause);
      members = members.filter(({ resource }) => resource !== broken.resource);
    } finally {
      for (const [resource, cause] of packing.left) left.set(resource, cause);
    }
  }
  return undefined;
}

/** What is stored. Its size is known where nothing is compressed; else it has to be made first. */
async function sourceOf(
  packing: Packing,
  { cipher, compression, compressBzip2, spool, signal }: WriteContext & {
    readonly signal: AbortSignal | undefined;
  },
): Promise<ByteSource & Disposable> {
  if (compression === "none") {
    return {
      sizeBytes: cipher.encryptedSize(packing.sizeBytes),
      open: () => packing.open().pipeThrough(cipher.encrypt()),
      [Symbol.dispose]: () => {},
    };
  }
  const allBytes = packing.sizeBytes;
  let readBytes = 0;
  const archive = watched(packing.open({ mayLeaveOut: true }), {
    take(bytes) {
      signal?.throwIfAborted();
      readBytes += bytes;
    },
  });
  const compressed = compress(archive, {
    compression,
    ...(compressBzip2 === undefined ? {} : { compressBzip2 }),
  });
  return await spool(compressed.pipeThrough(cipher.encrypt()), () => readBytes / allBytes);
}

/** One attempt to pack the members of an update. */
class Packing {
  readonly left: Map<RelativePath, unknown> = new Map();
  /** The member whose content failed in the middle. */
  broken: { readonly resource: RelativePath; readonly cause: unknown } | undefined;
  readonly #members: readonly UpdateMember[];
  readonly #nowS: number;

  constructor(members: readonly UpdateMember[], nowS: number) {
    this.#members = members;
    this.#nowS = nowS;
  }

  get packed(): readonly UpdateMember[] {
    return this.#members.filter(({ resource }) => !this.left.has(resource));
  }

  /** The size of the archive if nothing is left out. */
  get sizeBytes(): number {
    return tarSize(this.#members.map((member) => this.#header(member)));
  }

  /** The archive. `mayLeaveOut`: its size is not promised, so that a small file that fails is just left out. */
  open(options: { readonly mayLeaveOut?: boolean } = {}): ReadableStream<Uint8Array> {
    return packTar(this.#sources(options.mayLeaveOut ?? false));
  }

  *#sources(mayLeaveOut: boolean): Generator<TarSource> {
    for (const member of this.#members) {
      let bytes: Uint8Array | undefined;
      try {
        ({ bytes } = member.content);
      } catch (cause) {
        const { resource } = member;
        if (!isOfOneFile(cause)) throw cause;
        if (!mayLeaveOut) {
          this.broken = { resource, cause };
          throw cause;
        }
        this.left.set(resource, cause);
        continue;
      }
      yield { ...this.#header(member), open: () => this.#open(member, bytes) };
    }
  }

  #header({ resource, record, content }: UpdateMember): Omit<TarSource, "open"> {
    return { path: resource, sizeBytes: content.sizeBytes, timeS: record.timeS ?? this.#nowS };
  }

  #open(
    { resource, content }: UpdateMember,
    bytes: Uint8Array | undefined,
  ): ReadableStream<Uint8Array> {
    if (bytes !== undefined) return ReadableStream.from([bytes]);
    return watched(content.open(), {
      fail: (cause) => {
        if (isOfOneFile(cause)) this.broken ??= { resource, cause };
      },
    });
  }
}

/** A stream as it is. `take` hears of each chunk's size and may end the stream by throwing, `fail` of what it fails with. */
function watched(
  source: ReadableStream<Uint8Array>,
  listener: { readonly take?: (bytes: number) => void; readonly fail?: (cause: unknown) => void },
): ReadableStream<Uint8Array> {
  return ReadableStream.from((async function* () {
    try {
      for await (const chunk of source) {
        listener.take?.(chunk.length);
        yield chunk;
      }
    } catch (cause) {
      listener.fail?.(cause);
      throw cause;
    }
  })());
}

/**
 * Reads an update's data to its end and hands each listed file to `take`. Only when this returns is it certain that what
 * was handed over is authentic.
 *
 * @throws {EscaleError} `corrupt`, `wrong-key` if the data is damaged, not what its index lists or far more than that;
 * `refused` if it holds what no archive of ours holds: names that lead elsewhere, links
 */
export async function readUpdateData(
  context: ReadContext,
  name: ObjectName,
  options: {
    /** All files that the index lists, with their sizes where it tells. */
    readonly sizes: ReadonlyMap<string, number | undefined>;
    readonly storedBytes: number;
    readonly signal?: AbortSignal | undefined;
    readonly take: (member: TarMember) => Promise<void>;
  },
): Promise<void> {
  const { sizes, storedBytes, signal, take } = options;
  const stored = await openStored(context, name);
  const maxBytes = mostBytes(sizes, { storedBytes, pageBytes: context.maxPageSizeBytes });
  const plain = decompress(stored.pipeThrough(context.cipher.decrypt()), { maxBytes });
  const archive = ReadableStream.from(named(name, { plain, signal }));
  const missing = new Set(sizes.keys());
  for await (const member of unpackTar(archive, acceptListed(name, { sizes, maxBytes }))) {
    missing.delete(member.path);
    await take(member);
  }
  const [first] = missing;
  if (first !== undefined) throw damaged(name, `"${printable(first)}" is not in it`);
}

async function openStored(
  { backend }: ReadContext,
  name: ObjectName,
): Promise<ReadableStream<Uint8Array>> {
  try {
    return await backend.get(name);
  } catch (cause) {
    if (!(cause instanceof BackendError) || cause.code !== "not-found") throw cause;
    throw damaged(name, "it is gone");
  }
}

/** The most that an update may expand to. */
function mostBytes(
  sizes: ReadonlyMap<string, number | undefined>,
  { storedBytes, pageBytes }: { readonly storedBytes: number; readonly pageBytes: number },
): number {
  let bytes = MEMBER_BYTES;
  let isKnown = true;
  for (const size of sizes.values()) {
    bytes += MEMBER_BYTES + (size ?? 0);
    if (size === undefined) isKnown = false;
  }
  return isKnown ? bytes : bytes + Math.max(2 * pageBytes, MAX_EXPANSION * storedBytes);
}

/**
 * Takes what the update's index lists; anything else damages the update as a whole, and so do files that claim more than
 * the update may expand to, before a byte of them is taken.
 */
function acceptListed(
  name: ObjectName,
  { sizes, maxBytes }: {
    readonly sizes: ReadonlyMap<string, number | undefined>;
    readonly maxBytes: number;
  },
): (header: TarHeader) => void {
  const accept = acceptOnly(sizes);
  let claimedBytes = 0;
  return (header) => {
    try {
      accept(header);
    } catch (cause) {
      throw damaged(name, messageOf(cause));
    }
    claimedBytes += header.sizeBytes;
    if (claimedBytes <= maxBytes) return;
    const claim = `with "${printable(header.path)}" its files have ${claimedBytes} bytes`;
    throw damaged(name, `${claim}: it should expand to ${maxBytes} at most`, {
      hint: 'Raise "maxpagesize" here if a client of 0.7 sends files of this size',
    });
  };
}

/** What comes of an update, and what is wrong with it with its name. Another key stays another key. */
async function* named(
  name: ObjectName,
  { plain, signal }: {
    readonly plain: ReadableStream<Uint8Array>;
    readonly signal: AbortSignal | undefined;
  },
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of plain) {
      signal?.throwIfAborted();
      yield chunk;
    }
  } catch (cause) {
    const isDamage = cause instanceof EscaleError &&
      (cause.code === "corrupt" || cause.code === "refused");
    throw isDamage ? damaged(name, cause.message, { cause }) : cause;
  }
}

function damaged(name: ObjectName, why: string, details: ErrorDetails = {}): EscaleError {
  return new EscaleError("corrupt", `Refused the update "${name}" on the relay: ${why}`, details);
}
