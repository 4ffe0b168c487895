import assert from "node:assert/strict";
import {
  corruptTar,
  decodeHeader,
  decodeName,
  TAR_BLOCK_BYTES,
} from "../../../lib/archive/_tar_header.ts";
import { decodePax } from "../../../lib/archive/_tar_pax.ts";
import { decompress, decompressBytes } from "../../../lib/archive/codec.ts";
import { acceptOnly, unpackTar } from "../../../lib/archive/tar.ts";
import { type Cipher, type CipherName, openCipher } from "../../../lib/crypto/cipher.ts";
import { digestHex, parseAlgorithm } from "../../../lib/crypto/digest.ts";
import { collect, streamOf, utf8 } from "../../support/byte_streams.ts";

interface LocalFile {
  readonly size: number;
  readonly mtime: number;
  readonly sha512: string;
}

interface Manifest {
  readonly clients: Readonly<Record<string, { encryption?: string; passphrase?: string }>>;
  readonly local: Readonly<Record<string, Readonly<Record<string, LocalFile>>>>;
}

const folder = new URL("../../golden/relays/", import.meta.url);
const sha512 = parseAlgorithm("sha512");

/** The objects of a relay of 0.7. Its names start with "." and so are none for unpackTar(). */
function readRelay(name: string): Map<string, Uint8Array> {
  const archive = Deno.readFileSync(new URL(`${name}.tar`, folder));
  const objects = new Map<string, Uint8Array>();
  let longName: string | undefined;
  for (let at = 0; at < archive.length;) {
    const block = archive.subarray(at, at + TAR_BLOCK_BYTES);
    if (block.every((byte) => byte === 0)) return objects;
    const { type, sizeBytes } = decodeHeader(block);
    const content = archive.slice(at + TAR_BLOCK_BYTES, at + TAR_BLOCK_BYTES + sizeBytes);
    if (type === "x") longName = decodePax(content).path;
    else {
      if (type === "0") objects.set((longName ?? decodeName(block)).replace(/^\.\//, ""), content);
      longName = undefined;
    }
    at += TAR_BLOCK_BYTES + Math.ceil(sizeBytes / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
  }
  throw corruptTar("the golden relay is cut");
}

function readManifest(name: string): Manifest {
  return JSON.parse(Deno.readTextFileSync(new URL(`${name}.json`, folder)));
}

const NAMES: Readonly<Record<string, CipherName>> = {
  "fernet": "fernet",
  "blowfish": "blowfish",
  "blowfish.cryptography": "blowfish.cryptography",
};

function cipherOf({ clients }: Manifest): Cipher {
  const { encryption = "", passphrase = "" } = clients["A"] ?? {};
  return openCipher(NAMES[encryption] ?? "plain", utf8(passphrase), {
    now: () => 0,
    randomBytes: (count) => new Uint8Array(count),
  });
}

const relays = [...Deno.readDirSync(folder)].map(({ name }) => name)
  .filter((name) => /^(index|plain)-.*pushed\.tar$/.test(name))
  .map((name) => name.replace(".tar", "")).sort();

Deno.test("the golden relays are there", () => {
  assert.equal(relays.filter((name) => name.startsWith("index-")).length, 9);
  assert.equal(relays.filter((name) => name.startsWith("plain-")).length, 5);
});

for (const name of relays.filter((each) => each.startsWith("index-"))) {
  Deno.test(`${name}: updates are decrypted, decompressed and unpacked to A's files`, async () => {
    const manifest = readManifest(name);
    const local = new Map(Object.entries(manifest.local["A"] ?? {}));
    const cipher = cipherOf(manifest);
    const expected = new Map([...local].map(([path, { size }]) => [path, size]));
    const found = new Set<string>();
    for (const [object, bytes] of readRelay(name)) {
      if (!object.endsWith(".data")) continue;
      for (const sizes of [[1], [65536]]) {
        const plain = decompress(streamOf(bytes, sizes).pipeThrough(cipher.decrypt()), {
          maxBytes: 1 << 20,
        });
        for await (const member of unpackTar(plain, acceptOnly(expected))) {
          const file = local.get(member.path);
          assert.equal(digestHex(sha512, await collect(member.content)), file?.sha512, member.path);
          assert.equal(member.timeS, file?.mtime, member.path);
          found.add(member.path);
        }
      }
    }
    assert.deepEqual([...found].sort(), [...local.keys()].sort());
  });

  Deno.test(`${name}: persistent indices are decompressed`, async () => {
    const indices = [...readRelay(name)].filter(([object]) => /^\.[a-z0-9_]+\.index$/.test(object));
    assert.ok(indices.length > 0);
    for (const [object, bytes] of indices) {
      const text = new TextDecoder().decode(await decompressBytes(bytes, { maxBytes: 1 << 20 }));
      assert.match(text, /^---group---\nplaceholder%1\.0\n/, object);
    }
  });
}

for (const name of relays.filter((each) => each.startsWith("plain-"))) {
  Deno.test(`${name}: objects are decrypted to A's files`, async () => {
    const manifest = readManifest(name);
    const cipher = cipherOf(manifest);
    const objects = readRelay(name);
    const files = Object.entries(manifest.local["A"] ?? {});
    assert.ok(files.length > 0);
    for (const [path, file] of files) {
      const object = objects.get(path);
      assert.ok(object !== undefined, path);
      const plain = await collect(streamOf(object, [100]).pipeThrough(cipher.decrypt()));
      assert.equal(digestHex(sha512, plain), file.sha512, path);
      assert.equal(cipher.encryptedSize(file.size), object.length, path);
    }
  });
}
