import { createHash } from "node:crypto";

import type { RelaySettings, Section } from "../config/section.ts";
import { EscaleError } from "../errors.ts";
import { type Copied, type CopyProgress, copyRelay } from "../relay/copy.ts";
import type { OpenBackend } from "../relay/relay.ts";
import { pause } from "./pause.ts";
import type { Toolbox } from "./toolbox.ts";

const FORGET_AT_ONCE = 500;

/**
 * Copies the relay of a client to where `destination` has its own, verified and without changing anything at the source.
 * The client does not run meanwhile; others may. Called again after an interruption it goes on.
 *
 * @throws {EscaleError} `usage` if both are one; `refused` if the destination is not empty, or keeps relays otherwise;
 * as `copyRelay`
 * @throws {BackendError}
 */
export async function migrateRelay(
  { section, backend, context, state, signal }: Toolbox,
  destination: Section,
  options: {
    readonly openBackend: OpenBackend;
    readonly isFast: boolean;
    readonly progress: (done: CopyProgress) => void;
  },
): Promise<Copied> {
  checkDestination(section, destination);
  const trace = (line: string) => context.log.debug(line);
  await using target = await options.openBackend(destination.relay, { trace, signal });
  const copied = await copyRelay(backend, target, {
    locks: options.isFast ? undefined : context.locks,
    mark: `escale copy 1\nof: ${placeOf(section.relay)}\n`,
    maxTransfers: section.maxParallelTransfers,
    ...{ signal, wait: pause },
    progress: options.progress,
  });
  // What is known of an object of the old relay says nothing of one of the new.
  const names = [...state.agreedNames()];
  for (let from = 0; from < names.length; from += FORGET_AT_ONCE) {
    state.transaction(() => {
      for (const name of names.slice(from, from + FORGET_AT_ONCE)) {
        state.change(name, { record: null });
      }
    });
  }
  return copied;
}

/** What is copied byte by byte must mean the same at the destination. */
function checkDestination(source: Section, destination: Section): void {
  if (placeOf(source.relay) === placeOf(destination.relay)) {
    throw new EscaleError("usage", "Cannot migrate the relay: the destination is where it stands");
  }
  const differences = [
    ...source.cipher === destination.cipher ? [] : ["encryption"],
    ...hashOf(source.passphrase) === hashOf(destination.passphrase) ? [] : ["passphrase"],
    ...JSON.stringify(source.index) === JSON.stringify(destination.index) ? [] : ["index"],
  ];
  const [first] = differences;
  if (first === undefined) return;
  throw new EscaleError(
    "refused",
    `Cannot migrate the relay: the destination has another "${first}": should be the same`,
    { hint: `Set ${differences.map((name) => `"${name}"`).join(" and ")} alike in both sections` },
  );
}

/** Tells relays apart, and shows nothing of who logs in. */
function placeOf({ protocol, host, port, folder }: RelaySettings): string {
  return hashOf(new TextEncoder().encode(JSON.stringify([protocol, host, port, folder])));
}

function hashOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "" : createHash("sha256").update(bytes).digest("hex");
}
