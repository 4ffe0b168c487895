/** The program `escalectl`. */
import { escalectl } from "./lib/cli/mod.ts";
import configuration from "./deno.json" with { type: "json" };

Deno.exitCode = escalectl(Deno.args, { version: configuration.version });
