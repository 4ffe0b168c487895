import type { Command } from "commander";

import type { Section } from "../../config/section.ts";
import { EscaleError } from "../../errors.ts";
import { pathInside } from "../../local/inside.ts";
import { printable } from "../../path.ts";
import { type ConflictCopy, listConflicts, resolveConflict } from "../../sync/conflicts.ts";
import { collect } from "../command_line.ts";
import { type Ctl, ctlCommand } from "../ctl.ts";
import { statusOfCode } from "../exit.ts";
import { formatBytes } from "../format.ts";

/** `escalectl conflicts`: lists conflict copies and ends conflicts. */
export function conflictsCommand(ctl: Ctl): Command {
  return ctlCommand("conflicts", {
    summary: "Lists the conflict copies in the local repository. With --use a copy takes the " +
      "place of its original, whose content here is gone with that; with --drop the copy goes. " +
      "Other clients keep their copies, and can do the same.",
    examples: [
      "escalectl conflicts",
      "escalectl conflicts -r photos --use a.conflict-pc-20260101-120000-0123abcd.jpg",
      "escalectl conflicts --drop b.conflict-pc-20260101-120000-89abcdef.txt",
    ],
  })
    .option("-r, --repository <name>", "the section; when listing may be given again", collect)
    .option("--use <copy>", "give this copy the name of its original; may be given again", collect)
    .option("--drop <copy>", "remove this copy; may be given again", collect)
    .action(async (options: { repository?: string[]; use?: string[]; drop?: string[] }) => {
      const { repository = [], use = [], drop = [] } = options;
      if (use.length + drop.length === 0) {
        for (const section of ctl.sections(repository)) await list(section, ctl);
        return;
      }
      const [name, second] = repository;
      if (second !== undefined) throw new EscaleError("usage", "Name one section to resolve in");
      const section = ctl.section(name);
      for (const copy of use) resolve(section, { copy, choice: "use", ctl });
      for (const copy of drop) resolve(section, { copy, choice: "drop", ctl });
    });
}

async function list(section: Section, ctl: Ctl): Promise<void> {
  for (const copy of await listConflicts(section, ctl.signal)) {
    const { path, original, originalStands, client, timeMs, sizeBytes } = copy;
    const time = new Date(timeMs).toISOString();
    ctl.result(
      {
        ...{ kind: "conflict", section: section.name, path, original, originalStands },
        ...{ client, time, sizeBytes },
      },
      lineOf(copy, time),
    );
  }
}

function lineOf(copy: ConflictCopy, time: string): string {
  const { path, original, originalStands, client, sizeBytes } = copy;
  const gone = originalStands ? "" : " (gone)";
  const when = time.slice(0, 19).replace("T", " ");
  return `${printable(path)}\n  of ${printable(original)}${gone}, by ${
    printable(client)
  } at ${when} UTC, ${formatBytes(sizeBytes)}`;
}

function resolve(
  section: Section,
  { copy, choice, ctl }: {
    readonly copy: string;
    readonly choice: "use" | "drop";
    readonly ctl: Ctl;
  },
): void {
  ctl.signal.throwIfAborted();
  try {
    const path = pathInside(section.localPath, copy);
    resolveConflict(section, path, choice);
    const word = choice === "use" ? "took the place of its original" : "is removed";
    ctl.result(
      { kind: "resolved", section: section.name, path, choice },
      `${printable(path)} ${word}`,
    );
  } catch (cause) {
    if (!(cause instanceof EscaleError)) throw cause;
    ctl.error(cause);
    ctl.end(statusOfCode(cause.code));
  }
}
