import assert from "node:assert/strict";
import { packTar } from "../../../lib/archive/tar.ts";
import { EscaleError } from "../../../lib/errors.ts";
import { collect, noise, utf8 } from "../../support/byte_streams.ts";
import {
  binary,
  forgeArchive,
  type Forged,
  forgeHeader,
  forgeMember,
  forgePax,
  joinBytes,
  paxRecord,
} from "./forged_tar.ts";
import { hasCode, source, unpack } from "./tar_support.ts";

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
