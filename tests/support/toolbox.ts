import type { OpenBackend } from "../../backends/backend.ts";
import { openFile } from "../../backends/file/mod.ts";
import { silentLog } from "../../lib/log.ts";
import { openToolbox, type Toolbox, type ToolboxOptions } from "../../lib/sync/toolbox.ts";
import type { TestClient } from "./engine.ts";

/** The toolbox of a client of a test's world, whose relay is a folder. */
export function toolboxOf(
  client: TestClient,
  options: Partial<ToolboxOptions> & { readonly openBackend?: OpenBackend } = {},
): Promise<Toolbox> {
  return openToolbox(client.section, {
    openBackend: openFile,
    signal: new AbortController().signal,
    log: silentLog,
    ...options,
  });
}
