import {
  type Backend,
  type BackendContext,
  BackendError,
  type OpenBackend,
  type RelayAddress,
} from "./backend.ts";
import { withLimits } from "./limit.ts";
import {
  openRclone,
  RCLONE_PROTOCOLS,
  type RcloneAddress,
  type StartOptions,
  startRclone,
  writeEndpoint,
} from "./rclone/mod.ts";
import { withRetries } from "./retry.ts";

// A client has one storage: the others are not even loaded, which takes time at each start.
const openFile: OpenBackend = async (address, context) => {
  return await (await import("./file/mod.ts")).openFile(address, context);
};
const openFtp: OpenBackend = async (address, context) => {
  return await (await import("./ftp/mod.ts")).openFtp(address, context);
};
const openWebDav: OpenBackend = async (address, context) => {
  return await (await import("./webdav/mod.ts")).openWebDav(address, context);
};
const openGoogleDrive: OpenBackend = async (address, context) => {
  return await (await import("./googledrive/mod.ts")).openGoogleDrive(address, context);
};

/** How to open each protocol. */
const PROTOCOLS: ReadonlyMap<string, OpenBackend> = new Map([
  ["file", openFile],
  ["ftp", openFtp],
  ["ftps", openFtp],
  ["webdav", openWebDav],
  ["http", openWebDav],
  ["https", openWebDav],
  ["googledrive", openGoogleDrive],
  ...RCLONE_PROTOCOLS.map((protocol) => [protocol, openRclone] as const),
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

/** A program that runs beside a client. Disposing ends it. */
export interface Helper<Relay> extends AsyncDisposable {
  /** The address of the same relay, to be opened through the program. */
  readonly relay: Relay;
}

/**
 * Starts the program that a relay needs and a client with limited permissions may not start.
 *
 * @throws {BackendError} `unsupported` if its protocol needs none; else as the backend's own opening
 */
export async function startHelper<Relay extends RcloneAddress>(
  address: Relay,
  options: StartOptions = {},
): Promise<Helper<Relay>> {
  const { protocol } = address;
  if (!RCLONE_PROTOCOLS.includes(protocol)) {
    throw new BackendError("unsupported", `Cannot start a program for the protocol "${protocol}"`);
  }
  const rclone = await startRclone(address, options);
  return {
    relay: { ...address, program: writeEndpoint(rclone.endpoint) },
    [Symbol.asyncDispose]: () => rclone[Symbol.asyncDispose](),
  };
}
