import { createHmac } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import {
  binary,
  forgeArchive,
  type Forged,
  forgeHeader,
  forgeMember,
  forgePax,
  joinBytes,
  paxRecord,
} from "../lib/archive/forged_tar.ts";
import { noise, utf8 } from "../support/byte_streams.ts";

/** Bytes in the place of good ones, by what is wrong with them. The page has one file, `PAGE/f`. */
export type Spoiled = Readonly<Record<string, (good: Uint8Array, page: string) => Uint8Array>>;

const TEXT = "evil";

/** Where a member's name would lead. */
const NAMES: readonly string[] = [
  ...["../evil", "/evil", "/etc/passwd", "../../../../../../tmp/evil", "a/../../evil", "..", "."],
  ...[
    "./f",
    "",
    "/",
    "//evil",
    ".hidden",
    ".0.index",
    ".f.placeholder",
    "a/.git/hooks/post-checkout",
  ],
  ...["evil", "F", "f/", "f/g", "C:\\evil", "..\\evil", "f\x01", "\x1b[31mevil", "\u202efdp.exe"],
  ...["f ", " f", "%2e%2e%2fevil", "~/evil", "$(evil)", "-rf", "con", `${"d/".repeat(40)}e`],
];

/** Kinds of members besides files, by their letter; all after "9" and "g" are of vendors. */
const TYPES = "12346789ADKMNSVXZ ";

/** Archives in which one member, or more, is not what a client packs. `path` is what the index lists. */
function forgedArchives(path: string): Record<string, () => Uint8Array> {
  const file = (forged: Forged, content: string | Uint8Array = TEXT) =>
    forgeMember({ name: path, ...forged }, content);
  const pax = (records: string, then = file({})) => joinBytes(forgePax(records), then);
  const members: Record<string, () => Uint8Array> = {};
  for (const name of NAMES) {
    members[`name "${name}"`] = () => file({ name });
    members[`long name "${name}"`] = () => pax(paxRecord("path", name));
  }
  for (const type of TYPES) members[`type "${type}"`] = () => file({ type });
  const lines: readonly (readonly [string, () => Uint8Array])[] = [
    ["folder in its place", () => forgeMember({ name: path, type: "5" })],
    ["link to outside", () => file({ type: "2" }, "/etc/passwd")],
    ["negative size", () => forgeHeader({ name: path, size: binary(-1) })],
    [
      "size beyond bounds",
      () => forgeHeader({ name: path, size: new Uint8Array(12).fill(0xff, 0, 12) }),
    ],
    ["size of eight exabytes", () => forgeHeader({ name: path, size: binary(2 ** 52) })],
    ["size of the largest octal", () => forgeHeader({ name: path, size: "77777777777\0" })],
    ["size that is none", () => forgeHeader({ name: path, size: "4x\0" })],
    ["size larger than what follows", () => forgeHeader({ name: path, size: "00000001000\0" })],
    ["time before all times", () => file({ time: binary(-(2 ** 52)) })],
    ["time after all times", () => file({ time: binary(2 ** 52) })],
    ["wrong checksum", () => file({ checksum: "000000\0 " })],
    ["no magic", () => file({ magic: "" })],
    ["magic of nobody", () => file({ magic: "USTAR\x0000" })],
    ["prefix", () => file({ prefix: "../.." })],
    ["absolute prefix", () => file({ prefix: "/etc" })],
    ["name that is no text", () => file({ name: Uint8Array.of(0xff, 0xfe) })],
    ["twice the same", () => joinBytes(file({}), file({}))],
    ["more than the index lists", () => joinBytes(file({}), file({ name: `${path} more` }))],
    [
      "many more",
      () => joinBytes(...Array.from({ length: 300 }, (_, at) => file({ name: `x${at}` }))),
    ],
    ["nothing", () => new Uint8Array()],
    ["folders alone", () => forgeMember({ name: "d", type: "5" })],
    ["no end", () => new Uint8Array(512).fill(1)],
    ["two extended headers", () => pax(paxRecord("path", path), pax(paxRecord("path", path)))],
    ["extended header for nobody", () => forgePax(paxRecord("path", path))],
    ["endless extended header", () => forgeHeader({ type: "x", size: "77777777777\0" })],
    ["long extended header", () => pax(paxRecord("comment", "c".repeat(70_000)))],
    ["many extended records", () => pax(paxRecord("c", "v").repeat(5_000))],
    [
      "many global headers",
      () => joinBytes(...Array.from({ length: 400 }, () => forgePax("", "g"))),
    ],
    ["global path", () => joinBytes(forgePax(paxRecord("path", "../evil"), "g"), file({}))],
    ["sparse file", () => pax(paxRecord("GNU.sparse.major", "1"))],
    ["link by extended header", () => pax(paxRecord("linkpath", "/etc/passwd"))],
    ["other character set", () => pax(paxRecord("hdrcharset", "BINARY"))],
    ["extended size that is none", () => pax(paxRecord("size", "0x4"))],
    ["extended size beyond bounds", () => pax(paxRecord("size", "9".repeat(30)))],
    ["extended time beyond bounds", () => pax(paxRecord("mtime", "9".repeat(30)))],
    ["record of length zero", () => pax("0 path=a\n")],
    ["record beyond the header", () => pax("9999 path=a\n")],
    ["long GNU name", () => joinBytes(forgeMember({ type: "L" }, "../evil\0"), file({}))],
    ["long GNU link", () => joinBytes(forgeMember({ type: "K" }, "/etc\0"), file({ type: "2" }))],
    ["name of NULs", () => joinBytes(forgeMember({ type: "L" }, "\0\0\0"), file({}))],
  ];
  for (const [what, bytes] of lines) members[what] = bytes;
  return members;
}

