import type { Command } from "commander";

import { printable } from "../../path.ts";
import { fixRelay } from "../../sync/fix_relay.ts";
import { collect } from "../command_line.ts";
import { type Ctl, ctlCommand } from "../ctl.ts";
import { toolboxOf } from "../toolbox.ts";

/** `escalectl fix`: rebuilds the records of a relay. */
export function fixCommand(ctl: Ctl): Command {
  return ctlCommand("fix", {
    summary: "Rebuilds the placeholders or indices of a relay from the files of a client that is " +
      "up to date, after the relay was lost or the passphrase changed. Stop the client first. " +
      "No content is written: others agree on files that they have and request what they lack.",
    examples: [
      "escalectl fix",
      "escalectl fix -r photos --update",
      "escalectl fix --page 0 --page music",
    ],
  })
    .option("-r, --repository <name>", "the section, if there are several")
    .option("--update", "also replace records that say something else than the local file")
    .option("--fast", "take no locks for single files: for a relay where no client is at work")
    .option("--page <name>", "with an index, only this page; may be given again", collect)
    .action(
      async (options: { repository?: string; update?: true; fast?: true; page?: string[] }) => {
        const section = ctl.section(options.repository);
        await using toolbox = await toolboxOf(section, ctl, { isAlone: true });
        const fixed = await fixRelay(toolbox, {
          update: options.update === true,
          isFast: options.fast === true,
          pages: options.page ?? [],
          progress: ({ files, of }) => ctl.progress(`looked at ${files} of ${of} files`),
          left: (path, why) => ctl.warn(`Left "${printable(path)}" as it is: ${why}`),
        });
        const { right, written, replaced, left } = fixed;
        if (left > 0) ctl.end(3);
        ctl.result(
          { kind: "fix", section: section.name, ...fixed },
          `${printable(section.name)}: ${written} records written, ${replaced} replaced, ` +
            `${right} were right, ${left} left as they are`,
        );
      },
    );
}
