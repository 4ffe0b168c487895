import { Argument, type Command } from "commander";

import { completionScript, type Shell, SHELLS } from "../completions.ts";
import { type Ctl, ctlCommand } from "../ctl.ts";
import { escaleProgram } from "../flags.ts";

/** `escalectl completions`: prints what makes a shell complete the command lines of both programs. */
export function completionsCommand(ctl: Ctl): Command {
  return ctlCommand("completions", {
    summary: "Prints a script that completes command lines of escale and escalectl in a shell.",
    examples: [
      'echo "source <(escalectl completions bash)" >> ~/.bashrc',
      'echo "source <(escalectl completions zsh)" >> ~/.zshrc  # after compinit',
      "escalectl completions fish > ~/.config/fish/conf.d/escale.fish",
    ],
  })
    .addArgument(new Argument("<shell>", "the shell").choices([...SHELLS]))
    .action((shell: Shell, _options: unknown, command: Command) => {
      const programs = [escaleProgram(ctl.program.version), command.parent ?? command];
      const script = completionScript(shell, programs);
      ctl.result({ kind: "completions", shell, script }, script.trimEnd());
    });
}
