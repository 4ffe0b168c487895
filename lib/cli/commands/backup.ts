import type { Command } from "commander";

import { printable } from "../../path.ts";
import type { BackupProgress } from "../../relay/backup.ts";
import {
  type BackupOptions,
  backupRelay,
  compressionOf,
  restoreArchive,
} from "../../sync/backup.ts";
import { type Ctl, ctlCommand } from "../ctl.ts";
import { formatBytes } from "../format.ts";
import { toolboxOf } from "../toolbox.ts";

/** `escalectl backup`: packs a relay into an archive. */
export function backupCommand(ctl: Ctl): Command {
  return ctlCommand("backup", {
    summary: "Packs all that stands on a relay into an archive, whose name says how it is " +
      "compressed (.tar, .tar.gz, .tar.bz2, .tar.zst), and verifies it. The archive appears " +
      "when it is complete. Clients may be at work.",
    examples: ["escalectl backup photos photos.tar.zst", "escalectl backup photos p.tar.gz --fast"],
  })
    .argument("<repository>", "the section")
    .argument("<archive>", "the file to write; it must not exist")
    .option("--fast", "take no locks: for a relay where no client is at work")
    .action(async (repository: string, archive: string, options: { fast?: true }) => {
      const section = ctl.section(repository);
      compressionOf(archive);
      await using toolbox = await toolboxOf(section, ctl);
      const { objects, bytes, archiveBytes } = await backupRelay(
        toolbox,
        archive,
        backupOptions(options, ctl),
      );
      ctl.result(
        { kind: "backup", section: section.name, archive, objects, bytes, archiveBytes },
        `${printable(archive)}: ${objects} objects, ${formatBytes(bytes)}, ` +
          `${formatBytes(archiveBytes)} in the archive, verified`,
      );
    });
}

/** `escalectl restore`: puts what an archive holds on a relay. */
export function restoreCommand(ctl: Ctl): Command {
  return ctlCommand("restore", {
    summary: "Puts what an archive holds on an empty relay: an archive made by a backup, or one " +
      "that tar made of a relay's folder. All of it is read and verified first; if it fails or " +
      "is interrupted, the relay is as empty as before.",
    examples: [
      "escalectl restore photos photos.tar.zst",
      "escalectl restore photos photos.tar.bz2 --fast",
    ],
  })
    .argument("<repository>", "the section")
    .argument("<archive>", "the file to read, in any of the compressions")
    .option("--fast", "take no locks: for a relay where no client is at work")
    .action(async (repository: string, archive: string, options: { fast?: true }) => {
      const section = ctl.section(repository);
      await using toolbox = await toolboxOf(section, ctl);
      const restored = await restoreArchive(toolbox, archive, backupOptions(options, ctl));
      const { objects, bytes, kept, leftOut, isForeign } = restored;
      if (isForeign) {
        ctl.warn("The archive has no list of checksums: its contents are not verified");
      }
      const { name } = section;
      const notes = [
        ...kept === 0 ? [] : [`${kept} stood there already`],
        ...leftOut === 0 ? [] : [`${leftOut} left out that are locks or of no relay`],
      ];
      ctl.result(
        { kind: "restore", section: name, archive, objects, bytes, kept, leftOut },
        [`${printable(name)}: ${objects} objects, ${formatBytes(bytes)}`, ...notes].join(", "),
      );
    });
}

function backupOptions({ fast }: { readonly fast?: true }, ctl: Ctl): BackupOptions {
  const words = { pack: "packed", verify: "verified", restore: "restored" };
  return {
    isFast: fast === true,
    progress: (what, done) => ctl.progress(`${words[what]} ${progressText(done)}`),
  };
}

/** How far something has come. */
export function progressText({ objects, bytes, ofObjects, ofBytes }: BackupProgress): string {
  if (ofObjects === 0) return `${objects} objects, ${formatBytes(bytes)}`;
  return `${objects} of ${ofObjects} objects, ${formatBytes(bytes)} of ${formatBytes(ofBytes)}`;
}
