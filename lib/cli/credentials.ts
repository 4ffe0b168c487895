import type { Configuration, RelaySettings, Section } from "../config/section.ts";
import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";
import type { Terminal } from "./terminal.ts";

/** Protocols whose servers let nobody in without a name and a password. */
const NEEDS_LOGIN: readonly string[] = ["ftp", "ftps"];

/** Puts names and passwords that the user gave into a configuration that has none. */
export type FillIn = (configuration: Configuration) => Configuration;

/**
 * Asks for what the chosen clients lack to log in at their relays, once for each server, and gives what puts it into
 * the configuration, also when that is loaded anew.
 *
 * @throws {EscaleError} `config` if something is missing and there is nobody to be asked
 */
export function askForCredentials(
  sections: readonly Section[],
  terminal: Terminal | undefined,
): FillIn {
  const answers = new Map<string, Partial<RelaySettings>>();
  for (const section of sections) {
    const { relay } = section;
    if (!lacksLogin(relay) || answers.has(keyOf(relay))) continue;
    if (terminal === undefined) throw missing(section);
    answers.set(keyOf(relay), ask(relay, terminal));
  }
  const fill = (section: Section): Section => {
    const answer = lacksLogin(section.relay) ? answers.get(keyOf(section.relay)) : undefined;
    return answer === undefined ? section : { ...section, relay: { ...section.relay, ...answer } };
  };
  return (configuration) => ({ ...configuration, sections: configuration.sections.map(fill) });
}

function ask(relay: RelaySettings, terminal: Terminal): Partial<RelaySettings> {
  const host = printable(relay.host ?? "");
  const username = relay.username ?? terminal.ask(`User at ${host}: `);
  const password = relay.password ??
    terminal.askHidden(`Password of ${printable(username)} at ${host}: `);
  return { username, password };
}

function lacksLogin({ protocol, username, password }: RelaySettings): boolean {
  if (!NEEDS_LOGIN.includes(protocol)) return false;
  return username === undefined || password === undefined;
}

function keyOf({ protocol, host, port, username }: RelaySettings): string {
  return JSON.stringify([protocol, host, port, username]);
}

function missing({ name, relay }: Section): EscaleError {
  const lack = relay.username === undefined ? "user name" : "password";
  return new EscaleError(
    "config",
    `Client "${printable(name)}" cannot log in at "${printable(relay.host ?? "")}": ` +
      `no ${lack} is given`,
    { hint: 'Set "user" and "password" in its section, or start escale on a terminal' },
  );
}
