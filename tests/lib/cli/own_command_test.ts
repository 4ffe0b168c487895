import assert from "node:assert/strict";

import { escaleCommand } from "../../../lib/cli/own_command.ts";
import configuration from "../../../deno.json" with { type: "json" };

const FACTS = {
  tasks: { escale: "deno run --no-prompt --allow-sys=uid,homedir main.ts" },
  unstable: ["worker-options"],
};

Deno.test("escaleCommand() has the flags of the task, and the features that deno.json asks for", () => {
  assert.deepEqual(escaleCommand(new URL("file:///opt/my%20escale/main.ts"), FACTS), [
    ...[Deno.execPath(), "run", "--no-prompt", "--allow-sys=uid,homedir"],
    ...["--unstable-worker-options", "/opt/my escale/main.ts"],
  ]);
  const remote = escaleCommand(new URL("https://jsr.io/@escale/cli/main.ts"), FACTS);
  assert.equal(remote.at(-1), "https://jsr.io/@escale/cli/main.ts");
});

Deno.test("the tasks escale and escalectl list their permissions", () => {
  for (const task of [configuration.tasks.escale, configuration.tasks.escalectl]) {
    const flags = task.split(" ").filter((word) => word.startsWith("-"));
    assert(flags.includes("--no-prompt"), task);
    assert(
      !flags.some((flag) => /^(-A|--allow-all|--allow-env$|--allow-ffi|--allow-import)/.test(flag)),
      task,
    );
  }
});
