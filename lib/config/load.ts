import { dirname, resolve } from "node:path";

import { EscaleError, messageOf } from "../errors.ts";
import { LOG_LEVELS } from "../log.ts";
import { printable } from "../path.ts";
import { buildSection } from "./build.ts";
import { areSiblings, type Draft, reportContradictions } from "./contradictions.ts";
import { type Environment, systemEnvironment } from "./environment.ts";
import { type IniSection, parseIni } from "./ini.ts";
import type { Option } from "./option_types.ts";
import { OPTIONS } from "./options.ts";
import { Problems } from "./problems.ts";
import { type Configuration, LOG_FORMATS, type Section } from "./section.ts";
import {
  readSettings,
  type SettingMap,
  Settings,
  type SettingsContext,
  warnOfChangedOrder,
} from "./settings.ts";

/** What loading may be told. */
export interface LoadOptions {
  /** The machine; by default the one we are on. */
  readonly environment?: Environment;
  /** The options that can stand in a file; by default {@linkcode OPTIONS}. */
  readonly options?: readonly Option[];
}

/**
 * Reads and checks a configuration file, with the secrets that it names.
 *
 * @throws {EscaleError} `no-config` if there is no such file; `config` if it cannot be read, or with one line for each
 * error in it: file, line, option, value unless it may be secret, and what it should be
 */
export function loadConfiguration(file: string, options: LoadOptions = {}): Configuration {
  const environment = options.environment ?? systemEnvironment();
  const path = resolve(file);
  if (!environment.isFile(path)) {
    throw new EscaleError("no-config", `Cannot find the configuration file "${printable(path)}"`, {
      hint: 'Run "escale -i" to make one, or pass one with "-c FILE"',
    });
  }
  return parseConfiguration(readText(path, environment), { ...options, environment, file: path });
}

/** As {@linkcode loadConfiguration}, of a text that stands, or will stand, in `file`. */
export function parseConfiguration(
  text: string,
  { file, options = OPTIONS, environment = systemEnvironment() }:
    & LoadOptions
    & { readonly file: string },
): Configuration {
  const configFile = resolve(file);
  const problems = new Problems(configFile);
  const base = { home: environment.home, folder: dirname(configFile) };
  const context = { configFile, environment, options, base, problems };
  const ini = parseIni(text);
  for (const problem of ini.problems) problems.error(problem.line, problem.text);
  if (ini.sections.length === 0) {
    problems.error(1, "the file has no section: should have a [name] for each client");
  }

  const globals = readSettings(ini.globals, { ...context, isGlobal: true });
  const drafts = ini.sections.flatMap((section) => draft(section, globals, context));
  reportContradictions(drafts, problems);
  const common = buildCommon(new Settings(new Map(), globals, context), problems);
  problems.throwIfAny();
  return {
    file: configFile,
    ...common,
    sections: drafts.map(({ section }) => withSibling(section, drafts)),
    warnings: problems.warnings(),
  };
}

function withSibling(section: Section, drafts: readonly Draft[]): Section {
  const other = drafts.find((draft) => areSiblings(section, draft.section));
  return other === undefined ? section : { ...section, sibling: other.section.clientName };
}

type DraftContext = SettingsContext & {
  readonly configFile: string;
  readonly environment: Environment;
};

function draft(ini: IniSection, globals: SettingMap, context: DraftContext): Draft[] {
  const own = readSettings(ini.entries, { ...context, isGlobal: false });
  warnOfChangedOrder(own, globals, context.problems);
  const settings = new Settings(own, globals, context);
  const section = buildSection(ini.name, { ...context, settings, line: ini.line });
  return section === undefined ? [] : [{ section, settings, line: ini.line }];
}

type Common = Omit<Configuration, "file" | "sections" | "warnings">;

function buildCommon(settings: Settings, problems: Problems): Common {
  const logFile = settings.text("log file");
  const logLevel = settings.oneOf(LOG_LEVELS, "log level");
  const keepAliveS = settings.number("keep alive");
  const rotate = settings.given("log rotate");
  if (rotate !== undefined && logFile === undefined) {
    problems.warn(rotate.line, 'option "log rotate" has no effect without "log file"');
  }
  return {
    ...(logFile === undefined ? {} : { logFile }),
    logRotate: settings.number("log rotate"),
    ...(logLevel === undefined ? {} : { logLevel }),
    logFormat: settings.oneOf(LOG_FORMATS, "log format") ?? "text",
    ...(keepAliveS === 0 ? {} : { keepAliveS }),
  };
}

function readText(file: string, environment: Environment): string {
  const problem = `Cannot read the configuration file "${printable(file)}"`;
  let bytes: Uint8Array;
  try {
    bytes = environment.readFile(file);
  } catch (cause) {
    throw new EscaleError("config", `${problem}: ${messageOf(cause)}`, { cause });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new EscaleError("config", `${problem}: it is not UTF-8`, { cause });
  }
}
