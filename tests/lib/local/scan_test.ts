import assert from "node:assert/strict";
import { compileFilter } from "../../../lib/local/filter.ts";
import { mayHide, type Scan, scanRepository } from "../../../lib/local/scan.ts";
import {
  failing,
  importOf,
  NO_FILTER,
  NO_SETTINGS,
  path,
  plant,
  runProgram,
  withTree,
} from "./_tree.ts";

async function scanAll(root: string): Promise<Scan> {
  return await scanRepository(root, { filter: NO_FILTER });
}

function reasons(scan: Scan): Record<string, string> {
  return Object.fromEntries(scan.skipped.map(({ path, reason }) => [path, reason]));
}

Deno.test("scanRepository() lists files with their stamps and leaves hidden names out", async () => {
  await withTree(async (root) => {
    plant(root, { "a.txt": "12345", "sub/b": "", ".hidden": "x", ".git/c": "x", "sub/.d": "x" });
    Deno.mkdirSync(`${root}/empty`);
    Deno.utimeSync(`${root}/a.txt`, 1_000_000, 1_000_000.25);
    const beforeMs = Date.now();
    const scan = await scanAll(root);
    assert.deepEqual([...scan.files.keys()].sort(), ["a.txt", "sub/b"]);
    assert.deepEqual(scan.skipped, []);
    assert.ok(scan.scannedMs >= beforeMs && scan.scannedMs <= Date.now());
    const info = Deno.lstatSync(`${root}/a.txt`);
    assert.deepEqual(scan.files.get(path("a.txt")), {
      path: "a.txt",
      sizeBytes: 5,
      modifiedMs: 1_000_000_250,
      changedMs: info.ctime?.getTime() ?? 1_000_000_250,
      inode: info.ino ?? 0,
    });
  });
});

Deno.test("scanRepository() reads links to files inside through and skips the others", async () => {
  await withTree(async (outside) => {
    await withTree(async (root) => {
      plant(outside, { "secret": "s", "folder/x": "x" });
      plant(root, { "real/a.txt": "abc" });
      const link = (to: string, name: string) => Deno.symlinkSync(to, `${root}/${name}`);
      link("real/a.txt", "in");
      link("in", "in-again");
      link(`${root}/real/a.txt`, "in-absolute");
      link(`${outside}/secret`, "out");
      link("out", "out-again");
      link(`${outside}/folder`, "out-folder");
      link("real", "folder");
      link(".", "self");
      link("nothing", "dangling");
      link("loop-b", "loop-a");
      link("loop-a", "loop-b");
      link("/dev/null", "device");
      const scan = await scanAll(root);
      const { path: _, ...stamp } = scan.files.get(path("real/a.txt")) ?? assert.fail();
      assert.deepEqual([...scan.files.keys()].sort(), [
        "in",
        "in-absolute",
        "in-again",
        "real/a.txt",
      ]);
      assert.deepEqual(scan.files.get(path("in-again")), { path: "in-again", ...stamp });
      assert.deepEqual(reasons(scan), {
        "out": "it is a symbolic link that leads out of the repository",
        "out-again": "it is a symbolic link that leads out of the repository",
        "out-folder": "it is a symbolic link that leads out of the repository",
        "device": "it is a symbolic link that leads out of the repository",
        "folder": "it is a symbolic link that leads to a folder",
        "self": "it is a symbolic link that leads out of the repository",
        "dangling": "it is a symbolic link that leads nowhere",
        "loop-a": "it is a symbolic link that leads back to itself",
        "loop-b": "it is a symbolic link that leads back to itself",
      });
    });
  });
});

Deno.test("scanRepository() works through a root that is a link", async () => {
  await withTree(async (root) => {
    plant(root, { "real/a": "1" });
    Deno.symlinkSync("a", `${root}/real/b`);
    Deno.symlinkSync("real", `${root}/root`);
    const scan = await scanAll(`${root}/root`);
    assert.deepEqual([...scan.files.keys()].sort(), ["a", "b"]);
  });
});

Deno.test("scanRepository() takes odd names as they are", async () => {
  await withTree(async (root) => {
    const names = [
      "new\nline",
      "trailing blank ",
      " leading",
      "x".repeat(255),
      "back\\slash",
      "%2e",
    ];
    names.push("tab\t", "quote\"'", "\u00e9", "e\u0301", "\u{1f600}", "\u202ertl", "-rf");
    for (const name of names) Deno.writeTextFileSync(`${root}/${name}`, name);
    const scan = await scanAll(root);
    assert.deepEqual([...scan.files.keys()].sort(), names.sort());
    assert.deepEqual(scan.skipped, []);
  });
});

Deno.test({
  name: "scanRepository() skips special files and names that are not valid Unicode",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await withTree(async (root) => {
      plant(root, { "a": "1" });
      const script = `cd '${root}' && mkfifo pipe && touch "$(printf 'bad\\377')" && ` +
        `mkdir "$(printf 'dir\\377')" && touch "$(printf 'dir\\377')/x" && ln -s a "$(printf 'ln\\377')"`;
      new Deno.Command("sh", { args: ["-c", script] }).outputSync();
      using socket = Deno.listen({ transport: "unix", path: `${root}/socket` });
      const scan = await scanAll(root);
      assert.ok(socket);
      assert.deepEqual([...scan.files.keys()], ["a"]);
      assert.deepEqual(reasons(scan), {
        "pipe": "it is neither a file nor a folder",
        "socket": "it is neither a file nor a folder",
        "bad\ufffd": "its name may not be valid Unicode",
        "dir\ufffd": "its name may not be valid Unicode",
        "ln\ufffd": "its name may not be valid Unicode",
      });
    });
  },
});

