import assert from "node:assert/strict";
import { scanRepository } from "../../../lib/local/scan.ts";
import { Stager } from "../../../lib/local/write.ts";
import {
  failing,
  importOf,
  NO_FILTER,
  path,
  plant,
  runProgram,
  streamOf,
  treeOf,
  withSmallDisk,
  withTree,
} from "./_tree.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("a file is staged hidden, synced, and placed with its time", async () => {
  await withTree(async (root) => {
    const stager = new Stager(root);
    const staged = await stager.stage(path("new/er/a.txt"), streamOf("one ", "two"), {
      sizeBytes: 7,
      timeS: 1_234_567_890,
    });
    assert.equal(staged.sizeBytes, 7);
    assert.match(
      staged.temporary.slice(root.length),
      /^\/new\/er\/\.escale-[0-9a-f]{8}-[0-9a-f]{12}\.tmp$/,
    );
    assert.equal((await scanRepository(root, { filter: NO_FILTER })).files.size, 0);
    await stager.sync([staged]);
    const placed = stager.place(staged, undefined);
    await stager.syncFolders([staged]);
    assert.deepEqual(treeOf(root), { "new/": "", "new/er/": "", "new/er/a.txt": "one two" });
    assert.equal(placed.modifiedMs, 1_234_567_890_000);
    const { files } = await scanRepository(root, { filter: NO_FILTER });
    assert.deepEqual(files.get(placed.path), placed);
  });
});

Deno.test("stage() takes bytes, empty files and large streams", async () => {
  await withTree(async (root) => {
    const stager = new Stager(root);
    const chunk = "0123456789abcdef".repeat(8192);
    const staged = [
      await stager.stage(path("bytes"), bytes("content")),
      await stager.stage(path("empty"), streamOf(), { sizeBytes: 0 }),
      await stager.stage(path("empty-bytes"), bytes(""), { sizeBytes: 0 }),
      await stager.stage(path("large"), streamOf(...Array<string>(8).fill(chunk))),
      await stager.stage(path("x".repeat(255)), bytes("long")),
      await stager.stage(path("new\nline "), bytes("odd")),
    ];
    await stager.sync(staged);
    for (const one of staged) stager.place(one, undefined);
    await stager.syncFolders(staged);
    assert.deepEqual(treeOf(root), {
      "bytes": "content",
      "empty": "",
      "empty-bytes": "",
      "large": chunk.repeat(8),
      "new\nline ": "odd",
      ["x".repeat(255)]: "long",
    });
  });
});

Deno.test("stage() refuses another length than said and leaves nothing", async () => {
  await withTree(async (root) => {
    const stager = new Stager(root);
    let cancelled: unknown;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1000)),
      cancel: (reason) => void (cancelled = reason),
    });
    const tooLong = stager.stage(path("a"), endless, { sizeBytes: 5000 });
    await assert.rejects(tooLong, failing("corrupt", /at least 6000 bytes came, not 5000/));
    assert.ok(cancelled instanceof Error);
    const tooShort = stager.stage(path("a"), streamOf("123"), { sizeBytes: 4 });
    await assert.rejects(tooShort, failing("corrupt", /3 bytes came, not 4/));
    await assert.rejects(
      stager.stage(path("a"), bytes("123"), { sizeBytes: 2 }),
      failing("corrupt"),
    );
    assert.deepEqual(treeOf(root), {});
  });
});

Deno.test("stage() throws what the stream throws and leaves nothing", async () => {
  await withTree(async (root) => {
    const failure = new Error("from the relay");
    let count = 0;
    const broken = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (count++ > 3) throw failure;
        controller.enqueue(new Uint8Array(100_000));
      },
    });
    await assert.rejects(new Stager(root).stage(path("a"), broken), (thrown) => thrown === failure);
    assert.deepEqual(treeOf(root), {});
  });
});

