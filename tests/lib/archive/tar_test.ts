import assert from "node:assert/strict";
import fc from "fast-check";
import {
  acceptOnly,
  packTar,
  type TarHeader,
  type TarSource,
  unpackTar,
} from "../../../lib/archive/tar.ts";
import { EscaleError } from "../../../lib/errors.ts";
import { isRelativePath, parseRelativePath } from "../../../lib/path.ts";
import { chunkSizes, collect, noise, streamOf, utf8 } from "../../support/byte_streams.ts";
import {
  forgeArchive,
  type Forged,
  forgeHeader,
  forgeMember,
  forgePax,
  joinBytes,
  paxRecord,
} from "./forged_tar.ts";

const anything = (): void => {};

interface Unpacked {
  readonly path: string;
  readonly timeS: number;
  readonly text: string;
}

async function unpack(
  archive: Uint8Array,
  options: { accept?: (header: TarHeader) => void; sizes?: readonly number[] } = {},
): Promise<Unpacked[]> {
  const found: Unpacked[] = [];
  const stream = streamOf(archive, options.sizes);
  for await (const member of unpackTar(stream, options.accept ?? anything)) {
    const content = await collect(member.content);
    assert.equal(content.length, member.sizeBytes);
    const { path, timeS } = member;
    found.push({ path, timeS, text: new TextDecoder("latin1").decode(content) });
  }
  return found;
}

function hasCode(...codes: readonly string[]): (error: unknown) => boolean {
  return (error) => error instanceof EscaleError && codes.includes(error.code);
}

function source(path: string, content: Uint8Array, timeS = 1600000000): TarSource {
  return {
    path: parseRelativePath(path),
    sizeBytes: content.length,
    timeS,
    open: () => streamOf(content, [1000]),
  };
}

const TIME_S = Number.parseInt("14000000000", 8);

Deno.test("what packTar() packs, unpackTar() gives, in any chunks", async () => {
  const part = fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 });
  const path = fc.array(part, { minLength: 1, maxLength: 20 }).map((parts) => parts.join("/"))
    .filter((text) => isRelativePath(text));
  const file = fc.record({
    path,
    content: fc.uint8Array({ maxLength: 2000, size: "max" }),
    timeS: fc.oneof(fc.nat(), fc.integer({ min: -1e12, max: 1e12 })),
  });
  const files = fc.uniqueArray(file, { selector: ({ path }) => path, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(files, chunkSizes, async (expected, sizes) => {
      const sources = expected.map((each) => source(each.path, each.content, each.timeS));
      const archive = await collect(packTar(sources));
      assert.equal(archive.length % 10240, 0);
      const found = await unpack(archive, { sizes });
      assert.deepEqual(
        found,
        expected.map(({ path, timeS, content }) => ({
          path,
          timeS,
          text: new TextDecoder("latin1").decode(content),
        })),
      );
    }),
    { numRuns: 60 },
  );
});

Deno.test("packTar() and unpackTar() carry names as long as a path may be", async () => {
  for (const letter of ["a", "\u00e9", "\u6f22", "\u{1f600}"]) {
    const part = letter.repeat(Math.floor(240 / utf8(letter).length));
    const path = Array.from({ length: 16 }, () => part).join("/");
    const archive = await collect(packTar([source(path, utf8("x"))]));
    assert.deepEqual((await unpack(archive))[0]?.path, path);
  }
});

Deno.test("packTar() writes plain headers where it can, and extended ones around them", async () => {
  for (const [length, headers] of [[99, 1], [100, 1], [101, 3]] as const) {
    const archive = await collect(packTar([source("n".repeat(length), new Uint8Array(0))]));
    assert.equal(archive.findLastIndex((byte) => byte !== 0) >> 9, headers - 1, `${length}`);
  }
});

Deno.test("an archive of nothing is an archive", async () => {
  const archive = await collect(packTar([]));
  assert.deepEqual(archive, new Uint8Array(10240));
  assert.deepEqual(await unpack(archive), []);
});

