import assert from "node:assert/strict";

import { parseEscale, parseEscalectl, type RunFlags } from "../../../lib/cli/flags.ts";
import { EscaleError } from "../../../lib/errors.ts";

const DEFAULTS: RunFlags = {
  configFile: undefined,
  sections: [],
  once: false,
  dryRun: false,
  json: false,
  verbosity: undefined,
};

Deno.test("parseEscale() reads each flag", () => {
  const cases: readonly [readonly string[], Partial<RunFlags>][] = [
    [[], {}],
    [["-c", "a.conf"], { configFile: "a.conf" }],
    [["--config=a.conf"], { configFile: "a.conf" }],
    [["--section", "one", "--section", "two"], { sections: ["one", "two"] }],
    [["--once"], { once: true }],
    [["--dry-run"], { dryRun: true, once: true }],
    [["--json"], { json: true }],
    [["-q"], { verbosity: 0 }],
    [["--verbose"], { verbosity: 2 }],
    [["-vc", "a.conf", "--once"], { verbosity: 2, configFile: "a.conf", once: true }],
  ];
  for (const [args, changes] of cases) {
    assert.deepEqual(parseEscale(args, "1.2.3"), {
      kind: "run",
      flags: { ...DEFAULTS, ...changes },
    });
  }
});

Deno.test("parseEscale() shows version and help", () => {
  for (const flag of ["--version", "-V"]) {
    assert.deepEqual(parseEscale([flag], "1.2.3"), { kind: "text", text: "escale 1.2.3\n" });
  }
  const help = parseEscale(["--help"], "1.2.3");
  assert(help.kind === "text");
  for (const part of ["--section <name>", "--dry-run", "130 "]) assert(help.text.includes(part));
  assert(!help.text.includes("--daemon"));
});

Deno.test("parseEscale() says what is wrong", () => {
  const cases: readonly [readonly string[], string, string?][] = [
    [["--nope"], 'Unknown option "--nope"'],
    [["--jsn"], 'Unknown option "--jsn"', 'Did you mean "--json"?'],
    [["-c"], 'Option "-c, --config <file>" argument missing'],
    [["extra"], "Too many arguments. Expected 0 arguments but got 1: extra"],
    [["-q", "-v"], 'Options "--quiet" and "--verbose" contradict each other'],
    [["-i"], 'Option "-i" is not available in this version'],
    [["-d", "--once"], 'Option "-d" is not available in this version'],
    [["-r", "name"], 'Option "-r" is not available in this version'],
  ];
  for (const [args, message, hint] of cases) {
    const expected = { code: "usage", message, ...(hint === undefined ? {} : { hint }) };
    assert.throws(() => parseEscale(args, "1.2.3"), expected);
  }
});

Deno.test("parseEscalectl() has help and version, and refuses the rest", () => {
  assert.equal(parseEscalectl(["--version"], "1.2.3"), "escalectl 1.2.3\n");
  assert.match(parseEscalectl(["--help"], "1.2.3"), /^Usage: escalectl/);
  for (const args of [[], ["start"], ["access", "r+", "file"], ["--nope"]]) {
    assert.throws(() => parseEscalectl(args, "1.2.3"), EscaleError);
  }
});
