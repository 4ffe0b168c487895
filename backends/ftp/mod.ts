import {
  type Backend,
  type BackendContext,
  BackendError,
  type BackendTraits,
  type ByteSource,
  type CallOptions,
  type FolderName,
  type ObjectInfo,
  type ObjectName,
  type PutOptions,
  type RelayAddress,
  type SpaceInfo,
} from "../backend.ts";
import { SourceFailure } from "../streams.ts";
import { about, replyError } from "./_errors.ts";
import { isFolder, look } from "./_look.ts";
import { codingOf, isEasilyChanged, whyNotName } from "./_names.ts";
import { openSession } from "./_login.ts";
import { Pool } from "./_pool.ts";
import { enterRoot, probe } from "./_probe.ts";
import { Putter } from "./_put.ts";
import { readWhole, streamOf } from "./_get.ts";
import { isDone, parseSize, type Reply } from "./_reply.ts";
import type { ServerFacts, Session, Target } from "./_session.ts";
import { hasTimes } from "./_times.ts";
import type { TlsOptions } from "./_tls.ts";
import { Together } from "./_together.ts";
import { walk } from "./_walk.ts";

/** Sessions beside those of the transfers: for listings, and for a look at a lock meanwhile. */
const MORE_SESSIONS = 2;

/** What was found out of each relay; it holds as long as this program runs. */
const knownFacts = new Map<string, ServerFacts>();

/**
 * A folder of an FTP server as a relay; protocol `ftp`, or `ftps`, which is never plain. The folder is made when it is
 * missing.
 *
 * `ftp` is plain unless the server demands TLS. `ftps` is explicit TLS (RFC 4217), or implicit on port 990 and where the
 * server waits for it. Data connections go to the host of the control connection only.
 *
 * @throws {BackendError} `denied` if the login or the server's certificate is refused; `not-found` if the folder is
 * missing and cannot be made; `unsupported` if the server is of no use; `unavailable`
 */
export async function openFtp(
  address: RelayAddress,
  context: BackendContext = {},
): Promise<Backend> {
  context.signal?.throwIfAborted();
  const host = address.host ?? "";
  const action = `open the relay at "${host}"`;
  try {
    const target = targetOf(address, { host, trace: context.trace ?? (() => {}) });
    const pool = new Pool({
      open: () => openSession(target),
      max: address.maxTransfers + MORE_SESSIONS,
      timeoutMs: address.timeoutMs,
      trace: target.trace,
    });
    try {
      await pool.use({ purpose: "call", signal: context.signal }, async (session) => {
        await enterRoot(session, address.folder ?? "");
        if (target.facts.replaces === undefined) await probe(session);
      });
    } catch (thrown) {
      await pool.close();
      throw thrown;
    }
    return new FtpBackend(target, pool);
  } catch (thrown) {
    context.signal?.throwIfAborted();
    throw about(action, thrown);
  }
}

function targetOf(
  address: RelayAddress,
  { host, trace }: { readonly host: string; readonly trace: (line: string) => void },
): Target {
  const { protocol, port, username, folder } = address;
  const key = JSON.stringify([protocol, host, port, username, folder]);
  const facts: ServerFacts = knownFacts.get(key) ?? { listing: "MLSD" };
  knownFacts.set(key, facts);
  return {
    address,
    host,
    coding: codingOf(address.encoding),
    tls: tlsOf(address, host),
    facts,
    trace,
  };
}

function tlsOf(address: RelayAddress, host: string): TlsOptions {
  const { certificateFile, keyFile = certificateFile, verifyTls, tlsVersion = "TLS" } = address;
  const options = { host, verify: verifyTls, version: tlsVersion };
  if (certificateFile === undefined || keyFile === undefined) return options;
  try {
    const certificate = Deno.readTextFileSync(certificateFile);
    return { ...options, identity: { certificate, key: Deno.readTextFileSync(keyFile) } };
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new BackendError("denied", `the client's certificate cannot be read: ${text}`, { cause });
  }
}

class FtpBackend implements Backend {
  readonly traits: BackendTraits;
  readonly #target: Target;
  readonly #pool: Pool;
  readonly #putter: Putter;
  readonly #commands: Together;

  constructor(target: Target, pool: Pool) {
    this.#target = target;
    this.#pool = pool;
    this.#putter = new Putter();
    this.#commands = new Together(pool);
    const { facts } = target;
    this.traits = {
      exclusiveCreate: false,
      exclusiveFolder: true,
      atomicReplace: facts.replaces === true,
      timePrecisionMs: hasTimes(facts) ? 1000 : undefined,
      listingLagMs: 0,
      knowsSpace: true,
    };
  }

  async *list(
    folder: FolderName,
    { recursive = false, signal }: CallOptions & { readonly recursive?: boolean } = {},
  ): AsyncGenerator<ObjectInfo> {
    signal?.throwIfAborted();
    try {
      const parallel = this.#target.address.maxTransfers;
      yield* walk(folder, {
        recursive,
        parallel,
        facts: this.#target.facts,
        use: (body) => this.#pool.use({ purpose: "call", signal }, body),
      });
    } catch (thrown) {
      signal?.throwIfAborted();
      throw about(`list ${JSON.stringify(folder)}`, thrown);
    }
  }

  async stat(name: ObjectName, options: CallOptions = {}): Promise<ObjectInfo | undefined> {
    return await this.#call("stat", name, options, (session) => look(session, name));
  }