Deno.test("sizes beyond 8 GiB are packed and read", async () => {
  const sizes = [0o77777777777, 0o77777777777 + 1, 20 * 2 ** 30, Number.MAX_SAFE_INTEGER - 5000];
  for (const sizeBytes of sizes) {
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(65536)),
    });
    const file = { path: parseRelativePath("big"), sizeBytes, timeS: 1, open: () => endless };
    for await (const member of unpackTar(packTar([file]), anything)) {
      assert.equal(member.sizeBytes, sizeBytes);
      break;
    }
  }
});

Deno.test("packTar() fails if a content is not as long as said", async () => {
  for (const sizeBytes of [0, 99, 101, 5000]) {
    const file = { ...source("dir/name", new Uint8Array(100)), sizeBytes };
    await assert.rejects(collect(packTar([file])), (error) => {
      return error instanceof EscaleError && error.code === "changed" && error.path === "dir/name";
    }, `${sizeBytes}`);
  }
});

Deno.test("packTar() fails with what its members fail with", async () => {
  const failure = new Error("the disk failed");
  const broken: TarSource = {
    ...source("b", new Uint8Array(10)),
    open: () => Promise.reject(failure),
  };
  const listing = async function* () {
    yield await Promise.resolve(source("a", new Uint8Array(10)));
    throw failure;
  };
  await assert.rejects(collect(packTar([source("a", new Uint8Array(10)), broken])), failure);
  await assert.rejects(collect(packTar(listing())), failure);
});

Deno.test("packTar() closes the content that it reads when it is left", async () => {
  let cancelled = 0;
  let opened = 0;
  const file = (path: string): TarSource => ({
    path: parseRelativePath(path),
    sizeBytes: 1 << 30,
    timeS: 0,
    open: () => {
      opened += 1;
      return new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(65536)),
        cancel: () => {
          cancelled += 1;
        },
      });
    },
  });
  const reader = packTar([file("a"), file("b")]).getReader();
  await reader.read();
  await reader.cancel();
  assert.deepEqual([opened, cancelled], [1, 1]);
});

Deno.test("unpackTar() reads the headers of POSIX, pax and GNU", async () => {
  const long = `${"d".repeat(80)}/${"n".repeat(90)}`;
  const cases: readonly (readonly [string, Uint8Array, string, number])[] = [
    ["POSIX", forgeMember({ name: "a" }, "x"), "a", TIME_S],
    ["type NUL", forgeMember({ name: "a", type: "\0" }, "x"), "a", TIME_S],
    ["a prefix", forgeMember({ name: "n", prefix: "dir/sub" }, "x"), "dir/sub/n", TIME_S],
    ["a name of 100 bytes", forgeMember({ name: "n".repeat(100) }, "x"), "n".repeat(100), TIME_S],
    [
      "GNU",
      forgeMember({ name: "a", magic: "ustar  \0", prefix: "14000000000" }, "x"),
      "a",
      TIME_S,
    ],
    ["a number with blanks", forgeMember({ name: "a", time: "     200000 " }, "x"), "a", 0o200000],
    ["a number in binary", forgeMember({ name: "a", time: binary(2 ** 40) }, "x"), "a", 2 ** 40],
    ["a negative number", forgeMember({ name: "a", time: binary(-5) }, "x"), "a", -5],
    [
      "a GNU name",
      joinBytes(
        forgeMember({ name: "././@LongLink", type: "L", magic: "ustar  \0" }, `${long}\0`),
        forgeMember({}, "x"),
      ),
      long,
      TIME_S,
    ],
    [
      "a pax name and time, and others",
      joinBytes(
        forgePax(
          paxRecord("path", "\u00e9t\u00e9/\u6f22") + paxRecord("mtime", "1600000001.75") +
            paxRecord("atime", "x"),
        ),
        forgeMember({ name: Uint8Array.of(0xff, 0xfe) }, "x"),
      ),
      "\u00e9t\u00e9/\u6f22",
      1600000001,
    ],
    [
      "a negative pax time",
      joinBytes(forgePax(paxRecord("mtime", "-1.5")), forgeMember({ name: "a" }, "x")),
      "a",
      -2,
    ],
    [
      "a pax size",
      joinBytes(forgePax(paxRecord("size", "1")), forgeMember({ name: "a", size: "0" }, "x")),
      "a",
      TIME_S,
    ],
    [
      "a global header",
      joinBytes(forgePax(paxRecord("comment", "c"), "g"), forgeMember({ name: "a" }, "x")),
      "a",
      TIME_S,
    ],
  ];
  for (const [why, member, path, timeS] of cases) {
    for (const sizes of [[1], [100000]]) {
      assert.deepEqual(
        await unpack(forgeArchive(member), { sizes }),
        [{ path, timeS, text: "x" }],
        why,
      );
    }
  }
});

