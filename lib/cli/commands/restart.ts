import type { Command } from "commander";

import { type Ctl, ctlCommand } from "../ctl.ts";
import { readStatus } from "../../daemon/status_file.ts";
import { askRunning, findRunning, startRunning, stopRunning } from "../running.ts";
import { clean } from "../words.ts";
import { tellStarted } from "./start.ts";

/** `escalectl restart`: stops clients and starts them again. */
export function restartCommand(ctl: Ctl): Command {
  return ctlCommand("restart", {
    summary:
      "Stops clients and starts them again, with the configuration as it is now. Without names the process ends " +
      "and another one takes its place, with the same clients and flags.",
    examples: ["escalectl restart", "escalectl restart photos"],
  })
    .argument("[section...]", "the clients to restart; the whole process without")
    .action((names: string[]) => restart(ctl, names));
}

async function restart(ctl: Ctl, names: readonly string[]): Promise<void> {
  // A configuration that cannot be started with must not stop what runs.
  ctl.sections(names);
  const running = findRunning(ctl);
  const { pid, configFile, files } = running;
  if (pid !== undefined && names.length > 0) {
    const clients = await askRunning(running, { command: "restart", names, signal: ctl.signal });
    const text = `Restarted ${clients.map(clean).join(", ")}`;
    return ctl.result({ kind: "restarted", pid, clients }, text);
  }
  const former = pid === undefined ? undefined : readStatus(files.status);
  if (pid !== undefined) await stopRunning(running, ctl);
  const fresh = ["-c", configFile, ...names.flatMap((name) => ["--section", name])];
  tellStarted(ctl, await startRunning(ctl, { files, args: former?.args ?? fresh }));
}
