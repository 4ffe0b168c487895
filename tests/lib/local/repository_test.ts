import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  digestFile,
  digestFileSync,
  isSettled,
  openFile,
  resolveInside,
  sameStamp,
  SMALL_FILE_BYTES,
  statFile,
} from "../../../lib/local/repository.ts";
import { type LocalFile, scanRepository } from "../../../lib/local/scan.ts";
import { failing, NO_FILTER, path, plant, textOf, withTree } from "./_tree.ts";

const LARGE_BYTES = 3 * 1024 * 1024;

function fileAt(root: string, name: string): LocalFile {
  return statFile(root, path(name)) ?? assert.fail(`There is no ${name}`);
}

Deno.test("resolveInside() leaves no way through a linked folder", async () => {
  await withTree(async (outside) => {
    await withTree((root) => {
      plant(outside, { "x": "1" });
      plant(root, { "a": "1", "sub/b": "2" });
      Deno.symlinkSync(outside, `${root}/out`);
      Deno.symlinkSync("sub", `${root}/in`);
      Deno.symlinkSync("a", `${root}/link`);
      Deno.symlinkSync(`${outside}/x`, `${root}/stolen`);
      for (const name of ["a", "sub/b", "link", "sub", "new", "new/er/est"]) {
        assert.equal(resolveInside(root, path(name)), `${root}/${name}`);
      }
      for (
        const [name, message] of [
          ["out/x", /"out" is a symbolic link/],
          ["out/new", /"out" is a symbolic link/],
          ["in/b", /"in" is a symbolic link/],
          ["a/b", /"a" is a file, not a folder/],
          ["link/b", /"link" is a symbolic link/],
          ["stolen", /leads out/],
          ["out", /leads out/],
        ] as const
      ) assert.throws(() => resolveInside(root, path(name)), failing("refused", message), name);
    });
  });
});

Deno.test("statFile() gives what the scan gives", async () => {
  await withTree(async (root) => {
    plant(root, { "a": "1", "sub/b": "22" });
    Deno.symlinkSync("a", `${root}/link`);
    Deno.symlinkSync("nowhere", `${root}/dangling`);
    Deno.symlinkSync("sub", `${root}/folder`);
    const { files } = await scanRepository(root, { filter: NO_FILTER });
    assert.equal(files.size, 3);
    for (const file of files.values()) assert.deepEqual(statFile(root, file.path), file);
    for (const name of ["dangling", "folder", "folder/b", "sub", "a/b", "none", "none/b"]) {
      assert.equal(statFile(root, path(name)), undefined, name);
    }
  });
});

Deno.test("sameStamp() and isSettled() judge each part of a stamp", () => {
  const stamp = { sizeBytes: 1, modifiedMs: 2, changedMs: 3, inode: 4 };
  assert.ok(sameStamp(stamp, { ...stamp }));
  for (const key of ["sizeBytes", "modifiedMs", "changedMs", "inode"] as const) {
    assert.ok(!sameStamp(stamp, { ...stamp, [key]: 9 }), key);
  }
  const changed = (changedMs: number) => ({ ...stamp, changedMs, modifiedMs: 9e12 });
  assert.ok(isSettled(changed(1_000_000), 1_002_050));
  assert.ok(!isSettled(changed(1_000_000), 1_002_049));
  assert.ok(!isSettled(changed(1_000_000), 900_000));
});

Deno.test("openFile() gives the content, as often as it is opened", async () => {
  await withTree(async (root) => {
    for (const size of [0, 1, SMALL_FILE_BYTES, SMALL_FILE_BYTES + 1, LARGE_BYTES]) {
      plant(root, { "a": "x".repeat(size) });
      const source = openFile(root, fileAt(root, "a"));
      assert.equal(source.sizeBytes, size);
      for (const _ of [1, 2]) assert.equal((await textOf(source.open())).length, size);
    }
  });
});

Deno.test("openFile() and digestFile() read through a link", async () => {
  await withTree(async (root) => {
    plant(root, { "a": "content" });
    Deno.symlinkSync("a", `${root}/link`);
    const link = fileAt(root, "link");
    assert.equal(await textOf(openFile(root, link).open()), "content");
    assert.equal(digestFileSync(root, link, "md5"), "9a0364b9e99bb480dd25e1f0284c8555");
  });
});

