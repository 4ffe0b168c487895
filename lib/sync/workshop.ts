import { CompressorPool, type CompressorSource } from "../archive/bzip2_pool.ts";
import type { CompressBlock } from "../archive/bzip2_encode.ts";
import type { Section } from "../config/section.ts";
import { cipherSecret, openCipher } from "../crypto/cipher.ts";
import { parseAlgorithm } from "../crypto/digest.ts";
import {
  CHECKSUM_PURPOSE,
  type DerivedKey,
  deriveKey,
  hmacHex,
  SEAL_PURPOSE,
} from "../crypto/keys.ts";
import { EscaleError } from "../errors.ts";
import { rightsOf } from "../local/access.ts";
import { compileFilter, type Filter } from "../local/filter.ts";
import { holdAlone } from "../local/hold.ts";
import { foldsNames, Misfits, usuallyFoldsNames } from "../local/misfits.ts";
import { QuietMarks } from "../local/quiet_marks.ts";
import { clearSpool, spool } from "../local/spool.ts";
import { type AccessModifiers, State } from "../local/state.ts";
import { Stager } from "../local/write.ts";
import type { Log } from "../log.ts";
import type { RelativePath } from "../path.ts";
import { Checksums, type Sealer, sealWith } from "../relay/checksum.ts";
import type { RecordCache, RelayContext } from "../relay/context.ts";
import { IndexRelay } from "../relay/index_relay.ts";
import { Locks } from "../relay/lock.ts";
import { FIRST_TIME_FORMAT } from "../relay/metadata.ts";
import { PlaceholderRelay } from "../relay/placeholder_relay.ts";
import { RecordMemory } from "../relay/record_memory.ts";
import type { OpenBackend, Relay } from "../relay/relay.ts";
import { Versions } from "../relay/versions.ts";
import { Comparer } from "./compare.ts";
import { originalName } from "./conflict_name.ts";
import type { ClientEvent } from "./events.ts";
import { KeyProof } from "./key_proof.ts";
import { pause } from "./pause.ts";
import type { Rules } from "./plan.ts";
import { settingsSign } from "./quiet.ts";
import { Problems } from "./problems.ts";
import type { Workshop, WorkshopSettings } from "./round.ts";

/** All that a client holds open while it runs. */
export interface OpenedWorkshop extends AsyncDisposable {
  readonly workshop: Workshop;
  readonly section: Section;
  readonly filter: Filter;
  readonly keyProof: KeyProof;
  /** Whether a round has been run, so that left-over temporary files are removed once. */
  isClean: boolean;
}

const KEY_FINGERPRINT_PURPOSE = "escale key fingerprint 1";
/** What a client without checksums on its records hashes its own files with. */
const DEFAULT_ALGORITHM = "sha512";

/**
 * Opens state, relay and cipher of a section.
 *
 * @throws {EscaleError} `locked` if another process runs this client; `config`, `denied`
 * @throws {BackendError} if the relay cannot be opened
 */
