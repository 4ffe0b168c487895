import { BackendError } from "../backend.ts";
import { Control } from "./_control.ts";
import { connectionError, replyError, shown } from "./_errors.ts";
import { isDone, isHalfway, parseFeatures, type Reply, ReplyParser } from "./_reply.ts";
import { type Line, Session, type Target } from "./_session.ts";
import { connectSecurable, type SocketWire, takeServerName } from "./_tls.ts";
import { connectPlain, unlessAborted } from "./_wire.ts";

/** The port on which TLS begins at once. */
const IMPLICIT_PORT = 990;
/** How often implicit TLS is attempted with a server that says nothing. */
const IMPLICIT_ATTEMPTS = 3;
/** How long a server on another port may keep silent before it is asked whether it waits for TLS. */
const SILENCE_MS = 1_000;

/**
 * Connects, secures the connection if the protocol is `ftps` or the server demands it, logs in, and prepares the
 * session: binary transfers, names in UTF-8.
 *
 * @throws {BackendError} `denied` if the login or the server's certificate is refused; `unsupported` if the server
 * cannot be spoken to securely; `unavailable`
 */
export async function openSession(target: Target, signal?: AbortSignal): Promise<Session> {
  const { address, facts } = target;
  if (address.protocol === "ftp") facts.security ??= "plain";
  try {
    const isPlain = facts.security === "plain";
    const line = isPlain ? await plainLine(target, signal) : await secureLineAnew(target, signal);
    return await enter(target, line);
  } catch (thrown) {
    signal?.throwIfAborted();
    if (thrown instanceof TlsDemanded) return await openSecured(target, thrown, signal);
    if (thrown instanceof OneByOne) return await openSession(target, signal);
    if (thrown instanceof NoTls) throw withoutTls(thrown);
    throw connectionError(thrown);
  }
}

/** The server's answer to a name: it wants TLS before. */
class TlsDemanded extends Error {
  readonly reply: Reply;

  constructor(reply: Reply) {
    super("the server refuses the user before it has the password");
    this.reply = reply;
  }
}

/** Servers say in many ways that they want TLS: so it is tried, and if they have none, their answer stands. */
async function openSecured(
  target: Target,
  { reply }: TlsDemanded,
  signal: AbortSignal | undefined,
): Promise<Session> {
  const { facts, trace } = target;
  trace(`the server answers ${shown(reply)} to the user's name; attempting TLS`);
  facts.security = "explicit";
  try {
    return await enter(target, await secureLine(target, signal));
  } catch (thrown) {
    signal?.throwIfAborted();
    if (thrown instanceof OneByOne) return await openSession(target, signal);
    facts.security = "plain";
    if (thrown instanceof NoTls) throw loginError(target, reply);
    throw connectionError(thrown);
  }
}

function withoutTls({ reply }: NoTls): BackendError {
  return new BackendError("unsupported", `it has no TLS: it answers ${shown(reply)}`, {
    hint: 'On a trusted network only, use "protocol = ftp", which sends all in the clear',
  });
}

async function plainLine(target: Target, signal: AbortSignal | undefined): Promise<Line> {
  const wire = await connectPlain(placeOf(target, 21), within(target, signal));
  return { wire, control: controlOver(target, { wire, isGreeted: true }) };
}

/** As {@linkcode secureLine}; after a failure it is found out again how the server is secured, for that may have changed. */
async function secureLineAnew(target: Target, signal: AbortSignal | undefined): Promise<Line> {
  try {
    return await secureLine(target, signal);
  } catch (thrown) {
    // What `ftp` has found to be secured stays so.
    if (target.address.protocol === "ftps") delete target.facts.security;
    throw thrown;
  }
}

