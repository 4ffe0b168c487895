import type { Command } from "commander";

import { exportSection } from "../../config/export.ts";
import { createPrivateFile } from "../../local/create_file.ts";
import { printable } from "../../path.ts";
import { type Ctl, ctlCommand } from "../ctl.ts";
import { chooseSection } from "../sections.ts";

/** `escalectl export`: writes what the next client of a relay needs. */
export function exportCommand(ctl: Ctl): Command {
  return ctlCommand("export", {
    summary: "Writes the file from which another client of the same relay is made by " +
      '"escale -i FILE": what the section says, without what belongs to this machine and, unless ' +
      "asked for, without secrets. To standard output if no file is named.",
    examples: [
      "escalectl export photos photos.escale",
      "escalectl export photos photos.escale --with-secrets",
    ],
  })
    .argument("[repository]", "the section, if there are several")
    .argument("[file]", "the file to write; it must not exist")
    .option("--with-secrets", "write password and passphrase into it, in plain text")
    .action((
      name: string | undefined,
      file: string | undefined,
      options: { withSecrets?: true },
    ) => {
      const configuration = ctl.configuration();
      const section = chooseSection(configuration, name);
      const text = exportSection(Deno.readTextFileSync(configuration.file), section, {
        hasSecrets: options.withSecrets === true,
      });
      if (file === undefined) {
        ctl.result({ kind: "export", section: section.name, text }, text.trimEnd());
        return;
      }
      createPrivateFile(file, new TextEncoder().encode(text));
      ctl.result({ kind: "export", section: section.name, file }, printable(file));
    });
}