Deno.test("stage() stops on demand, while it waits and before it begins", async () => {
  await withTree(async (root) => {
    const stager = new Stager(root);
    const controller = new AbortController();
    let cancelled = false;
    const silent = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) });
    const staging = stager.stage(path("a"), silent, { signal: controller.signal });
    controller.abort();
    await assert.rejects(staging, { name: "AbortError" });
    assert.ok(cancelled);
    const { signal } = controller;
    await assert.rejects(stager.stage(path("a"), bytes("1"), { signal }), { name: "AbortError" });
    assert.deepEqual(treeOf(root), {});
  });
});

Deno.test("stage() never writes through links, over folders or below files", async () => {
  await withTree(async (outside) => {
    await withTree(async (root) => {
      plant(root, { "file": "1", "folder/x": "2" });
      Deno.symlinkSync(outside, `${root}/out`);
      Deno.symlinkSync("folder", `${root}/in`);
      Deno.symlinkSync(`${outside}/new`, `${root}/dangling`);
      const before = treeOf(root);
      const stager = new Stager(root);
      for (
        const [name, message] of [
          ["out/a", /"out\/a": its folder "out" is a symbolic link/],
          ["in/a", /"in\/a": its folder "in" is a symbolic link/],
          ["dangling", /"dangling": it is a symbolic link that leads nowhere/],
          ["folder", /"folder": a folder of that name/],
          ["file/a", /"file\/a": "file" is a file, not a folder/],
          ["file/a/b", /"file\/a\/b": "file" is a file, not a folder/],
        ] as const
      ) {
        const staging = stager.stage(path(name), streamOf("evil"));
        await assert.rejects(staging, failing("refused", message), name);
      }
      assert.deepEqual(treeOf(root), before);
      assert.deepEqual(treeOf(outside), {});
    });
  });
});

Deno.test("stage() does not make a missing repository", async () => {
  await withTree(async (root) => {
    const stager = new Stager(`${root}/none`);
    for (const name of ["a", "sub/a"]) {
      await assert.rejects(stager.stage(path(name), bytes("1")), failing("changed"));
    }
    assert.deepEqual(treeOf(root), {});
  });
});

Deno.test("place() does not follow a link that appeared after staging", async () => {
  await withTree(async (outside) => {
    await withTree(async (root) => {
      const stager = new Stager(root);
      const staged = await stager.stage(path("sub/a"), bytes("new"));
      Deno.renameSync(`${root}/sub`, `${root}/moved`);
      Deno.symlinkSync(outside, `${root}/sub`);
      assert.throws(() => stager.place(staged, undefined), failing("changed"));
      plant(outside, { [staged.temporary.slice(root.length + 5)]: "evil" });
      assert.throws(() => stager.place(staged, undefined), failing("refused", /"sub" is a symb/));
      assert.deepEqual(treeOf(root)["sub"], `-> ${outside}`);
    });
  });
});

Deno.test("stage() says when the disk is full and leaves nothing", async () => {
  await withSmallDisk("size=1m", async (root) => {
    plant(root, { "a": "old" });
    const stager = new Stager(root);
    const chunk = "x".repeat(100_000);
    const big = () => streamOf(...Array<string>(30).fill(chunk));
    await assert.rejects(stager.stage(path("a"), big()), failing("full", /"a": no space is left/));
    await assert.rejects(stager.stage(path("b"), bytes(chunk.repeat(30))), failing("full"));
    assert.deepEqual(treeOf(root), { "a": "old" });
    const staged = await stager.stage(path("b"), bytes("fits"));
    stager.place(staged, undefined);
  });
});

Deno.test("stage() says when the disk or the folder is read-only", async () => {
  await withSmallDisk("size=1m,ro", async (root) => {
    await assert.rejects(new Stager(root).stage(path("a"), bytes("1")), failing("denied"));
  });
  await withTree(async (root) => {
    Deno.chmodSync(root, 0o500);
    const program = importOf("Stager", "write.ts") + `
      const stager = new Stager(${JSON.stringify(root)});
      for (const path of ["a", "sub/a"]) {
        await stager.stage(path, new Uint8Array(1)).catch((thrown) => console.log(thrown.code));
      }
    `;
    const result = await runProgram(program, { isUnprivileged: true });
    Deno.chmodSync(root, 0o700);
    if (result !== undefined) assert.equal(result.output, "denied\ndenied\n");
  });
});