async function secureLine(target: Target, signal: AbortSignal | undefined): Promise<Line> {
  const { facts, address } = target;
  if (address.port === IMPLICIT_PORT) facts.security ??= "implicit";
  if (facts.security === "implicit") return await implicitLine(target, signal);
  const wire = await connectSecurable(placeOf(target, 21), within(target, signal));
  try {
    const greeting = readReply(wire, target);
    greeting.catch(() => {});
    if (facts.security === undefined && await isSilent(greeting)) {
      const line = await implicitLineMeanwhile(greeting, target, signal);
      if (line !== undefined) {
        facts.security = "implicit";
        wire.close();
        return line;
      }
    }
    const greeted = await unlessAborted(greeting, signal, () => {});
    facts.security = "explicit";
    return await explicitLine(target, { wire, greeting: greeted });
  } catch (thrown) {
    wire.close();
    throw thrown;
  }
}

async function isSilent(greeting: Promise<Reply>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(true), SILENCE_MS);
  greeting.then(() => resolve(false), () => resolve(false));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

/** A line with implicit TLS, attempted while a server is silent that may be waiting for it; a busy one may refuse one. */
async function implicitLineMeanwhile(
  greeting: Promise<Reply>,
  target: Target,
  signal: AbortSignal | undefined,
): Promise<Line | undefined> {
  let isGreeted = false;
  greeting.then(() => isGreeted = true, () => isGreeted = true);
  const attemptMs = target.address.timeoutMs / (2 * IMPLICIT_ATTEMPTS);
  for (let attempt = 0; attempt < IMPLICIT_ATTEMPTS && !isGreeted; attempt++) {
    const late = AbortSignal.timeout(attemptMs);
    try {
      return await implicitLine(
        target,
        signal === undefined ? late : AbortSignal.any([signal, late]),
      );
    } catch (thrown) {
      signal?.throwIfAborted();
      target.trace(`no implicit TLS: ${String(thrown)}`);
    }
  }
  return undefined;
}

async function implicitLine(target: Target, signal: AbortSignal | undefined): Promise<Line> {
  const wire = await connectSecurable(placeOf(target, IMPLICIT_PORT), within(target, signal));
  return await securedLine(target, { wire, isGreeted: true, signal });
}

/** The server has no TLS. */
class NoTls extends Error {
  readonly reply: Reply;

  constructor(reply: Reply) {
    super("the server has no TLS");
    this.reply = reply;
  }
}

async function explicitLine(
  target: Target,
  { wire, greeting }: { readonly wire: SocketWire; readonly greeting: Reply },
): Promise<Line> {
  if (!isDone(greeting)) throw loginError(target, greeting);
  target.trace("> AUTH TLS");
  await wire.write(new TextEncoder().encode("AUTH TLS\r\n"));
  const reply = await readReply(wire, target);
  if (reply.code === 421) throw loginError(target, reply);
  if (reply.code !== 234 && reply.code !== 334) throw new NoTls(reply);
  return await securedLine(target, { wire, isGreeted: false });
}