for (const sizeBytes of [100, LARGE_BYTES]) {
  Deno.test(`a file of ${sizeBytes} bytes that changed since its stamp is not read`, async () => {
    await withTree(async (root) => {
      const changes: Record<string, (place: string) => void> = {
        "gone": (place) => Deno.removeSync(place),
        "longer": (place) => Deno.writeTextFileSync(place, "more", { append: true }),
        "shorter": (place) => Deno.truncateSync(place, sizeBytes - 1),
        "touched": (place) => Deno.utimeSync(place, 1, 1),
        "replaced": (place) => {
          Deno.copyFileSync(place, `${place}.new`);
          const { mtime } = Deno.lstatSync(place);
          Deno.utimeSync(`${place}.new`, mtime ?? 0, mtime ?? 0);
          Deno.renameSync(`${place}.new`, place);
        },
        "a folder": (place) => {
          Deno.removeSync(place);
          Deno.mkdirSync(place);
        },
        // Opening a pipe would wait for a writer.
        "a pipe": (place) => {
          Deno.removeSync(place);
          new Deno.Command("mkfifo", { args: [place] }).outputSync();
        },
        "a link out": (place) => {
          Deno.removeSync(place);
          Deno.symlinkSync("/etc/passwd", place);
        },
      };
      for (const [name, change] of Object.entries(changes)) {
        if (name === "a pipe" && Deno.build.os === "windows") continue;
        plant(root, { [name]: "x".repeat(sizeBytes) });
        const file = fileAt(root, name);
        change(`${root}/${name}`);
        await assert.rejects(textOf(openFile(root, file).open()), failing("changed"), name);
        await assert.rejects(digestFile(root, file, "sha256"), failing("changed"), name);
      }
    });
  });
}

Deno.test("a file that changes while it is read gives an error before its last byte", async () => {
  await withTree(async (root) => {
    const changes: Record<string, (place: string) => void> = {
      "longer": (place) => Deno.writeTextFileSync(place, "more", { append: true }),
      "shorter": (place) => Deno.truncateSync(place, LARGE_BYTES / 2),
      "touched": (place) => Deno.utimeSync(place, 1, 1),
      "gone": (place) => Deno.removeSync(place),
    };
    for (const [name, change] of Object.entries(changes)) {
      plant(root, { [name]: "x".repeat(LARGE_BYTES) });
      const reader = openFile(root, fileAt(root, name)).open().getReader();
      let received = (await reader.read()).value?.length ?? 0;
      assert.ok(received > 0);
      change(`${root}/${name}`);
      const rest = async () => {
        for (let read = await reader.read(); !read.done; read = await reader.read()) {
          received += read.value.length;
        }
      };
      await assert.rejects(rest(), failing("changed"), name);
      assert.ok(received < LARGE_BYTES, name);
    }
  });
});

Deno.test("a link that leads elsewhere just while it is opened is not read", async () => {
  await withTree(async (root) => {
    for (const content of ["small", "x".repeat(LARGE_BYTES)]) {
      plant(root, { "a": content, "b": content });
      const point = (to: string) => {
        Deno.symlinkSync(to, `${root}/new`);
        Deno.renameSync(`${root}/new`, `${root}/link`);
      };
      point("a");
      const source = openFile(root, fileAt(root, "link"));
      const { openSync } = Deno;
      Deno.openSync = (...args) => {
        point("b");
        const handle = openSync(...args);
        point("a");
        return handle;
      };
      try {
        await assert.rejects(textOf(source.open()), failing("changed"));
      } finally {
        Deno.openSync = openSync;
      }
    }
  });
});

Deno.test("openFile() closes the file when its stream is cancelled, even while it is read", async () => {
  await withTree(async (root) => {
    plant(root, { "a": "x".repeat(LARGE_BYTES) });
    const source = openFile(root, fileAt(root, "a"));
    await source.open().cancel();
    const reader = source.open().getReader();
    await reader.read();
    const reading = reader.read();
    await reader.cancel();
    await reading;
  });
});

Deno.test("digestFile() and digestFileSync() agree with the content", async () => {
  await withTree(async (root) => {
    for (const size of [0, 1000, LARGE_BYTES + 17]) {
      plant(root, { "a": "y".repeat(size) });
      const file = fileAt(root, "a");
      for (const algorithm of ["sha512", "sha256", "md5"]) {
        const expected = createHash(algorithm).update("y".repeat(size)).digest("hex");
        assert.equal(await digestFile(root, file, algorithm), expected);
        assert.equal(digestFileSync(root, file, algorithm), expected);
      }
      await assert.rejects(digestFile(root, file, "sha5000"), failing("unsupported"));
    }
  });
});

Deno.test("digestFile() stops when it is told to", async () => {
  await withTree(async (root) => {
    plant(root, { "a": "x".repeat(LARGE_BYTES) });
    const controller = new AbortController();
    const digest = digestFile(root, fileAt(root, "a"), "sha512", { signal: controller.signal });
    controller.abort();
    await assert.rejects(digest, { name: "AbortError" });
  });
});

Deno.test("digestFile() does not hold a large file in memory", async () => {
  await withTree(async (root) => {
    Deno.createSync(`${root}/sparse`).close();
    Deno.truncateSync(`${root}/sparse`, 256 * 1024 * 1024);
    const beforeBytes = Deno.memoryUsage().rss;
    await digestFile(root, fileAt(root, "sparse"), "sha1");
    const grownMiB = (Deno.memoryUsage().rss - beforeBytes) / 1024 / 1024;
    assert.ok(grownMiB < 100, `grew by ${grownMiB} MiB`);
  });
});