  async get(name: ObjectName, { signal }: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const action = this.#begin("get", name, signal);
    try {
      return await streamOf(name, { action, signal, pool: this.#pool });
    } catch (thrown) {
      signal?.throwIfAborted();
      throw about(action, thrown);
    }
  }

  async read(
    name: ObjectName,
    { maxBytes, signal }: CallOptions & { readonly maxBytes: number },
  ): Promise<Uint8Array> {
    return await this.#call(
      "read",
      name,
      given(signal),
      (session) => readWhole(session, { name, maxBytes }),
    );
  }

  async put(
    name: ObjectName,
    source: ByteSource,
    { signal, isVolatile = false }: PutOptions = {},
  ): Promise<void> {
    const action = this.#begin("put", name, signal);
    await this.#pool.use({ purpose: "transfer", signal }, async (session) => {
      await this.#putter.put(session, { name, source, signal, isVolatile });
    }).catch((thrown) => {
      signal?.throwIfAborted();
      throw thrown instanceof SourceFailure ? thrown.reason : about(action, thrown);
    });
  }

  async create(
    name: ObjectName,
    bytes: Uint8Array,
    options: CallOptions = {},
  ): Promise<boolean> {
    const source = {
      sizeBytes: bytes.length,
      bytes,
      open: () => new Blob([bytes.slice()]).stream(),
    };
    return await this.#call("create", name, options, (session) => {
      return this.#putter.create(session, { name, source, signal: options.signal });
    });
  }

  async remove(name: ObjectName, options: CallOptions = {}): Promise<boolean> {
    const commandsFor = (session: Session) => [`DELE ${session.path(name)}`];
    const reply = await this.#together("remove", name, { ...options, commandsFor });
    if (isDone(reply)) return true;
    return await this.#call("remove", name, options, async (session) => {
      if (await look(session, name) === undefined) return false;
      throw replyError(reply);
    });
  }

  async makeFolder(name: ObjectName, options: CallOptions = {}): Promise<boolean> {
    const commandsFor = (session: Session) => this.#putter.commandsToMake(session, name);
    const reply = await this.#together("make folder", name, { ...options, commandsFor });
    if (isDone(reply)) {
      this.#putter.noteFoldersAbove(name);
      return true;
    }
    return await this.#call("make folder", name, options, (session) => {
      return this.#putter.makeFolder(session, name);
    });
  }

  async removeFolder(name: ObjectName, options: CallOptions = {}): Promise<boolean> {
    this.#putter.forget(name);
    const commandsFor = (session: Session) => [`RMD ${session.path(name)}`];
    const reply = await this.#together("remove folder", name, { ...options, commandsFor });
    if (isDone(reply)) return true;
    return await this.#call("remove folder", name, options, async (session) => {
      if (!await isFolder(session, name)) return false;
      throw new BackendError("exists", `it is not empty, the server answers ${reply.code}`);
    });
  }

  async flush({ signal }: CallOptions = {}): Promise<void> {
    await Promise.resolve();
    // FTP has no word for it: what the server has confirmed is all that can be known.
    signal?.throwIfAborted();
  }

  async space({ signal }: CallOptions = {}): Promise<SpaceInfo> {
    signal?.throwIfAborted();
    let usedBytes = 0;
    for await (const { sizeBytes } of this.list("", { recursive: true, ...given(signal) })) {
      usedBytes += sizeBytes;
    }
    const freeBytes = await this.#run("ask for the free space", { signal }, async (session) => {
      if (!session.has("AVBL")) return undefined;
      return parseSize(await session.exchange(`AVBL ${session.path("")}`));
    });
    return { usedBytes, ...(freeBytes === undefined ? {} : { freeBytes }) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close();
  }

  /** Runs short calls about `name` on a session. */
  async #call<T>(
    verb: string,
    name: ObjectName,
    { signal }: CallOptions,
    body: (session: Session) => Promise<T>,
  ): Promise<T> {
    return await this.#run(this.#begin(verb, name, signal), { signal }, body);
  }

  /** Sends commands about `name` with those of others, where the server bears that; gives the last answer. */
  async #together(
    verb: string,
    name: ObjectName,
    { signal, commandsFor }: CallOptions & {
      readonly commandsFor: (session: Session) => readonly string[];
    },
  ): Promise<Reply> {
    const action = this.#begin(verb, name, signal);
    const send = (session: Session) => session.exchangeAll(commandsFor(session));
    // Who may break off a call has to have a session of its own.
    const isAlone = signal !== undefined || this.#target.facts.pipelines !== true;
    const replies = isAlone
      ? await this.#run(action, { signal }, send)
      : await this.#commands.exchange(commandsFor).catch((thrown) => {
        throw about(action, thrown);
      });
    const reply = replies.at(-1);
    if (reply === undefined) throw new TypeError("each command is answered");
    return reply;
  }

  async #run<T>(
    action: string,
    { signal }: { readonly signal: AbortSignal | undefined },
    body: (session: Session) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#pool.use({ purpose: "call", signal }, body);
    } catch (thrown) {
      signal?.throwIfAborted();
      throw about(action, thrown);
    }
  }

  /** What is attempted, once it is known that it may be. */
  #begin(verb: string, name: ObjectName, signal: AbortSignal | undefined): string {
    signal?.throwIfAborted();
    const action = `${verb} ${JSON.stringify(name)}`;
    const why = whyNotName(name);
    if (why !== undefined) throw new BackendError("invalid-name", `Cannot ${action}: ${why}`);
    if (this.#target.facts.keepsBlanks === false && isEasilyChanged(name)) {
      const text = "the server changes names with a control character or a final blank";
      throw new BackendError("invalid-name", `Cannot ${action}: ${text}`);
    }
    return action;
  }
}

function given(signal: AbortSignal | undefined): CallOptions {
  return signal === undefined ? {} : { signal };
}
