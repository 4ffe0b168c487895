import { EscaleError } from "../errors.ts";
import { isRelativePath, printable, type RelativePath, whyNotRelativePath } from "../path.ts";
import { ByteReader, inBlocks } from "./_bytes.ts";
import {
  corruptTar,
  decodeHeader,
  decodeName,
  decodeText,
  encodeHeader,
  MAX_OCTAL_11,
  TAR_BLOCK_BYTES,
  TAR_TYPES,
} from "./_tar_header.ts";
import { decodePax, encodePax, type PaxRecords } from "./_tar_pax.ts";

/** A file to be packed. */
export interface TarSource<Name extends string = RelativePath> {
  readonly path: Name;
  readonly sizeBytes: number;
  /** Whole seconds since 1970, UTC. */
  readonly timeS: number;
  /** Opens the content, `sizeBytes` long. Called once, when its turn comes. */
  open(): ReadableStream<Uint8Array> | Promise<ReadableStream<Uint8Array>>;
}

/** What an archive says of one of its members. */
export interface TarHeader<Name extends string = RelativePath> {
  readonly kind: "file" | "folder";
  readonly path: Name;
  /** 0 for a folder. */
  readonly sizeBytes: number;
  /** Whole seconds since 1970, UTC. */
  readonly timeS: number;
}

/** A file in an archive, with its content, to be read before the next member is asked for. */
export interface TarMember<Name extends string = RelativePath> extends TarHeader<Name> {
  readonly content: ReadableStream<Uint8Array>;
}

/** Longer extended headers than a path of 4095 bytes and some times need are not read. */
const MAX_EXTRA_BYTES = 64 * 1024;
const MAX_NAME_BYTES = 100;
/** GNU tar fills its archives up to a multiple of this. */
const RECORD_BYTES = 20 * TAR_BLOCK_BYTES;
const CHUNK_BYTES = 64 * 1024;

/**
 * Packs files into a tar archive of the POSIX form: names that are not short ASCII, and sizes and times that do not fit
 * a plain header, stand in extended headers. Folders are not packed. A content is opened when its turn comes, and one
 * chunk is held at a time.
 *
 * The stream fails with EscaleError `changed` if a content has another length than said, and otherwise with whatever
 * `members` or a content fails with.
 */
export function packTar(
  members: AsyncIterable<TarSource<string>> | Iterable<TarSource<string>>,
): ReadableStream<Uint8Array> {
  return ReadableStream.from(inBlocks(packAll(members), CHUNK_BYTES));
}

/** The exact size of what {@linkcode packTar} makes of these members. */
export function tarSize(members: Iterable<Omit<TarSource, "open">>): number {
  let sizeBytes = 0;
  for (const member of members) {
    for (const header of packHeaders(member)) sizeBytes += header.length;
    sizeBytes += member.sizeBytes + paddingBytes(member.sizeBytes);
  }
  return withEnd(sizeBytes);
}

/**
 * Gives the files of a tar archive (POSIX, pax or GNU), one by one, their contents as streams. What is not read of a
 * content when the next member is asked for is skipped. Holds one chunk of the archive, whatever it says.
 *
 * `accept` is called for each file and folder before anything else is done with it, and refuses one by throwing.
 * Folders are not given.
 *
 * @throws {EscaleError} `refused` if a name is not a relative path, stands twice, or belongs to anything but a regular
 * file or a folder; `corrupt` if the archive is cut, changed, or followed by anything but zeros. A content's stream fails
 * as well where the archive is cut within it.
 */
export function unpackTar(
  archive: ReadableStream<Uint8Array>,
  accept: (header: TarHeader) => void,
): AsyncGenerator<TarMember> {
  return unpackNamed(archive, { parseName: relativeName, accept });
}

/**
 * As {@linkcode unpackTar}, with names of another kind: `parseName` gets them without the slash that ends a folder's, and
 * refuses one by throwing; a member for which it gives nothing is left out.
 */
export async function* unpackNamed<Name extends string>(
  archive: ReadableStream<Uint8Array>,
  { parseName, accept }: {
    readonly parseName: (name: string) => Name | undefined;
    readonly accept: (header: TarHeader<Name>) => void;
  },
): AsyncGenerator<TarMember<Name>> {
  const reader = new ByteReader(archive);
  const seen = new Set<Name>();
  try {
    while (true) {
      const raw = await readMember(reader);
      if (raw === undefined) return;
      const path = parseName(raw.path);
      if (path === undefined) {
        await new Content(reader, raw.sizeBytes).skip();
        continue;
      }
      const header = { ...raw, path };
      accept(header);
      if (header.kind === "folder") continue;
      if (seen.has(header.path)) throw refused(header.path, "it stands twice in the archive");
      seen.add(header.path);
      const content = new Content(reader, header.sizeBytes);
      yield { ...header, content: content.stream };
      await content.skip();
    }
  } finally {
    await reader.close();
  }
}

