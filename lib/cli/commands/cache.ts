import type { Command } from "commander";

import { messageOf } from "../../errors.ts";
import { silentLog } from "../../log.ts";
import { describe } from "../../relay/failure.ts";
import { clearChecksumCache, fillChecksumCache } from "../../sync/checksum_cache.ts";
import { openState } from "../../sync/toolbox.ts";
import { collect } from "../command_line.ts";
import { type Ctl, ctlCommand } from "../ctl.ts";

/** `escalectl make-cache`: computes the checksums of all files beforehand. */
export function makeCacheCommand(ctl: Ctl): Command {
  return ctlCommand("make-cache", {
    summary: "Computes the checksums of all local files that are not known yet, so that the " +
      "client's next start is quick. Can be interrupted and run again.",
    examples: ["escalectl make-cache", "escalectl make-cache -r photos"],
  })
    .option("-r, --repository <name>", "the section; may be given again, by default all", collect)
    .action(async ({ repository = [] }: { repository?: string[] }) => {
      for (const section of ctl.sections(repository)) {
        using state = openState(section, { log: silentLog });
        const { signal } = ctl;
        const progress = (done: { readonly files: number; readonly of: number }) =>
          ctl.progress(`${section.name}: ${done.files} of ${done.of} files`);
        const filled = await fillChecksumCache(section, { state, signal, progress });
        for (const { error } of filled.problems) {
          const { code, hint } = describe(error);
          ctl.error({ code, message: messageOf(error), hint });
          ctl.end(3);
        }
        const { files, read, fresh } = filled;
        const again = fresh === 0 ? "" : `, ${fresh} changed just now and are read again`;
        ctl.result(
          { kind: "make-cache", section: section.name, files, read, fresh },
          `${section.name}: ${files} files, ${read} read${again}`,
        );
      }
    });
}

/** `escalectl clear-cache`: forgets the checksums of all files. */
export function clearCacheCommand(ctl: Ctl): Command {
  return ctlCommand("clear-cache", {
    summary: "Forgets the checksums of local files that are kept to spare reading them. Nothing " +
      "else is forgotten; the client computes them anew.",
    examples: ["escalectl clear-cache", "escalectl clear-cache -r photos"],
  })
    .option("-r, --repository <name>", "the section; may be given again, by default all", collect)
    .action(async ({ repository = [] }: { repository?: string[] }) => {
      for (const section of ctl.sections(repository)) {
        using state = openState(section, { log: silentLog });
        const forgotten = await clearChecksumCache(section, { state, signal: ctl.signal });
        ctl.result(
          { kind: "clear-cache", section: section.name, forgotten },
          `${section.name}: forgot ${forgotten} checksums`,
        );
      }
    });
}
