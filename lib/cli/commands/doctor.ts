import type { Command } from "commander";

import type { Section } from "../../config/section.ts";
import { printable } from "../../path.ts";
import { type Diagnosis, examine } from "../../sync/doctor.ts";
import { collect } from "../command_line.ts";
import { type Ctl, ctlCommand } from "../ctl.ts";
import { logOf } from "../toolbox.ts";

const NAME_WIDTH = 17;

/** `escalectl doctor`: tries all that a client needs. */
export function doctorCommand(ctl: Ctl): Command {
  return ctlCommand("doctor", {
    summary: "Tries all that a client needs and tells what it measured: configuration, " +
      "permissions, the relay (reachable, writable, what it does exclusively, clock, space) and " +
      "the key. Writes hidden objects to the relay and removes them. Ends with status 1 if " +
      "something fails.",
    examples: ["escalectl doctor", "escalectl doctor -r photos --json"],
  })
    .option("-r, --repository <name>", "the section; may be given again, by default all", collect)
    .action(async ({ repository = [] }: { repository?: string[] }) => {
      for (const section of ctl.sections(repository)) await examineOne(section, ctl);
    });
}

async function examineOne(section: Section, ctl: Ctl): Promise<void> {
  const { signal, program: { openBackend } } = ctl;
  ctl.progress(`trying ${section.name}`);
  await examine(section, {
    ...{ openBackend, signal, log: logOf(ctl) },
    tell: (diagnosis) => {
      if (diagnosis.status === "failed") ctl.end(1);
      const { name: test, ...facts } = diagnosis;
      ctl.result(
        { kind: "doctor", section: section.name, test, ...facts },
        lineOf(diagnosis, section),
      );
    },
  });
}

function lineOf({ name, status, text, hint }: Diagnosis, section: Section): string {
  const line = `${printable(section.name)}: ${status.padEnd(7)} ${name.padEnd(NAME_WIDTH)} ${
    printable(text)
  }`;
  return hint === undefined ? line : `${line}\n  ${printable(hint)}`;
}
