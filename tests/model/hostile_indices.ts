/** Texts of an index in which one page's entry `PATH` stands; what is wrong with them, by name. */

const SUM = "ab".repeat(64);
const RECORD =
  `placeholder%1.0\npusher: A\ntimestamp: 1600000000\nchecksum: ${SUM}\n---pullers---\n`;

function entry(name: string, text = RECORD, length: number | string = text.length): string {
  return `${name} ${length}\n${text}`;
}

/** What both kinds of index may have. `path` is the file that the page has. */
export function spoiledIndices(path: string): Record<string, string | Uint8Array> {
  const good = entry(path);
  const names = [
    ...["../x", "/x", "x/../y", "", ".hidden", "d/.git/config", "a\0b", "\x1b[2Jx", "\u202ex"],
    ...[
      "x".repeat(300),
      `${"d/".repeat(2100)}x`,
      "other/page",
      "..",
      ".",
      "a//b",
      "a/",
      "~",
      "$(x)",
    ],
    ...["__proto__", "constructor", "toString"],
  ];
  const records: Record<string, string> = {
    ...{ "nothing": "", "a line end": "\n", "blanks": "   \n", "text": "hello\n", "NUL": "\0\n" },
    "no time": "placeholder%1.0\npusher: A\n---pullers---\n",
    "later header": RECORD.replace("1.0", "9.9"),
    "other size": RECORD.replace("---", "size: 999999999999\n---"),
    "negative size": RECORD.replace("---", "size: -1\n---"),
    "other checksum": RECORD.replaceAll("ab", "cd"),
    "short checksum": RECORD.replace(SUM, "a"),
    "no hexadecimal": RECORD.replace(SUM, "../x"),
    "pusher of controls": RECORD.replace("pusher: A", "pusher: \x1b[31m\u202e"),
    "pusher B": RECORD.replace("pusher: A", "pusher: B"),
    "pullers": `${RECORD}B\nC\n`,
    "unknown section": RECORD.replace("---pullers---", "---evil---"),
    "section of blanks": RECORD.replace("---pullers---", `---${" ".repeat(50_000)}x`),
    "base of itself": RECORD.replace("---", `base: ${SUM} ${SUM}\n---`),
    "time of all times": RECORD.replace("1600000000", "8640000000000"),
    "seal": RECORD.replace("---", "seal: 00\n---"),
  };
  return {
    ...{ "empty": "", "line end": "\n", "blank lines": "\n\n\n", "blanks": " ".repeat(5_000) },
    ...{ "text": "hello world\n", "NULs": "\0".repeat(500), "no length": `${path}\n`, "0": "0\n" },
    "no text": Uint8Array.of(0xff, 0xfe, 0x20, 0x30, 0x0a),
    "name that is no text": Uint8Array.of(0x61, 0xc3, 0x28, 0x20, 0x30, 0x0a),
    "too short by one": entry(path, RECORD, RECORD.length - 1),
    "too long by one": entry(path, RECORD, RECORD.length + 1),
    "too long by far": entry(path, RECORD, 999_999_999),
    "longer than any": entry(path, RECORD, "9".repeat(40)),
    "negative length": entry(path, RECORD, -1),
    "length in hexadecimal": entry(path, RECORD, "0xb0"),
    "length with a sign": entry(path, RECORD, "+176"),
    "half of it": good.slice(0, good.length >> 1),
    "the line alone": `${path} ${RECORD.length}\n`,
    "no line end": `${path} ${RECORD.length}`,
    "blank line inside": `${good}\n${entry(`${path}2`)}`,
    "text behind it": `${good}hello world`,
    "twice the same": good + good,
    "twice, differently": good + entry(path, RECORD.replaceAll("ab", "cd")),
    "other line ends": good.replaceAll("\n", "\r\n"),
    "old line ends": good.replaceAll("\n", "\r"),
    "long line": `${"x".repeat(100_000)} 0\n`,
    "long line without end": "x".repeat(100_000),
    "section of blanks": `-x${" ".repeat(60_000)}x\n`,
    "section of marks": `-x${"-".repeat(60_000)}x\n`,
    "unknown section": "---evil---\nx\n",
    "many sections": "---group---\n".repeat(3_000),
    "many files that nobody has": Array.from({ length: 400 }, (_, at) => entry(`${path}${at}`))
      .join(""),
    "section without end": `---group---\nplaceholder%1.0\n${good}`,
    "section with a long header": `---group---\n${"key: value\n".repeat(40)}-----------\n${good}`,
    "many blank pullers": `${good}---pullers---\n${"\n".repeat(5_000)}`,
    "many pullers": `${good}---pullers---\n${
      Array.from({ length: 5_000 }, (_, at) => `p${at}\n`).join("")
    }`,
    "pullers of controls": `${good}---pullers---\n\x1b[31m\n\u202e\n`,
    "readers": `${good}---readers---\nC\n`,
    "pullers in front": `---pullers---\nC\n${good}`,
    ...Object.fromEntries(names.map((name) => [`name "${name.slice(0, 30)}"`, good + entry(name)])),
    ...Object.fromEntries(
      Object.entries(records).map(([what, text]) => [`record: ${what}`, entry(path, text)]),
    ),
  };
}
