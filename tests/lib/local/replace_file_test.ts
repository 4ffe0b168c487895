import assert from "node:assert/strict";
import { prepareReplacement } from "../../../lib/local/replace_file.ts";
import { failing, treeOf, withTree } from "./_tree.ts";

Deno.test("prepareReplacement() changes a file when it is committed, keeps its mode and a copy", async () => {
  await withTree((root) => {
    const file = `${root}/a.conf`;
    Deno.writeTextFileSync(file, "old", { mode: 0o640 });
    Deno.symlinkSync(file, `${root}/link`);
    Deno.writeTextFileSync(`${file}.old`, "of long ago");
    {
      using _dropped = prepareReplacement(file, "dropped", ".old");
    }
    assert.equal(Object.keys(treeOf(root)).length, 3);
    using replacement = prepareReplacement(`${root}/link`, "new", ".old");
    assert.equal(Deno.readTextFileSync(file), "old");
    assert.equal(replacement.commit(), `${file}.old.1`);
    assert.deepEqual(treeOf(root), {
      "a.conf": "new",
      "a.conf.old": "of long ago",
      "a.conf.old.1": "old",
      "link": `-> ${file}`,
    });
    assert.equal((Deno.statSync(file).mode ?? 0) & 0o777, 0o640);
  });
});

Deno.test("prepareReplacement() fails before anything is changed where it cannot write", async () => {
  await withTree((root) => {
    assert.throws(() => prepareReplacement(`${root}/none`, "new", ".old"), failing("changed"));
    assert.deepEqual(treeOf(root), {});
  });
});
