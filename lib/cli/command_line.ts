import { Command, CommanderError } from "commander";

import { EscaleError } from "../errors.ts";

const HELP_WIDTH = 80;

/** A command of a command line; as a child of another one it inherits how that one writes and fails. */
export function newCommand(name: string): Command {
  return new Command(name).helpOption("-h, --help", "show this help").exitOverride();
}

/** A program with its `--version`. */
export function newProgram(name: string, version: string): Command {
  return newCommand(name).version(`${name} ${version}`, "-V, --version", "show the version");
}

/**
 * Has `program` read `args` and do what its actions do. Returns the text to show if help or version were asked for.
 *
 * @throws {EscaleError} `usage` if they are wrong; else what an action throws
 */
export async function parseCommandLine(
  program: Command,
  args: readonly string[],
): Promise<string | undefined> {
  let text = "";
  // Asked for itself, the package would look into the environment, which takes permissions.
  const output = {
    writeOut: (part: string) => text += part,
    writeErr: () => {},
    getOutHasColors: () => false,
    getErrHasColors: () => false,
    getOutHelpWidth: () => HELP_WIDTH,
    getErrHelpWidth: () => HELP_WIDTH,
  };
  for (const command of withChildren(program)) command.configureOutput(output);
  try {
    await program.parseAsync(args, { from: "user" });
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return text;
    throw usageError(thrown, program);
  }
}

/** A command and all below it. */
export function withChildren(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withChildren)];
}

/** Gathers the values of an option that may be given again. */
export function collect(value: string, former: readonly string[] = []): readonly string[] {
  return [...former, value];
}

function usageError({ code, message }: CommanderError, program: Command): EscaleError {
  const help = `Run "${program.name()} --help"`;
  if (code === "commander.help") {
    return new EscaleError("usage", `"${program.name()}" needs a command`, { hint: help });
  }
  const [first = "", guess] = message.replace(/^error: /, "").split("\n");
  const text = (first.charAt(0).toUpperCase() + first.slice(1)).replaceAll("'", '"');
  const hint = guess?.replace(/^\(Did you mean (.+)\?\)$/, 'Did you mean "$1"?');
  return new EscaleError("usage", text.replace(/\.$/, ""), { hint: hint ?? help });
}
