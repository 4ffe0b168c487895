import assert from "node:assert/strict";
import { join } from "node:path";
import { compress, decompress } from "../../../lib/archive/codec.ts";
import { packTar, unpackTar } from "../../../lib/archive/tar.ts";
import { parseRelativePath } from "../../../lib/path.ts";
import { collect, noise, streamOf, utf8 } from "../../support/byte_streams.ts";
import { runTool, testWithTools } from "../../support/tools.ts";

/** Files that fit ustar, and files that need more. */
const SHORT: readonly (readonly [string, Uint8Array, number])[] = [
  ["a.txt", utf8("content\n"), 1_600_000_000],
  ["dir/empty", new Uint8Array(0), 1],
  ["dir/sub/name with  two spaces 12", noise(700), 1_500_000_000],
  [`${"d".repeat(80)}/${"n".repeat(90)}`, noise(5000), 1_500_000_001],
];
const LONG: typeof SHORT = [
  ...SHORT,
  ["\u00e9t\u00e9/\u6f22\u5b57.txt", utf8("unicode"), 1_600_000_005],
  [`long/${"\u00e9".repeat(100)}/${"n".repeat(200)}`, noise(600_000), 1_600_000_006],
];

/** Runs `use` in a folder that holds the files, and removes it. */
async function inFolder(
  files: typeof SHORT,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [path, content, timeS] of files) {
      const file = join(folder, path);
      await Deno.mkdir(join(file, ".."), { recursive: true });
      await Deno.writeFile(file, content);
      await Deno.utime(file, timeS, timeS);
    }
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function assertHolds(archive: Uint8Array, files: typeof SHORT, why: string): Promise<void> {
  const found: unknown[] = [];
  const tar = decompress(streamOf(archive, [777]), { maxBytes: 1 << 24 });
  for await (const member of unpackTar(tar, () => {})) {
    found.push([member.path, await collect(member.content), member.timeS]);
  }
  const byPath = (one: unknown, other: unknown): number => `${one}` < `${other}` ? -1 : 1;
  assert.deepEqual(found.sort(byPath), files.toSorted(byPath), why);
}

function packed(files: typeof SHORT): Promise<Uint8Array> {
  const members = files.map(([path, content, timeS]) => ({
    path: parseRelativePath(path),
    sizeBytes: content.length,
    timeS,
    open: () => streamOf(content),
  }));
  return collect(compress(packTar(members), { compression: "bz2" }));
}

const roots = (files: typeof SHORT): string[] => [
  ...new Set(files.map(([path]) => path.split("/")[0] ?? "")),
];

testWithTools(["tar", "bzip2"], "unpackTar() reads what tar -cjf writes", async () => {
  for (const [format, files] of [["gnu", LONG], ["pax", LONG], ["ustar", SHORT]] as const) {
    await inFolder(files, async (folder) => {
      const archive = await runTool(
        ["tar", `--format=${format}`, "-cjf", "-", ...roots(files)],
        { cwd: folder },
      );
      await assertHolds(archive, files, format);
    });
  }
});

testWithTools(
  ["tar", "bzip2", "zstd", "gzip"],
  "unpackTar() reads what tar writes in other compressions",
  async () => {
    await inFolder(LONG, async (folder) => {
      for (const option of ["--zstd", "-z", "--no-auto-compress"]) {
        const archive = await runTool(["tar", option, "-cf", "-", ...roots(LONG)], { cwd: folder });
        await assertHolds(archive, LONG, option);
      }
    });
  },
);

testWithTools(
  ["tar", "bzip2"],
  "tar and bzip2 accept what packTar() and compress() write",
  async () => {
    const archive = await packed(LONG);
    await runTool(["bzip2", "-t"], { input: archive });
    const listing = await runTool(["tar", "--quoting-style=literal", "-tjf", "-"], {
      input: archive,
    });
    assert.equal(new TextDecoder().decode(listing), LONG.map(([path]) => `${path}\n`).join(""));
    await inFolder([], async (folder) => {
      await runTool(["tar", "-xjf", "-"], { input: archive, cwd: folder });
      for (const [path, content, timeS] of LONG) {
        assert.deepEqual(new Uint8Array(await Deno.readFile(join(folder, path))), content, path);
        const { mtime } = await Deno.stat(join(folder, path));
        assert.equal(mtime?.getTime(), 1000 * timeS, path);
      }
    });
  },
);

testWithTools(["python3"], "unpackTar() reads what Python's tarfile writes", async () => {
  const script = "import sys, tarfile\n" +
    "with tarfile.open(fileobj=sys.stdout.buffer, mode='w|bz2', format=int(sys.argv[1])) as tar:\n" +
    "    for root in sys.argv[2:]: tar.add(root)\n";
  // tarfile.USTAR_FORMAT, GNU_FORMAT, PAX_FORMAT
  for (const [format, files] of [["0", SHORT], ["1", LONG], ["2", LONG]] as const) {
    await inFolder(files, async (folder) => {
      const archive = await runTool(["python3", "-c", script, format, ...roots(files)], {
        cwd: folder,
      });
      await assertHolds(archive, files, `format ${format}`);
    });
  }
});

testWithTools(
  ["python3"],
  "Python's tarfile reads what packTar() and compress() write",
  async () => {
    const script = "import sys, tarfile, hashlib, json\n" +
      "with tarfile.open(fileobj=sys.stdin.buffer, mode='r|bz2') as tar:\n" +
      "    print(json.dumps([[m.name, m.isreg(), m.size, int(m.mtime),\n" +
      "        hashlib.sha256(tar.extractfile(m).read()).hexdigest()] for m in tar]))\n";
    const output = await runTool(["python3", "-c", script], { input: await packed(LONG) });
    const expected = LONG.map(async ([path, content, timeS]) => {
      const hash = await crypto.subtle.digest("SHA-256", new Uint8Array(content));
      return [path, true, content.length, timeS, new Uint8Array(hash).toHex()];
    });
    assert.deepEqual(JSON.parse(new TextDecoder().decode(output)), await Promise.all(expected));
  },
);