/** What stands in the place of compressed bytes. */
export const SPOILED: Spoiled = {
  "empty": () => new Uint8Array(),
  "one byte": (good) => good.slice(0, 1),
  "text": () => utf8("this is no archive\n".repeat(40)),
  "noise": () => noise(3_000),
  "zeros": () => new Uint8Array(3_000),
  "cut in the middle": (good) => good.slice(0, good.length >> 1),
  "cut at its end": (good) => good.slice(0, -1),
  "begun late": (good) => good.slice(7),
  "followed by text": (good) => joinBytes(good, utf8("more")),
  "followed by itself cut": (good) => joinBytes(good, good.slice(0, 20)),
  "twice": (good) => joinBytes(good, good),
  "flipped in its first byte": (good) => flipped(good, 0),
  "flipped in its header": (good) => flipped(good, 3),
  "flipped in the middle": (good) => flipped(good, good.length >> 1),
  "flipped in its last byte": (good) => flipped(good, good.length - 1),
  "reversed": (good) => good.toReversed(),
  "compressed again": (good) => new Uint8Array(gzipSync(good)),
  "gzip of nothing": () => new Uint8Array(gzipSync("")),
  "zstd of nothing": () => new Uint8Array(zstdCompressSync(new Uint8Array())),
  "header of gzip": () => Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3),
  "header of bzip2": () => utf8("BZh9"),
  "header of bzip2 of no level": () => utf8("BZh0AAAAAAAAAAAAAAAA"),
  "end of bzip2": () => joinBytes(utf8("BZh9"), Uint8Array.of(0x17, 0x72, 0x45, 0x38, 0x50, 0x90)),
  "header of zstd": () => Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd),
  "zstd of a window of 3 TB": () => Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0xff, 1, 0, 0),
  "zstd of a dictionary": () => Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x23, 1, 0, 0, 0, 0, 1, 0, 0),
  "archive of nothing but magic": () => joinBytes(new Uint8Array(257), utf8("ustar")),
  "bomb": () => new Uint8Array(gzipSync(new Uint8Array(8 << 20), { level: 9 })),
};

