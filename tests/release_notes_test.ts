import assert from "node:assert/strict";

import { releaseNotes } from "./release_notes.ts";

const changelog = "# Changelog\n\n## 0.8.1, 2027-01-02\n\n- Newer.\n\n## 0.8.0, 2026-12-24\n\n" +
  "- One.\n- Two.\n\n## 0.7.9, not yet released\n\n- Old.\n";

Deno.test("releaseNotes() gives the section of the tag's version alone", () => {
  assert.equal(releaseNotes("v0.8.0", { version: "0.8.0", changelog }), "- One.\n- Two.");
  assert.equal(releaseNotes("v0.8.1", { version: "0.8.1", changelog }), "- Newer.");
});

Deno.test("releaseNotes() refuses a tag that is not the version, or has no dated section", () => {
  const refused = [["0.8.0", "0.8.0"], ["v0.8.1", "0.8.0"], ["v0.8", "0.8"], ["v0.7.9", "0.7.9"]];
  for (const [tag = "", version = ""] of refused) {
    assert.throws(() => releaseNotes(tag, { version, changelog }), /Cannot release/, tag);
  }
});
