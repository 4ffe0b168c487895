import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";
import { parseAddress } from "./address.ts";
import { editSection, type OptionEdit } from "./edit.ts";
import { type Environment, systemEnvironment } from "./environment.ts";
import { parseConfiguration } from "./load.ts";
import type { OptionName } from "./option_types.ts";
import { OPTIONS } from "./options.ts";
import type { Section } from "./section.ts";

/** A configuration whose section has another relay. */
export interface MovedSection {
  /** The whole file. */
  readonly text: string;
  readonly section: Section;
}

/** Where a section stands that is to be changed. */
export interface MoveContext {
  /** Where the text stands. */
  readonly file: string;
  readonly section: string;
  readonly environment?: Environment;
}

/**
 * The text of a configuration file in which the relay of one section is the one at `address`, and what that section then
 * says. All else stays, comments included; who logs in and with what, unless the address or its protocol says otherwise.
 *
 * @throws {EscaleError} `usage` if that is no address; `config` if the file would not be right with it
 */
export function moveSection(
  text: string,
  { address, environment = systemEnvironment(), ...context }:
    & MoveContext
    & { readonly address: string },
): MovedSection {
  const edits = editsFor(address, environment);
  const what = `the destination "${masked(address)}"`;
  return applyEdits(text, edits, { ...context, environment, what });
}

/**
 * The text of a configuration file in which the local repository of one section is the folder `path`, as
 * {@linkcode moveSection} does it for the relay.
 *
 * @throws {EscaleError} `config` if the file would not be right with it
 */
export function moveRepository(
  text: string,
  { path, environment = systemEnvironment(), ...context }: MoveContext & { readonly path: string },
): MovedSection {
  const edits = [{ names: namesOf("local path"), to: { name: "local path", value: path } }];
  const what = `the folder "${printable(path)}"`;
  return applyEdits(text, edits, { ...context, environment, what });
}

function applyEdits(
  text: string,
  edits: readonly OptionEdit[],
  { file, section, environment, what }: Required<MoveContext> & { readonly what: string },
): MovedSection {
  const edited = editSection(text, section, edits);
  let moved: Section | undefined;
  try {
    const { sections } = parseConfiguration(edited, { file, environment });
    moved = sections.find(({ name }) => name === section);
  } catch (cause) {
    if (!(cause instanceof EscaleError)) throw cause;
    throw new EscaleError(
      "config",
      `Cannot use ${what}: with it, the configuration would be wrong:\n${cause.message}`,
      { hint: "Change the configuration file by hand", cause },
    );
  }
  if (moved === undefined) {
    throw new EscaleError("internal", `Section "${printable(section)}" is lost when it is moved`);
  }
  return { text: edited, section: moved };
}

/**
 * What is to be edited in a section so that its relay is the one at `address`.
 *
 * @throws {EscaleError} `usage` if that is no address with a protocol, or a local path
 */
export function editsFor(address: string, { home }: { readonly home: string }): OptionEdit[] {
  const parsed = parseAddress(address, { home });
  const isFolder = parsed.host !== undefined && parsed.host.startsWith("/");
  const protocol = parsed.protocol ?? (isFolder ? "file" : undefined);
  if (protocol === undefined || address.trim() !== address || address === "") {
    throw new EscaleError(
      "usage",
      `Cannot use the destination "${
        masked(address)
      }": it is neither a section, nor a file, nor an address`,
      { hint: 'An address is like "/mnt/share/relay" or "ftp://host/folder"' },
    );
  }
  if (protocol === "file") {
    return [
      { names: namesOf("protocol"), to: { name: "protocol", value: "file" } },
      { names: namesOf("host directory"), to: { name: "relay path", value: parsed.host ?? "" } },
      ...gone(["host address", "port"]),
    ];
  }
  return [
    { names: namesOf("protocol"), to: { name: "protocol", value: protocol } },
    { names: namesOf("host address"), to: { name: "host address", value: address } },
    ...gone(["host directory", "port"]),
    ...parsed.username === undefined ? [] : gone(["username"]),
  ];
}

function gone(names: readonly OptionName[]): OptionEdit[] {
  return names.map((name) => ({ names: namesOf(name) }));
}

function namesOf(name: OptionName): readonly string[] {
  return OPTIONS.find((option) => option.name === name)?.names ?? [];
}

/** An address for a message, without a password that does not belong there. */
function masked(address: string): string {
  return printable(address.replace(/:[^:/@]*@/, ":***@"));
}
