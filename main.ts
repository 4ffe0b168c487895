/** The program `escale`. */
import { escale } from "./lib/cli/mod.ts";
import { escaleCommand } from "./lib/cli/own_command.ts";
import configuration from "./deno.json" with { type: "json" };

// Bundled, the worker stands beside this module under the same extension.
const extension = import.meta.url.slice(import.meta.url.lastIndexOf("."));
const status = await escale(Deno.args, {
  version: configuration.version,
  // Most runs leave the backends to the workers.
  openBackend: async (address, context) => {
    const { openBackend } = await import("./backends/mod.ts");
    return await openBackend(address, context);
  },
  workerEntry: new URL(`./lib/daemon/worker_entry${extension}`, import.meta.url),
  escale: escaleCommand(new URL(import.meta.url), configuration),
  startHelper: async (relay, options) => {
    const { startHelper } = await import("./backends/mod.ts");
    return await startHelper(relay, options);
  },
  exit: Deno.exit,
});
// Not only `Deno.exitCode`: a worker in a call that does not return would keep the program alive.
Deno.exit(status);
