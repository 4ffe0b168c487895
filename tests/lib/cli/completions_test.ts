import assert from "node:assert/strict";

import { completionScript } from "../../../lib/cli/completions.ts";
import { newProgram } from "../../../lib/cli/command_line.ts";
import { ctlProgram } from "../../../lib/cli/commands/ctl_table.ts";
import { Ctl } from "../../../lib/cli/ctl.ts";
import { escaleProgram } from "../../../lib/cli/flags.ts";
import { recordOutput } from "../../support/output.ts";
import { runTool, testWithTools } from "../../support/tools.ts";

const ctl = new Ctl({
  version: "1.2.3",
  openBackend: () => Promise.reject(new Error("not opened here")),
  escale: ["escale"],
}, { output: recordOutput(), signal: new AbortController().signal });
const PROGRAMS = [escaleProgram("1.2.3"), ctlProgram(ctl)];

/** What bash proposes after `words`, the last of which is to be completed. */
async function proposalsOfBash(words: readonly string[]): Promise<readonly string[]> {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const script = [
    completionScript("bash", PROGRAMS),
    `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}`,
    `_${words[0]}`,
    'printf "%s\\n" "${COMPREPLY[@]}"',
  ].join("\n");
  const output = await runTool(["bash"], { input: new TextEncoder().encode(script), cwd: "/" });
  return new TextDecoder().decode(output).split("\n").filter((word) => word !== "");
}

testWithTools(["bash"], "bash completes commands, options and files", async () => {
  assert.deepEqual(await proposalsOfBash(["escalectl", "sta"]), ["start", "status"]);
  const options = await proposalsOfBash(["escalectl", "status", "--"]);
  for (const option of ["--watch", "--json", "--config"]) assert(options.includes(option), option);
  assert.deepEqual(await proposalsOfBash(["escale", "--dr"]), ["--dry-run"]);
  assert.deepEqual(await proposalsOfBash(["escale", "--detach"]), [], "what is hidden stays so");
  assert.deepEqual(await proposalsOfBash(["escale", "-c", "/et"]), ["/etc"]);
});

for (const shell of ["zsh", "fish"] as const) {
  testWithTools([shell], `${shell} reads its completions`, async () => {
    const file = Deno.makeTempFileSync();
    Deno.writeTextFileSync(file, completionScript(shell, PROGRAMS));
    await runTool([shell, "-n", file]);
    Deno.removeSync(file);
  });
}

testWithTools(["fish"], "fish completes commands and options", async () => {
  const file = Deno.makeTempFileSync();
  Deno.writeTextFileSync(file, completionScript("fish", PROGRAMS));
  const complete = async (line: string) => {
    const output = await runTool(["fish", "-c", `source ${file}; complete -C '${line}'`]);
    return new TextDecoder().decode(output).split("\n").map((text) => text.split("\t")[0]);
  };
  assert.deepEqual(await complete("escalectl sta"), ["start", "status", ""]);
  assert((await complete("escalectl status --w")).includes("--watch"));
  assert((await complete("escale --dr")).includes("--dry-run"));
  Deno.removeSync(file);
});

Deno.test("completionScript() has all commands, and quotes what their help says", () => {
  const program = newProgram("toy", "1");
  program.command("run").description("Runs it: as it's [said]. More.").option(
    "-x, --it's",
    "a [b]",
  );
  assert.match(completionScript("fish", [program]), /-a run -d 'Runs it'\n/);
  assert.match(completionScript("zsh", [program]), /'-x\[a \\\[b\\\]\]'/);
  for (const shell of ["bash", "zsh", "fish"] as const) {
    const script = completionScript(shell, PROGRAMS);
    for (const command of PROGRAMS.flatMap(({ commands }) => commands)) {
      assert(script.includes(command.name()), `${shell}: ${command.name()}`);
    }
  }
});
