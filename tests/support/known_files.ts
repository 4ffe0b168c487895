import { Buffer } from "node:buffer";
import { hash } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import { EMPTY_INDEX } from "../../lib/relay/index_text.ts";
import { formatRecord } from "../../lib/relay/metadata.ts";

const FOLDER_FILES = 1_000;
const TIME_S = 1_600_000_000;

/** Where a repository and its relay stand. */
interface Folders {
  readonly folder: string;
  readonly relay: string;
}

/**
 * Makes `count` files of four bytes, and on the relay the index of another client that lists these very files: a client
 * with an index that runs there for the first time agrees on all of them without a transfer.
 */
export function makeKnownFiles({ folder, relay }: Folders, count: number): void {
  const texts = new Map<string, string>();
  for (let index = 0; index < count; index++) texts.set(...makeFile(folder, index));
  const stored = zstdCompressSync(Buffer.concat([...EMPTY_INDEX.grouped(texts)]));
  Deno.writeFileSync(`${relay}/.0.index`, stored);
}

/** Makes a file, and gives its name and what the index says of it. */
function makeFile(root: string, index: number): [name: string, text: string] {
  const name = `folder ${Math.floor(index / FOLDER_FILES)}/file ${index}.bin`;
  const place = `${root}/${name}`;
  if (index % FOLDER_FILES === 0) Deno.mkdirSync(place.slice(0, place.lastIndexOf("/")));
  const content = new Uint8Array(Uint32Array.of(index).buffer);
  Deno.writeFileSync(place, content);
  Deno.utimeSync(place, TIME_S + index, TIME_S + index);
  const text = formatRecord({
    pusher: "B",
    timeS: TIME_S + index,
    checksum: hash("sha256", content, "hex"),
    algorithm: "sha256",
    base: [],
    sizeBytes: content.length,
    expected: 1,
    seal: undefined,
    pullers: [],
  });
  return [name, `${text}\n`];
}
