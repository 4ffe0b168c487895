import { setTimeout as sleep } from "node:timers/promises";
import { BackendError, type RelayAddress } from "../backend.ts";
import {
  type Endpoint,
  PARENT_REMOTE,
  RAW_REMOTE,
  RELAY_REMOTE,
  writeEndpoint,
} from "./_endpoint.ts";
import { Wire } from "./_http.ts";
import { Keeper } from "./_keeper.ts";
import { OrphanRecord } from "./_orphan.ts";
import { checkVersion, runRclone } from "./_program.ts";
import { type Fields, Rc } from "./_rc.ts";
import { parseRemotes, type Place, placeOf } from "./_remote.ts";

/** How long rclone may take to answer after its start, milliseconds. */
const START_MS = 15_000;
const POLL_MS = 20;
/** On how many ports a start is attempted. */
const MAX_PORTS = 3;

/** A relay that rclone serves: what stands in an address, and the file with rclone's remotes. */
export interface RcloneAddress extends RelayAddress {
  /** By default where rclone looks itself. */
  readonly rcloneConfig?: string;
  /** As {@linkcode StartOptions.recordFile}, for an rclone that is started for one backend alone. */
  readonly rcloneRecord?: string;
}

/** How rclone is run. */
export interface StartOptions {
  /** Keeps what is needed to end the process if this program is killed; an orphan that it tells of is ended first. */
  readonly recordFile?: string;
  /** Is told that the process ended, and is started again, and its last words. */
  readonly warn?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** A running rclone that serves one relay. It is started again, on the same port, when it ends. Disposing ends it. */
export interface RunningRclone extends AsyncDisposable {
  readonly endpoint: Endpoint;
  /** The number of its process; `undefined` while there is none. */
  pid(): number | undefined;
}

/**
 * Starts rclone for the relay of `address` and waits until it answers.
 *
 * @throws {BackendError} `unsupported` if there is no rclone, or too old a one; `not-found` if it lacks the remote
 */
export async function startRclone(
  address: RcloneAddress,
  { recordFile, warn = () => {}, signal }: StartOptions = {},
): Promise<RunningRclone> {
  await using opening = new AsyncDisposableStack();
  const record = recordFile === undefined ? undefined : await OrphanRecord.take(recordFile);
  if (record !== undefined) opening.use(record);
  const { program = "rclone", nativePassphrase } = address;
  const common = commonEnvironment(address);
  const run = { program, environment: common, signal };
  const remotes = parseRemotes(await runRclone({ ...run, args: ["config", "dump"] }));
  const place = placeOf(address, remotes);
  const password = nativePassphrase === undefined
    ? undefined
    : await runRclone({ ...run, args: ["obscure", "-"], input: firstLine(nativePassphrase) });
  const environment = { ...common, ...viewOf(place, password?.trim()) };
  const isEncrypted = password !== undefined;
  const how = { program, environment, place, isEncrypted, warn, record, signal };
  const started = await startServing(how);
  opening.use(started.keeper);
  const { endpoint, keeper } = started;
  const closing = opening.move();
  return {
    endpoint,
    pid: () => keeper.pid,
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

interface Serving {
  readonly program: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly place: Place;
  readonly isEncrypted: boolean;
  readonly warn: (text: string) => void;
  readonly record: OrphanRecord | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Starts the process on a port that is free; another program may take it meanwhile, then on another one. */
async function startServing(
  { program, environment, place, isEncrypted, warn, record, signal }: Serving,
): Promise<{ readonly endpoint: Endpoint; readonly keeper: Keeper }> {
  for (let attempt = 1;; attempt++) {
    const endpoint = makeEndpoint(place, isEncrypted);
    // Before the start: an orphan that nobody knows of cannot be ended.
    record?.write(writeEndpoint(endpoint));
    const own = { ...environment, ...serving(endpoint) };
    const keeper = new Keeper({ program, args: ["rcd"], environment: own, warn });
    try {
      checkVersion((await answer(endpoint, keeper, signal))["decomposed"]);
      return { endpoint, keeper };
    } catch (thrown) {
      const hasEnded = keeper.ends > 0;
      await keeper[Symbol.asyncDispose]();
      if (!hasEnded || attempt === MAX_PORTS) throw thrown;
    }
  }
}

/** Secrets stand in the environment, which only the same user can see; never among the arguments. */
function commonEnvironment({ rcloneConfig }: RcloneAddress): Record<string, string> {
  return {
    RCLONE_ASK_PASSWORD: "false",
    RCLONE_DRY_RUN: "false",
    RCLONE_LOG_LEVEL: "NOTICE",
    // The time of a write by the storage's clock comes with listings; another one would be asked for object by object.
    RCLONE_USE_SERVER_MODTIME: "true",
    // Else rclone compares an upload with what stands there by then, and removes that if another client wrote it.
    RCLONE_S3_NO_HEAD: "true",
    // Else what is large stands in parts, which rclone leaves behind when the object is replaced.
    RCLONE_SWIFT_NO_CHUNK: "true",
    ...(rcloneConfig === undefined ? {} : { RCLONE_CONFIG: rcloneConfig }),
  };
}

function serving({ port, username, password }: Endpoint): Record<string, string> {
  return {
    RCLONE_RC_ADDR: `127.0.0.1:${port}`,
    RCLONE_RC_USER: username,
    RCLONE_RC_PASS: password,
    RCLONE_RC_SERVE: "true",
    RCLONE_RC_NO_AUTH: "false",
    RCLONE_RC_WEB_GUI: "false",
  };
}

/** The relay's folder and the one above it as remotes; with a password all in the relay is encrypted by rclone. */
function viewOf({ remote, path }: Place, password: string | undefined): Record<string, string> {
  const [relay, raw, parent] = [RELAY_REMOTE, RAW_REMOTE, PARENT_REMOTE].map((it) =>
    `RCLONE_CONFIG_${it.slice(0, -1).toUpperCase()}`
  );
  return {
    [`${relay}_TYPE`]: password === undefined ? "alias" : "crypt",
    [`${relay}_REMOTE`]: remote + path,
    ...(password === undefined ? {} : { [`${relay}_PASSWORD`]: password }),
    [`${raw}_TYPE`]: "alias",
    [`${raw}_REMOTE`]: remote + path,
    [`${parent}_TYPE`]: "alias",
    [`${parent}_REMOTE`]: remote + parentOf(path),
  };
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === 0 ? "/" : path.slice(0, Math.max(slash, 0));
}

function makeEndpoint({ path, type }: Place, isEncrypted: boolean): Endpoint {
  const random = () => crypto.getRandomValues(new Uint8Array(24)).toHex();
  const base = path.slice(path.lastIndexOf("/") + 1);
  return { port: freePort(), username: "escale", password: random(), type, base, isEncrypted };
}

/** A port that nobody listens on; it must be known before, since only it is granted to the client. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Waits for the first answer: the version. */
async function answer(
  endpoint: Endpoint,
  keeper: Keeper,
  signal: AbortSignal | undefined,
): Promise<Fields> {
  using wire = new Wire(endpoint, { timeoutMs: START_MS, maxConnections: 1, trace: () => {} });
  const rc = new Rc(wire);
  const endMs = performance.now() + START_MS;
  for (;;) {
    try {
      return await rc.call("core/version", {}, { action: "start rclone", signal });
    } catch (thrown) {
      signal?.throwIfAborted();
      if (!(thrown instanceof BackendError) || !thrown.retryable) throw thrown;
      if (keeper.ends > 0 || performance.now() > endMs) {
        throw new BackendError(
          "unavailable",
          `Cannot start rclone: it does not answer: ${keeper.lastWords}`,
          { cause: thrown },
        );
      }
    }
    await sleep(POLL_MS);
  }
}

/** A file with a passphrase often ends with a line break, which rclone would not be given either. */
function firstLine(passphrase: string): string {
  return passphrase.split(/\r?\n/, 1)[0] ?? "";
}
