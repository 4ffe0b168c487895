import assert from "node:assert/strict";
import { pathInside } from "../../../lib/local/inside.ts";
import { failing } from "./_tree.ts";

Deno.test("pathInside() takes paths in the repository and absolute ones below it", () => {
  for (const text of ["a/b.txt", "./a/b.txt", "/root/a/b.txt", "/root/x/../a/b.txt"]) {
    assert.equal(pathInside("/root", text), "a/b.txt");
  }
});

Deno.test("pathInside() refuses what lies elsewhere or is never synchronised", () => {
  for (
    const text of [
      "",
      "/root",
      "/rootless/a",
      "../a",
      "a/../../b",
      "/etc/passwd",
      ".hidden",
      "a//b",
    ]
  ) {
    assert.throws(() => pathInside("/root", text), failing("usage"), text);
  }
});
