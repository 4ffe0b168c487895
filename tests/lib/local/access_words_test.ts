import assert from "node:assert/strict";
import { formatModifiers, parseAccessWords } from "../../../lib/local/access_words.ts";
import { failing } from "./_tree.ts";

Deno.test("parseAccessWords() takes the file first or last, and any number of modifiers", () => {
  const change = { read: true, write: false };
  for (
    const words of [["f", "r+w-"], ["r+w-", "f"], ["f", "r", "w-"], ["r+", "w-", "f"], [
      "f",
      "w-r+",
    ]]
  ) {
    assert.deepEqual(parseAccessWords(words), { file: "f", change }, words.join(" "));
  }
  assert.deepEqual(parseAccessWords(["f"]), { file: "f", change: {} });
  assert.deepEqual(parseAccessWords(["f", "r?"]), { file: "f", change: { read: null } });
});

Deno.test("parseAccessWords() takes the first word for the file where it could be either", () => {
  assert.deepEqual(parseAccessWords(["r"]), { file: "r", change: {} });
  assert.deepEqual(parseAccessWords(["r", "w-"]), { file: "r", change: { write: false } });
  assert.deepEqual(parseAccessWords(["w-", "./r"]), { file: "./r", change: { write: false } });
});

Deno.test("parseAccessWords() refuses what is no modifier, and contradictions", () => {
  for (
    const words of [[], ["f", "x"], ["f", "r*"], ["f", "g", "r"], ["f", "r+", "r-"], ["f", ""]]
  ) {
    assert.throws(() => parseAccessWords(words), failing("usage"), words.join(" "));
  }
});

Deno.test("formatModifiers() writes what parseAccessWords() reads", () => {
  assert.equal(formatModifiers({ read: undefined, write: undefined }), "r? w?");
  const text = formatModifiers({ read: true, write: false });
  assert.deepEqual(parseAccessWords(["f", ...text.split(" ")]).change, {
    read: true,
    write: false,
  });
});