Deno.test({
  name: "scanRepository() skips folders that are too deep to be read",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await withTree(async (root) => {
      // No call takes a path this long, so that the two halves are joined by a rename.
      const half = Array.from({ length: 13 }, () => "d".repeat(200)).join("/");
      plant(root, { "a": "", [`${half}/f`]: "", [`other/${half}/f`]: "" });
      Deno.renameSync(`${root}/other`, `${root}/${half}/other`);
      const scan = await scanAll(root);
      assert.deepEqual([...scan.files.keys()].sort(), ["a", `${half}/f`]);
      assert.equal(scan.skipped.length, 1);
      assert.ok(mayHide(scan, `${half}/other/${half}/f`));
    });
  },
});

Deno.test("scanRepository() says below which folders it could not see", async () => {
  await withTree(async (root) => {
    plant(root, { "a": "1", "closed/b": "2", "listed/c": "3" });
    Deno.chmodSync(`${root}/closed`, 0o300);
    Deno.chmodSync(`${root}/listed`, 0o600);
    const program = importOf("scanRepository", "scan.ts") + `
      const all = () => true;
      const filter = { acceptsFile: all, listsFile: all, entersFolder: all };
      const scan = await scanRepository(${JSON.stringify(root)}, { filter });
      console.log(JSON.stringify([[...scan.files.keys()], scan.skipped, scan.unreadable.toSorted()]));
    `;
    const result = await runProgram(program, { isUnprivileged: true });
    Deno.chmodSync(`${root}/closed`, 0o700);
    Deno.chmodSync(`${root}/listed`, 0o700);
    if (result === undefined) return;
    const [files, skipped, unreadable] = JSON.parse(result.output);
    assert.deepEqual(files, ["a"]);
    assert.deepEqual(unreadable, ["closed", "listed/c"]);
    assert.equal(skipped.length, 2);
  });
});

Deno.test("mayHide() holds at and below what was skipped", () => {
  const scan = { unreadable: ["sub/link"] };
  for (
    const [name, expected] of Object.entries({
      "sub/link": true,
      "sub/link/a/b": true,
      "sub/link2": false,
      "sub": false,
    })
  ) assert.equal(mayHide(scan, name), expected, name);
});

Deno.test("scanRepository() enters and lists what the filter says", async () => {
  await withTree(async (root) => {
    plant(root, { "a.txt": "", "b.md": "", "tmp/c.txt": "", "sub/deep/d.txt": "" });
    Deno.symlinkSync("sub", `${root}/link.md`);
    Deno.symlinkSync("sub", `${root}/tmp.md`);
    const filter = compileFilter({
      ...NO_SETTINGS,
      include: ["*.txt"],
      excludeDirectories: ["tmp"],
    });
    const scan = await scanRepository(root, { filter });
    assert.deepEqual([...scan.files.keys()].sort(), ["a.txt", "sub/deep/d.txt"]);
    // A folder may have stood where the link stands now, and its files are not deleted.
    assert.deepEqual(scan.unreadable, ["link.md"]);
  });
});

Deno.test("scanRepository() reports temporary files that were left over", async () => {
  await withTree(async (root) => {
    const name = ".escale-0123abcd-0123456789ab.tmp";
    plant(root, { [name]: "x", [`sub/${name}`]: "x", ".escale-other.tmp": "x" });
    assert.deepEqual((await scanAll(root)).leftovers, [name, `sub/${name}`]);
  });
});

Deno.test("scanRepository() fails without a repository", async () => {
  await withTree(async (root) => {
    plant(root, { "file": "" });
    await assert.rejects(scanAll(`${root}/none`), failing("no-repository"));
    await assert.rejects(scanAll(`${root}/file`), failing("no-repository"));
  });
});

Deno.test("scanRepository() yields and stops on demand among 20 000 files", async () => {
  await withTree(async (root) => {
    for (let folder = 0; folder < 20; folder++) {
      Deno.mkdirSync(`${root}/${folder}`);
      for (let i = 0; i < 1000; i++) Deno.createSync(`${root}/${folder}/${i}`).close();
    }
    assert.equal((await scanAll(root)).files.size, 20_000);

    let turns = 0;
    const ticking = setInterval(() => turns++, 0);
    await scanRepository(root, { filter: NO_FILTER, yieldEveryMs: 1 });
    clearInterval(ticking);
    assert.ok(turns > 5, String(turns));

    const controller = new AbortController();
    const scan = scanRepository(root, {
      filter: NO_FILTER,
      yieldEveryMs: 1,
      signal: controller.signal,
    });
    controller.abort();
    await assert.rejects(scan, { name: "AbortError" });
  }, { inMemory: true });
});

Deno.test("scanRepository() lists files in the order of their paths", async () => {
  const names = ["a b", "a/c", "a/b/d", "a.txt", "a0", "b", "\uffee/x", "😀/y", "é", "A/z"];
  await withTree(async (root) => {
    plant(root, Object.fromEntries(names.map((name) => [name, ""])));
    const scan = await scanAll(root);
    assert.deepEqual([...scan.files.keys()], names.toSorted());
  });
});