/** A number as GNU tar writes it in a field of 12 bytes. */
function binary(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(12));
  view.setBigInt64(4, BigInt(value));
  if (value < 0) view.setInt32(0, -1);
  else view.setUint8(0, 0x80);
  return new Uint8Array(view.buffer);
}

Deno.test("unpackTar() refuses everything but regular files and folders", async () => {
  for (
    const type of ["1", "2", "3", "4", "6", "7", "A", "D", "K", "M", "N", "S", "V", "X", "Z", " "]
  ) {
    const archive = forgeArchive(forgeMember({ name: "a", type }));
    await assert.rejects(unpack(archive), hasCode("refused"), `type ${type}`);
  }
});

Deno.test("unpackTar() refuses names that lead elsewhere", async () => {
  const names = [
    "",
    "/",
    "/etc/passwd",
    "..",
    "../a",
    "a/../b",
    "a/..",
    ".",
    "./a",
    "a/./b",
    "a//b",
    "a/",
    ".hidden",
    "dir/.hidden",
    ".0.index",
    "n\0hidden/../x",
  ];
  for (const name of names) {
    if (!name.includes("\0")) {
      await assert.rejects(unpack(forgeArchive(forgeMember({ name }))), hasCode("refused"), name);
    }
    const pax = joinBytes(forgePax(paxRecord("path", name)), forgeMember({}));
    await assert.rejects(unpack(forgeArchive(pax)), hasCode("refused"), `pax ${name}`);
  }
  for (const prefix of ["/etc", "..", "a/..", "a/"]) {
    const archive = forgeArchive(forgeMember({ name: "n", prefix }));
    await assert.rejects(unpack(archive), hasCode("refused"), `prefix ${prefix}`);
  }
});

Deno.test("unpackTar() shows hostile names without their control characters", async () => {
  const archive = forgeArchive(forgeMember({ name: "../\x1b[2J" }));
  await assert.rejects(unpack(archive), (error) => {
    return error instanceof EscaleError && !error.message.includes("\x1b");
  });
});

Deno.test("unpackTar() refuses a file that stands twice", async () => {
  const archive = forgeArchive(forgeMember({ name: "a" }, "1"), forgeMember({ name: "a" }, "2"));
  await assert.rejects(unpack(archive), hasCode("refused"));
});

Deno.test("unpackTar() asks for each file and folder, and stops where one is refused", async () => {
  const asked: unknown[] = [];
  const archive = forgeArchive(
    forgeMember({ name: "dir/", type: "5" }),
    forgeMember({ name: "dir", type: "5" }),
    forgeMember({ name: "dir/a" }, "xyz"),
    forgeMember({ name: "b" }),
  );
  const refusal = new EscaleError("refused", "no");
  const accept = (header: TarHeader): void => {
    asked.push([header.kind, header.path, header.sizeBytes]);
    if (header.path === "b") throw refusal;
  };
  await assert.rejects(unpack(archive, { accept }), refusal);
  assert.deepEqual(asked, [["folder", "dir", 0], ["folder", "dir", 0], ["file", "dir/a", 3], [
    "file",
    "b",
    0,
  ]]);
});

Deno.test("acceptOnly() takes the listed files and the folders that they lie in", async () => {
  const accept = acceptOnly(new Map([["a/b/c", 1], ["d", undefined], ["e.f/g", 0]]));
  const folder = (name: string) => forgeMember({ name, type: "5" });
  const good = forgeArchive(
    folder("a/"),
    folder("a/b"),
    folder("e.f"),
    forgeMember({ name: "a/b/c" }, "1"),
    forgeMember({ name: "d" }, "any"),
  );
  assert.deepEqual((await unpack(good, { accept })).map(({ path }) => path), ["a/b/c", "d"]);
  const bad = [
    forgeMember({ name: "a/b/c" }, "12"),
    forgeMember({ name: "a/b/c" }),
    forgeMember({ name: "a/b" }),
    forgeMember({ name: "A/b/c" }, "1"),
    forgeMember({ name: "x" }),
    forgeMember({ name: "e.f/g" }, "1"),
    folder("a/b/c"),
    folder("d"),
    folder("x"),
    folder("a/x"),
  ];
  for (const [i, member] of bad.entries()) {
    await assert.rejects(unpack(forgeArchive(member), { accept }), hasCode("refused"), `${i}`);
  }
});

