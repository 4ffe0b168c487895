import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

import type { Section } from "../config/section.ts";
import { parseAlgorithm } from "../crypto/digest.ts";
import { EscaleError, messageOf } from "../errors.ts";
import { holdAlone } from "../local/hold.ts";
import { spool } from "../local/spool.ts";
import { State } from "../local/state.ts";
import type { Log } from "../log.ts";
import { Checksums } from "../relay/checksum.ts";
import type { IndexContext } from "../relay/context.ts";
import { type LockMemory, Locks } from "../relay/lock.ts";
import { FIRST_TIME_FORMAT } from "../relay/metadata.ts";
import { NEVER_QUIET } from "../relay/quiet.ts";
import { RecordMemory } from "../relay/record_memory.ts";
import type { Backend, ObjectName } from "../relay/parts.ts";
import type { OpenBackend } from "../relay/relay.ts";
import type { Sighting } from "../relay/sightings.ts";
import { Versions } from "../relay/versions.ts";
import { KeyProof } from "./key_proof.ts";
import { pause } from "./pause.ts";
import { cipherOf, keysOf, storageName } from "./workshop.ts";

/** What a maintenance command holds open of a client and its relay. */
export interface Toolbox extends AsyncDisposable {
  readonly section: Section;
  readonly backend: Backend;
  /** For either layout: what belongs to the index layout alone is without meaning on the other. */
  readonly context: IndexContext;
  readonly state: State;
  readonly keyProof: KeyProof;
  readonly signal: AbortSignal;
  /** Takes a lock that has this text for one that was left behind, from now on. To be called before it is looked at. */
  readonly noteStale: (lock: ObjectName, text: string) => void;
}

/** How a toolbox is opened. */
export interface ToolboxOptions {
  readonly openBackend: OpenBackend;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** The client must not run meanwhile, and what it remembers may be changed. Else it is only read. */
  readonly isAlone?: boolean;
  /** Who acknowledges versions; by default the client itself. */
  readonly puller?: string;
  /** Seconds since this machine started; by default as the system tells. */
  readonly uptimeS?: () => number;
}

/** What a client without checksums on its records hashes its own files with. */
const DEFAULT_ALGORITHM = "sha512";

/**
 * Opens the relay of a section for a maintenance command. Its locks have a name of their own, so that the client itself,
 * which may run at the same time, takes them for those of another; what a command that was killed leaves is taken over
 * like any lock.
 *
 * @throws {EscaleError} `locked` if the client runs and must not; `config`, `denied`
 * @throws {BackendError} if the relay cannot be opened
 */
export async function openToolbox(section: Section, options: ToolboxOptions): Promise<Toolbox> {
  const { signal, log, isAlone = false } = options;
  await using held = new AsyncDisposableStack();
  if (isAlone) held.use(holdClient(section));
  const state = held.use(openState(section, { isReadOnly: !isAlone, log }));
  const keys = keysOf(section);
  const checksums = new Checksums({
    algorithm: parseAlgorithm(section.checksum?.algorithm ?? DEFAULT_ALGORITHM),
    isRecorded: section.checksum !== undefined,
    key: keys?.checksum,
    isKeyed: !section.legacyPeers && keys !== undefined,
  });
  const keyProof = new KeyProof({ state, fingerprint: keys?.fingerprint, log });
  const trace = (line: string) => log.debug(line);
  const backend = held.use(await options.openBackend(section.relay, { trace, signal }));
  const memory = new ToolMemory(state);
  const locks = held.use(
    new Locks({
      backend,
      client: toolName(section.clientName),
      memory,
      lockTimeoutS: section.lockTimeoutS,
      legacyPeers: section.legacyPeers,
      uptimeS: options.uptimeS ?? (() => Deno.osUptime()),
      nonce: () => crypto.randomUUID().replaceAll("-", ""),
      wait: pause,
      log,
    }),
  );
  const context: IndexContext = {
    backend,
    client: options.puller ?? section.clientName,
    locks,
    cipher: cipherOf(section),
    checksums,
    sealer: keys?.sealer,
    requireSeals: !section.legacyPeers,
    timeFormat: section.timestamps.kind === "yes"
      ? section.timestamps.placeholderFormat
      : FIRST_TIME_FORMAT,
    pullerCount: section.pullerCount,
    maxTransfers: section.maxParallelTransfers,
    records: new RecordMemory(),
    versions: new Versions({
      traits: backend.traits,
      storage: storageName(section),
      memory,
      uptimeS: options.uptimeS ?? (() => Deno.osUptime()),
    }),
    quiet: NEVER_QUIET,
    log,
    depth: section.index.kind === "pages" ? section.index.depth : 0,
    maxPageSizeBytes: section.maxPageSizeBytes,
    compression: section.compression,
    acknowledges: true,
    sibling: undefined,
    allowPageDeletion: true,
    spool: (content) => {
      makeStateFolder(section.statePath);
      return spool(content, `${section.statePath}.tool-spool-${Deno.pid}`);
    },
    pageTimes: { get: () => 0, note: () => {} },
    nowS: () => Math.floor(Date.now() / 1000),
    isKeyProven: () => keyProof.isProven,
  };
  const resources = held.move();
  return {
    ...{ section, backend, context, state, keyProof, signal },
    noteStale: (lock, text) => memory.noteSighting(lock, { text, uptimeS: -Infinity }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/**
 * Opens what a client remembers, and makes its folder where that is missing.
 *
 * @throws {EscaleError} `denied`
 */
export function openState(
  { statePath }: Section,
  { log, isReadOnly = false }: { readonly log: Log; readonly isReadOnly?: boolean },
): State {
  if (!isReadOnly) makeStateFolder(statePath);
  return State.open(statePath, { isReadOnly, warn: (text) => log.warn(text) });
}

/** Keeps the client from running until disposed of. @throws {EscaleError} `locked` if it runs */
export function holdClient({ name, statePath }: Section): Disposable {
  makeStateFolder(statePath);
  try {
    return holdAlone(`${statePath}.run`, `this command on "${name}"`);
  } catch (cause) {
    if (!(cause instanceof EscaleError) || cause.code !== "locked") throw cause;
    throw new EscaleError(
      "locked",
      `Cannot do this while the client "${name}" runs: it should be stopped`,
      { hint: 'Run "escalectl stop" first', cause },
    );
  }
}

/** The owner of the locks of a client's maintenance commands. */
export function toolName(client: string): string {
  return `${client} (escalectl)`;
}

function makeStateFolder(statePath: string): void {
  const folder = dirname(statePath);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new EscaleError("denied", `Cannot make the folder "${folder}": ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** What a command remembers of locks: its own while it runs, and what its client has seen of others. */
class ToolMemory implements LockMemory {
  readonly #state: State;
  readonly #locks = new Map<string, string>();
  readonly #seen = new Map<string, Sighting>();

  constructor(state: State) {
    this.#state = state;
  }

  ownLocks(): ReadonlyMap<string, string> {
    return this.#locks;
  }

  noteLock(name: string, nonce: string): void {
    this.#locks.set(name, nonce);
  }

  forgetLock(name: string): void {
    this.#locks.delete(name);
  }

  sightingNames(): readonly string[] {
    return [...this.#seen.keys()];
  }

  sighting(name: string): Sighting | undefined {
    return this.#seen.get(name) ?? this.#state.sighting(name);
  }

  noteSighting(name: string, seen: Sighting | undefined): void {
    if (seen === undefined) this.#seen.delete(name);
    else this.#seen.set(name, seen);
  }

  transaction<T>(work: () => T): T {
    return work();
  }
}
