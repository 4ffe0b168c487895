import assert from "node:assert/strict";
import { parseListLine } from "../../backends/ftp/_listing.ts";
import { ReplyParser } from "../../backends/ftp/_reply.ts";
import { parseChallenges } from "../../backends/webdav/_login.ts";
import { pathOf } from "../../backends/webdav/_names.ts";
import { parseIni } from "../../lib/config/ini.ts";
import { mergeSections } from "../../lib/config/merge.ts";
import { OPTIONS } from "../../lib/config/options.ts";
import { parseValue } from "../../lib/config/values.ts";
import { readStatus } from "../../lib/daemon/status_file.ts";
import { EscaleError } from "../../lib/errors.ts";
import { resourceOf } from "../../lib/local/_state_rows.ts";
import { parseModifiers } from "../../lib/local/access.ts";
import { isRelativePath, parseRelativePath } from "../../lib/path.ts";
import { parseIndex } from "../../lib/relay/index_parse.ts";
import { appendUpdatePuller } from "../../lib/relay/index_text.ts";
import { parseRecord } from "../../lib/relay/metadata.ts";
import { utf8 } from "../support/byte_streams.ts";

/** What the fuzzing of the parsers has found. */

const MANY = 60_000;
const BLANKS = " ".repeat(MANY);
const UPDATE = { isGrouped: false, accepts: isRelativePath };

/** Texts of 60 000 characters that once took seconds, or hours. */
const LONG: Readonly<Record<string, () => unknown>> = {
  "a record's section of blanks": () => refusedBy(() => parseRecord(`p%1\n-x${BLANKS}x`)),
  "a record's section of marks": () => refusedBy(() => parseRecord(`p%1\n-x${"-".repeat(MANY)}x`)),
  "an index's line of blanks": () => refusedBy(() => parseIndex(utf8(`-x${BLANKS}x`), UPDATE)),
  "a line of a listing": () => parseListLine(`-rw-r--r--${BLANKS}`),
  "a line of a listing as DOS shows it": () => parseListLine(`1-1-11 1:11${BLANKS}`),
  "a reply's line ends": () =>
    new ReplyParser((bytes) => new TextDecoder().decode(bytes)).feed(
      utf8(`220 ${"\r".repeat(MANY)}x\n`),
    ),
  "a path's slashes": () => pathOf(`/${"/".repeat(MANY)}x`, "/"),
  "a challenge's blanks": () => parseChallenges(`${BLANKS};`),
  "an option's blanks": () => parseIni(`[a]\na${BLANKS}x`),
  "an option's digits": () => {
    const { type } = OPTIONS.find(({ name }) => name === "refresh") ?? assert.fail();
    return parseValue(type, `${"0".repeat(MANY)}x`, { home: "/", folder: "/" });
  },
  "a section's blank lines": () => mergeSections("", `[a]\nmode = up${"\n".repeat(200)}x = y`, "f"),
};

for (const [what, read] of Object.entries(LONG)) {
  Deno.test(`${what}: read in time linear in its length`, () => {
    const fromMs = performance.now();
    read();
    assert.ok(performance.now() - fromMs < 1_000);
  });
}

Deno.test("a line of a listing without an owner, or with none but a size, is understood", () => {
  for (const line of ["-rw-r--r-- 1 12 Jan  2 03:04 f", "-rw-r--r-- 12 Jan  2 03:04 f"]) {
    assert.deepEqual(parseListLine(line), { kind: "file", name: "f", sizeBytes: 12 }, line);
  }
});

Deno.test("an index keeps a byte order mark at the start of a name, and bytes that are no text", () => {
  const marked = utf8("\ufeffé 0\n");
  assert.deepEqual([...parseIndex(marked, UPDATE).names()], ["\ufeffé"]);
  for (const stored of [marked, Uint8Array.of(...utf8("a 2\n"), 0xff, 0x0a, ...utf8("b 0\n"))]) {
    const index = parseIndex(stored, UPDATE);
    const appended = appendUpdatePuller(stored, index, "B");
    assert.deepEqual(appended.subarray(0, stored.length), stored);
    assert.deepEqual([...parseIndex(appended, UPDATE).names()], [...index.names()]);
  }
});

Deno.test("a time of minus zero is zero", () => {
  assert.ok(Object.is(parseRecord("placeholder%1.0\ntimestamp: -0").timeS, 0));
});

Deno.test("what is refused is shown without control characters", () => {
  for (const refuse of [() => parseRelativePath(".\x1b[2J"), () => parseModifiers("r\x1b[2J")]) {
    assert.throws(refuse, (thrown) => thrown instanceof Error && !thrown.message.includes("\x1b"));
  }
});

Deno.test("rows of the state and a status file that cannot be read count as forgotten", () => {
  for (const text of ["{", "null", "[]", '{"id":1}', '{"id":"a"}']) {
    const { agreed, intended } = resourceOf({ agreed: text, intended: text });
    assert.deepEqual([agreed, intended], [undefined, []], text);
  }
  const folder = Deno.makeTempDirSync();
  try {
    for (const text of ["null", "1", '{"version":1}', '{"version":1,"clients":{}}']) {
      Deno.writeTextFileSync(`${folder}/status`, text);
      assert.equal(readStatus(`${folder}/status`), undefined, text);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

function refusedBy(read: () => unknown): void {
  assert.throws(read, EscaleError);
}
