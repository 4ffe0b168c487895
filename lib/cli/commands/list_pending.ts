import type { Command } from "commander";

import type { Section } from "../../config/section.ts";
import { EscaleError } from "../../errors.ts";
import { printable } from "../../path.ts";
import { runClient } from "../../sync/client.ts";
import type { ActionName, ClientEvent, ClientResult } from "../../sync/events.ts";
import { collect } from "../command_line.ts";
import { type Ctl, ctlCommand } from "../ctl.ts";
import { statusOfResult } from "../exit.ts";
import { formatBytes } from "../format.ts";

const OUTGOING: readonly ActionName[] = ["push"];
const INCOMING: readonly ActionName[] = ["pull", "conflict", "request"];

/** `escalectl list-pending`: lists what waits to be transferred. */
export function listPendingCommand(ctl: Ctl): Command {
  return ctlCommand("list-pending", {
    summary: "Lists the files that wait to be sent, or with -d those that wait to be received. " +
      "Looks at both sides and changes nothing; the client may run meanwhile.",
    examples: ["escalectl list-pending", "escalectl list-pending -d -r photos --json"],
  })
    .option("-r, --repository <name>", "the section; may be given again, by default all", collect)
    .option("-d, --download", "list what waits to be received")
    .action(async (options: { repository?: string[]; download?: true }) => {
      const sections = ctl.sections(options.repository ?? []);
      const actions = options.download ? INCOMING : OUTGOING;
      for (const section of sections) {
        const label = sections.length > 1 ? `[${printable(section.name)}] ` : "";
        await list(section, { actions, label, ctl });
      }
    });
}

async function list(
  section: Section,
  { actions, label, ctl }: {
    readonly actions: readonly ActionName[];
    readonly label: string;
    readonly ctl: Ctl;
  },
): Promise<void> {
  const emit = (event: ClientEvent) => {
    if (event.kind === "problem") ctl.warn(event.message, event.hint);
    if (event.kind !== "action" || !actions.includes(event.action)) return;
    const { action, path, sizeBytes } = event;
    const size = sizeBytes === undefined ? "" : ` ${formatBytes(sizeBytes)}`;
    ctl.result(
      { kind: "pending", section: section.name, action, path, sizeBytes },
      `${label}${action} ${printable(path)}${size}`,
    );
  };
  const { openBackend } = ctl.program;
  const job = { once: true, dryRun: true };
  const result = await runClient(section, { openBackend, emit, signal: ctl.signal }, job);
  takeResult(result, ctl);
}

function takeResult(result: ClientResult, ctl: Ctl): void {
  ctl.signal.throwIfAborted();
  if (result.error === undefined) return ctl.end(statusOfResult(result));
  const { code, message, hint } = result.error;
  throw new EscaleError(code, message, hint === undefined ? {} : { hint });
}
