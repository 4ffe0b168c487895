import type { Command } from "commander";

import { EscaleError } from "../../errors.ts";
import { printable } from "../../path.ts";
import type { Finding } from "../../relay/findings.ts";
import { checkSection } from "../../sync/check.ts";
import { type Ctl, ctlCommand } from "../ctl.ts";
import { formatBytes } from "../format.ts";
import { toolboxOf } from "../toolbox.ts";

/** `escalectl check`: looks for what is wrong on a relay. */
export function checkCommand(ctl: Ctl): Command {
  return ctlCommand("check", {
    summary: "Looks at all that stands on a relay and tells what is wrong there and how it is " +
      "mended. Changes nothing; clients may be at work. Ends with status 1 if it finds an error.",
    examples: [
      "escalectl check",
      "escalectl check -r photos --read-data",
      "escalectl check --read-data=5",
    ],
  })
    .option("-r, --repository <name>", "the section, if there are several")
    .option("--read-data [percent]", "also read the contents, or so many of them by chance")
    .action(async (options: { repository?: string; readData?: true | string }) => {
      const readPercent = parsePercent(options.readData);
      const section = ctl.section(options.repository);
      await using toolbox = await toolboxOf(section, ctl);
      const counts = { error: 0, warning: 0, note: 0 };
      const checked = await checkSection(toolbox, {
        readPercent,
        random: Math.random,
        found: (finding) => {
          counts[finding.severity]++;
          show(finding, ctl);
        },
        progress: ({ objects, of }) => ctl.progress(`looked at ${objects} of ${of}`),
      });
      if (counts.error > 0) ctl.end(1);
      const { resources, contents, verified, bytes, layout } = checked;
      const { error: errors, warning: warnings } = counts;
      ctl.result(
        { kind: "check", section: section.name, ...checked, errors, warnings },
        `${printable(section.name)}: ${resources} files known, ` +
          `${contents} ${layout === "index" ? "updates" : "contents"} stand, ` +
          `${formatBytes(bytes)}, ${verified} verified; ${errors} errors, ${warnings} warnings`,
      );
    });
}

/** How much is to be read, in percent. @throws {EscaleError} `usage` */
function parsePercent(given: true | string | undefined): number {
  if (given === undefined) return 0;
  if (given === true) return 100;
  const percent = /^\d+(\.\d+)?%?$/.test(given) ? Number.parseFloat(given) : NaN;
  if (percent > 0 && percent <= 100) return percent;
  const message = `Cannot read "${printable(given)}" of the data`;
  throw new EscaleError("usage", `${message}: should be a number of percent above 0, at most 100`);
}

function show({ kind: finding, severity, about, what, mend }: Finding, ctl: Ctl): void {
  const text = `${severity}: ${printable(about)}: ${printable(what)}`;
  ctl.result(
    { kind: "finding", finding, severity, about, what, mend },
    mend === undefined ? text : `${text}\n  ${mend}`,
  );
}
