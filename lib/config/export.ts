import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";
import { parseIni } from "./ini.ts";
import type { OptionName } from "./option_types.ts";
import { OPTIONS } from "./options.ts";
import type { Section } from "./section.ts";

/** What belongs to one machine, or to one client. */
const OF_THIS_CLIENT: readonly OptionName[] = [
  ...["local path", "client name", "mode", "push only", "pull only"] as const,
  ...["password", "passphrase", "certfile", "keyfile", "rclone binary", "rclone config"] as const,
  ...["drive binary", "checksum cache", "verbosity"] as const,
];

/** For a relay in a folder these are written anew, since they may be relative to the configuration file. */
const OF_PLACE: readonly OptionName[] = [
  ...["protocol", "host address", "host directory", "port", "username"] as const,
];

/**
 * The text of a file from which another client of the same relay is made by an import: the options of a section, and those
 * of all sections, but not what belongs to this client alone. Secrets are in it only if wanted, in plain text.
 *
 * @param text the configuration file that `section` was loaded from
 * @throws {EscaleError} `unsupported` if a wanted secret cannot stand in a line of text
 */
export function exportSection(
  text: string,
  section: Section,
  { hasSecrets }: { readonly hasSecrets: boolean },
): string {
  const isFolder = section.relay.protocol === "file";
  const left = [...OF_THIS_CLIENT, ...isFolder ? OF_PLACE : []];
  const folder = isFolder
    ? [["protocol", "file"] as const, ["relay path", section.relay.folder ?? ""] as const]
    : [];
  const options = [...folder, ...optionsOf(text, { section: section.name, left })];
  const secrets = hasSecrets ? secretsOf(section) : [];
  const lines = [...options, ...secrets].map(([name, value]) =>
    `${name} = ${value.replaceAll("%", "%%").replaceAll("\n", "\n  ")}`
  );
  return [...commentsOf(section, hasSecrets), `[${section.name}]`, ...lines, ""].join("\n");
}

type Pair = readonly [name: string, value: string];

/** The options that count for a section, but those that are left, in the order of the table. */
function optionsOf(
  text: string,
  { section, left }: { readonly section: string; readonly left: readonly OptionName[] },
): readonly Pair[] {
  const ini = parseIni(text);
  const own = ini.sections.find(({ name }) => name === section)?.entries ?? [];
  return OPTIONS.filter(({ name, scope }) => scope === "any" && !left.includes(name))
    .flatMap(({ names }) => {
      const name = names.find((it) => own.some((entry) => entry.name === it)) ??
        names.find((it) => ini.globals.some((entry) => entry.name === it));
      const entry = [...own, ...ini.globals].find((it) => it.name === name);
      return entry === undefined ? [] : [[entry.name, entry.value] as const];
    });
}

function secretsOf({ passphrase, relay: { password } }: Section): readonly Pair[] {
  const text = passphrase === undefined ? undefined : textOf(passphrase, "passphrase");
  return [
    ...password === undefined ? [] : [["password", lineOf(password, "password")] as const],
    ...text === undefined ? [] : [["passphrase", text] as const],
  ];
}

function textOf(bytes: Uint8Array, what: string): string {
  try {
    return lineOf(new TextDecoder("utf-8", { fatal: true }).decode(bytes), what);
  } catch (cause) {
    if (cause instanceof EscaleError) throw cause;
    throw noLine(what);
  }
}

function lineOf(text: string, what: string): string {
  if (text === "" || text.trim() !== text || /\p{Cc}/u.test(text)) throw noLine(what);
  return text;
}

function noLine(what: string): EscaleError {
  return new EscaleError(
    "unsupported",
    `Cannot export the ${what}: it is not one line of text without blanks at its ends`,
    { hint: `Export without secrets, and copy the file of the ${what} to the other machine` },
  );
}

function commentsOf(section: Section, hasSecrets: boolean): readonly string[] {
  const { name, mode, passphrase, relay } = section;
  const lacks = [
    ...passphrase === undefined ? [] : ["the passphrase, whose file has to be copied"],
    ...relay.password === undefined ? [] : ["the password"],
    ...relay.certificateFile === undefined ? [] : ["the certificate and its key"],
  ];
  return [
    `# What another client of "${printable(name)}" needs; on its machine: escale -i FILE`,
    ...hasSecrets ? ["# It holds secrets: remove it when it was taken over"] : [],
    ...hasSecrets || lacks.length === 0 ? [] : [`# Not in here: ${lacks.join("; ")}`],
    ...mode === "upload"
      ? ["# It was made by a client in mode upload: receivers say download"]
      : [],
    ...mode === "download" ? ["# It was made by a client in mode download"] : [],
    ...mode === "conservative" ? ["# It was made by a client in mode conservative"] : [],
  ];
}
