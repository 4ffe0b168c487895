import { LOCKS, RECORDS } from "./hostile_relay.ts";

type Texts = Readonly<Record<string, string | Uint8Array>>;

const SUM = "ab".repeat(64);
const RECORD = `placeholder%1.0\npusher: A\ntimestamp: 1600000000\nchecksum: ${SUM}\n---pullers---`;
const LOCK = "lock%1.0\nowner: eve\nmode: w\nnonce: 0123456789abcdef\nbeat: 7";

/** What may stand where a whole number should. */
const NO_NUMBERS = [
  ...["", "-", "+", "1.5", "1e3", "0x1f", "1_000", "1 2", "--1", "1,000", "\u0661\u0662", "\uff11"],
  ...["Infinity", "-9007199254740993", "9".repeat(400), "0".repeat(50_000), "\u202e1", "1\u0007"],
];
/** What may stand where a name should. */
const NO_NAMES = [
  ...["", " ", "-dash", "%", "#a", "a\tb", "\u202eeve", "\u2028", "\ufeff", "\u0007", "__proto__"],
  ...[
    "constructor",
    "../..",
    "/",
    "$(x)",
    "x".repeat(5_000),
    "\u0085",
    "B",
    "a\u0000b",
    "\ud83d\ude00",
  ],
];
const NO_SUMS = [
  ...["zz", "0x00", "ab cd", "../x", "%00", "-", "g".repeat(128), "a".repeat(257), "\u0430\u0431"],
];
const NO_ALGORITHMS = [
  ...["", "md5", "SHA512", "sha512 ", "../../x", "constructor", "toString", "shake128", "none"],
  ...["sha512-keyed-keyed", "\u202e", "a".repeat(40_000), "sha512;rm -rf *", "__proto__", "0"],
];
const NO_BASES = [
  "",
  "../x",
  "zz zz",
  SUM,
  `${SUM} `.repeat(40),
  "a".repeat(40_000),
  "\u202e",
  "-",
];

/** Records that are malformed or absurd, more than those of `hostile_relay.ts`. */
export const ALL_RECORDS: Texts = {
  ...RECORDS,
  ...each("timestamp", NO_NUMBERS, (value) => RECORD.replace("1600000000", value)),
  ...each("size", NO_NUMBERS, (value) => withLine("size", value)),
  ...each("expected", NO_NUMBERS, (value) => withLine("expected", value)),
  ...each("pusher", NO_NAMES, (value) => RECORD.replace("pusher: A", `pusher: ${value}`)),
  ...each("puller", NO_NAMES, (value) => `${RECORD}\n${value}`),
  ...each("checksum", NO_SUMS, (value) => RECORD.replace(SUM, value)),
  ...each("seal", NO_SUMS, (value) => withLine("seal", value)),
  ...each("algorithm", NO_ALGORITHMS, (value) => withLine("algorithm", value)),
  ...each("base", NO_BASES, (value) => withLine("base", value)),
  ...{
    "other line ends": RECORD.replaceAll("\n", "\r\n"),
    "old line ends": RECORD.replaceAll("\n", "\r"),
  },
  ...{ "twice": `${RECORD}\n${RECORD}`, "header twice": `placeholder%1.0\n${RECORD}` },
  ...{
    "keys twice": RECORD.replace("---", "pusher: B\nchecksum: cd\n---"),
    "tabs": RECORD.replaceAll(": ", ":\t"),
  },
  ...{
    "byte order mark": `\ufeff${RECORD}`,
    "blanks in front": `   ${RECORD}`,
    "line ends in front": `\n\n\n${RECORD}`,
  },
  ...{ "NULs behind": `${RECORD}${"\0".repeat(3_000)}`, "capitals": RECORD.toUpperCase() },
  ...{ "no colon": RECORD.replaceAll(":", ""), "equals": RECORD.replaceAll(": ", "=") },
  "section of blanks": RECORD.replace("---pullers---", `---x${" ".repeat(60_000)}x`),
  "section of marks": RECORD.replace("---pullers---", `---x${"-=".repeat(30_000)}x`),
  "line of marks": RECORD.replace("---pullers---", "-".repeat(60_000)),
  "readers": RECORD.replace("pullers", "readers"),
  "section without marks behind": RECORD.replace("---pullers---", "#pullers"),
  "two sections of pullers": `${RECORD}\nB\n---pullers---\nC`,
  "unknown keys": RECORD.replace("---", `${"key: value\n".repeat(4_000)}---`),
  "no key": RECORD.replace("---", ": value\n---"),
  "a page of the web": "<!DOCTYPE html><html><body>404 Not Found</body></html>",
  "a lock": LOCK,
  "an index": "f 0\n",
  "first time of no day": "991332_256199",
  "first time of nothing": "000000_000000",
  "first time with pullers": `700101_000000\n${"p\n".repeat(9_000)}`,
  "first time cut": "700101_",
  "times of another format": "2020-01-02T03:04:05Z",
};

