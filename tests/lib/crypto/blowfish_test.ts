import assert from "node:assert/strict";
import { encryptBlock, expandKey } from "../../../lib/crypto/_blowfish_block.ts";
import { blowfishCipher } from "../../../lib/crypto/blowfish.ts";
import { EscaleError } from "../../../lib/errors.ts";
import { collect, noise, streamOf, utf8 } from "../../support/byte_streams.ts";
import { fixedOptions } from "./golden.ts";

const cipher = blowfishCipher("blowfish", utf8("escale-golden-passphrase"), fixedOptions);

/** Key, block and encrypted block, from Eric Young's published test vectors. */
const VECTORS = [
  ["0000000000000000", "0000000000000000", "4ef997456198dd78"],
  ["ffffffffffffffff", "ffffffffffffffff", "51866fd5b85ecb8a"],
  ["3000000000000000", "1000000000000001", "7d856f9a613063f2"],
  ["0123456789abcdef", "1111111111111111", "61f9c3802281b096"],
  ["fedcba9876543210", "0123456789abcdef", "0aceab0fc6a0a28d"],
  ["7ca110454a1a6e57", "01a1d6d039776742", "59c68245eb05282b"],
  ["f0e1d2c3b4a5968778695a4b3c2d1e0f0011223344556677", "fedcba9876543210", "05044b62fa52d080"],
] as const;

Deno.test("encryptBlock() matches published vectors", () => {
  for (const [key, plain, encrypted] of VECTORS) {
    const words = new DataView(Uint8Array.fromHex(plain).buffer);
    const block = { left: words.getInt32(0), right: words.getInt32(4) };
    encryptBlock(expandKey(Uint8Array.fromHex(key)), block);
    words.setInt32(0, block.left);
    words.setInt32(4, block.right);
    assert.equal(new Uint8Array(words.buffer).toHex(), encrypted, key);
  }
});

Deno.test("expandKey() gives equal keys for equal bytes, and does not keep those of the last one", () => {
  const first = expandKey(utf8("first"));
  expandKey(utf8("second"));
  assert.deepEqual(expandKey(utf8("first")), first);
});

Deno.test("blowfish takes keys of 4 to 56 bytes", () => {
  for (let length = 0; length <= 60; length++) {
    const make = () => blowfishCipher("blowfish", noise(length), fixedOptions);
    if (length >= 4 && length <= 56) {
      assert.deepEqual(make().decryptBytes(make().encryptBytes(utf8("content"))), utf8("content"));
    } else {
      assert.throws(make, { code: "config" }, `${length} bytes`);
    }
  }
});

Deno.test("blowfish refuses contents without a whole initialisation vector", async () => {
  for (let length = 0; length < 8; length++) {
    assert.throws(() => cipher.decryptBytes(noise(length)), { code: "corrupt" });
    const stream = streamOf(noise(length), [3]).pipeThrough(cipher.decrypt());
    await assert.rejects(collect(stream), (error) => {
      return error instanceof EscaleError && error.code === "corrupt";
    });
    assert.equal(cipher.decryptedSize(length), undefined);
  }
  assert.deepEqual(cipher.decryptBytes(noise(8)), new Uint8Array(0));
  assert.equal(cipher.decryptedSize(8), 0);
});

Deno.test("blowfish tells that it notices no change: a changed bit comes out changed", () => {
  assert.equal(cipher.authenticates, false);
  const encrypted = cipher.encryptBytes(new Uint8Array(20));
  encrypted[27] = (encrypted[27] ?? 0) ^ 0x40;
  const expected = new Uint8Array(20);
  expected[19] = 0x40;
  assert.deepEqual(cipher.decryptBytes(encrypted), expected);
});

Deno.test("blowfish leaves what it is given as it was", () => {
  const plain = noise(100);
  cipher.decryptBytes(cipher.encryptBytes(plain));
  assert.deepEqual(plain, noise(100));
});
