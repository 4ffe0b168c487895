import { configurationFiles } from "../../config/paths.ts";
import type { Environment } from "../../config/environment.ts";
import type { Section } from "../../config/section.ts";
import { printable } from "../../path.ts";
import type { Draft } from "./draft.ts";
import { fileNameOf } from "./context.ts";
import type { Saved } from "./save.ts";

/** What the farewell tells of. */
export interface FarewellFacts {
  readonly draft: Draft;
  readonly saved: Saved;
  /** The sections that were asked about. */
  readonly sections: readonly Section[];
  readonly environment: Environment;
}

/** What was written, how to start, and how the next machine is set up. */
export function farewell({ draft, saved, sections, environment }: FarewellFacts): string {
  const shown = (path: string) => printable(draft.shown(path));
  const isUsual = configurationFiles(environment.home).includes(draft.file);
  const option = isUsual ? "" : ` -c ${shellWord(draft.file)}`;
  const isChange = draft.before !== undefined;
  return [
    "",
    `Saved "${shown(draft.file)}", which only you can read.`,
    ...saved.former === undefined ? [] : [`The former one is "${shown(saved.former)}".`],
    ...saved.secrets.map((path) =>
      `The ${/\.key(\.\d+)?$/.test(path) ? "passphrase" : "password"} is in "${shown(path)}".`
    ),
    "",
    "To start:",
    `  escale${option}`,
    "or in the background:",
    `  escalectl start${option}`,
    ...isChange ? ["Clients that run already take it up by:", `  escalectl reload${option}`] : [],
    "",
    "For the next machine:",
    ...sections.flatMap((section) => nextMachine(section, { draft, option })),
    "",
  ].join("\n");
}

function nextMachine(
  section: Section,
  { draft, option }: { readonly draft: Draft; readonly option: string },
): readonly string[] {
  const { name, passphrase, relay } = section;
  const file = `${fileNameOf(name)}.escale`;
  const key = draft.given(name, "passphrase");
  const lines = [
    `  escalectl export${option} ${shellWord(name)} ${file}`,
    ...passphrase === undefined || key === undefined ? [`copy ${file} there; then there:`] : [
      `copy ${file} there, and by a way that nobody can read along, never by plain mail,`,
      `${isPath(key) ? `the passphrase ${printable(key)}` : "the passphrase"}; then there:`,
    ],
    `  escale -i ${file}`,
    ...relay.protocol === "file" ? ["The relay's folder must be reachable there too."] : [],
  ];
  return lines;
}

/** A passphrase that stands in the file itself is not shown. */
function isPath(text: string): boolean {
  return /^(~|\/)/.test(text);
}

/** A word of a command line, quoted where a shell needs it. */
function shellWord(text: string): string {
  return /^[\w./~-]+$/.test(text) ? text : `'${printable(text).replaceAll("'", "'\\''")}'`;
}
