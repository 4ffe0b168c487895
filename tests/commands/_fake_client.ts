/**
 * A client that does as its section's name says: `tidy` works until it is asked to stop, and stops; `stubborn` does not
 * stop; `crashing` throws where nobody listens; `done`, `skipped` and `locked` end so.
 */
import { serveClient } from "../../lib/daemon/worker.ts";
import type { ClientResult } from "../../lib/sync/events.ts";

serveClient(self, async ({ name }, { emit, signal }): Promise<ClientResult> => {
  const log = (event: string) => emit({ kind: "log", level: "info", event, fields: {} });
  const asked = new Promise((resolve) => signal.addEventListener("abort", resolve));
  log("ready");
  switch (name) {
    case "done":
    case "skipped":
    case "locked":
      return { outcome: name };
    case "crashing":
      queueMicrotask(() => {
        throw new Error("crashed");
      });
      return await new Promise(() => {});
    case "stubborn":
      await asked;
      log("asked");
      return await new Promise(() => {});
    default:
      await asked;
      log("asked");
      return { outcome: "stopped" };
  }
});
