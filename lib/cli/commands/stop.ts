import type { Command } from "commander";

import { type Ctl, ctlCommand } from "../ctl.ts";
import { askRunning, findRunning, stopRunning } from "../running.ts";
import { clean } from "../words.ts";

/** `escalectl stop`: stops clients. */
export function stopCommand(ctl: Ctl): Command {
  return ctlCommand("stop", {
    summary: "Stops clients, and waits until they have finished or undone what is in hand.",
    examples: ["escalectl stop", "escalectl stop photos"],
  })
    .argument("[section...]", "the clients to stop; all without")
    .action((names: string[]) => stop(ctl, names));
}

async function stop(ctl: Ctl, names: readonly string[]): Promise<void> {
  const running = findRunning(ctl);
  if (running.pid === undefined) {
    ctl.sections(names);
    return ctl.result({ kind: "stopped", clients: [] }, "Nothing runs");
  }
  const clients = names.length === 0
    ? await stopRunning(running, ctl)
    : await askRunning(running, { command: "stop", names, signal: ctl.signal });
  const text = names.length === 0
    ? `Stopped process ${running.pid}`
    : clients.length === 0
    ? "They do not run"
    : `Stopped ${clients.map(clean).join(", ")}`;
  ctl.result({ kind: "stopped", pid: running.pid, clients }, text);
}
