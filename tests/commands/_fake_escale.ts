/** `escale` as it is, but for its clients. */
import { escale } from "../../lib/cli/mod.ts";

const status = await escale(Deno.args, {
  version: "0.0.0",
  workerEntry: new URL("./_fake_client.ts", import.meta.url),
  exit: Deno.exit,
});
Deno.exit(status);