/** Ciphertexts in the place of good ones. `other` is another of the same key, `key` the Fernet key, decoded. */
export function spoiledTokens({ other, key }: {
  readonly other: Uint8Array;
  readonly key?: Uint8Array;
}): Spoiled {
  const places = [0, 1, 4, 9, 17, 25, 33, 60];
  const common: Spoiled = {
    "of another object": () => other,
    "empty": () => new Uint8Array(),
    "twice": (good) => joinBytes(good, good),
    "with a line end": (good) => joinBytes(good, utf8("\n")),
    "with blanks inside": (good) => joinBytes(good.slice(0, 20), utf8("  "), good.slice(20)),
    "with a NUL": (good) => joinBytes(good, new Uint8Array(1)),
    "its halves swapped": (good) =>
      joinBytes(good.slice(good.length >> 1), good.slice(0, good.length >> 1)),
    "in capitals": (good) => utf8(new TextDecoder("latin1").decode(good).toUpperCase()),
    "all zeros": (good) => new Uint8Array(good.length),
    "the plain text": () => utf8("content of nobody"),
    "noise": (good) => noise(good.length),
    ...Object.fromEntries(places.flatMap((at) => [
      [`flipped at ${at}`, (good: Uint8Array) => flipped(good, at)],
      [`cut after ${at}`, (good: Uint8Array) => good.slice(0, at)],
      [`flipped ${at} before its end`, (good: Uint8Array) => flipped(good, good.length - 1 - at)],
    ])),
  };
  if (key === undefined) return common;
  const token = (change: (body: Uint8Array) => Uint8Array) => (good: Uint8Array) =>
    signedToken(change(bodyOf(good)), key);
  return {
    ...common,
    "of the standard alphabet": (good) =>
      utf8(`${new TextDecoder().decode(good).replaceAll("-", "+").replaceAll("_", "/")}A+/=`),
    "without its padding": (good) => utf8(new TextDecoder().decode(good).replace(/=+$/, "")),
    "with padding alone": () => utf8("===="),
    "of another version, signed": token((body) => flipped(body, 0)),
    "of the future, signed": token((body) =>
      joinBytes(body.slice(0, 1), new Uint8Array(8).fill(255), body.slice(9))
    ),
    "with a wrong padding, signed": token((body) => flipped(body, body.length - 1)),
    "of half a block, signed": token((body) => body.slice(0, -8)),
    "without content, signed": token((body) => body.slice(0, 25)),
    "without an initial vector, signed": token((body) => body.slice(0, 9)),
    "of another content, signed": token((body) => joinBytes(body.slice(0, 25), body.slice(41))),
    "without its signature": (good) => base64(bodyOf(good)),
  };
}

/** All of {@linkcode forgedArchives}, compressed. */
export const FORGED: Spoiled = Object.fromEntries(
  Object.keys(forgedArchives("")).map((what) => [what, (_: Uint8Array, page: string) => {
    const member = forgedArchives(`${page}/f`)[what]?.() ?? new Uint8Array();
    return new Uint8Array(gzipSync(forgeArchive(member)));
  }]),
);

/** `bytes` with one bit changed; a place behind the end counts from the start again. */
export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const changed = bytes.slice();
  const place = bytes.length === 0 ? 0 : (at + bytes.length) % bytes.length;
  if (place < changed.length) changed[place] = (changed[place] ?? 0) ^ 1;
  return changed;
}

function bodyOf(token: Uint8Array): Uint8Array {
  const text = new TextDecoder("latin1").decode(token);
  return Uint8Array.fromBase64(text, { alphabet: "base64url" }).slice(0, -32);
}

function signedToken(body: Uint8Array, key: Uint8Array): Uint8Array {
  return base64(joinBytes(body, createHmac("sha256", key.subarray(0, 16)).update(body).digest()));
}

function base64(bytes: Uint8Array): Uint8Array {
  return utf8(bytes.toBase64({ alphabet: "base64url" }));
}