/**
 * Makes an `accept` for {@linkcode unpackTar} that takes the files in `sizes` and the folders that they lie in, and
 * nothing else. A size is in bytes, or `undefined` where it is not known.
 */
export function acceptOnly(
  sizes: ReadonlyMap<string, number | undefined>,
): (header: TarHeader) => void {
  const folders = new Set<string>();
  for (const path of sizes.keys()) {
    for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
      folders.add(path.slice(0, at));
    }
  }
  return ({ kind, path, sizeBytes }) => {
    if (kind === "folder" ? !folders.has(path) : !sizes.has(path)) {
      throw refused(path, "the update does not list it");
    }
    const expected = sizes.get(path);
    if (kind === "file" && expected !== undefined && expected !== sizeBytes) {
      throw refused(path, `it has ${sizeBytes} bytes: the update says ${expected}`);
    }
  };
}

async function* packAll(
  members: AsyncIterable<TarSource<string>> | Iterable<TarSource<string>>,
): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const member of members) {
    for await (const part of packMember(member)) {
      sizeBytes += part.length;
      yield part;
    }
  }
  yield new Uint8Array(withEnd(sizeBytes) - sizeBytes);
}

/** The size of an archive whose members take `sizeBytes`. */
function withEnd(sizeBytes: number): number {
  return Math.ceil((sizeBytes + 2 * TAR_BLOCK_BYTES) / RECORD_BYTES) * RECORD_BYTES;
}

async function* packMember(member: TarSource<string>): AsyncGenerator<Uint8Array> {
  yield* packHeaders(member);
  let sizeBytes = 0;
  for await (const chunk of await member.open()) {
    sizeBytes += chunk.length;
    if (sizeBytes > member.sizeBytes) break;
    yield chunk;
  }
  if (sizeBytes !== member.sizeBytes) {
    throw new EscaleError(
      "changed",
      `Cannot pack "${printable(member.path)}": it is not ${member.sizeBytes} bytes long any more`,
      { path: member.path },
    );
  }
  yield paddingOf(sizeBytes);
}

function* packHeaders(
  { path, sizeBytes, timeS }: Omit<TarSource<string>, "open">,
): Generator<Uint8Array> {
  const extra: PaxRecords = {
    path: /^[ -~]*$/.test(path) && path.length <= MAX_NAME_BYTES ? undefined : path,
    sizeBytes: sizeBytes <= MAX_OCTAL_11 ? undefined : sizeBytes,
    timeS: timeS >= 0 && timeS <= MAX_OCTAL_11 ? undefined : timeS,
  };
  const records = encodePax(extra);
  if (records.length > 0) {
    const header = { type: TAR_TYPES.pax, sizeBytes: records.length, timeS: 0 };
    yield encodeHeader("././@PaxHeader", header);
    yield records;
    yield paddingOf(records.length);
  }
  yield encodeHeader(path.replace(/[^ -~]/g, "?"), {
    type: TAR_TYPES.file,
    sizeBytes: extra.sizeBytes === undefined ? sizeBytes : 0,
    timeS: extra.timeS === undefined ? timeS : 0,
  });
}

/** What fills the last block of a content. */
function paddingOf(sizeBytes: number): Uint8Array {
  return new Uint8Array(paddingBytes(sizeBytes));
}

function paddingBytes(sizeBytes: number): number {
  return (TAR_BLOCK_BYTES - sizeBytes % TAR_BLOCK_BYTES) % TAR_BLOCK_BYTES;
}

