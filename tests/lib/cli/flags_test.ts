import assert from "node:assert/strict";

import { parseEscale, type RunFlags } from "../../../lib/cli/flags.ts";

const DEFAULTS: RunFlags = {
  configFile: undefined,
  sections: [],
  once: false,
  dryRun: false,
  json: false,
  verbosity: undefined,
  daemon: "no",
};

Deno.test("parseEscale() reads each flag", async () => {
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
    [["-d"], { daemon: "detach" }],
    [["--detached"], { daemon: "detached" }],
    [["-r"], { restartS: 60 }],
    [["-r", "5"], { restartS: 5 }],
    [["--restart=1.5"], { restartS: 1.5 }],
    [["-vc", "a.conf", "--once"], { verbosity: 2, configFile: "a.conf", once: true }],
  ];
  for (const [args, changes] of cases) {
    assert.deepEqual(await parseEscale(args, "1.2.3"), {
      kind: "run",
      flags: { ...DEFAULTS, ...changes },
    });
  }
});

Deno.test("parseEscale() shows version and help", async () => {
  for (const flag of ["--version", "-V"]) {
    assert.deepEqual(await parseEscale([flag], "1.2.3"), { kind: "text", text: "escale 1.2.3\n" });
  }
  const help = await parseEscale(["--help"], "1.2.3");
  assert(help.kind === "text");
  for (const part of ["--section <name>", "--dry-run", "--daemon", "130 "]) {
    assert(help.text.includes(part));
  }
  assert(!help.text.includes("--detached"));
});

Deno.test("parseEscale() says what is wrong", async () => {
  const cases: readonly [readonly string[], string, string?][] = [
    [["--nope"], 'Unknown option "--nope"'],
    [["--jsn"], 'Unknown option "--jsn"', 'Did you mean "--json"?'],
    [["-c"], 'Option "-c, --config <file>" argument missing'],
    [["extra"], "Too many arguments. Expected 0 arguments but got 1: extra"],
    [["-q", "-v"], 'Options "--quiet" and "--verbose" contradict each other'],
    [["--set", "a=b"], 'Option "--set" is for making a configuration'],
    [["--no-try"], 'Option "--no-try" is for making a configuration'],
    [["-i", "--once"], 'Option "-i" cannot stand with "--once"'],
    [["-i", "--section", "a", "--section", "b"], 'Option "-i" cannot stand with "--section" twice'],
    [["-d", "--once"], 'Option "--daemon" contradicts "--once" and "--dry-run"'],
    [
      ["-r", "soon"],
      'Option "--restart" is "soon": should be a number of seconds from 1 to 2147483',
    ],
    [["-r", "0"], 'Option "--restart" is "0": should be a number of seconds from 1 to 2147483'],
  ];
  for (const [args, message, hint] of cases) {
    const expected = { code: "usage", message, ...(hint === undefined ? {} : { hint }) };
    await assert.rejects(parseEscale(args, "1.2.3"), expected);
  }
});

Deno.test("parseEscale() reads what is asked of the wizard", async () => {
  const defaults = {
    configFile: undefined,
    section: undefined,
    imports: [],
    answers: [],
    takesDefaults: false,
    isExpert: undefined,
    tries: true,
  };
  const cases: readonly [readonly string[], Readonly<Record<string, unknown>>][] = [
    [["-i"], {}],
    [["-i", "a.escale", "--import", "b.escale"], { imports: ["a.escale", "b.escale"] }],
    [["--import", "b.escale"], { imports: ["b.escale"] }],
    [["-i", "-c", "x.conf", "--section", "a"], { configFile: "x.conf", section: "a" }],
    [["-i", "--set", "a=b", "--set", "c=d", "--no-try"], { answers: ["a=b", "c=d"], tries: false }],
    [["-iy"], { imports: ["y"] }],
    [["-i", "-y"], { takesDefaults: true, isExpert: false }],
    [["-i", "--expert"], { isExpert: true }],
  ];
  for (const [args, changes] of cases) {
    const expected = { kind: "wizard", flags: { ...defaults, ...changes } };
    assert.deepEqual(await parseEscale(args, "1.2.3"), expected, args.join(" "));
  }
});
