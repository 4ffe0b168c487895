import assert from "node:assert/strict";
import fc from "fast-check";
import { hideDot, pathOf, rootPath, showDot } from "../../../backends/webdav/_names.ts";

Deno.test("showDot() leaves no dot at the beginning, and hideDot() takes it back", () => {
  const rows = [
    ["x", "x"],
    [".x", "%2Ex"],
    ["...", "%2E.."],
    ["%2Ex", "%252Ex"],
    ["%252Ex", "%25252Ex"],
    ["%25", "%25"],
    ["a.b", "a.b"],
  ] as const;
  for (const [part, stored] of rows) {
    assert.equal(showDot(part), stored);
    assert.equal(hideDot(stored), part);
  }
  const text = fc.array(fc.constantFrom(".", "%", "2", "5", "E", "x")).map((it) => it.join(""));
  fc.assert(fc.property(text, (part) => {
    assert.ok(!showDot(part).startsWith("."));
    assert.equal(hideDot(showDot(part)), part);
  }));
});

Deno.test("rootPath() takes names as they are and needs no slashes", () => {
  const rows = [
    ["", "/"],
    ["/", "/"],
    ["a/b", "/a/b/"],
    ["//a//b c/", "/a/b%20c/"],
    ["50%", "/50%25/"],
  ] as const;
  for (const [folder, path] of rows) assert.equal(rootPath(folder), path);
});

Deno.test("pathOf() reads what cannot be read as nothing", () => {
  assert.equal(pathOf("/a/%zz", "/"), undefined);
  assert.equal(pathOf("http://[x", "/"), undefined);
  assert.equal(pathOf("/a/b//", "/"), "/a/b");
});
