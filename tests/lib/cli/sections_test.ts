import assert from "node:assert/strict";

import { chooseSection, chooseSections } from "../../../lib/cli/sections.ts";
import type { Configuration } from "../../../lib/config/section.ts";
import { makeSection } from "../../support/sections.ts";

function configure(...names: readonly string[]): Configuration {
  const sections = names.map((name) => makeSection({ name }));
  return { file: "/a.conf", logRotate: 3, logFormat: "text", sections, warnings: [] };
}

Deno.test("chooseSections() keeps the order of the file, and takes all without names", () => {
  const names = (...chosen: readonly string[]) =>
    chooseSections(configure("one", "two", "three"), chosen).map(({ name }) => name);
  assert.deepEqual(names(), ["one", "two", "three"]);
  assert.deepEqual(names("three", "one", "three"), ["one", "three"]);
  assert.throws(() => names("one", "four"), {
    code: "usage",
    message: 'There is no section "four" in "/a.conf"',
    hint: 'Choose from "one", "two", "three"',
  });
});

Deno.test("chooseSection() needs a name where there are several", () => {
  assert.equal(chooseSection(configure("one"), undefined).name, "one");
  assert.equal(chooseSection(configure("one", "two"), "two").name, "two");
  assert.throws(() => chooseSection(configure("one", "two"), undefined), {
    code: "usage",
    message: 'There are 2 sections in "/a.conf": should name one',
    hint: 'Choose from "one", "two"',
  });
});
