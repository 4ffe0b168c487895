import assert from "node:assert/strict";
import { noise } from "../../support/byte_streams.ts";
import { sourceOf } from "../../support/sources.ts";
import { assertAbsent, assertCode, assertStands, type Case, name, namesIn } from "./case.ts";

/** Names that one protocol or another mangles. All different, and none a folder of another. */
const ODD_NAMES: readonly string[] = [
  "with space",
  " leading space",
  "trailing space ",
  "two  spaces",
  "trailing dot.",
  "...",
  "-leading-dash",
  "--help",
  "~tilde",
  ".hidden",
  ".name.lock",
  ".name.placeholder",
  ".0.1500000000.index",
  'double"quote',
  "single'quote",
  "back`tick",
  "hash#mark",
  "question?mark",
  "percent%",
  "percent%20encoded",
  "percent encoded",
  "plus+sign",
  "amper&sand;semicolon",
  "equal=sign,comma",
  "[brackets]",
  "{braces}",
  "(parentheses)",
  "star*",
  "less<more>",
  "pipe|",
  "colon:",
  "at@sign",
  "dollar$HOME",
  "exclamation!",
  "caret^",
  "back\\slash",
  "tab\there",
  "line\nbreak",
  "carriage\rreturn",
  "umlaut-\u00e4-composed",
  "umlaut-a\u0308-decomposed",
  "\u65e5\u672c\u8a9e",
  "emoji-\u{1f600}",
  "right-\u202eto-left",
  "Case",
  "case",
  "con",
  "aux.txt",
  "12345",
  "drwxr-xr-x 2 user group 4096 Jan 1 00:00 fake",
];

/** Claims about names. */
export const NAMES: readonly Case[] = [
  {
    title: "odd names are kept as they are",
    async run({ backend, whyNotName }) {
      const kept = ODD_NAMES.filter((it) => whyNotName(it) === undefined);
      for (const text of kept) await backend.put(name(text), sourceOf(contentOf(text)));
      assert.deepEqual(await namesIn(backend), kept.toSorted());
      for (const text of kept) await assertStands(backend, text, contentOf(text));
      for (const text of kept) assert.equal(await backend.remove(name(text)), true, text);
      assert.deepEqual(await namesIn(backend), []);
    },
  },
  {
    title: "odd names can be folders",
    async run({ backend, whyNotName }) {
      const kept = ODD_NAMES.filter((it) => whyNotName(it) === undefined);
      for (const text of kept) {
        await backend.put(name(`${text}/${text}`), sourceOf(contentOf(text)));
      }
      assert.deepEqual(await namesIn(backend), kept.map((it) => `${it}/${it}`).sort());
      for (const text of kept) {
        assert.deepEqual(await namesIn(backend, name(text)), [`${text}/${text}`]);
        await assertStands(backend, `${text}/${text}`, contentOf(text));
      }
    },
  },
  {
    title: "names that the storage cannot hold are refused",
    async run({ backend, whyNotName, skip }) {
      const refused = ODD_NAMES.filter((it) => whyNotName(it) !== undefined);
      if (refused.length === 0) return await skip("it holds them all");
      for (const text of refused) {
        await assertCode("invalid-name", () => backend.put(name(text), sourceOf(noise(1))));
        await assertCode("invalid-name", () => backend.create(name(text), noise(1)));
      }
      assert.deepEqual(await namesIn(backend), []);
    },
  },
  {
    title: "long names are kept or refused",
    async run({ backend }) {
      const kept: string[] = [];
      for (const text of ["x".repeat(200), "x".repeat(255), "\u20ac".repeat(85), "x".repeat(300)]) {
        try {
          await backend.put(name(`d/${text}`), sourceOf(noise(5)));
          kept.push(`d/${text}`);
        } catch (thrown) {
          await assertCode("invalid-name", () => Promise.reject(thrown));
          assert.ok(text.length > 200, "200 characters are refused");
          await assertAbsent(backend, `d/${text}`);
          assert.equal(await backend.remove(name(`d/${text}`)), false);
        }
      }
      assert.deepEqual(await namesIn(backend), kept.toSorted());
      for (const text of kept) await assertStands(backend, text, noise(5));
    },
  },
  {
    title: "names that begin alike are not mixed up",
    async run({ backend }) {
      const texts = ["ab", "ab.c", "a/b", "a/bc", "a-b", "aa/b", "a/b.d/e"];
      for (const text of texts) await backend.put(name(text), sourceOf(contentOf(text)));
      assert.deepEqual(await namesIn(backend, name("a")), ["a/b", "a/b.d/e", "a/bc"]);
      assert.deepEqual(await namesIn(backend, name("a"), false), ["a/b", "a/bc"]);
      assert.deepEqual(await namesIn(backend, name("a/b")), []);
      await assertAbsent(backend, "a");
    },
  },
];

/** Some bytes of its own for each name. */
function contentOf(text: string): Uint8Array {
  return new TextEncoder().encode(`content of ${text}`);
}
