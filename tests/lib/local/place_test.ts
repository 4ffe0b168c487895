import assert from "node:assert/strict";
import { statFile } from "../../../lib/local/repository.ts";
import { type LocalFile, scanRepository } from "../../../lib/local/scan.ts";
import { type PlaceMoment, Stager } from "../../../lib/local/write.ts";
import {
  failing,
  importOf,
  NO_FILTER,
  path,
  plant,
  runProgram,
  treeOf,
  withTree,
} from "./_tree.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const a = path("a");
const aside = path("a.conflict");

function fileAt(root: string, name: string): LocalFile {
  return statFile(root, path(name)) ?? assert.fail(`There is no ${name}`);
}

/** A stager at whose `moment` another program does `interfere`, once. */
function raced(root: string, moment: PlaceMoment, interfere: () => void): Stager {
  let isDone = false;
  return new Stager(root, {
    at: (reached) => {
      if (isDone || reached !== moment) return;
      isDone = true;
      interfere();
    },
  });
}

/** What another program may do to a file, and the content that it then has. */
const edits: Readonly<Record<string, (place: string) => string>> = {
  "appends": (place) => {
    Deno.writeTextFileSync(place, "+", { append: true });
    return "old+";
  },
  "writes as many bytes": (place) => {
    Deno.writeTextFileSync(place, "OLD");
    return "OLD";
  },
  "saves by rename": (place) => {
    Deno.writeTextFileSync(`${place}~`, "saved");
    Deno.renameSync(`${place}~`, place);
    return "saved";
  },
};

/** Writes the old file, last changed a while ago. */
function plantOld(root: string): LocalFile {
  plant(root, { "a": "old" });
  Deno.utimeSync(`${root}/a`, 1_000_000, 1_000_000);
  return fileAt(root, "a");
}

Deno.test("place() replaces the file that was expected, keeping its mode", async () => {
  await withTree(async (root) => {
    plantOld(root);
    for (const mode of [0o600, 0o444, 0o664, 0o755]) {
      Deno.chmodSync(`${root}/a`, mode);
      const stager = new Stager(root);
      const staged = await stager.stage(a, bytes(`mode ${mode}`));
      await stager.sync([staged]);
      const old = fileAt(root, "a");
      const placed = stager.place(staged, old);
      assert.deepEqual(placed, fileAt(root, "a"));
      assert.notEqual(placed.inode, old.inode);
      assert.deepEqual(treeOf(root), { "a": `mode ${mode}` });
      if (Deno.build.os !== "windows") {
        assert.equal((Deno.lstatSync(`${root}/a`).mode ?? 0) & 0o777, mode);
      }
    }
  });
});

Deno.test("place() replaces a link and leaves what it leads to", async () => {
  await withTree(async (root) => {
    plant(root, { "target": "old" });
    Deno.symlinkSync("target", `${root}/a`);
    const stager = new Stager(root);
    stager.place(await stager.stage(a, bytes("new")), fileAt(root, "a"));
    assert.deepEqual(treeOf(root), { "a": "new", "target": "old" });
  });
});

Deno.test("place() touches nothing if another file stands there than expected", async () => {
  await withTree(async (root) => {
    const old = plantOld(root);
    const stager = new Stager(root);
    const staged = await stager.stage(a, bytes("new"));
    assert.throws(() => stager.place(staged, undefined), failing("changed", /has appeared/));
    for (
      const [key, value] of Object.entries({ sizeBytes: 9, modifiedMs: 9, inode: 9, changedMs: 9 })
    ) {
      assert.throws(() => stager.place(staged, { ...old, [key]: value }), failing("changed"), key);
    }
    stager.place(staged, old);
    const again = await stager.stage(a, bytes("newer"));
    Deno.removeSync(`${root}/a`);
    assert.throws(() => stager.place(again, old), failing("changed", /gone/));
    Deno.mkdirSync(`${root}/a`);
    assert.throws(() => stager.place(again, old), failing("refused", /a folder/));
    assert.throws(() => stager.place(again, undefined), failing("refused", /a folder/));
    stager.discard(again);
    assert.deepEqual(treeOf(root), { "a/": "" });
  });
});

for (const [name, edit] of Object.entries(edits)) {
  for (const moment of ["looked", "linked"] as const) {
    // A save by rename in the one call between the second look and the rename is beyond what can be noticed.
    if (moment === "linked" && name === "saves by rename") continue;

    Deno.test(`place() loses nothing if another program ${name} when it has ${moment}`, async () => {
      await withTree(async (root) => {
        const old = plantOld(root);
        let left = "";
        const stager = raced(root, moment, () => left = edit(`${root}/a`));
        const staged = await stager.stage(a, bytes("new"));
        assert.throws(() => stager.place(staged, old), failing("changed"));
        stager.discard(staged);
        assert.deepEqual(treeOf(root), { "a": left });
      });
    });
  }

  Deno.test(`keepAside() loses nothing if another program ${name} meanwhile`, async () => {
    for (const moment of ["looked", "linked"] as const) {
      await withTree((root) => {
        const old = plantOld(root);
        let left = "";
        const stager = raced(root, moment, () => left = edit(`${root}/a`));
        if (moment === "looked") {
          assert.throws(() => stager.keepAside(a, aside, old), failing("changed"));
          assert.deepEqual(treeOf(root), { "a": left });
          return;
        }
        let kept: LocalFile | "taken" | undefined;
        try {
          kept = stager.keepAside(a, aside, old);
        } catch (thrown) {
          failing("changed")(thrown);
        }
        const tree = treeOf(root);
        assert.ok(Object.values(tree).includes(left), JSON.stringify(tree));
        assert.equal(Object.keys(tree).length, 1);
        // What is returned never vouches for what the other program wrote.
        if (kept !== undefined) assert.notDeepEqual(kept, statFile(root, aside));
      });
    }
  });
}

