import type { Command } from "commander";

import { type Ctl, ctlCommand } from "../ctl.ts";
import { askRunning, findRunning, startRunning } from "../running.ts";
import { clean } from "../words.ts";

/** `escalectl start`: starts clients in the background. */
export function startCommand(ctl: Ctl): Command {
  return ctlCommand("start", {
    summary: "Starts clients in the background.",
    examples: ["escalectl start", "escalectl start photos music"],
  })
    .argument("[section...]", "the clients to start; all without")
    .action((names: string[]) => start(ctl, names));
}

/** Starts clients, and tells which. Those that run already are left alone. */
async function start(ctl: Ctl, names: readonly string[]): Promise<void> {
  const running = findRunning(ctl);
  const { pid, configFile, files } = running;
  if (pid === undefined) {
    ctl.sections(names);
    const args = ["-c", configFile, ...names.flatMap((name) => ["--section", name])];
    return tellStarted(ctl, await startRunning(ctl, { files, args }));
  }
  const clients = await askRunning(running, { command: "start", names, signal: ctl.signal });
  const text = clients.length === 0
    ? `Runs already, as process ${pid}`
    : `Started ${clients.map(clean).join(", ")}`;
  ctl.result({ kind: "started", pid, clients }, text);
}

/** Tells of a process that was started. */
export function tellStarted(
  ctl: Ctl,
  started: { readonly pid: number; readonly logFile: string },
): void {
  const text = `Started escale as process ${started.pid}; its log is "${clean(started.logFile)}"`;
  ctl.result({ kind: "started", ...started }, text);
}
