import assert from "node:assert/strict";
import fc from "fast-check";
import {
  DIGEST_ALGORITHMS,
  digestHex,
  DigestObserver,
  parseAlgorithm,
} from "../../../lib/crypto/digest.ts";
import { chunkSizes, collect, streamOf, utf8 } from "../../support/byte_streams.ts";

/** Checksums of "escale" by Python's hashlib. */
const EXPECTED: readonly (readonly [string, string])[] = [
  [
    "sha512",
    "6468908f654951718c4a586cea25c88c351fba6f08e95687531721b23d087cc38878a68c4742626e41470ba1c527c0af8e7cf04a390f1dff397fee19a63b186f",
  ],
  ["sha256", "04c5bc6f22b67ddd25a62638dc528b8537d311fa1a2ab392c1f3c6768bb5318c"],
  [
    "sha384",
    "5496ef4a4c6c56f92467f4d875cc2f6829aec2c86c6063882f8664e30a2fe5020034770057c7f1c8432b1d20e8b5578b",
  ],
  ["sha224", "dae866fa87696f34a4fd97eb47c3442be9df94eb0381a23a81fe28d1"],
  ["sha512_256", "e678bfa4ca8dc71c5e30bb00aff29ecd1a86b7bdbd0211df4fd76b4a81fa9a88"],
  ["sha512_224", "94ddfa11f08463db38f0e4332513d06906bfb7c2ce4c69d713386518"],
  [
    "sha3_512",
    "5964c090817049c9673e951580ca1f0f67d4774874c7fe741e1a2c24652155ef58c61dde813be15334d0326b60d56b2e78a7cc8e056ec616f71c607bffd60d08",
  ],
  [
    "sha3_384",
    "d305a68d8996b7b216ef6e3a2120d27e02ac3bb38114839697d11c16c5d3774f7afbfcc806524154f7a23e687c2b5add",
  ],
  ["sha3_256", "e3b277987a6a53832baf4771d82194fa9d61b97300144cf808906c5cdfa3c388"],
  ["sha3_224", "cafa5e9b2d92ba3312a73649693e65ede7cfd4ec13268b35d217945a"],
  [
    "blake2b",
    "090c4c9ec7c4989802b9035edf44628233f8e164c95c613341241057f8842231679699265ae28d69145417b3db04026946181e159603967c13d06c8ac80cfc00",
  ],
  ["blake2s", "4b9525df07a3892385c1b1f25f619dcc4dd506931d48ba535ab4c881892b0023"],
  ["sm3", "f44b83497f271d4fd8a032a3e8a3ab94e6647e5899a3b81426e660957524f6a0"],
  ["ripemd160", "eca1f6bfc065fae755a179340244844bfbffe2f1"],
  ["sha1", "eb992368e3ab489554c5c9b51cbddc29599e7b37"],
  ["md5", "8c84f1fd93718cb794a7f75f79fbbec1"],
  ["md5-sha1", "8c84f1fd93718cb794a7f75f79fbbec1eb992368e3ab489554c5c9b51cbddc29599e7b37"],
];

Deno.test("digestHex() gives what hashlib gives", () => {
  assert.equal(EXPECTED.length, DIGEST_ALGORITHMS.length);
  for (const [name, checksum] of EXPECTED) {
    const algorithm = parseAlgorithm(name);
    assert.equal(digestHex(algorithm, utf8("escale")), checksum, name);
    assert.equal(algorithm.hexLength, checksum.length, name);
    assert.equal(algorithm.name, name);
  }
});

Deno.test("parseAlgorithm() takes the spellings that hashlib takes", () => {
  const spellings = [
    ["SHA-512", "sha512"],
    ["SHA512", "sha512"],
    ["SHA2-512", "sha512"],
    ["sha3-256", "sha3_256"],
    ["SHA3-256", "sha3_256"],
    ["BLAKE2B-512", "blake2b"],
    ["BLAKE2b512", "blake2b"],
    ["BLAKE2S-256", "blake2s"],
    ["SHA512-256", "sha512_256"],
    ["SHA-512/256", "sha512_256"],
    ["SHA2-512/224", "sha512_224"],
    ["RIPEMD-160", "ripemd160"],
    ["MD5-SHA1", "md5-sha1"],
  ] as const;
  for (const [spelling, name] of spellings) assert.equal(parseAlgorithm(spelling).name, name);
});

Deno.test("parseAlgorithm() refuses what has no fixed length or is not known", () => {
  const texts = [
    "",
    "shake_128",
    "SHAKE256",
    "sha",
    "sha2",
    "sha2-",
    "512",
    "sha3",
    "crc32",
    "sha512 ",
    "toString",
  ];
  for (const text of texts) assert.throws(() => parseAlgorithm(text), { code: "config" }, text);
});

Deno.test("a DigestObserver counts, hashes and hands on", async () => {
  const sha256 = parseAlgorithm("sha256");
  await fc.assert(fc.asyncProperty(fc.uint8Array(), chunkSizes, async (content, sizes) => {
    const observer = new DigestObserver(sha256);
    assert.deepEqual(
      await collect(streamOf(content, sizes).pipeThrough(observer.stream())),
      content,
    );
    const expected = { sizeBytes: content.length, checksum: digestHex(sha256, content) };
    assert.deepEqual(observer.finish(), expected);
  }));
});