Deno.test("unpackTar() refuses archives that are not of its form", async () => {
  const pax = (...records: string[]): Uint8Array =>
    joinBytes(forgePax(records.join("")), forgeMember({}, "x"));
  const header = (forged: Forged): Uint8Array => forgeHeader(forged);
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ["noise", noise(2048)],
    ["text", utf8("not an archive".repeat(100))],
    ["a wrong checksum", header({ checksum: "000001\0 " })],
    ["a checksum that is none", header({ checksum: "zzzzzz\0 " })],
    ["no magic", header({ magic: "" })],
    ["another magic", header({ magic: "ustar\0xx" })],
    ["a size that is none", header({ size: "0000000008x\0" })],
    ["a negative size", header({ size: binary(-1) })],
    ["a size beyond bounds", header({ size: new Uint8Array(12).fill(0x7f).fill(0x80, 0, 1) })],
    ["a size with a sign", header({ size: "-0000000001\0" })],
    ["a name that is not UTF-8", header({ name: Uint8Array.of(0x61, 0xff) })],
    ["a folder with a content", forgeMember({ name: "d", type: "5" }, "x")],
    [
      "a zero block inside",
      joinBytes(forgeMember({}, "x"), new Uint8Array(512), forgeMember({ name: "b" }, "y")),
    ],
    ["an extended header at the end", forgePax(paxRecord("path", "a"))],
    ["a GNU name at the end", forgeMember({ type: "L" }, "a\0")],
    [
      "two extended headers",
      joinBytes(forgePax(paxRecord("path", "a")), pax(paxRecord("path", "b"))),
    ],
    [
      "two GNU names",
      joinBytes(
        forgeMember({ type: "L" }, "a\0"),
        forgeMember({ type: "L" }, "b\0"),
        forgeMember({}),
      ),
    ],
    [
      "a pax and a GNU name",
      joinBytes(forgeMember({ type: "L" }, "a\0"), pax(paxRecord("path", "b"))),
    ],
    ["a long extended header", forgePax(paxRecord("comment", "c".repeat(70000)))],
    ["an endless extended header", forgeHeader({ type: "x", size: "77777777777\0" })],
    ["a record without a length", pax("path=a\n")],
    ["a record of length 0", pax("0 path=a\n")],
    ["a record that is too short", pax("5 path=a\n")],
    ["a record that is too long", pax("99 path=a\n")],
    ["a record without a value", pax("7 path\n")],
    ["a record without a key", pax("5 =a\n")],
    ["a record without a line end", pax("9 path=ab")],
    ["a length with a sign", pax("+9 path=a\n")],
    ["a path twice", pax(paxRecord("path", "a"), paxRecord("path", "a"))],
    ["a size twice", pax(paxRecord("size", "1"), paxRecord("size", "1"))],
    ["a pax size that is none", pax(paxRecord("size", "1e3"))],
    ["a negative pax size", pax(paxRecord("size", "-1"))],
    ["a pax size beyond bounds", pax(paxRecord("size", "99999999999999999999"))],
    ["a pax time that is none", pax(paxRecord("mtime", "yesterday"))],
    ["another character set", pax(paxRecord("hdrcharset", "BINARY"))],
    ["a sparse file", pax(paxRecord("GNU.sparse.name", "a"))],
    ["a link", pax(paxRecord("linkpath", "a"))],
    ["a global path", joinBytes(forgePax(paxRecord("path", "a"), "g"), forgeMember({}))],
    ["a global size", joinBytes(forgePax(paxRecord("size", "1"), "g"), forgeMember({}))],
    [
      "a pax name that is not UTF-8",
      joinBytes(forgePax(Uint8Array.of(...utf8("9 path="), 0xff, 0x0a)), forgeMember({})),
    ],
  ];
  for (const [why, data] of cases) {
    const archive = forgeArchive(data);
    for (const sizes of [[1], [100000]]) {
      await assert.rejects(unpack(archive, { sizes }), hasCode("corrupt", "refused"), why);
    }
  }
});

