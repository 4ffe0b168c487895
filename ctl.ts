/** The program `escalectl`. */
import { openBackend } from "./backends/mod.ts";
import { escalectl } from "./lib/cli/mod.ts";
import { escaleCommand } from "./lib/cli/own_command.ts";
import configuration from "./deno.json" with { type: "json" };

// Bundled, the other program stands beside this module under the same extension.
const extension = import.meta.url.slice(import.meta.url.lastIndexOf("."));
const status = await escalectl(Deno.args, {
  version: configuration.version,
  openBackend,
  escale: escaleCommand(new URL(`./main${extension}`, import.meta.url), configuration),
  exit: Deno.exit,
});
Deno.exit(status);
