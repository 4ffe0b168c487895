import assert from "node:assert/strict";
import { PackedTexts } from "../../../lib/relay/index_store.ts";
import { noise } from "../../support/byte_streams.ts";
import { isSame } from "../../support/sources.ts";

Deno.test("PackedTexts gives back what was added, whatever its size and the order", () => {
  const texts = new PackedTexts();
  // Many pieces, pieces that are just full, and texts that are larger than a piece.
  const sizes = [0, 1, 200, 10_000, 1 << 15, (1 << 15) + 1, 900_000, 5, 0, 32_763, 5, 7];
  const all = Array.from({ length: 1200 }, (_, at) => noise(sizes[at % sizes.length] ?? 0, at + 1));
  const places = all.map((text) => texts.add(text));
  const check = (at: number) => {
    const text = all[at] ?? assert.fail();
    assert.ok(isSame(texts.at(places[at] ?? 0, text.length), text), `text ${at}`);
  };
  for (let at = 0; at < all.length; at++) check(at);
  for (let at = 0; at < all.length; at++) check(at * 77 % all.length);
});
