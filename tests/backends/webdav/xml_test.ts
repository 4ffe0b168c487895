import assert from "node:assert/strict";
import fc from "fast-check";
import { XmlError, XmlReader } from "../../../backends/webdav/_xml.ts";

/** What a reader finds, as one text, with neighbouring pieces of text joined. */
function read(parts: readonly string[]): string {
  const found: string[] = [];
  const reader = new XmlReader({
    open: (namespace, name) => found.push(`<{${namespace}}${name}>`),
    text: (text) => found.push(text),
    close: () => found.push("</>"),
  });
  for (const part of parts) reader.push(part);
  reader.end();
  return found.join("");
}

const GOOD: readonly (readonly [xml: string, found: string])[] = [
  ["<a/>", "<{}a></>"],
  ["\ufeff<?xml version='1.0'?>\n<a>b</a>\n", "<{}a>b</>"],
  ['<a xmlns="n"><b/></a>', "<{n}a><{n}b></></>"],
  ['<p:a xmlns:p="n"><b/><p:c xmlns:p="m"/><p:d/></p:a>', "<{n}a><{}b></><{m}c></><{n}d></></>"],
  ["<a b='>' c=\"'/>\">d</a>", "<{}a>d</>"],
  ["<a><!-- <b> --><![CDATA[<c>&amp;]]>]]&gt;</a>", "<{}a><c>&amp;]]></>"],
  ["<a>&lt;&#65;&#x1F600;&apos;</a >", "<{}a><A\u{1f600}'</>"],
];

const BAD: readonly string[] = [
  ...["", "a", "<a>", "<a></b>", "<a/><b/>", "<a b></a>", "<a b=c/>", "<a><</a>", "<>", "</a>"],
  ...["<a>&nbsp;</a>", "<a>&#0;</a>", "<a>&#xD800;</a>", "<a>& b</a>", "<a>&#99999999;</a>"],
  ...["<!DOCTYPE a><a/>", "<a><!ELEMENT b></a>", "<a/>text", "<a", "<a><!-- ", "<a><![CDATA[ </a>"],
];

Deno.test("XmlReader finds elements with their namespaces, and text", () => {
  for (const [xml, found] of GOOD) {
    assert.equal(read([xml]), found, xml);
    assert.equal(read([...xml]), found, `${xml}, byte by byte`);
  }
});

Deno.test("XmlReader refuses what is no XML, or more than it reads", () => {
  for (const xml of BAD) {
    assert.throws(() => read([xml]), XmlError, xml);
    assert.throws(() => read([...xml]), XmlError, `${xml}, byte by byte`);
  }
});

Deno.test("XmlReader finds the same however the text is cut", () => {
  const piece = fc.constantFrom(
    "<a>",
    "</a>",
    "<b c='d>'/>",
    "&amp;",
    "text",
    "<!--x-->",
    "&",
    "<",
  );
  const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
  fc.assert(fc.property(fc.array(piece), cuts, (pieces, sizes) => {
    const xml = `<r>${pieces.join("")}</r>`;
    const parts: string[] = [];
    for (let at = 0, i = 0; at < xml.length; i++) {
      const size = sizes[i % sizes.length] ?? 1;
      parts.push(xml.slice(at, at + size));
      at += size;
    }
    const outcome = (of: readonly string[]) => {
      try {
        return read(of);
      } catch (thrown) {
        return thrown instanceof XmlError;
      }
    };
    assert.equal(outcome(parts), outcome([xml]));
  }));
});