export async function openWorkshop(
  section: Section,
  context: {
    readonly openBackend: OpenBackend;
    readonly emit: (event: ClientEvent) => void;
    readonly signal: AbortSignal;
    readonly log: Log;
    readonly isDryRun: boolean;
    /** Threads to compress on; by default there are none. */
    readonly compressors?: CompressorSource;
    /** Seconds since this machine started; by default as the system tells. */
    readonly uptimeS?: () => number;
  },
): Promise<OpenedWorkshop> {
  const { log, signal, emit, isDryRun } = context;
  const uptimeS = context.uptimeS ?? (() => Deno.osUptime());
  await using held = new AsyncDisposableStack();
  if (!isDryRun) held.use(holdAlone(`${section.statePath}.run`, `the client "${section.name}"`));
  const state = held.use(
    State.open(section.statePath, { isReadOnly: isDryRun, warn: (text) => log.warn(text) }),
  );
  const keys = keysOf(section);
  const cipher = cipherOf(section);
  const algorithm = parseAlgorithm(section.checksum?.algorithm ?? DEFAULT_ALGORITHM);
  const checksums = new Checksums({
    algorithm,
    isRecorded: section.checksum !== undefined,
    key: keys?.checksum,
    isKeyed: !section.legacyPeers && keys !== undefined,
  });
  const backend = await context.openBackend(section.relay, {
    trace: (line) => log.debug(line),
    signal,
  });
  if (cipher.name !== "plain" && !cipher.authenticates) {
    log.warn(`"${cipher.name}" does not notice changed content by itself: only checksums do`);
  }
  const compressors = context.compressors && held.use(new CompressorPool(context.compressors));
  const keyProof = new KeyProof({ state, fingerprint: keys?.fingerprint, log });
  const locks = new Locks({
    backend,
    client: section.clientName,
    memory: state,
    lockTimeoutS: section.lockTimeoutS,
    legacyPeers: section.legacyPeers,
    uptimeS,
    nonce: () => crypto.randomUUID().replaceAll("-", ""),
    wait: pause,
    log,
  });
  const versions = new Versions({
    traits: backend.traits,
    storage: storageName(section),
    memory: state,
    uptimeS,
  });
  held.defer(() => versions.save());
  const quiet = new QuietMarks(state, settingsSign(section, keys?.fingerprint));
  const relay = held.use(
    openRelay(section, {
      quiet,
      state,
      isDryRun,
      keyProof,
      compressBzip2: compressors?.compress,
      backend,
      client: section.clientName,
      locks,
      cipher,
      checksums,
      sealer: keys?.sealer,
      requireSeals: !section.legacyPeers,
      timeFormat: section.timestamps.kind === "yes"
        ? section.timestamps.placeholderFormat
        : FIRST_TIME_FORMAT,
      pullerCount: section.pullerCount,
      maxTransfers: section.maxParallelTransfers,
      records: isDryRun ? new RecordMemory(recordsIn(state)) : recordsIn(state),
      versions,
      log,
    }),
  );
  const writesHere = !isDryRun && section.mode !== "upload";
  const names = {
    foldsNames: writesHere
      ? foldsNames(section.localPath, { owner: section.clientName })
      : usuallyFoldsNames(),
  };
  const misfits = new Misfits(section.localPath, state, names);
  const workshop: Workshop = {
    misfits,
    root: section.localPath,
    state,
    relay,
    stager: held.use(new Stager(section.localPath, { owner: section.clientName, ...names })),
    checksums,
    comparer: new Comparer(section.localPath, { state, checksums }),
    problems: new Problems(emit),
    log,
    warnOnce: once((event) => log.warn(event)),
    emit,
    requests: new Map(),
    quiet,
    signal,
    settings: settingsOf(section, {
      keyProof,
      misfits,
      uptimeS,
      cipherAuthenticates: cipher.authenticates,
    }),
    leavesAlone: () => false,
    nowMs: () => Date.now(),
  };
  const resources = held.move();
  return {
    workshop,
    section,
    filter: compileFilter(section.filters),
    keyProof,
    isClean: false,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Which storage a section's relay stands on. */
export function storageName({ relay }: Section): string {
  const { protocol, host = "", port = "", folder = "" } = relay;
  return `${protocol}://${host}:${port}/${folder}`;
}

/** The texts of records that a state keeps. */
function recordsIn(state: State): RecordCache {
  return {
    get: (resource) => state.resource(resource).record,
    reader() {
      const read = state.reader();
      return (resource) => read(resource).record;
    },
    note: (reads) =>
      state.transaction(() => {
        for (const [resource, record] of reads) state.change(resource, { record });
      }),
  };
}

/** The relay in the layout that the section says. */
function openRelay(
  section: Section,
  { state, keyProof, isDryRun, compressBzip2, ...context }: RelayContext & {
    readonly state: State;
    readonly isDryRun: boolean;
    readonly keyProof: KeyProof;
    readonly compressBzip2: CompressBlock | undefined;
  },
): Relay {
  if (section.index.kind === "none") return new PlaceholderRelay(context);
  const spoolPath = `${section.statePath}.spool`;
  if (!isDryRun) clearSpool(spoolPath);
  return new IndexRelay({
    ...context,
    depth: section.index.depth,
    maxPageSizeBytes: section.maxPageSizeBytes,
    compression: section.compression,
    ...(compressBzip2 === undefined ? {} : { compressBzip2 }),
    acknowledges: section.mode !== "upload",
    sibling: section.sibling,
    allowPageDeletion: section.allowPageDeletion,
    spool: (content, share) => spool(content, spoolPath, share === undefined ? {} : { share }),
    pageTimes: {
      get: (page) => Number(state.fact(pageTimeFact(page)) ?? 0),
      note: (page, ts) => state.setFact(pageTimeFact(page), String(ts)),
    },
    nowS: () => Math.floor(Date.now() / 1000),
    isKeyProven: () => keyProof.isProven,
  });
}

function pageTimeFact(page: string): string {
  return `last update of page ${page}`;
}

function settingsOf(
  section: Section,
  { keyProof, misfits, uptimeS, cipherAuthenticates }: {
    readonly keyProof: KeyProof;
    readonly misfits: Misfits;
    readonly uptimeS: () => number;
    readonly cipherAuthenticates: boolean;
  },
): WorkshopSettings {
  return {
    cipherAuthenticates,
    requiresSeals: !section.legacyPeers && section.passphrase !== undefined &&
      section.cipher !== "off",
    uptimeS,
    client: section.clientName,
    sibling: section.sibling,
    pullerCount: section.pullerCount,
    timestamps: section.timestamps.kind === "yes",
    pullOverwrite: section.pullOverwrite,
    maxTransfers: section.maxParallelTransfers,
    isKeyProven: () => keyProof.isProven,
    noteKeyProven: () => keyProof.note(),
    rulesFor(resource, access): Rules {
      const rights = rightsOf(section.mode, modifiersOf(resource, access));
      return {
        client: section.clientName,
        sibling: section.sibling,
        // Write access given by hand lifts the guard of conservative mode.
        mode: section.mode === "conservative" && !rights.guarded ? "shared" : section.mode,
        mayPush: rights.mayPush && !misfits.has(resource),
        mayPull: rights.mayPull,
        pullerCount: section.pullerCount,
      };
    },
  };
}

/** What is derived from a passphrase. */
export interface Keys {
  readonly checksum: DerivedKey;
  readonly sealer: Sealer;
  readonly fingerprint: string;
}

/** The keys that a section's passphrase gives; `undefined` without one. */
export function keysOf(section: Section): Keys | undefined {
  const { cipher, passphrase } = section;
  if (cipher === "off" || cipher === "native" || passphrase === undefined) return undefined;
  const secret = cipherSecret(cipher, passphrase);
  return {
    checksum: deriveKey(secret, CHECKSUM_PURPOSE),
    sealer: sealWith(deriveKey(secret, SEAL_PURPOSE)),
    fingerprint: hmacHex(deriveKey(secret, KEY_FINGERPRINT_PURPOSE), []),
  };
}

/** The cipher of a section. @throws {EscaleError} `config`, `unsupported` */
export function cipherOf(section: Section): ReturnType<typeof openCipher> {
  const { cipher, passphrase } = section;
  const options = {
    now: () => Math.floor(Date.now() / 1000),
    randomBytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)),
  };
  if (cipher === "off" || cipher === "native") {
    return openCipher("plain", new Uint8Array(), options);
  }
  if (passphrase === undefined) {
    throw new EscaleError("config", `Cannot encrypt with "${cipher}": there is no passphrase`);
  }
  return openCipher(cipher, passphrase, options);
}

/** `say`, but for what it said already. */
function once(say: (message: string) => void): (message: string) => void {
  const said = new Set<string>();
  return (message) => {
    if (!said.has(message)) say(message);
    said.add(message);
  };
}

const NO_MODIFIERS: AccessModifiers = { read: undefined, write: undefined };

function modifiersOf(
  resource: RelativePath,
  access: (resource: RelativePath) => AccessModifiers | undefined,
): AccessModifiers {
  const own = access(resource) ?? NO_MODIFIERS;
  const isSet = own.read !== undefined || own.write !== undefined;
  const original = isSet ? resource : originalName(resource);
  return original === resource ? own : access(original) ?? NO_MODIFIERS;
}
