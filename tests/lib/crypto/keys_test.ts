import assert from "node:assert/strict";
import fc from "fast-check";
import { CHECKSUM_PURPOSE, deriveKey, hmacHex, SEAL_PURPOSE } from "../../../lib/crypto/keys.ts";
import { utf8 } from "../../support/byte_streams.ts";

const key = deriveKey(utf8("a passphrase"), SEAL_PURPOSE);

/** The same derivation by Web Crypto. */
function hkdfExpected(secret: string, purpose: string): Promise<Uint8Array> {
  return crypto.subtle.importKey("raw", utf8(secret), "HKDF", false, ["deriveBits"]).then((base) =>
    crypto.subtle.deriveBits(
      { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: utf8(purpose) },
      base,
      256,
    )
  ).then((bits) => new Uint8Array(bits));
}

Deno.test("deriveKey() is HKDF-SHA-256 without salt", async () => {
  for (const purpose of [SEAL_PURPOSE, CHECKSUM_PURPOSE]) {
    assert.deepEqual(
      new Uint8Array(deriveKey(utf8("a passphrase"), purpose)),
      await hkdfExpected("a passphrase", purpose),
    );
  }
});

Deno.test("deriveKey() and hmacHex() keep their values: records on relays depend on them", () => {
  assert.equal(key.toHex(), "1cf6fc73b76682e0823443c6f1ec76567df9412b968f7af6e54d2651873f5c9c");
  assert.equal(
    hmacHex(key, ["dir/name", "1500000000"]),
    "12f67d9007907c544c6cf6c723bab821208ebdad0c186c28d589de78d87cd786",
  );
});

Deno.test("deriveKey() gives another key for another purpose or secret", () => {
  const keys = [
    key,
    deriveKey(utf8("a passphrase"), CHECKSUM_PURPOSE),
    deriveKey(utf8("a passphrase\n"), SEAL_PURPOSE),
    deriveKey(utf8(""), SEAL_PURPOSE),
  ];
  assert.equal(new Set(keys.map((each) => each.toHex())).size, keys.length);
});

Deno.test("hmacHex() tells lists apart that joined texts would confuse", () => {
  const lists = [
    [],
    [""],
    ["", ""],
    ["ab"],
    ["a", "b"],
    ["", "ab"],
    ["ab", ""],
    ["b", "a"],
    ["a\0b"],
    ["\0\0\0\0\0\0\0\0"],
    ["\0\0\0\0\0\0\0\u0001a"],
  ];
  assert.equal(new Set(lists.map((parts) => hmacHex(key, parts))).size, lists.length);
});

Deno.test("hmacHex() of two different lists differs", () => {
  const list = fc.array(fc.string({ unit: "binary", maxLength: 4 }), { maxLength: 4 });
  fc.assert(fc.property(list, list, (one, other) => {
    const same = JSON.stringify(one) === JSON.stringify(other);
    assert.equal(hmacHex(key, one) === hmacHex(key, other), same);
  }));
});

Deno.test("hmacHex() takes bytes as it takes their text", () => {
  assert.equal(hmacHex(key, ["é", "x"]), hmacHex(key, [utf8("é"), utf8("x")]));
});

Deno.test("hmacHex() refuses texts that UTF-8 cannot tell apart", () => {
  assert.throws(() => hmacHex(key, ["\ud800"]), { code: "internal" });
});
