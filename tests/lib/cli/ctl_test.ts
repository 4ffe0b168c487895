import assert from "node:assert/strict";

import { parseCommandLine } from "../../../lib/cli/command_line.ts";
import { ctlProgram } from "../../../lib/cli/commands/ctl_table.ts";
import { type CommonOptions, Ctl, ctlCommand } from "../../../lib/cli/ctl.ts";
import { recordOutput } from "../../support/output.ts";

function setUp(options: CommonOptions = {}, { isTerminal = false } = {}) {
  const output = recordOutput({ isTerminal });
  const ctl = new Ctl({
    version: "1.2.3",
    openBackend: () => Promise.reject(new Error("not opened here")),
    escale: ["escale"],
  }, { output, signal: new AbortController().signal });
  ctl.begin(options);
  return { output, ctl };
}

/** What every command does now and then. */
function useAll(ctl: Ctl): void {
  ctl.result({ kind: "thing", count: 2 }, "two things");
  ctl.result({ kind: "nothing" }, "");
  ctl.warn("odd", "Look");
  ctl.error({ code: "full", message: "no", hint: "Free some" });
  ctl.end(3);
  ctl.close(ctl.status);
}

Deno.test("Ctl writes results to standard output and all else to standard error", () => {
  const { output, ctl } = setUp();
  useAll(ctl);
  assert.equal(output.stdout(), "two things\n");
  assert.equal(
    output.stderr(),
    "escale: warning: odd\nescale: hint: Look\nescale: error: no\nescale: hint: Free some\n",
  );
  assert.equal(ctl.status, 3);
});

Deno.test("Ctl writes one JSON object a line if asked to, the status last", () => {
  const { output, ctl } = setUp({ json: true });
  useAll(ctl);
  assert.equal(output.stderr(), "");
  assert.deepEqual(output.stdout().trimEnd().split("\n").map((line) => JSON.parse(line)), [
    { kind: "thing", count: 2 },
    { kind: "nothing" },
    { kind: "warning", message: "odd", hint: "Look" },
    { kind: "error", code: "full", message: "no", hint: "Free some", status: 1 },
    { kind: "end", status: 3 },
  ]);
});

Deno.test("Ctl.progress() draws on a terminal only, and goes away before anything else", () => {
  for (const [options, isTerminal] of [[{}, false], [{ json: true }, true]] as const) {
    const { output, ctl } = setUp(options, { isTerminal });
    ctl.progress("half way");
    assert.equal(output.stderr(), "");
  }
  const { output, ctl } = setUp({}, { isTerminal: true });
  ctl.progress("x".repeat(100));
  ctl.progress("too soon");
  ctl.result({ kind: "done" }, "done");
  ctl.close(0);
  assert.equal(output.stderr(), `\r\x1b[K${"x".repeat(79)}\r\x1b[K`);
});

Deno.test("a command gets the options that all have, wherever they stand", async () => {
  const { output, ctl } = setUp();
  const program = ctlProgram(ctl);
  let asked: readonly unknown[] = [];
  program.addCommand(
    ctlCommand("toy", { summary: "Plays.", examples: ["escalectl toy x"] })
      .argument("<name>")
      .option("-n, --number <n>", "how many")
      .action((name: string, { number }: { number?: string }) => {
        asked = [name, number, ctl.configFile(), ctl.isJson];
      }),
  );
  const args = ["toy", "-n", "5", "x", "--json", "-c", "a.conf"];
  assert.equal(await parseCommandLine(program, args), undefined);
  assert.deepEqual(asked, ["x", "5", "a.conf", true]);
  const help = await parseCommandLine(program, ["toy", "--help"]);
  assert.match(help ?? "", /^Usage: escalectl toy \[options\] <name>\n/);
  assert.match(help ?? "", /\nExamples:\n {2}\$ escalectl toy x\n$/);
  assert.equal(output.stdout() + output.stderr(), "");
});
