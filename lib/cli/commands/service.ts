import { basename, extname, resolve } from "node:path";
import type { Command } from "commander";

import { type Ctl, ctlCommand } from "../ctl.ts";

/** `escalectl service`: prints a unit for systemd. */
export function serviceCommand(ctl: Ctl): Command {
  return ctlCommand("service", {
    summary: "Prints a unit for systemd that runs the clients of the configuration file.",
    examples: [
      "escalectl service > ~/.config/systemd/user/escale.service",
      "systemctl --user enable --now escale",
      "loginctl enable-linger",
    ],
  }).action(() => {
    const file = resolve(ctl.configFile());
    const text = serviceUnit([...ctl.program.escale, "-c", file], {
      name: basename(file, extname(file)),
    });
    ctl.result({ kind: "service", unit: text }, text.trimEnd());
  });
}

/**
 * The text of a unit that runs `command` in the foreground. Its statuses are those of `exit.ts`: 130 is the clean end
 * after a signal; a wrong command line, configuration or key is not mended by another start.
 */
export function serviceUnit(
  command: readonly string[],
  { name }: { readonly name: string },
): string {
  return `[Unit]
Description=Escale, synchronisation of folders (${name})
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart=${command.map(quote).join(" ")}
ExecReload=/bin/kill -HUP $MAINPID
KillSignal=SIGTERM
TimeoutStopSec=20
SuccessExitStatus=130
Restart=on-failure
RestartSec=60
RestartPreventExitStatus=2 10 12
NoNewPrivileges=yes

[Install]
WantedBy=default.target
`;
}

/** A word of a command line as systemd reads it: "%" and "$" stand for something else there. */
function quote(word: string): string {
  const escaped = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  if (/^[\w@%+=:,./$-]+$/.test(escaped)) return escaped;
  return `"${escaped.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
