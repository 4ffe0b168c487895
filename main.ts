/** The program `escale`. */
import { escale } from "./lib/cli/mod.ts";
import { escaleCommand } from "./lib/cli/own_command.ts";
import configuration from "./deno.json" with { type: "json" };

// Bundled, the worker stands beside this module under the same extension.
const extension = import.meta.url.slice(import.meta.url.lastIndexOf("."));
const status = await escale(Deno.args, {
  version: configuration.version,
  workerEntry: new URL(`./lib/daemon/worker_entry${extension}`, import.meta.url),
  escale: escaleCommand(new URL(import.meta.url), configuration),
  exit: Deno.exit,
});
// Not only `Deno.exitCode`: a worker in a call that does not return would keep the program alive.
Deno.exit(status);