/** Locks of the same kinds. */
export const ALL_LOCKS: Texts = {
  ...LOCKS,
  ...each("owner", NO_NAMES, (value) => LOCK.replace("eve", value)),
  ...each("owner alone", NO_NAMES.filter((it) => it.trim() !== ""), (value) => value),
  ...each("nonce", NO_NAMES, (value) => LOCK.replace("0123456789abcdef", value)),
  ...each("beat", NO_NUMBERS, (value) => LOCK.replace("beat: 7", `beat: ${value}`)),
  ...each("mode", ["", "rw", "W", "\u202e", "r ", "x".repeat(9_000)], (value) => {
    return LOCK.replace("mode: w", `mode: ${value}`);
  }),
  ...{
    "other line ends": LOCK.replaceAll("\n", "\r\n"),
    "old line ends": LOCK.replaceAll("\n", "\r"),
  },
  ...{
    "twice": `${LOCK}\n${LOCK}`,
    "keys twice": `${LOCK}\nowner: A\nowner: B`,
    "a record": RECORD,
  },
  ...{ "byte order mark": `\ufeff${LOCK}`, "NULs behind": `${LOCK}${"\0".repeat(3_000)}` },
  ...{
    "blanks": " ".repeat(5_000),
    "line ends": "\n".repeat(5_000),
    "no colon": LOCK.replaceAll(":", ""),
  },
  "bad utf-8": Uint8Array.of(0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80),
  "unknown keys": `${LOCK}\n${"key: value\n".repeat(4_000)}`,
  "a page of the web": "<!DOCTYPE html><html><body>404 Not Found</body></html>",
};

/** Names that somebody may give a file on a relay; the folder is one of ours. */
export const ALL_NAMES: readonly string[] = [
  ...Array.from({ length: 31 }, (_, at) => `control ${String.fromCharCode(at + 1)}`),
  ...["con", "nul", "aux.txt", "com1", "lpt9.log", "prn", "a:stream", "C:", "C:\\x", "\\\\host\\x"],
  ...["final dot.", "final blank ", " first blank", "~", "~root", "-rf", "--help", "*", "?", "a|b"],
  ...["$(touch x)", "`x`", "a;b", "a&b", "'", '"', "a\\b", "..\\up", "%2e%2e%2fup", "%00", "a%b"],
  ...["\u202etxt.exe", "\u200b", "\u2066x", "\ufeffmark", "e\u0301", "\u00e9", "\u2028", "\u0085x"],
  ...[
    "K\u212a",
    "\u00df",
    "SS",
    "\u0130",
    "\u{1f600}",
    "\u{10ffff}",
    "\ufffd",
    "\u0e33".repeat(80),
  ],
  ...["x".repeat(255), "y".repeat(243), "z".repeat(244), "\u00fc".repeat(127), "\u6f22".repeat(85)],
  ...[".x", "..x", "...", ".lock", ".placeholder", "..lock", ".lock.lock", ".x.lock.lock", ".x.y"],
  ...[".x.placeholder.placeholder", ".x.message", ".x.0f0f.message", ".x.guard", ".git/config"],
  ...[".escale-0123456789abcdef.tmp", ".escale-01234567-0123456789ab.tmp", ".nfs0001", "a~", "#a#"],
  ...["__proto__", "constructor", "toString", "hasOwnProperty", "undefined", "null", "0", "-0"],
  ...["good (conflict).txt", "a.conflict", "index", "lock", "placeholder", "x.data", "x.index"],
];

function each(
  what: string,
  values: readonly string[],
  textOf: (value: string) => string,
): Record<string, string> {
  return Object.fromEntries(
    values.map((
      value,
      at,
    ) => [`${what} ${at} ${JSON.stringify(value.slice(0, 12))}`, textOf(value)]),
  );
}

function withLine(key: string, value: string): string {
  return RECORD.replace("---", `${key}: ${value}\n---`);
}