Deno.test("unpackTar() refuses an archive cut anywhere before its end", async () => {
  const files = [source("a", utf8("content")), source("\u00e9".repeat(60), noise(600))];
  const archive = await collect(packTar(files));
  const end = (archive.findLastIndex((byte) => byte !== 0) | 511) + 1 + 1024;
  for (let cut = 0; cut < end; cut++) {
    await assert.rejects(unpack(archive.subarray(0, cut)), hasCode("corrupt"), `cut to ${cut}`);
  }
  for (const cut of [end, end + 1, archive.length - 1]) {
    assert.equal((await unpack(archive.subarray(0, cut))).length, 2);
  }
});

Deno.test("unpackTar() refuses a header with any bit changed, or takes nothing else from it", async () => {
  const archive = forgeArchive(forgeMember({ name: "dir/name" }, "content"));
  const expected = await unpack(archive);
  for (let bit = 0; bit < 8 * 512; bit++) {
    const changed = archive.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    try {
      assert.deepEqual(await unpack(changed), expected, `bit ${bit}`);
      assert.ok(bit >> 3 >= 148 && bit >> 3 < 156, `bit ${bit} is not noticed`);
    } catch (error) {
      assert.ok(hasCode("corrupt")(error), `bit ${bit}: ${error}`);
    }
  }
});

Deno.test("unpackTar() takes zeros behind the end, and nothing else", async () => {
  const archive = forgeArchive(forgeMember({}, "x"));
  assert.equal((await unpack(joinBytes(archive, new Uint8Array(20000)))).length, 1);
  for (const more of [utf8("x"), archive, joinBytes(new Uint8Array(9000), utf8("x"))]) {
    await assert.rejects(unpack(joinBytes(archive, more)), hasCode("corrupt"));
  }
});

Deno.test("unpackTar() skips what is not read of a content", async () => {
  const files = ["a", "b", "c"].map((path, i) => source(path, noise(200_000 + i)));
  const archive = await collect(packTar(files));
  const read: string[] = [];
  for await (const member of unpackTar(streamOf(archive, [7000]), anything)) {
    read.push(member.path);
    if (member.path === "b") {
      const reader = member.content.getReader();
      await reader.read();
      await reader.cancel();
    }
  }
  assert.deepEqual(read, ["a", "b", "c"]);
});

Deno.test("unpackTar() keeps its place when a content is left while it is being read", async () => {
  const files = ["a", "b"].map((path, i) => source(path, noise(50_000, i + 1)));
  const archive = await collect(packTar(files));
  const slow = new ReadableStream<Uint8Array>({
    async start(controller) {
      for (let at = 0; at < archive.length; at += 3000) {
        await Promise.resolve();
        controller.enqueue(archive.slice(at, at + 3000));
      }
      controller.close();
    },
  });
  let last = new Uint8Array(0);
  for await (const member of unpackTar(slow, anything)) {
    if (member.path === "a") {
      const reader = member.content.getReader();
      const pending = reader.read();
      await Promise.all([pending, reader.cancel()]);
    } else {
      last = new Uint8Array(await collect(member.content));
    }
  }
  assert.deepEqual(last, noise(50_000, 2));
});

Deno.test("unpackTar() tells its source when it is left, and passes its failures on", async () => {
  const archive = await collect(packTar([source("a", noise(100_000)), source("b", noise(9))]));
  let cancelled = 0;
  const open = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(archive.slice(0, 5000)),
    cancel: () => {
      cancelled += 1;
    },
  });
  for await (const member of unpackTar(open, anything)) if (member.path === "a") break;
  assert.equal(cancelled, 1);

  const failure = new Error("the relay failed");
  const failing = ReadableStream.from((async function* () {
    yield await Promise.resolve(archive.slice(0, 5000));
    throw failure;
  })());
  const run = async () => {
    for await (const member of unpackTar(failing, anything)) await collect(member.content);
  };
  await assert.rejects(run(), failure);
});
