import {
  type Backend,
  type BackendContext,
  BackendError,
  type OpenBackend,
  type RelayAddress,
} from "./backend.ts";
import { openFile } from "./file/mod.ts";
import { openFtp } from "./ftp/mod.ts";
import { withLimits } from "./limit.ts";
import { withRetries } from "./retry.ts";
import { openWebDav } from "./webdav/mod.ts";

/** How to open each protocol. */
const PROTOCOLS: ReadonlyMap<string, OpenBackend> = new Map([
  ["file", openFile],
  ["ftp", openFtp],
  ["ftps", openFtp],
  ["webdav", openWebDav],
  ["http", openWebDav],
  ["https", openWebDav],
]);

/**
 * Opens the storage at `address`, whatever its protocol, with transfers limited as the address says and calls attempted
 * again that fail for a passing reason.
 *
 * @throws {BackendError} `unsupported` if there is no backend for the protocol; else as that backend
 */
export async function openBackend(
  address: RelayAddress,
  context: BackendContext = {},
): Promise<Backend> {
  const open = PROTOCOLS.get(address.protocol);
  if (open === undefined) {
    throw new BackendError(
      "unsupported",
      `Cannot open the relay: there is no backend for the protocol "${address.protocol}"`,
      { hint: `Use one of ${[...PROTOCOLS.keys()].join(", ")}` },
    );
  }
  const backend = withLimits(await open(address, context), { maxTransfers: address.maxTransfers });
  // Outside of the limits, so that no transfer's turn is held while waiting for the next attempt.
  return withRetries(backend, context.trace === undefined ? {} : { trace: context.trace });
}
