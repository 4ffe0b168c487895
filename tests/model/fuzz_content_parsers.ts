import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { decodePax, encodePax } from "../../lib/archive/_tar_pax.ts";
import { decodeBzip2 } from "../../lib/archive/bzip2_decode.ts";
import { compressBytes, decompress } from "../../lib/archive/codec.ts";
import { packTar, unpackTar } from "../../lib/archive/tar.ts";
import type { ErrorCode } from "../../lib/errors.ts";
import { isRelativePath, parseRelativePath } from "../../lib/path.ts";
import { type Cipher, type CipherName, openCipher } from "../../lib/crypto/cipher.ts";
import {
  binary,
  forgeArchive,
  forgeMember,
  forgePax,
  joinBytes,
  paxRecord,
} from "../lib/archive/forged_tar.ts";
import { contentRows, fixedOptions } from "../lib/crypto/golden.ts";
import { collect, noise, utf8 } from "../support/byte_streams.ts";
import { type Dice, inPieces } from "./fuzz_inputs.ts";
import { escale, type Parser } from "./fuzz_run.ts";

/** The most that an input may expand to: more of it shows nothing else. */
const MAX_BYTES = 1 << 20;

const CONTENTS = [utf8(""), utf8("content\n"), utf8("long ".repeat(400)), noise(700)];
const ARCHIVES = [
  await pack(["f", "d/é 漢", `${"long/".repeat(40)}name`]),
  forgeArchive(forgeMember({ name: "d", type: "5" }), forgeMember({ name: "d/f" }, "content")),
  forgeArchive(
    forgeMember({ type: "L" }, "a GNU name\0"),
    forgeMember({ magic: "ustar  \0" }, "x"),
  ),
  forgeArchive(forgePax(paxRecord("path", "p")), forgeMember({ size: binary(3) }, "xyz")),
  forgeArchive(forgePax(paxRecord("comment", "c"), "g"), forgeMember({ prefix: "e" }, "y")),
];

const tar: Parser = {
  name: "tar archive",
  isCostly: true,
  seeds: ARCHIVES,
  mayThrow: escale("corrupt", "refused"),
  async read(input, dice) {
    const archive = dice.once(3) ? input : withChecksums(input);
    await unpack(ReadableStream.from(inPieces(archive, dice)));
  },
};

const pax: Parser = {
  name: "extended headers",
  seeds: [
    utf8(paxRecord("path", "é/漢") + paxRecord("size", "8589934592") + paxRecord("mtime", "-1.5")),
    utf8(paxRecord("comment", "x".repeat(200)) + paxRecord("SCHILY.xattr.user", "\0\x01")),
  ],
  mayThrow: escale("corrupt"),
  read(input) {
    const records = decodePax(input);
    assert.deepEqual(decodePax(encodePax(records)), records);
  },
};

const bzip2: Parser = {
  name: "bzip2",
  seeds: await Promise.all(CONTENTS.map((it) => compressBytes(it, { compression: "bz2" }))),
  isCostly: true,
  mayThrow: escale("corrupt"),
  async read(input, dice) {
    await take(decodeBzip2(fed(input, dice)));
  },
};

const gzip: Parser = {
  name: "gzip",
  seeds: CONTENTS.map((it) => new Uint8Array(gzipSync(it))),
  isCostly: true,
  mayThrow: escale("corrupt", "refused"),
  read: readCompressed,
};

const zstd: Parser = {
  name: "zstd",
  seeds: CONTENTS.map((it) => new Uint8Array(zstdCompressSync(it))),
  isCostly: true,
  mayThrow: escale("corrupt", "refused"),
  read: readCompressed,
};

const updateData: Parser = {
  name: "update data",
  seeds: [
    ...ARCHIVES,
    ...await Promise.all(
      ARCHIVES.map((it) => compressBytes(it, { compression: "bz2" })),
    ),
    new Uint8Array(gzipSync(ARCHIVES[0] ?? "")),
    new Uint8Array(zstdCompressSync(ARCHIVES[1] ?? "")),
  ],
  isCostly: true,
  mayThrow: escale("corrupt", "refused"),
  async read(input, dice) {
    const stored = ReadableStream.from(inPieces(input, dice));
    await unpack(decompress(stored, { maxBytes: MAX_BYTES }));
  },
};

