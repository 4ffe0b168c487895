/** The worker's main module: here the engine meets the storages. */
import { openBackend } from "../../backends/mod.ts";
import { runClient } from "../sync/client.ts";
import { serveClient } from "./worker.ts";

serveClient(self, (section, surroundings, job) => {
  return runClient(section, { ...surroundings, openBackend }, job);
});
