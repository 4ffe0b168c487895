import type { Command } from "commander";

import { printable } from "../../path.ts";
import { forgetClient } from "../../sync/forget.ts";
import { pause } from "../../sync/pause.ts";
import { type Ctl, ctlCommand } from "../ctl.ts";
import { toolboxOf } from "../toolbox.ts";

/** `escalectl forget`: has a relay wait no more for a client that is gone. */
export function forgetCommand(ctl: Ctl): Command {
  return ctlCommand("forget", {
    summary: "Has a relay wait no more for a client that is gone for good: what stands there " +
      "counts as taken by it, and its locks are taken over, after a minute in which they are " +
      'watched. Lower "puller count" on the other clients afterwards.',
    examples: ["escalectl forget old-laptop", "escalectl forget -r photos old-laptop"],
  })
    .argument("<client>", "the name of the client that is gone")
    .option("-r, --repository <name>", "the section, if there are several")
    .option("--unknown", "take a name of which nothing on the relay shows a trace")
    .action(async (client: string, options: { repository?: string; unknown?: true }) => {
      const section = ctl.section(options.repository);
      await using toolbox = await toolboxOf(section, ctl, { puller: client });
      const progress = (text: string) => ctl.progress(text);
      const forgotten = await forgetClient(toolbox, client, {
        isUnknownFine: options.unknown === true,
        wait: pause,
        progress,
      });
      const { locks, acknowledged, locked } = forgotten;
      if (locked > 0) {
        ctl.end(11);
        ctl.warn(`${locked} files are locked at the moment`, "Run this again later");
      }
      ctl.result(
        { kind: "forget", section: section.name, client, ...forgotten },
        `${printable(client)}: ${locks} locks taken over, ${acknowledged} waits ended`,
      );
    });
}
