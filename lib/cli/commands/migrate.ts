import { resolve } from "node:path";

import type { Command } from "commander";

import { systemEnvironment } from "../../config/environment.ts";
import { loadConfiguration } from "../../config/load.ts";
import { moveSection } from "../../config/move.ts";
import type { Configuration, Section } from "../../config/section.ts";
import { EscaleError } from "../../errors.ts";
import { prepareReplacement, type Replacement } from "../../local/replace_file.ts";
import { printable } from "../../path.ts";
import { migrateRelay } from "../../sync/migrate.ts";
import { type Ctl, ctlCommand } from "../ctl.ts";
import { formatBytes } from "../format.ts";
import { chooseSection } from "../sections.ts";
import { toolboxOf } from "../toolbox.ts";
import { progressText } from "./backup.ts";

/** `escalectl migrate`: copies a relay to another place. */
export function migrateCommand(ctl: Ctl): Command {
  return ctlCommand("migrate", {
    summary: "Copies a relay to another place, verified, and leaves what stands at the old one. " +
      "The destination is an address, for which the configuration file is rewritten (the old " +
      "one is kept beside it), or another section, or another configuration file with a section " +
      "of the same name. Stop the client first; an interrupted copy goes on when run again. " +
      "Then give the other clients the new relay too.",
    examples: [
      "escalectl migrate -r photos ftps://host/photos",
      "escalectl migrate -r photos /mnt/share/photos --fast",
      "escalectl migrate -r photos photos-at-the-new-place",
    ],
  })
    .argument("<destination>", "an address, a section, or a configuration file")
    .option("-r, --repository <name>", "the section, if there are several")
    .option("--fast", "take no locks: for a relay where no client is at work")
    .action(async (destination: string, options: { repository?: string; fast?: true }) => {
      const configuration = ctl.configuration();
      const section = chooseSection(configuration, options.repository);
      using target = findDestination(destination, { configuration, section });
      await using toolbox = await toolboxOf(section, ctl, { isAlone: true });
      const copied = await migrateRelay(toolbox, target.section, {
        openBackend: ctl.program.openBackend,
        isFast: options.fast === true,
        progress: (done) => ctl.progress(`copied ${progressText(done)}`),
      });
      const saved = target.replacement?.commit();
      const { objects, bytes, kept, leftOut } = copied;
      for (const name of leftOut) ctl.warn(`Left "${printable(name)}" at the old place`);
      ctl.result(
        { kind: "migrate", section: section.name, objects, bytes, kept, leftOut, saved },
        `${printable(section.name)}: ${objects} objects, ${
          formatBytes(bytes)
        } stand at the destination` +
          (saved === undefined ? "" : `; the former configuration is "${printable(saved)}"`),
      );
    });
}

interface Target extends Disposable {
  readonly section: Section;
  /** The configuration as it is to be when all is copied. */
  readonly replacement: Replacement | undefined;
}

function findDestination(
  text: string,
  { configuration, section }: {
    readonly configuration: Configuration;
    readonly section: Section;
  },
): Target {
  const other = configuration.sections.find(({ name }) => name === text);
  if (other !== undefined) return standing(other);
  if (systemEnvironment().isFile(text)) {
    const { sections } = loadConfiguration(text);
    const same = sections.find(({ name }) => name === section.name);
    if (same !== undefined) return standing(same);
    throw new EscaleError(
      "usage",
      `Cannot migrate to "${printable(text)}": it has no section "${printable(section.name)}"`,
      { hint: "The section of the destination should have the name of the one to be migrated" },
    );
  }
  const address = /^\.{1,2}(\/|$)/.test(text) ? resolve(text) : text;
  const { file } = configuration;
  const moved = moveSection(Deno.readTextFileSync(file), { file, section: section.name, address });
  const replacement = prepareReplacement(file, moved.text, ".before-migration");
  return {
    section: moved.section,
    replacement,
    [Symbol.dispose]: () => replacement[Symbol.dispose](),
  };
}

function standing(section: Section): Target {
  return { section, replacement: undefined, [Symbol.dispose]: () => {} };
}
