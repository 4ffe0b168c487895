import assert from "node:assert/strict";

import { errorsOf, FERNET_KEY, FILE, load, RELAY } from "./_load.ts";

Deno.test("contradictions and gaps are errors, each with its line", () => {
  const cases: [text: string, line: number, message: RegExp][] = [
    ["", 1, /no section/],
    ["refresh = 5\n", 1, /no section/],
    [`[r]\n${RELAY}`, 1, /section "r" has no "local path"/],
    ["\n[r]\npath = /l\n", 2, /no "protocol"/],
    ["[r]\npath = /l\naddress = host/dir\n", 3, /no "protocol"/],
    ["[r]\npath = /l\nprotocol = file\n", 1, /no "relay path"/],
    ["[r]\npath = /l\naddress = file://\n", 3, /no "relay path"/],
    ["[r]\npath = /l\naddress = /a\ndir = /b\n", 3, /two folders/],
    ["[r]\npath = /l\naddress = ~you/a\n", 3, /homes of other users/],
    ["[r]\npath = /l\nprotocol = ftp\n", 1, /no "host address" with a host, which ftp needs/],
    ["[r]\npath = /l\naddress = ftp:///x\n", 3, /no "host address" with a host/],
    ["[r]\npath = /l\naddress = ssh://h\n", 3, /the protocol of "host address": .*"sftp"/],
    ["[r]\npath = /l\naddress = gopher://h\n", 3, /the protocol of "host address": should be one/],
    ["[r]\npath = /l\nprotocol = ftp\naddress = ftps://h\n", 4, /should be "ftp"/],
    ["[r]\npath = /l\nprotocol = http\naddress = https://h\n", 4, /should be "http"/],
    ["[r]\npath = /l\naddress = ftp://h:0\n", 3, /wrong port/],
    ["[r]\npath = /l\naddress = ftp://h:21\nport = 22\n", 3, /"port" say different things/],
    ["[r]\npath = /l\naddress = ftp://h/a\ndir = b\n", 3, /"host directory" say different/],
    ["[r]\npath = /l\naddress = ftp://me@h\nuser = you\n", 3, /"username" say different/],
    [
      `[r]\npath = /l\n${RELAY}push only = 1\npull only = 1\n`,
      6,
      /contradicts "push only" in line 5/,
    ],
    [`[r]\npath = /l\n${RELAY}mode = shared\npull only = 1\n`, 5, /option "mode" is "shared"/],
    [`[r]\npath = /l\n${RELAY}mode = upload\npull only = 1\n`, 5, /option "mode" is "upload"/],
    [`[r]\npath = /l\n${RELAY}mode = upload\npush only = 0\n`, 5, /option "mode" is "upload"/],
    [`[r]\npath = /l\n${RELAY}mode = download\npull only = 0\n`, 5, /option "mode" is "download"/],
    ["[r]\npath = /l\nprotocol = constructor\n", 3, /"constructor": should be one of file/],
    [`[r]\npath = /l\n${RELAY}encryption = on\n`, 5, /"fernet": needs a "passphrase"/],
    [`[r]\npath = /l\n${RELAY}encryption = native\nkey = k\n`, 5, /does not encrypt by itself/],
    [`[r]\npath = /relay/l\n${RELAY}`, 2, /one inside the other/],
    [`[r]\npath = /\n${RELAY}`, 2, /one inside the other/],
    [`[r]\npath = /relay\n${RELAY}`, 2, /one inside the other/],
    [`[r]\npath = /l\n${RELAY}log level = info\n`, 5, /"log level" is for all clients/],
    [
      `[r]\npath = /l\n${RELAY}index=1\nlegacy peers = yes\ncompression = zstd\n`,
      7,
      /contradicts "legacy peers = yes"/,
    ],
    [
      `[r]\npath=/l\n${RELAY}legacy peers=0\nchecksum=no\nencryption=on\nkey=${FERNET_KEY}\n`,
      6,
      /option "checksum" is "no": contradicts/,
    ],
  ];
  for (const [text, line, message] of cases) {
    const [first = "", ...others] = errorsOf(text);
    assert.deepEqual(others, [], text);
    assert.ok(first.startsWith(`${FILE}:${line}: `), `${first} for ${text}`);
    assert.match(first, message, text);
  }
});

Deno.test("with errors the warnings are shown too, since a misspelt option is often why", () => {
  const text = `[r]\npath = /l\n${RELAY}encrypton = on\nkey = ${FERNET_KEY}\n`;
  const [first = "", second = "", ...others] = errorsOf(text);
  assert.match(first, /:5: warning: option "encrypton" is unknown.*"encryption"/);
  assert.match(second, /:6: option "key" .*without "encryption"/);
  assert.deepEqual(others, []);
});

