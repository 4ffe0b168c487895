import type { Command, Option } from "commander";

/** The shells for which there are completions. */
export type Shell = "bash" | "zsh" | "fish";

/** Every {@linkcode Shell}. */
export const SHELLS: readonly Shell[] = ["bash", "zsh", "fish"];

/** A script that has `shell` complete the command lines of these programs, made of their own tables. */
export function completionScript(shell: Shell, programs: readonly Command[]): string {
  switch (shell) {
    case "bash":
      return programs.map(bashScript).join("\n");
    case "zsh":
      return zshScript(programs);
    case "fish":
      return programs.map(fishScript).join("\n");
    default:
      return shell satisfies never;
  }
}

function bashScript(program: Command): string {
  const name = program.name();
  const cases = program.commands.map((command) =>
    `    ${command.name()}) words="${wordsOf(command).join(" ")}" ;;`
  );
  const first = [...program.commands.map((command) => command.name()), ...wordsOf(program)];
  return `_${name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words
  case "$previous" in
    -c|--config) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}${cases.length === 0 ? "" : "\n"}    *) words="${first.join(" ")}" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [[ \${#COMPREPLY[@]} -eq 0 && "$current" != -* ]] && COMPREPLY=($(compgen -f -- "$current"))
  return 0
}
complete -F _${name} ${name}
`;
}

function zshScript(programs: readonly Command[]): string {
  const names = programs.map((program) => program.name());
  const cases = programs.map((program) => `  ${program.name()})\n${zshCase(program)}    ;;`);
  return `#compdef ${names.join(" ")}
_escale_words() {
  case "$service" in
${cases.join("\n")}
  esac
}
# In a folder of $fpath this file is itself the function that is called.
if [[ "$zsh_eval_context[-1]" == loadautofunc ]]; then
  _escale_words "$@"
else
  compdef _escale_words ${names.join(" ")}
fi
`;
}

function zshCase(program: Command): string {
  const whole = `    _arguments ${zshOptions(program)} '*:file:_files'\n`;
  if (program.commands.length === 0) return whole;
  const described = program.commands
    .map((command) => zshQuote(`${command.name()}:${firstSentence(command.description())}`));
  const cases = program.commands.map((command) =>
    `        ${command.name()}) shift words; (( CURRENT-- ))\n` +
    `          _arguments ${zshOptions(command)} '*:argument:_files' ;;`
  );
  return `    local -a commands=(${described.join(" ")})
    if (( CURRENT == 2 )) && [[ "$words[2]" != -* ]]; then
      _describe command commands
    else
      case "$words[2]" in
${cases.join("\n")}
        *) _arguments ${zshOptions(program)} ;;
      esac
    fi
`;
}

function zshOptions(command: Command): string {
  return optionsOf(command).flatMap((option) => {
    const text = option.description.replaceAll(/[[\]:]/g, "\\$&");
    const value = option.required || option.optional
      ? `:value:${option.long === "--config" ? "_files" : ""}`
      : "";
    return flagsOf(option).map((flag) => zshQuote(`${flag}[${text}]${value}`));
  }).join(" ");
}

function zshQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fishScript(program: Command): string {
  const name = program.name();
  const all = program.commands.map((command) => command.name()).join(" ");
  const none = `__fish_seen_subcommand_from ${all}`;
  const own = program.commands.length === 0 ? "" : ` -n 'not ${none}'`;
  const lines = [
    ...optionsOf(program).map((option) => `complete -c ${name}${own}${fishOption(option)}`),
    ...program.commands.flatMap((command) => [
      `complete -c ${name} -f -n 'not ${none}' -a ${command.name()}` +
      ` -d ${fishQuote(firstSentence(command.description()))}`,
      ...optionsOf(command).map((option) =>
        `complete -c ${name} -n '__fish_seen_subcommand_from ${command.name()}'${
          fishOption(option)
        }`
      ),
    ]),
  ];
  return `${lines.join("\n")}\n`;
}

function fishOption({ short, long, required, description }: Option): string {
  const flags = [
    ...(short === undefined ? [] : [` -s ${short.slice(1)}`]),
    ...(long === undefined || long === null ? [] : [` -l ${long.slice(2)}`]),
  ];
  return `${flags.join("")}${required ? " -r" : ""} -d ${fishQuote(description)}`;
}

function fishQuote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** The options of a command that its help shows. */
function optionsOf(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}

function flagsOf({ short, long }: Option): readonly string[] {
  return [short, long].filter((flag) => typeof flag === "string");
}

function wordsOf(command: Command): readonly string[] {
  return optionsOf(command).flatMap(flagsOf);
}

function firstSentence(text: string): string {
  return text.split(/\.(?:\s|$)|: /)[0] ?? text;
}