async function securedLine(
  target: Target,
  { wire, isGreeted, signal }: {
    readonly wire: SocketWire;
    readonly isGreeted: boolean;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Line> {
  const serverName = takeServerName(target.host);
  try {
    const pending = wire.secured(serverName.name, target.tls);
    const secured = await unlessAborted(pending, within(target, signal), (late) => late.close());
    const control = controlOver(target, { wire: secured, isGreeted });
    return { wire: secured, control, serverName };
  } catch (thrown) {
    wire.close();
    serverName.release();
    throw thrown;
  }
}

/** One reply, read before there is a {@linkcode Control}: nothing may come behind it. */
async function readReply(wire: SocketWire, target: Target): Promise<Reply> {
  const parser = new ReplyParser(target.coding.decode);
  const timer = setTimeout(() => wire.close(), target.address.timeoutMs);
  try {
    while (true) {
      const bytes = await wire.read();
      if (bytes === undefined) throw new Error("the server has ended the connection");
      const [reply, ...more] = parser.feed(bytes);
      if (reply === undefined) continue;
      for (const line of reply.lines) target.trace(`< ${reply.code} ${line}`);
      if (more.length > 0 || parser.isMidway) {
        throw new BackendError("protocol", "the server speaks before its connection is secured");
      }
      // RFC 959: 120 is followed by 220.
      if (reply.code >= 200) return reply;
    }
  } finally {
    clearTimeout(timer);
  }
}

function controlOver(
  { coding, address, trace }: Target,
  { wire, isGreeted }: { readonly wire: Line["wire"]; readonly isGreeted: boolean },
): Control {
  return new Control(wire, { coding, timeoutMs: address.timeoutMs, trace, isGreeted });
}

async function enter(target: Target, line: Line): Promise<Session> {
  const session = new Session(target, line);
  try {
    if (line.serverName === undefined || target.facts.security === "implicit") {
      await greeted(target, line.control);
    }
    await logIn(target, line);
    await prepare(session, line);
    return session;
  } catch (thrown) {
    session.close();
    throw thrown;
  }
}

async function greeted(target: Target, control: Control): Promise<void> {
  let reply = await control.reply();
  while (reply.code < 200) reply = await control.reply();
  if (!isDone(reply)) throw loginError(target, reply);
}

async function logIn(target: Target, { control, serverName }: Line): Promise<void> {
  const { username, password } = target.address;
  if (username === undefined) {
    throw new BackendError("denied", "no user name is given", {
      hint: 'Set "user" and "password" in the section',
    });
  }
  const named = await control.exchange(`USER ${username}`);
  if (isDone(named)) return;
  if (!isHalfway(named)) {
    throw serverName === undefined ? new TlsDemanded(named) : loginError(target, named);
  }
  if (password === undefined) {
    throw new BackendError("denied", `no password is given for the user "${username}"`, {
      hint: 'Set "password" in the section',
    });
  }
  const reply = await control.exchange(`PASS ${password}`);
  if (isDone(reply)) return;
  // RFC 4217: 534 and 522 speak of the protection that is wanted.
  if (serverName === undefined && (reply.code === 534 || reply.code === 522)) {
    throw new TlsDemanded(reply);
  }
  throw loginError(target, reply);
}

/** How long a server may take to answer the second of two commands, milliseconds. */
const SECOND_MS = 2_000;

/** The server drops commands that come before the one before is answered: a new session is needed. */
class OneByOne extends Error {}

async function prepare(session: Session, { serverName }: Line): Promise<void> {
  const { facts } = session;
  if (facts.pipelines === undefined) {
    facts.pipelines = await session.triesTogether(SECOND_MS);
    if (!facts.pipelines) throw new OneByOne();
  }
  if (serverName !== undefined) {
    const [, protection] = await session.exchangeAll(["PBSZ 0", "PROT P"]);
    if (protection === undefined || !isDone(protection)) {
      throw new BackendError("unsupported", "the server does not secure data connections");
    }
  }
  if (facts.features === undefined) {
    const reply = await session.exchange("FEAT");
    facts.features = isDone(reply) ? parseFeatures(reply) : new Map();
  }
  const isUtf8 = session.coding.encode("\u00e4").length === 2;
  const commands = isUtf8 && session.has("UTF8") ? ["OPTS UTF8 ON", "TYPE I"] : ["TYPE I"];
  const type = (await session.exchangeAll(commands)).at(-1);
  if (type === undefined || !isDone(type)) {
    throw new BackendError("unsupported", "the server does not transfer bytes as they are");
  }
}

function loginError({ address }: Target, reply: Reply): BackendError {
  if (reply.code < 500) return replyError(reply);
  const text = `the server refuses the user "${address.username ?? ""}", it answers ${
    shown(reply)
  }`;
  return new BackendError("denied", text, { hint: "Check the user's name and password" });
}

function placeOf({ host, address }: Target, port: number): { host: string; port: number } {
  return { host, port: address.port ?? port };
}

/** The caller's signal, and the end of the longest wait. */
function within({ address }: Target, signal: AbortSignal | undefined): AbortSignal {
  const late = AbortSignal.timeout(address.timeoutMs);
  return signal === undefined ? late : AbortSignal.any([signal, late]);
}
