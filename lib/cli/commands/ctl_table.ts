import type { Command } from "commander";

import { newProgram } from "../command_line.ts";
import type { Ctl, MakeCommand } from "../ctl.ts";
import { EXIT_STATUS_HELP } from "../exit.ts";
import { completionsCommand } from "./completions.ts";
import { exportCommand } from "./export.ts";
import { reloadCommand } from "./reload.ts";
import { restartCommand } from "./restart.ts";
import { serviceCommand } from "./service.ts";
import { startCommand } from "./start.ts";
import { statusCommand } from "./status.ts";
import { stopCommand } from "./stop.ts";
import { UPKEEP_COMMANDS } from "./upkeep_table.ts";

/** The commands of `escalectl`, in the order of its help. */
export const CTL_COMMANDS: readonly MakeCommand[] = [
  startCommand,
  stopCommand,
  restartCommand,
  reloadCommand,
  statusCommand,
  ...UPKEEP_COMMANDS,
  exportCommand,
  serviceCommand,
  completionsCommand,
];

/** The command line of `escalectl`. */
export function ctlProgram(ctl: Ctl): Command {
  const program = newProgram("escalectl", ctl.program.version)
    .description("Starts, stops and shows clients of escale, and looks after their relays.")
    .addHelpText("after", `\n${EXIT_STATUS_HELP}`)
    .hook("preAction", (_program, command) => ctl.begin(command.opts()));
  for (const makeCommand of CTL_COMMANDS) program.addCommand(makeCommand(ctl));
  return program;
}
