import assert from "node:assert/strict";

import { OPTIONS } from "../../../lib/config/options.ts";
import { parseValue, type Value } from "../../../lib/config/values.ts";

const base = { home: "/home/me", folder: "/etc/escale" };
const booleans = ["1", "yes", "true", "on", "YES", "On", "0", "no", "false", "off"];

function read(name: string, text: string): Value | undefined {
  const option = OPTIONS.find((option) => option.name === name);
  assert.ok(option);
  const parsed = parseValue(option.type, text, base);
  return "value" in parsed ? parsed.value : undefined;
}

Deno.test("parseValue() reads what an option accepts", () => {
  const cases: [option: string, text: string, value: Value][] = [
    ...booleans.map((text, i): [string, string, Value] => ["verify ssl", text, i < 6]),
    ["refresh", "1", 1],
    ["refresh", "0", 0],
    ["refresh", "no", 0],
    ["refresh", "yes", 30],
    ["refresh", "on", 30],
    ["refresh", "0.5", 0.5],
    ["refresh", ".5", 0.5],
    ["refresh", "2147483", 2_147_483],
    ["lock timeout", "1", 1],
    ["lock timeout", "yes", 259_200],
    ["keep alive", "5", 5],
    ["keep alive", "1", 1],
    ["keep alive", "yes", 60],
    ["keep alive", "off", 0],
    ["puller count", "2", 2],
    ["verbosity", "0", 0],
    ["port", "65535", 65_535],
    ["disk quota", "1.5 GB", 1.5 * 1024 ** 3],
    ["maxpagesize", "10", 10 * 1024 ** 2],
    ["protocol", "FTP", "ftp"],
    ["mode", "Preservative", "conservative"],
    ["mode", "protective", "conservative"],
    ["mode", "share", "shared"],
    ["mode", "UPLOAD", "upload"],
    ["encryption", "on", "fernet"],
    ["encryption", "1", "fernet"],
    ["encryption", "False", "off"],
    ["encryption", "plain", "off"],
    ["encryption", "Blowfish.cryptography", "blowfish.cryptography"],
    ["ssl version", "SSLv23", "TLS"],
    ["ssl version", "tls", "TLS"],
    ["ssl version", "TLSv1.2", "TLSv1.2"],
    ["checksum", "yes", "yes"],
    ["checksum", "0", "no"],
    ["checksum", "sha256", "sha256"],
    ["checksum", "SHA-256", "sha256"],
    ["checksum", "sha3_256", "sha3-256"],
    ["checksum", "blake2b", "blake2b512"],
    ["checksum", "md5", "md5"],
    ["index", "1", "yes"],
    ["index", "off", "no"],
    ["index", "topdir", "topdir"],
    ["index", "topdir:12", "topdir:12"],
    ["modification time", "no", "no"],
    ["modification time", "%y%m%d_%H%M%S", "%y%m%d_%H%M%S"],
    ["local path", "~", "/home/me"],
    ["local path", "~/a b", "/home/me/a b"],
    ["local path", "a/../b", "/etc/escale/b"],
    ["local path", "/x//y/", "/x/y"],
    ["checksum cache", "no", false],
    ["checksum cache", "~/c", "/home/me/c"],
    ["include", " a*.txt , /^b[0-9]+$/,, ", ["a*.txt", "/^b[0-9]+$/"]],
    ["include", "a,\nb", ["a", "b"]],
    ["include", "", []],
    ["file extension", ".txt, md,, csv ", [".txt", ".md", ".csv"]],
    ["encoding", "latin1", "latin1"],
    ["client name", "Zoé 1", "Zoé 1"],
    ["client name", "a # b", "a # b"],
    ["passphrase", "two\nlines", "two\nlines"],
  ];
  for (const [option, text, value] of cases) {
    assert.deepEqual(read(option, text), value, `${option} = ${text}`);
  }
});

Deno.test("parseValue() refuses what an option does not accept", () => {
  const cases: Record<string, string[]> = {
    "verify ssl": ["", "2", "maybe", "yes no"],
    "refresh": ["often", "-1", "1e3", "1,5", "0.001", "2147484", "inf", "nan", "1 s", "0x10", ""],
    "lock timeout": ["0", "no", "0.5", "1 day"],
    "keep alive": ["0.5"],
    "puller count": ["0", "two", "1.5", "-1", "1000001"],
    "verbosity": ["3"],
    "port": ["0", "65536", "ftp"],
    "disk quota": ["12 xyz", "1 000 MB", "1.2.3 MB", "0", "7 kb"],
    "protocol": ["ssh", "gopher", "yes", "constructor", "__proto__"],
    "mode": ["both", "yes"],
    "encryption": ["aes", "2"],
    "ssl version": ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "tlsv1.0", "yes"],
    "checksum": ["shake_128", "shake256", "SHAKE-256", "crc32", "RSA-SHA256", "dss1", "ssl3-md5"],
    "index": ["2", "topdir:0", "topdir:", "topdir:x", "Topdir"],
    "modification time": ["maybe", "%q", "%", "%y%", ""],
    "local path": ["~other/x", "a\0b", "", "/a\n/b"],
    "host address": ["a\u0007b", "a\nb"],
    "include": ["/[/", "a\nb", "/(a)\\1/"],
    "encoding": ["klingon"],
    "client name": [
      "a:b",
      "",
      "-a",
      "=a",
      "+a",
      "#a",
      "%a",
      "a\u0085b",
      "a\u2028b",
      "a".repeat(101),
    ],
    "passphrase": [""],
  };
  for (const [option, texts] of Object.entries(cases)) {
    for (const text of texts) assert.equal(read(option, text), undefined, `${option} = ${text}`);
  }
});
