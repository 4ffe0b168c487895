import { resolve } from "node:path";

import type { Command } from "commander";

import { moveRepository } from "../../config/move.ts";
import { prepareReplacement } from "../../local/replace_file.ts";
import { silentLog } from "../../log.ts";
import { printable } from "../../path.ts";
import { lookAtMoved, rememberRoot } from "../../sync/rebase.ts";
import { holdClient, openState } from "../../sync/toolbox.ts";
import { type Ctl, ctlCommand } from "../ctl.ts";
import { chooseSection } from "../sections.ts";

/** `escalectl rebase`: tells a client that its repository has moved. */
export function rebaseCommand(ctl: Ctl): Command {
  return ctlCommand("rebase", {
    summary: "Tells a client that its local repository is another folder now, to which you have " +
      "moved or copied the files. The configuration file is rewritten (the old one is kept " +
      "beside it), and nothing counts as deleted. Stop the client first.",
    examples: ["escalectl rebase /mnt/big/photos", "escalectl rebase -r photos ~/pictures"],
  })
    .argument("<path>", "the folder where the files are now")
    .option("-r, --repository <name>", "the section, if there are several")
    .option("--accept-missing", "take files that are missing there for deleted here")
    .action(async (text: string, options: { repository?: string; acceptMissing?: true }) => {
      const { file, ...configuration } = ctl.configuration();
      const section = chooseSection({ file, ...configuration }, options.repository);
      const path = text.startsWith("~") ? text : resolve(text);
      const before = Deno.readTextFileSync(file);
      const moved = moveRepository(before, { file, section: section.name, path });
      using _held = holdClient(section);
      using state = openState(section, { log: silentLog });
      const { scan, files, missing } = await lookAtMoved(section, moved.section, {
        state,
        acceptsMissing: options.acceptMissing === true,
        signal: ctl.signal,
      });
      using replacement = prepareReplacement(file, moved.text, ".before-rebase");
      const saved = replacement.commit();
      rememberRoot(moved.section, scan, state);
      const { name, localPath } = moved.section;
      ctl.result(
        { kind: "rebase", section: name, path: localPath, files, missing, saved },
        `${printable(name)}: "${printable(localPath)}", ${files} files, ${missing} missing; ` +
          `the former configuration is "${printable(saved)}"`,
      );
    });
}