/** A cipher's contents, decrypted at once and as a stream: both give the same, or fail alike. */
function cipherParser(name: CipherName, codes: readonly ErrorCode[]): Parser {
  const rows = contentRows.filter((row) => row.cipher === name);
  const passphrase = utf8(rows[0]?.passphrase ?? assert.fail(`no "${name}"`));
  const cipher = openCipher(name, passphrase, fixedOptions);
  return {
    name,
    seeds: [
      ...rows.map((row) => new Uint8Array(Uint8Array.fromBase64(row.cipher_base64))),
      ...CONTENTS.map((it) => cipher.encryptBytes(it)),
    ].filter(({ length }) => length < 8_192),
    isCostly: true,
    mayThrow: escale(...codes),
    async read(input, dice) {
      const stored = name === "fernet" && dice.once(2) ? signed(input, passphrase) : input;
      const plain = cipher.decryptBytes(stored);
      assert.deepEqual(cipher.decryptBytes(cipher.encryptBytes(plain)), plain);
      assert.ok(plain.length === (cipher.decryptedSize(stored.length) ?? plain.length));
      if (dice.once(8)) assert.deepEqual(await streamed(cipher, stored, dice), plain);
    },
  };
}

/** What is read of contents that somebody may have changed. */
export const CONTENT_PARSERS: readonly Parser[] = [
  ...[tar, pax, bzip2, gzip, zstd, updateData],
  cipherParser("fernet", ["corrupt", "wrong-key"]),
  cipherParser("blowfish.cryptography", ["corrupt"]),
];

async function readCompressed(input: Uint8Array, dice: Dice): Promise<void> {
  const stored = ReadableStream.from(inPieces(input, dice));
  await collect(decompress(stored, { maxBytes: MAX_BYTES, allowPlain: dice.once(2) }));
}

/** Reads the files of an archive, or leaves some of them. */
async function unpack(archive: ReadableStream<Uint8Array>): Promise<void> {
  let count = 0;
  for await (const { path, sizeBytes, content } of unpackTar(archive, () => {})) {
    assert.ok(isRelativePath(path) && Number.isSafeInteger(sizeBytes) && sizeBytes >= 0);
    if (++count % 3 === 0) continue;
    assert.equal((await collect(content)).length, sizeBytes);
  }
}

/** With the checksums that the headers should have: what is wrong with them is seen only then. */
function withChecksums(archive: Uint8Array): Uint8Array {
  const bytes = archive.slice();
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const header = bytes.subarray(at, at + 512);
    if (header[257] !== 0x75 || header[258] !== 0x73) continue;
    header.fill(0x20, 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.set(utf8(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  }
  return bytes;
}

/** As somebody who has the key would write it. */
function signed(token: Uint8Array, passphrase: Uint8Array): Uint8Array {
  const body = Uint8Array.from(atobOrNothing(token), (character) => character.charCodeAt(0));
  const key = Uint8Array.fromBase64(new TextDecoder().decode(passphrase).trim());
  const text = body.subarray(0, Math.max(0, body.length - 32));
  const tag = createHmac("sha256", key.subarray(0, 16)).update(text).digest();
  return utf8(joinBytes(text, tag).toBase64({ alphabet: "base64url" }));
}

function atobOrNothing(text: Uint8Array): string {
  try {
    const plain = new TextDecoder("latin1").decode(text);
    return atob(plain.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return "";
  }
}

/** Ends where it would only go on. */
async function take(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_BYTES) return;
  }
}

async function* fed(input: Uint8Array, dice: Dice): AsyncGenerator<Uint8Array> {
  yield* inPieces(input, dice);
}

async function streamed(cipher: Cipher, input: Uint8Array, dice: Dice): Promise<Uint8Array> {
  return await collect(ReadableStream.from(inPieces(input, dice)).pipeThrough(cipher.decrypt()));
}

async function pack(paths: readonly string[]): Promise<Uint8Array> {
  return await collect(packTar(paths.map((path) => ({
    path: parseRelativePath(path),
    sizeBytes: path.length,
    timeS: 1_600_000_000,
    open: () => ReadableStream.from([new Uint8Array(path.length).fill(120)]),
  }))));
}
