import type { Command } from "commander";

import type { Section } from "../../config/section.ts";
import { EscaleError } from "../../errors.ts";
import { changeModifiers } from "../../local/access.ts";
import { formatModifiers, parseAccessWords } from "../../local/access_words.ts";
import { pathInside } from "../../local/inside.ts";
import type { AccessModifiers } from "../../local/state.ts";
import { silentLog } from "../../log.ts";
import { printable } from "../../path.ts";
import { openState } from "../../sync/toolbox.ts";
import { type Ctl, ctlCommand } from "../ctl.ts";

/** `escalectl access`: shows or sets what may be done with a file. */
export function accessCommand(ctl: Ctl): Command {
  return ctlCommand("access", {
    summary:
      "Shows or sets the access modifiers of a file: r (read) says whether it may be sent, " +
      "w (write) whether it may be replaced; + allows, - forbids, ? leaves it to the mode.",
    examples: [
      "escalectl access -r photos 2026/a.jpg w-",
      "escalectl access r+w? 2026/a.jpg",
      "escalectl access -r photos",
    ],
  })
    .argument(
      "[words...]",
      "a file, and before or behind it modifiers; without a file, all are shown",
    )
    .option("-r, --repository <name>", "the section, if there are several")
    .action((words: string[], options: { repository?: string }) => {
      const section = ctl.section(options.repository);
      if (words.length === 0) return showAll(section, ctl);
      const { file, change } = parseAccessWords(words);
      const path = pathInside(section.localPath, file);
      if (isFolder(`${section.localPath}/${path}`)) {
        const message = `Cannot set the access modifiers of "${printable(path)}"`;
        throw new EscaleError("usage", `${message}: it is a folder, not a file`);
      }
      const isShown = Object.keys(change).length === 0;
      using state = openState(section, { log: silentLog, isReadOnly: isShown });
      const access = changeModifiers(state.access(path), change);
      if (!isShown) state.setAccess(path, access);
      show(section, { path, access, ctl });
    });
}

function showAll(section: Section, ctl: Ctl): void {
  using state = openState(section, { log: silentLog, isReadOnly: true });
  for (const [path, access] of state.allAccess()) show(section, { path, access, ctl });
}

function show(
  { name }: Section,
  { path, access, ctl }: {
    readonly path: string;
    readonly access: AccessModifiers;
    readonly ctl: Ctl;
  },
): void {
  const [read, write] = [access.read ?? null, access.write ?? null];
  const text = `${formatModifiers(access)} ${printable(path)}`;
  ctl.result({ kind: "access", section: name, path, read, write }, text);
}

function isFolder(place: string): boolean {
  try {
    return Deno.statSync(place).isDirectory;
  } catch {
    return false;
  }
}