/** Runs `work` as if names below `root` that differ only in case were equal. */
async function withFoldedNames(root: string, work: () => Promise<void>): Promise<void> {
  const { lstatSync, openSync, linkSync, removeSync } = Deno;
  const fold = (place: string | URL) => {
    let found = root;
    for (const part of String(place).slice(root.length + 1).split("/")) {
      let names: string[] = [];
      try {
        names = [...Deno.readDirSync(found)].map((entry) => entry.name);
      } catch {
        // Nothing to find below what is missing.
      }
      found += `/${names.find((name) => name.toLowerCase() === part.toLowerCase()) ?? part}`;
    }
    return found;
  };
  Deno.lstatSync = (place) => lstatSync(fold(place));
  Deno.openSync = (place, options) => openSync(fold(place), options);
  Deno.linkSync = (from, to) => linkSync(fold(from), fold(to));
  Deno.removeSync = (place) => removeSync(fold(place));
  try {
    await work();
  } finally {
    Object.assign(Deno, { lstatSync, openSync, linkSync, removeSync });
  }
}

Deno.test("another name for the same place is not written through, and named", async () => {
  await withTree(async (root) => {
    plant(root, { "Sub/a": "1", "b": "2" });
    const before = treeOf(root);
    await withFoldedNames(root, async () => {
      const stager = new Stager(root);
      stager.discard(await stager.stage(path("Sub/new"), bytes("3")));
      const inTwin = stager.stage(path("sub/new"), bytes("3"));
      await assert.rejects(inTwin, failing("refused", /"sub\/new": "Sub" has that name/));
      const staged = await stager.stage(path("B"), bytes("3"));
      assert.throws(
        () => stager.place(staged, undefined),
        failing("changed", /"B" alone: "b" has that name/),
      );
      stager.discard(staged);
    });
    assert.deepEqual(treeOf(root), before);
  });
});

Deno.test("where names fold, folders that are right are accepted", async () => {
  await withTree(async (root) => {
    const stager = new Stager(root, { foldsNames: true });
    plant(root, { "Sub/a": "1" });
    for (const name of ["Sub/b", "Sub/c", "new/d", "e"]) {
      stager.discard(await stager.stage(path(name), bytes("1")));
    }
    assert.deepEqual(treeOf(root), { "Sub/": "", "Sub/a": "1", "new/": "" });
  });
});

Deno.test("sync() and syncFolders() fail for what they cannot sync", async () => {
  await withTree(async (root) => {
    const stager = new Stager(root);
    const staged = [];
    for (let i = 0; i < 100; i++) staged.push(await stager.stage(path(`d/${i}`), bytes("1")));
    await stager.sync(staged);
    const signal = AbortSignal.abort();
    await assert.rejects(stager.sync(staged, { signal }), { name: "AbortError" });
    await assert.rejects(stager.syncFolders(staged, { signal }), { name: "AbortError" });
    stager.discard(staged);
    stager.discard(staged);
    assert.deepEqual(treeOf(root), { "d/": "" });
    await assert.rejects(stager.sync(staged), failing("changed"));
    Deno.removeSync(`${root}/d`);
    await stager.syncFolders(staged);
  });
});

