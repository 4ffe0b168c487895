import assert from "node:assert/strict";
import fc from "fast-check";
import { type CipherName, cipherSecret, openCipher } from "../../../lib/crypto/cipher.ts";
import { EscaleError } from "../../../lib/errors.ts";
import {
  chunkSizes,
  collect,
  endlessStream,
  noise,
  streamOf,
  utf8,
} from "../../support/byte_streams.ts";
import { contentRows, fixedOptions, refusalRows } from "./golden.ts";

const FERNET_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const KEYS: readonly (readonly [CipherName, string])[] = [
  ["plain", ""],
  ["fernet", FERNET_KEY],
  ["blowfish", "escale-golden-passphrase"],
];

function open(name: CipherName, passphrase: string) {
  return openCipher(name, utf8(passphrase), fixedOptions);
}

Deno.test("decrypt() reads what 0.7 wrote, whole and byte by byte", async () => {
  assert.equal(contentRows.length, 64);
  for (const row of contentRows) {
    const cipher = open(row.cipher, row.passphrase);
    const plain = Uint8Array.fromBase64(row.plain_base64);
    const encrypted = Uint8Array.fromBase64(row.cipher_base64);
    assert.deepEqual(cipher.decryptBytes(encrypted), plain);
    for (const sizes of [[1], [7, 1, 64], [100000]]) {
      const stream = streamOf(encrypted, sizes).pipeThrough(cipher.decrypt());
      assert.deepEqual(await collect(stream), plain);
    }
    assert.equal(cipher.encryptedSize(plain.length), encrypted.length);
  }
});

Deno.test("encrypt() writes what 0.7 wrote for the same initialisation vector", async () => {
  const rows = contentRows.filter((row) => row.iv_hex !== undefined);
  assert.equal(rows.length, 8);
  for (const row of rows) {
    const cipher = open(row.cipher, row.passphrase);
    const plain = Uint8Array.fromBase64(row.plain_base64);
    const encrypted = Uint8Array.fromBase64(row.cipher_base64);
    assert.deepEqual(cipher.encryptBytes(plain), encrypted);
    for (const sizes of [[1], [7, 1, 64]]) {
      const stream = streamOf(plain, sizes).pipeThrough(cipher.encrypt());
      assert.deepEqual(await collect(stream), encrypted);
    }
  }
});

Deno.test("openCipher() refuses the passphrases that 0.7 refuses", () => {
  const names = ["fernet", "blowfish"] as const;
  for (const name of names) {
    const rows = refusalRows.filter((row) => row.cipher === name);
    assert.equal(rows.length, 3);
    for (const { passphrase } of rows) {
      assert.throws(() => open(name, passphrase), { code: "config" }, JSON.stringify(passphrase));
    }
  }
});

Deno.test("openCipher() refuses blowfish.blowfish by name", () => {
  assert.throws(() => open("blowfish.blowfish", "xxxx"), (error) => {
    return error instanceof EscaleError && error.code === "unsupported" &&
      error.message.includes('"blowfish.blowfish"');
  });
});

Deno.test("openCipher() shows nothing of a refused passphrase", () => {
  for (const name of ["fernet", "blowfish"] as const) {
    const passphrase = `secret-${"s".repeat(60)}`;
    assert.throws(() => open(name, passphrase), (error) => {
      return error instanceof EscaleError && !`${error.message} ${error.hint}`.includes("secret");
    });
  }
});

Deno.test("cipherSecret() is the same for all forms of a Fernet key", () => {
  const secret = utf8("0123456789abcdef0123456789abcdef");
  for (const form of [FERNET_KEY, `${FERNET_KEY}\n`, `${FERNET_KEY}\r\n`, ` ${FERNET_KEY}`]) {
    assert.deepEqual(cipherSecret("fernet", utf8(form)), secret);
  }
  assert.deepEqual(cipherSecret("blowfish", utf8("with newline\n")), utf8("with newline\n"));
  assert.throws(() => cipherSecret("fernet", utf8("short")), { code: "config" });
});

for (const [name, key] of KEYS) {
  Deno.test(`${name}: what is encrypted in any chunks is decrypted from any chunks`, async () => {
    const cipher = open(name, key);
    const property = fc.asyncProperty(
      fc.uint8Array({ maxLength: 3000, size: "max" }),
      chunkSizes,
      chunkSizes,
      async (plain, in1, in2) => {
        const encrypted = await collect(streamOf(plain, in1).pipeThrough(cipher.encrypt()));
        assert.deepEqual(encrypted, cipher.encryptBytes(plain));
        assert.equal(encrypted.length, cipher.encryptedSize(plain.length));
        const size = cipher.decryptedSize(encrypted.length);
        assert.ok(size === undefined || size === plain.length);
        const decrypted = await collect(streamOf(encrypted, in2).pipeThrough(cipher.decrypt()));
        assert.deepEqual(decrypted, plain);
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  Deno.test(`${name}: contents larger than a step go through`, async () => {
    const cipher = open(name, key);
    for (const size of [262143, 262144, 262145, 1000003]) {
      const plain = noise(size);
      const encrypted = await collect(streamOf(plain, [size]).pipeThrough(cipher.encrypt()));
      assert.deepEqual(encrypted, cipher.encryptBytes(plain));
      assert.deepEqual(cipher.decryptBytes(encrypted), plain);
    }
  });

  Deno.test(`${name}: a stream that is left early frees what it held`, async () => {
    const cipher = open(name, key);
    const encrypted = cipher.encryptBytes(noise(500000));
    for (const stream of [cipher.encrypt(), cipher.decrypt()]) {
      const reader = streamOf(encrypted).pipeThrough(stream).getReader();
      await reader.read();
      await reader.cancel();
    }
  });

  Deno.test(`${name}: a failing source fails the stream with its own error`, async () => {
    const cipher = open(name, key);
    const encrypted = cipher.encryptBytes(noise(500000));
    for (const stream of [cipher.encrypt(), cipher.decrypt()]) {
      const failure = new Error("the source failed");
      const source = streamOf(encrypted).pipeThrough(
        new TransformStream({
          transform: (chunk, controller) => controller.enqueue(chunk),
          flush: () => Promise.reject(failure),
        }),
      );
      await assert.rejects(collect(source.pipeThrough(stream)), failure);
    }
  });

  Deno.test(`${name}: no more than a few chunks are held at a time`, async () => {
    const cipher = open(name, key);
    let taken = 0;
    let given = 0;
    const source = endlessStream(16 << 20, noise(65536), (bytes) => taken += bytes);
    const stream = source.pipeThrough(cipher.encrypt()).pipeThrough(cipher.decrypt());
    for await (const chunk of stream) {
      given += chunk.length;
      assert.ok(taken - given < 1 << 20, `holds ${taken - given} bytes`);
    }
    assert.equal(given, 16 << 20);
  });
}