/** The next file or folder, with what the extra headers before it say; `undefined` at the end of the archive. */
async function readMember(reader: ByteReader): Promise<TarHeader<string> | undefined> {
  let pax: PaxRecords | undefined;
  let longName: string | undefined;
  while (true) {
    const block = await takeExactly(reader, TAR_BLOCK_BYTES);
    if (isZero(block)) {
      if (pax !== undefined || longName !== undefined) {
        throw corruptTar("its last member is missing");
      }
      await readEnd(reader);
      return undefined;
    }
    const header = decodeHeader(block);
    switch (header.type) {
      case TAR_TYPES.pax:
        if (pax !== undefined) throw corruptTar("a member has two extended headers");
        pax = decodePax(await takeExtra(reader, header.sizeBytes));
        break;
      case TAR_TYPES.paxGlobal:
        refuseGlobal(decodePax(await takeExtra(reader, header.sizeBytes)));
        break;
      case TAR_TYPES.gnuLongName:
        if (longName !== undefined) throw corruptTar("a member has two names");
        longName = decodeText(await takeExtra(reader, header.sizeBytes));
        break;
      default: {
        if (pax?.path !== undefined && longName !== undefined) {
          throw corruptTar("a member has two names");
        }
        return checkMember(pax?.path ?? longName ?? decodeName(block), {
          type: header.type,
          sizeBytes: pax?.sizeBytes ?? header.sizeBytes,
          timeS: pax?.timeS ?? header.timeS,
        });
      }
    }
  }
}

function checkMember(
  name: string,
  header: { readonly type: string; readonly sizeBytes: number; readonly timeS: number },
): TarHeader<string> {
  const { type, sizeBytes, timeS } = header;
  if (type !== TAR_TYPES.file && type !== TAR_TYPES.folder && type !== "\0") {
    throw refused(
      name,
      `it is neither a regular file nor a folder but of type "${printable(type)}"`,
    );
  }
  const kind = type === TAR_TYPES.folder ? "folder" : "file";
  const path = kind === "folder" && name.endsWith("/") ? name.slice(0, -1) : name;
  if (kind === "folder" && sizeBytes !== 0) throw refused(name, "it is a folder with a content");
  return { kind, path, sizeBytes, timeS };
}

function relativeName(name: string): RelativePath {
  if (isRelativePath(name)) return name;
  throw refused(name, whyNotRelativePath(name) ?? "its name is wrong");
}

function refuseGlobal(records: PaxRecords): void {
  if (Object.values(records).some((value) => value !== undefined)) {
    throw corruptTar("a global header names, sizes or dates the members");
  }
}

/** What follows the first block of zeros: another one, and then nothing but zeros. */
async function readEnd(reader: ByteReader): Promise<void> {
  if (!isZero(await takeExactly(reader, TAR_BLOCK_BYTES))) {
    throw corruptTar("a block of zeros stands before its end");
  }
  for await (const chunk of reader.rest()) {
    if (!isZero(chunk)) throw corruptTar("something follows its end");
  }
}

async function takeExtra(reader: ByteReader, sizeBytes: number): Promise<Uint8Array> {
  if (sizeBytes > MAX_EXTRA_BYTES) throw corruptTar("an extended header is too long");
  const content = await takeExactly(reader, sizeBytes);
  await takeExactly(reader, paddingBytes(sizeBytes));
  return content;
}

async function takeExactly(reader: ByteReader, sizeBytes: number): Promise<Uint8Array> {
  const bytes = await reader.take(sizeBytes);
  if (bytes.length < sizeBytes) throw corruptTar("it ends too early");
  return bytes;
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function refused(name: string, why: string): EscaleError {
  return new EscaleError("refused", `Refused the archive's member "${printable(name)}": ${why}`);
}

/** The content of the member that the reader stands at. */
class Content {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #reader: ByteReader;
  readonly #sizeBytes: number;
  #left: number;
  /** The read before: a reader that gave up and skip() may both be at it. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(reader: ByteReader, sizeBytes: number) {
    this.#reader = reader;
    this.#sizeBytes = sizeBytes;
    this.#left = sizeBytes;
    this.stream = new ReadableStream({
      pull: async (controller) => {
        const chunk = await this.#next();
        if (chunk.length > 0) controller.enqueue(chunk);
        else controller.close();
      },
    }, { highWaterMark: 0 });
  }

  /** Goes to the next member's header; the stream gives nothing more. */
  async skip(): Promise<void> {
    while ((await this.#next()).length > 0);
    await takeExactly(this.#reader, paddingBytes(this.#sizeBytes));
  }

  #next(): Promise<Uint8Array> {
    const next = this.#turn.then(() => this.#read());
    this.#turn = next.catch(() => {});
    return next;
  }

  async #read(): Promise<Uint8Array> {
    if (this.#left === 0) return new Uint8Array(0);
    const chunk = await this.#reader.some(this.#left);
    if (chunk.length === 0) throw corruptTar("it ends too early");
    this.#left -= chunk.length;
    return chunk;
  }
}
