/** `escale` as it is, but for its clients. */
import { escale } from "../../lib/cli/mod.ts";
import { escaleCommand } from "../../lib/cli/own_command.ts";
import configuration from "../../deno.json" with { type: "json" };

const status = await escale(Deno.args, {
  version: "0.0.0",
  openBackend: () => Promise.reject(new Error("not opened here")),
  startHelper: () => Promise.reject(new Error("not started here")),
  workerEntry: new URL("./_fake_client.ts", import.meta.url),
  escale: escaleCommand(new URL(import.meta.url), configuration),
  exit: Deno.exit,
});
Deno.exit(status);