Deno.test("two sections neither share a folder nor a name on one relay", () => {
  const two = (a: string, b: string) =>
    `[a]\nprotocol = file\n${a}\n[b]\nprotocol = file\n${b}\nclient = host\n`;
  const errors = (a: string, b: string) => errorsOf(two(a, b)).join("\n");
  assert.match(
    errors("path = /l\ndir = /r", "path = /l\ndir = /s"),
    /:7: local path "\/l" is that of section "a"/,
  );
  assert.match(errors("path = /l/m\ndir = /r", "path = /l\ndir = /s"), /:7: local path "\/l"/);
  assert.match(
    errors("path = /l\ndir = /r", "path = /m\ndir = /r/"),
    /:5: section "b" is on the relay of section "a" under the same "client name"/,
  );
  const ftp = (a: string, b: string) =>
    `[a]\npath = /a\naddress = ${a}\n[b]\npath = /b\naddress = ${b}\n`;
  assert.match(errorsOf(ftp("ftp://HOST/d/", "ftp://host/d")).join(), /same "client name"/);
  assert.equal(load(ftp("ftp://host/d", "ftp://host:2121/d")).sections.length, 2);
  assert.equal(load(ftp("ftp://host/d", "ftp://host/e")).sections.length, 2);
  const apart = load(two("path = /l\ndir = /r\nclient = a", "path = /l2\ndir = /r"));
  assert.deepEqual(apart.sections.map(({ clientName }) => clientName), ["a", "host"]);
});

Deno.test("a passphrase that a program shows is a warning", () => {
  const relay = "address = googledrive:///d//r\n";
  const { warnings } = load(`[r]\npath = /l\n${relay}encryption = native\nkey = k\n`);
  assert.equal(warnings.length, 1, warnings.join());
  assert.match(warnings.join(), /:4: .*all users of this machine can read it; use "fernet"/);
});

Deno.test("what has no effect is a warning", () => {
  const cases: [lines: string, warnings: RegExp[]][] = [
    ["compression = zstd", [/:5: option "compression" has no effect without an index/]],
    ["maxarchivesize = 5\npage deletion = yes\npriority = upload", [
      ...[/"maxarchivesize" has no effect/, /"page deletion" has no/, /"priority" has no/],
    ]],
    ["index = 1\nmaxpagesize = 5\ncompression = bz2", []],
    ["index = 1\ncompression = zstd", [/read only bz2; set "legacy peers = no"/]],
    ["index = 1\ncompression = zstd\nlegacy peers = no", []],
    ["checksum cache = /c", [/:5: option "checksum cache" has no effect/]],
    ["checksum cache = no", [/"checksum cache" has no effect/]],
    ["checksum cache = yes", []],
    ["retryonerror = a, b", [/:5: option "retryonerror" has no effect/]],
  ];
  for (const [lines, expected] of cases) {
    const { warnings } = load(`[r]\npath = /l\n${RELAY}${lines}\n`);
    assert.equal(warnings.length, expected.length, warnings.join());
    warnings.forEach((warning, i) => assert.match(warning, expected[i] ?? /^$/));
  }
});

Deno.test("what has no effect is said once of a global option, and only if it has none anywhere", () => {
  const sections = (index: string) =>
    `[r]\npath = /l\n${RELAY}[s]\npath = /m\nclient = s\n${RELAY}index = ${index}\n`;
  const warn = (index: string) =>
    load(`log rotate = 5\nretry on error = x\ncompression = bz2\n${sections(index)}`).warnings;
  assert.deepEqual(warn("1").map((warning) => warning.slice(FILE.length)), [
    ':1: option "log rotate" has no effect without "log file"',
    ':2: option "retry on error" has no effect: what may succeed later is tried again anyway',
  ]);
  assert.match(warn("no").join("\n"), /:3: option "compression" has no effect/);
  assert.equal(warn("no").length, 3);
});

Deno.test("two sections may share a folder and a relay, where one sends and one receives", () => {
  const pair = (mode: string, other: string, folder = "/l") =>
    `[up]\nclient = u\npath = /l\n${RELAY}mode = ${mode}\n` +
    `[down]\nclient = d\npath = ${folder}\n${RELAY}mode = ${other}\n`;
  const [up, down] = load(pair("upload", "download")).sections;
  assert.deepEqual([up?.sibling, down?.sibling], ["d", "u"]);
  for (
    const text of [
      pair("upload", "upload"),
      pair("shared", "download"),
      pair("upload", "download", "/l/m"),
    ]
  ) {
    assert.match(errorsOf(text)[0] ?? "", /local path .* should be apart/);
  }
});
