import type { Command } from "commander";

import { silentLog } from "../../log.ts";
import { printable } from "../../path.ts";
import { setSuspended } from "../../sync/suspension.ts";
import { openState } from "../../sync/toolbox.ts";
import { collect } from "../command_line.ts";
import { type Ctl, ctlCommand } from "../ctl.ts";

/** `escalectl suspend`: keeps clients from synchronising for a while. */
export function suspendCommand(ctl: Ctl): Command {
  return suspension(ctl, {
    name: "suspend",
    summary: "Keeps clients from synchronising until they are resumed. A running client ends " +
      "the round in hand; one that is started again stays suspended.",
    isSuspended: true,
    told: "suspended",
  });
}

/** `escalectl resume`: lets suspended clients go on. */
export function resumeCommand(ctl: Ctl): Command {
  return suspension(ctl, {
    name: "resume",
    summary: "Lets suspended clients go on, running ones at their next look, which comes after " +
      'the time that "refresh" says at the latest.',
    isSuspended: false,
    told: "resumed",
  });
}

function suspension(
  ctl: Ctl,
  { name, summary, isSuspended, told }: {
    readonly name: string;
    readonly summary: string;
    readonly isSuspended: boolean;
    readonly told: string;
  },
): Command {
  return ctlCommand(name, {
    summary,
    examples: [`escalectl ${name}`, `escalectl ${name} -r photos`],
  })
    .option("-r, --repository <name>", "the section; may be given again, by default all", collect)
    .action(({ repository = [] }: { repository?: string[] }) => {
      for (const section of ctl.sections(repository)) {
        using state = openState(section, { log: silentLog });
        setSuspended(state, isSuspended);
        ctl.result(
          { kind: name, section: section.name },
          `${printable(section.name)}: ${told}`,
        );
      }
    });
}
