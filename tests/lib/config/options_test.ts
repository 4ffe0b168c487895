import assert from "node:assert/strict";

import type { Option } from "../../../lib/config/option_types.ts";
import { OPTIONS } from "../../../lib/config/options.ts";
import { configurationFiles } from "../../../lib/config/paths.ts";
import { describeType, parseValue } from "../../../lib/config/values.ts";
import { readGolden } from "./_fake_environment.ts";

const golden: {
  fields: Record<string, { options: string[]; global_only: boolean }>;
  list_separator: string;
  protocols: Record<string, string[] | string>;
  ciphers: string[];
  default_conf_files: string[];
} = JSON.parse(readGolden("options.json"));

const base = { home: "/home/me", folder: "/etc" };

function find(name: string): Option {
  const option = OPTIONS.find(({ names }) => names.includes(name));
  assert.ok(option, `option "${name}" is missing`);
  return option;
}

Deno.test("every option of 0.7 is known under all its names, in the order of 0.7", () => {
  for (const { options, global_only } of Object.values(golden.fields)) {
    const option = find(options[0] ?? "");
    assert.deepEqual(option.names.slice(0, options.length), options);
    assert.equal(option.scope === "global", global_only, option.name);
  }
});

Deno.test("every option of the 0.7 manual is known, its names belonging together", () => {
  const groups = [
    ...[["log file"], ["log rotate"], ["local path", "path"], ["protocol"], ["username"]],
    ["host address", "relay address", "remote address", "address"],
    [
      "host directory",
      "relay directory",
      "remote directory",
      "host dir",
      "relay dir",
      "remote dir",
    ],
    ...[["password", "secret file", "credential"], ["refresh"], ["passphrase", "key"]],
    ...[["modification time", "mtime", "timestamp"], ["push only", "read only"]],
    ...[["pull only", "write only"], ["encryption"], ["certificate", "certfile"], ["keyfile"]],
    ...[["verify ssl"], ["ssl version"], ["file extension", "file type"], ["disk quota"]],
    ["include", "include files", "pattern", "filter"],
    ...[["exclude", "exclude files"], ["include directories", "include directory"]],
    ...[["exclude directories", "exclude directory"], ["maintainer"]],
    ...[["mode", "synchronization mode"], ["lock timeout"], ["puller count", "pullers"]],
    ...[["checksum", "hash algorithm"], ["checksum cache"], ["index", "compact"], ["priority"]],
    ...[["maxpagesize", "maxarchivesize"], ["allow page deletion", "page deletion"]],
  ];
  for (const [first = "", ...others] of groups) {
    for (const other of others) assert.equal(find(other), find(first));
    find(first);
  }
  assert.equal(find("log file").scope, "global");
  assert.equal(find("log rotate").default, "3");
});

Deno.test("the options that 0.7 had not are known", () => {
  const names = [
    ...["legacy peers", "compression", "max parallel transfers", "log level", "rclone binary"],
    ...["drive binary", "encoding", "keep alive", "retry on error", "min split size"],
    ...["log format", "rclone config"],
  ];
  for (const name of names) find(name);
});

Deno.test("no name belongs to two options, and each option has its canonical name and a help", () => {
  const names = OPTIONS.flatMap((option) => option.names);
  assert.deepEqual(names.toSorted(), [...new Set(names)].toSorted());
  for (const option of OPTIONS) {
    assert.ok(option.names.includes(option.name), option.name);
    assert.match(option.help, /^.{10,100}[^.]$/, option.name);
    for (const name of option.names) assert.equal(name, name.toLowerCase().trim());
  }
  const helps = OPTIONS.map(({ help }) => help);
  assert.equal(new Set(helps).size, helps.length);
});

Deno.test("every default is a value of its option that can be used", () => {
  for (const option of OPTIONS) {
    assert.notEqual(describeType(option.type), "");
    if (option.default === undefined) continue;
    const parsed = parseValue(option.type, option.default, base);
    assert.ok("value" in parsed, option.name);
    const { availability } = option;
    if (availability.kind === "available") continue;
    assert.ok(availability.except.includes(String(parsed.value)), option.name);
  }
});

Deno.test("all protocols and ciphers of 0.7 are read", () => {
  const read = (name: string, text: string) => parseValue(find(name).type, text, base);
  for (const protocol of Object.values(golden.protocols).flat()) {
    const parsed = read("protocol", protocol);
    if (protocol === "ssh") assert.deepEqual(parsed, { problem: sshProblem });
    else if (protocol === "google") assert.deepEqual(parsed, { value: "googledrive" });
    else assert.deepEqual(parsed, { value: protocol });
  }
  for (const cipher of golden.ciphers) {
    assert.deepEqual(read("encryption", cipher), { value: cipher === "plain" ? "off" : cipher });
  }
});

const sshProblem = 'there is no such protocol: should be "sftp"';

Deno.test("configuration files are looked for where 0.7 looked", () => {
  const expected = golden.default_conf_files.map((file) => file.replace("<home>", "/home/me"));
  assert.deepEqual(configurationFiles("/home/me"), expected);
});
