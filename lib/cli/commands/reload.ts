import type { Command } from "commander";

import { EscaleError } from "../../errors.ts";
import { type Ctl, ctlCommand } from "../ctl.ts";
import { askRunning, findRunning } from "../running.ts";
import { clean } from "../words.ts";

/** `escalectl reload`: has running clients go by a changed configuration. */
export function reloadCommand(ctl: Ctl): Command {
  return ctlCommand("reload", {
    summary: "Reads the configuration again: clients whose section changed are restarted.",
    examples: ["escalectl reload"],
  }).action(() => reload(ctl));
}

async function reload(ctl: Ctl): Promise<void> {
  const running = findRunning(ctl);
  if (running.pid === undefined) {
    throw new EscaleError("usage", "Cannot reload the configuration: nothing runs", {
      hint: 'Run "escalectl start"',
    });
  }
  const clients = await askRunning(running, { command: "reload", names: [], signal: ctl.signal });
  const text = clients.length === 0
    ? "Nothing changed for any client"
    : `Changed: ${clients.map(clean).join(", ")}`;
  ctl.result({ kind: "reloaded", pid: running.pid, clients }, text);
}
