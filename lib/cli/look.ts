import type { OpenBackend } from "../../backends/backend.ts";
import type { Section } from "../config/section.ts";
import type { ClientStatus } from "../daemon/status.ts";
import { StatusBoard } from "../daemon/status_board.ts";
import { runClient } from "../sync/client.ts";

/** Looks at a client's repository and its relay now, without changing anything, and says how it is. Never throws. */
export async function lookAt(
  section: Section,
  { openBackend, signal }: { readonly openBackend: OpenBackend; readonly signal: AbortSignal },
): Promise<ClientStatus | undefined> {
  const board = new StatusBoard({ nowMs: () => Date.now(), former: [] });
  const emit = (event: Parameters<StatusBoard["event"]>[1]) => {
    if (event.kind !== "action") board.event(section, event);
  };
  const result = await runClient(section, { openBackend, emit, signal }, {
    once: true,
    dryRun: true,
  });
  signal.throwIfAborted();
  board.ended(section, result);
  return board.clients()[0];
}