Deno.test("cleanLeftovers() removes what an earlier run of the same client left", async () => {
  await withTree(async (root) => {
    using own = new Stager(root, { owner: "a" });
    using other = new Stager(root, { owner: "b" });
    await own.stage(path("sub/x"), bytes("1"));
    await own.stage(path("y"), bytes("2"));
    const kept = await other.stage(path("z"), bytes("3"));
    plant(root, { ".escale-mine.tmp": "4" });
    const scan = await scanRepository(root, { filter: NO_FILTER });
    assert.equal(scan.leftovers.length, 3);
    new Stager(root, { owner: "a" }).cleanLeftovers(scan);
    const keptName = kept.temporary.slice(root.length + 1);
    assert.deepEqual(
      Object.keys(treeOf(root)).sort(),
      [keptName, ".escale-mine.tmp", "sub/"].sort(),
    );

    const dayMs = 24 * 60 * 60 * 1000;
    own.cleanLeftovers({ ...scan, scannedMs: scan.scannedMs + dayMs - 60_000 });
    assert.ok(keptName in treeOf(root));
    own.cleanLeftovers({ ...scan, scannedMs: scan.scannedMs + dayMs + 60_000 });
    assert.ok(!(keptName in treeOf(root)));
  });
});

Deno.test("scan, staging and placing need no permission but for the repository", async () => {
  await withTree(async (root) => {
    plant(root, { "a": "old", "aside": "aside", "target": "" });
    Deno.symlinkSync("target", `${root}/link`);
    const program = importOf("Stager", "write.ts") + importOf("scanRepository", "scan.ts") +
      importOf("checkRoot", "root.ts") + `
      const root = ${JSON.stringify(root)};
      const all = () => true;
      const filter = { acceptsFile: all, listsFile: all, entersFolder: all };
      const scan = await scanRepository(root, { filter });
      checkRoot(root, undefined, scan);
      const stager = new Stager(root);
      const staged = [];
      for (const path of ["a", "link", "new/b"]) {
        staged.push(await stager.stage(path, new TextEncoder().encode(path), { timeS: 1 }));
      }
      await stager.sync(staged);
      for (const one of staged) stager.place(one, scan.files.get(one.path));
      stager.keepAside("aside", "kept", scan.files.get("aside"));
      await stager.syncFolders(staged);
    `;
    const permissions = [`--allow-read=${root}`, `--allow-write=${root}`];
    assert.deepEqual(await runProgram(program, { permissions }), { output: "", isDone: true });
    assert.deepEqual(treeOf(root), {
      "a": "a",
      "kept": "aside",
      "link": "link",
      "new/": "",
      "new/b": "new/b",
      "target": "",
    });
  });
});

Deno.test("stage() leaves zeros out of large files, and keeps their length", async () => {
  await withTree(async (root) => {
    using stager = new Stager(root);
    const zeros = new Uint8Array(512 * 1024);
    const text = bytes("in between").slice();
    for (
      const chunks of [[zeros, zeros], [text, zeros], [zeros, text], [text, zeros, text, zeros]]
    ) {
      const whole = new Uint8Array(await new Blob(chunks).arrayBuffer());
      const staged = await stager.stage(path("a"), ReadableStream.from(chunks));
      const written = Deno.readFileSync(staged.temporary);
      assert.equal(written.length, whole.length);
      assert.ok(written.every((byte, at) => byte === whole[at]));
      const { blocks } = Deno.statSync(staged.temporary);
      if (blocks !== null) assert.ok(blocks * 512 <= 64 * 1024, `${blocks} blocks`);
      stager.discard(staged);
    }
  });
});

Deno.test("Stager writes nothing once its root is on another file system than it is kept to", async () => {
  await withTree(async (root) => {
    using stager = new Stager(root);
    const { dev } = Deno.statSync(root);
    stager.keepTo(dev);
    const staged = await stager.stage(path("d/f"), bytes("1"));
    stager.keepTo(dev + 1);
    const another = failing("no-repository", /on another disk/);
    await assert.rejects(stager.stage(path("e/g"), bytes("2")), another);
    assert.throws(() => stager.place(staged, undefined), another);
    stager.discard(staged);
    assert.deepEqual(treeOf(root), { "d/": "" }, "but the folder that was made before");
  });
});