Deno.test("place() does not replace a file that appears at the last moment", async () => {
  await withTree(async (root) => {
    const stager = raced(root, "looked", () => plant(root, { "a": "theirs" }));
    const staged = await stager.stage(a, bytes("new"));
    assert.throws(() => stager.place(staged, undefined), failing("changed", /has appeared/));
    stager.discard(staged);
    assert.deepEqual(treeOf(root), { "a": "theirs" });
  });
});

Deno.test("place() gives a free name without a call that could replace a file", async () => {
  await withTree(async (root) => {
    const stager = new Stager(root);
    const staged = await stager.stage(a, bytes("new"));
    const { renameSync } = Deno;
    Deno.renameSync = assert.fail;
    try {
      stager.place(staged, undefined);
    } finally {
      Deno.renameSync = renameSync;
    }
    assert.deepEqual(treeOf(root), { "a": "new" });
  });
});

Deno.test("place() and keepAside() do without hard links where there are none", async () => {
  await withTree(async (root) => {
    const { linkSync } = Deno;
    Deno.linkSync = () => {
      throw Object.assign(new Error("Operation not permitted"), { code: "EPERM" });
    };
    try {
      const stager = new Stager(root);
      stager.place(await stager.stage(a, bytes("one")), undefined);
      stager.place(await stager.stage(a, bytes("two")), fileAt(root, "a"));
      assert.deepEqual(treeOf(root), { "a": "two" });
      const kept = stager.keepAside(a, aside, fileAt(root, "a"));
      assert.deepEqual(kept, fileAt(root, "a.conflict"));
      plant(root, { "a": "three" });
      assert.equal(stager.keepAside(a, aside, fileAt(root, "a")), "taken");
      assert.deepEqual(treeOf(root), { "a": "three", "a.conflict": "two" });

      const late = raced(root, "looked", () => plant(root, { "b": "theirs" }));
      const staged = await late.stage(path("b"), bytes("new"));
      assert.throws(() => late.place(staged, undefined), failing("changed"));
      const edited = raced(root, "looked", () => edits["appends"]?.(`${root}/a`));
      const again = await edited.stage(a, bytes("new"));
      assert.throws(() => edited.place(again, fileAt(root, "a")), failing("changed"));
    } finally {
      Deno.linkSync = linkSync;
    }
  });
});

Deno.test("keepAside() moves the file and never replaces another", async () => {
  await withTree((root) => {
    const old = plantOld(root);
    const stager = new Stager(root);
    plant(root, { "taken": "1", "folder/x": "2" });
    assert.equal(stager.keepAside(a, path("taken"), old), "taken");
    assert.equal(stager.keepAside(a, path("folder"), old), "taken");
    const wrong = { ...old, sizeBytes: 9 };
    assert.throws(() => stager.keepAside(a, aside, wrong), failing("changed"));
    assert.equal(treeOf(root)["a"], "old");
    const kept = stager.keepAside(a, aside, old);
    assert.deepEqual(kept, fileAt(root, "a.conflict"));
    assert.deepEqual(treeOf(root), {
      "a.conflict": "old",
      "folder/": "",
      "folder/x": "2",
      "taken": "1",
    });
    assert.throws(() => stager.keepAside(a, aside, old), failing("changed", /gone/));
  });
});

Deno.test("keepAside() moves a link as a link", async () => {
  await withTree((root) => {
    plant(root, { "target": "old" });
    Deno.symlinkSync("target", `${root}/a`);
    const kept = new Stager(root).keepAside(a, aside, fileAt(root, "a"));
    assert.deepEqual(kept, fileAt(root, "a.conflict"));
    assert.deepEqual(treeOf(root), { "a.conflict": "-> target", "target": "old" });
  });
});

for (const moment of ["looked", "linked"] as const) {
  for (const action of ["place", "keepAside"] as const) {
    Deno.test(`a client killed in ${action}() when it has ${moment} leaves the old content`, async () => {
      await withTree(async (root) => {
        plantOld(root);
        const program = importOf("Stager", "write.ts") + importOf("statFile", "repository.ts") + `
          const root = ${JSON.stringify(root)};
          const at = (moment) => moment === "${moment}" && Deno.kill(Deno.pid, "SIGKILL");
          const stager = new Stager(root, { at });
          const staged = await stager.stage("a", new Uint8Array(3));
          if ("${action}" === "place") stager.place(staged, statFile(root, "a"));
          else stager.keepAside("a", "a.conflict", statFile(root, "a"));
        `;
        assert.deepEqual(await runProgram(program), { output: "", isDone: false });
        const scan = await scanRepository(root, { filter: NO_FILTER });
        assert.ok(scan.leftovers.length > 0);
        new Stager(root).cleanLeftovers(scan);
        const isKept = action === "keepAside" && moment === "linked";
        assert.deepEqual(treeOf(root), { "a": "old", ...(isKept ? { "a.conflict": "old" } : {}) });
      });
    });
  }
}
