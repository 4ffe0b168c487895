import assert from "node:assert/strict";

import { EscaleError } from "../../../lib/errors.ts";
import { type LoadOptions, parseConfiguration } from "../../../lib/config/load.ts";
import type { Option } from "../../../lib/config/option_types.ts";
import { OPTIONS } from "../../../lib/config/options.ts";
import type { Configuration, Section } from "../../../lib/config/section.ts";
import { fakeEnvironment } from "./_fake_environment.ts";

/** Where the texts under test stand. */
export const FILE: string = "/home/me/.config/escale/escale.conf";
/** A key of the right form. */
export const FERNET_KEY: string = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/** All options as if everything were built. */
export const everything: readonly Option[] = OPTIONS.map((option) => ({
  ...option,
  availability: { kind: "available" },
}));

/** Loads a text as if everything were built, on a machine without files. */
export function load(text: string, options: LoadOptions = {}): Configuration {
  return parseConfiguration(text, {
    file: FILE,
    environment: fakeEnvironment(),
    options: everything,
    ...options,
  });
}

/** The only section of a file with these lines, besides the local path and a file relay unless told otherwise. */
export function section(lines: string, relay = "protocol = file\nrelay path = /relay"): Section {
  const [first, ...others] = load(`[r]\npath = /local\n${relay}\n${lines}\n`).sections;
  assert.ok(first);
  assert.deepEqual(others, []);
  return first;
}

/** The lines of the error that a text must give. */
export function errorsOf(text: string, options: LoadOptions = {}): string[] {
  try {
    load(text, options);
  } catch (thrown) {
    assert.ok(thrown instanceof EscaleError, String(thrown));
    assert.equal(thrown.code, "config");
    return thrown.message.split("\n");
  }
  assert.fail(`accepted: ${text}`);
}

/** The lines of a relay that can be used. */
export const RELAY: string = "protocol = file\nrelay path = /relay\n";
