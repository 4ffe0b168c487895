import { systemEnvironment } from "../config/environment.ts";
import { findConfigurationFile } from "../config/paths.ts";
import type { Configuration, Section } from "../config/section.ts";
import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";

/**
 * The configuration file to use when none is named.
 *
 * @throws {EscaleError} `no-config` if there is none
 */
export function findFile(warn: (message: string) => void): string {
  const environment = systemEnvironment();
  const { file, warnings } = findConfigurationFile(environment.home, environment);
  for (const warning of warnings) warn(warning);
  return file;
}

/**
 * The sections with these names, in the order of the file; all if there are no names.
 *
 * @throws {EscaleError} `usage` if there is no section of a name
 */
export function chooseSections(
  { file, sections }: Configuration,
  names: readonly string[],
): readonly Section[] {
  const unknown = names.find((name) => sections.every((section) => section.name !== name));
  if (unknown !== undefined) {
    const message = `There is no section "${printable(unknown)}" in "${printable(file)}"`;
    throw new EscaleError("usage", message, { hint: `Choose from ${listNames(sections)}` });
  }
  return names.length === 0 ? sections : sections.filter(({ name }) => names.includes(name));
}

/**
 * The section with this name, or the only one.
 *
 * @throws {EscaleError} `usage` if there is none of that name, or several to choose from
 */
export function chooseSection(configuration: Configuration, name: string | undefined): Section {
  const found = chooseSections(configuration, name === undefined ? [] : [name]);
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  const file = printable(configuration.file);
  throw new EscaleError(
    "usage",
    `There are ${found.length} sections in "${file}": should name one`,
    {
      hint: `Choose from ${listNames(found)}`,
    },
  );
}

function listNames(sections: readonly Section[]): string {
  return sections.map(({ name }) => `"${printable(name)}"`).join(", ");
}
