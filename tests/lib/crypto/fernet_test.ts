import assert from "node:assert/strict";
import { createCipheriv, createHmac } from "node:crypto";
import { fernetCipher, parseFernetKey } from "../../../lib/crypto/fernet.ts";
import { EscaleError } from "../../../lib/errors.ts";
import { collect, noise, streamOf, utf8 } from "../../support/byte_streams.ts";
import { runTool, testWithTools } from "../../support/tools.ts";
import { fixedOptions } from "./golden.ts";

const KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const OTHER_KEY = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
const cipher = fernetCipher(utf8(KEY), fixedOptions);

/** A token of any form, with a right authenticator. */
function forge(version: number, plain: Uint8Array, padded: boolean): string {
  const key = parseFernetKey(utf8(KEY));
  const iv = noise(16);
  const aes = createCipheriv("aes-128-cbc", key.subarray(16), iv);
  aes.setAutoPadding(padded);
  const body = Uint8Array.of(
    version,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    ...iv,
    ...aes.update(plain),
    ...aes.final(),
  );
  return sign(body);
}

function sign(body: Uint8Array): string {
  const tag = createHmac("sha256", parseFernetKey(utf8(KEY)).subarray(0, 16)).update(body).digest();
  return Uint8Array.of(...body, ...tag).toBase64({ alphabet: "base64url" });
}

/** Checks that a text is refused at once and as a stream, with this code. */
async function assertRefused(
  text: string | Uint8Array,
  codes: readonly string[],
  why: string,
): Promise<void> {
  const bytes = typeof text === "string" ? utf8(text) : text;
  const expected = (error: unknown) => error instanceof EscaleError && codes.includes(error.code);
  assert.throws(() => cipher.decryptBytes(bytes), expected, why);
  for (const sizes of [[1], [bytes.length + 1]]) {
    await assert.rejects(
      collect(streamOf(bytes, sizes).pipeThrough(cipher.decrypt())),
      expected,
      why,
    );
  }
}

const token = new TextDecoder().decode(cipher.encryptBytes(utf8("some content, two blocks")));

Deno.test("fernet tokens hold version, time and initialisation vector", () => {
  const bytes = Uint8Array.fromBase64(token, { alphabet: "base64url" });
  assert.deepEqual(bytes.subarray(0, 9), Uint8Array.of(0x80, 0, 0, 0, 0, 0x1d, 0xc0, 0x9e, 0xb0));
  assert.deepEqual(bytes.subarray(9, 25), fixedOptions.randomBytes(16));
});

Deno.test("fernet matches the vectors of the specification", () => {
  const key = utf8("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=");
  const iv = Uint8Array.from({ length: 16 }, (_, i) => i);
  const spec = fernetCipher(key, { now: () => 499162800, randomBytes: () => iv });
  const text =
    "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
  assert.equal(new TextDecoder().decode(spec.encryptBytes(utf8("hello"))), text);
  assert.deepEqual(spec.decryptBytes(utf8(text)), utf8("hello"));
});

Deno.test("fernet refuses a token cut anywhere", async () => {
  for (let end = 0; end < token.length; end++) {
    await assertRefused(token.slice(0, end), ["corrupt", "wrong-key"], `cut to ${end}`);
  }
});

Deno.test("fernet refuses a token with any bit changed", async () => {
  const bytes = utf8(token);
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await assertRefused(changed, ["corrupt", "wrong-key"], `bit ${bit}`);
  }
});

Deno.test("fernet refuses a token with a character too many or too few", async () => {
  for (let at = 0; at <= token.length; at++) {
    for (const extra of ["A", "=", "\n", " "]) {
      const longer = token.slice(0, at) + extra + token.slice(at);
      await assertRefused(longer, ["corrupt", "wrong-key"], `${JSON.stringify(extra)} at ${at}`);
    }
    if (at === token.length) continue;
    const shorter = token.slice(0, at) + token.slice(at + 1);
    await assertRefused(shorter, ["corrupt", "wrong-key"], `without ${at}`);
  }
});

