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
import {
  chunkSizes,
  collect,
  endlessStream,
  noise,
  streamOf,
  utf8,
} from "../../support/byte_streams.ts";
import { binary, forgeArchive, forgeMember, forgePax, joinBytes, paxRecord } from "./forged_tar.ts";
import { anything, hasCode, source, unpack } from "./tar_support.ts";

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

Deno.test("packTar() and unpackTar() hold a few chunks of a large content", async () => {
  const sizeBytes = 32 << 20;
  let taken = 0;
  let given = 0;
  const open = () => endlessStream(sizeBytes, noise(65536), (bytes) => taken += bytes);
  const archive = packTar([{ path: parseRelativePath("big"), sizeBytes, timeS: 0, open }]);
  for await (const member of unpackTar(archive, anything)) {
    for await (const chunk of member.content) {
      given += chunk.length;
      assert.ok(taken - given < 1 << 20, `holds ${taken - given} bytes`);
    }
  }
  assert.equal(given, sizeBytes);
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