Deno.test("fernet refuses text that only a lax base64 decoder takes", async () => {
  const padded = token.endsWith("==") ? token : forge(0x80, noise(10), true);
  assert.match(padded, /==$/);
  const cases: readonly (readonly [string, string])[] = [
    [padded.replace(/=+$/, ""), "no padding"],
    [padded.replace("==", "="), "half the padding"],
    [`${padded}====`, "more padding"],
    [`${padded}\n`, "a line end"],
    [`\n${padded}`, "a line end before"],
    [`${padded.slice(0, 4)}\r\n\r\n${padded.slice(4)}`, "four characters of white space"],
    [padded + padded, "two tokens"],
    [padded.replace(/.==$/, (end) => `${nextLetter(end)}==`), "bits that do not count"],
    [padded.replaceAll("-", "+").replaceAll("_", "/"), "the other alphabet"],
    [`${padded.slice(0, 8)}\u00e9${padded.slice(8)}`, "not ASCII"],
  ];
  for (const [text, why] of cases) {
    assert.notEqual(text, padded, why);
    await assertRefused(text, ["corrupt"], why);
  }
});

function nextLetter(end: string): string {
  return String.fromCharCode(end.charCodeAt(0) + 1);
}

Deno.test("fernet refuses authentic tokens of a wrong form", async () => {
  const header = Uint8Array.of(0x80, ...noise(24));
  const cases: readonly (readonly [string, string])[] = [
    [forge(0x81, noise(5), true), "another version"],
    [forge(0x00, noise(5), true), "version 0"],
    [sign(header), "no content"],
    [sign(Uint8Array.of(...header, ...noise(15))), "less than a block"],
    [sign(Uint8Array.of(...header, ...noise(33))), "not whole blocks"],
    [sign(noise(10)), "half a header"],
    [forge(0x80, new Uint8Array(16), false), "padding 0"],
    [forge(0x80, new Uint8Array(16).fill(17), false), "padding 17"],
    [forge(0x80, Uint8Array.of(...noise(14), 1, 2), false), "uneven padding"],
  ];
  for (const [text, why] of cases) await assertRefused(text, ["corrupt"], why);
});

Deno.test("fernet says both causes where the authenticator does not match", () => {
  const other = fernetCipher(utf8(OTHER_KEY), fixedOptions);
  for (const reader of [other, cipher]) {
    const text = reader === other ? utf8(token) : other.encryptBytes(utf8("x"));
    assert.throws(() => reader.decryptBytes(text), (error) => {
      return error instanceof EscaleError && error.code === "wrong-key" &&
        /another passphrase.*changed/.test(error.message) && !error.message.includes(KEY);
    });
  }
});

Deno.test("fernet encrypts the same content differently each time", () => {
  const fresh = fernetCipher(utf8(KEY), {
    now: () => 0,
    randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  });
  assert.notDeepEqual(fresh.encryptBytes(utf8("a")), fresh.encryptBytes(utf8("a")));
});

Deno.test("parseFernetKey() takes what is a key to Python and plainly meant as one", () => {
  const secret = utf8("0123456789abcdef0123456789abcdef");
  for (const text of [KEY, `${KEY}\n`, `${KEY}\r\n`, `  ${KEY}`, `\ufeff${KEY}`]) {
    assert.deepEqual(parseFernetKey(utf8(text)), secret, JSON.stringify(text));
  }
  const dashes = parseFernetKey(utf8(`-_${KEY.slice(2)}`));
  assert.deepEqual(parseFernetKey(utf8(`+/${KEY.slice(2)}`)), dashes);
});

Deno.test("parseFernetKey() refuses everything else", () => {
  const texts = [
    "",
    "\n",
    "short",
    KEY.slice(0, 43),
    `${KEY}=`,
    `${KEY.slice(0, 42)}==`,
    `${KEY}${KEY}`,
    `A${KEY}`,
    `${KEY}x`,
    KEY.replace("M", "*"),
    KEY.replace("=", "A"),
    "0123456789abcdef0123456789abcdef",
    "\u00e9".repeat(44),
  ];
  for (const text of texts) {
    assert.throws(() => parseFernetKey(utf8(text)), { code: "config" }, JSON.stringify(text));
  }
});

testWithTools(
  ["python3:cryptography"],
  "Python's cryptography and fernet read each other",
  async () => {
    const script = "import sys\nfrom cryptography.fernet import Fernet\n" +
      "fernet = Fernet(sys.argv[1])\n" +
      "plain = fernet.decrypt(sys.stdin.buffer.read())\n" +
      "sys.stdout.write(fernet.encrypt(plain[::-1]).decode())\n";
    for (const size of [0, 1, 15, 16, 17, 100_000]) {
      const input = cipher.encryptBytes(noise(size));
      const output = await runTool(["python3", "-c", script, KEY], { input });
      assert.deepEqual(cipher.decryptBytes(output), noise(size).reverse(), `${size}`);
    }
  },
);
