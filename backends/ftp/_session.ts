import { BackendError, type ObjectName, type RelayAddress } from "../backend.ts";
import type { Control } from "./_control.ts";
import { connectionError, replyError, shown } from "./_errors.ts";
import type { Entry } from "./_listing.ts";
import type { NameCoding } from "./_names.ts";
import {
  isDone,
  isPreliminary,
  isUnknownCommand,
  parseExtendedPassive,
  parsePassive,
  type Reply,
} from "./_reply.ts";
import { connectSecurable, SocketWire, type TlsOptions } from "./_tls.ts";
import { connectPlain, type Wire } from "./_wire.ts";

/** The ways to list a folder, in the order in which they are tried. `NLST` gives names alone. */
export const LISTING_WAYS = ["MLSD", "LIST -a", "LIST", "NLST -a", "NLST"] as const;

/** One of {@linkcode LISTING_WAYS}. */
export type ListingWay = typeof LISTING_WAYS[number];

/** What a server was found to be like; shared by all sessions with it, and added to as they find more. */
export interface ServerFacts {
  /** How its connections are secured. */
  security?: "plain" | "explicit" | "implicit";
  features?: ReadonlyMap<string, string>;
  passive?: "EPSV" | "PASV";
  /** A port for data that was asked for early did not take a connection. */
  hasLostPort?: boolean;
  listing: ListingWay;
  /** The way of listing that was seen to show hidden names; absent if that could not be tried. */
  provenListing?: ListingWay;
  /** The code by which an empty folder's listing is refused, where the server does that. */
  emptyCode?: number;
  /** Whether commands may be sent before those before them are answered; `undefined` if it is not known. */
  pipelines?: boolean;
  /** The relay's folder as the server names it, without a final `/`. */
  root?: string;
  /** Whether a rename replaces what stands there; `undefined` if it is not known. */
  replaces?: boolean;
  /** Whether names with control characters and final blanks are kept as they are; `undefined` if it is not known. */
  keepsBlanks?: boolean;
  /** How far the server's clock is ahead of ours, milliseconds. */
  aheadMs?: number;
}

/** What all sessions of a relay have in common. */
export interface Target {
  readonly address: RelayAddress;
  readonly host: string;
  readonly coding: NameCoding;
  readonly tls: TlsOptions;
  readonly facts: ServerFacts;
  readonly trace: (line: string) => void;
}

/** A control connection and how it is secured. */
export interface Line {
  readonly control: Control;
  readonly wire: Wire;
  /** The name under which its data connections resume its TLS session; absent without TLS. */
  readonly serverName?: { readonly name: string; release(): void };
}

/** A transfer that has begun: the data connection, and what was answered on the way. */
export interface Transfer {
  readonly kind: "begun";
  readonly data: Wire;
  /** The answers to the commands before it. */
  readonly before: readonly Reply[];
  /** That the server begins; with a code of 200 or above, that it has done already. */
  readonly first: Reply;
  /** Settles when the content that was given along is sent; absent if it is still to be sent. */
  readonly sent: Promise<void> | undefined;
}

/** What {@linkcode Session.transfer} accepts. */
export interface TransferOptions {
  /** Commands to be sent before. */
  readonly before?: readonly string[];
  /** All that is to be sent, if it is in memory: it may be on its way before the server says that it waits for it. */
  readonly content?: Uint8Array;
}

/** A transfer that the server refuses. */
export interface Refusal {
  readonly kind: "refused";
  readonly before: readonly Reply[];
  readonly reply: Reply;
}

/** What stands in a folder, or that the server does not list it. */
export type Listed = { readonly kind: "listed"; readonly entries: readonly Entry[] } | Refusal;

/** The server does not list in some way, or not so that it is understood. */
export interface Foreign {
  readonly kind: "foreign";
  /** A line of what came. */
  readonly line?: string;
}

/** A control connection that is logged in. One caller at a time. */
export class Session {
  readonly facts: ServerFacts;
  readonly #target: Target;
  readonly #line: Line;
  /** The port of a data connection that the server waits for, if no command has been sent since it said so. */
  #sparePort: number | undefined;

  constructor(target: Target, line: Line) {
    this.#target = target;
    this.#line = line;
    this.facts = target.facts;
  }

  /** Whether another command can be sent. */
  get isReady(): boolean {
    return this.#line.control.isOpen && this.#line.control.isQuiet;
  }

  /** How names are written on the wire. */
  get coding(): NameCoding {
    return this.#target.coding;
  }

  /** The longest silence, milliseconds. */
  get timeoutMs(): number {
    return this.#target.address.timeoutMs;
  }

  /** Whether the server has that feature. */
  has(feature: string): boolean {
    return this.facts.features?.has(feature) ?? false;
  }

  /** `name` as the server is to get it: absolute, so that no name is taken for an option or another user's folder. */
  path(name: ObjectName | ""): string {
    const { root = "" } = this.facts;
    return name === "" ? root === "" ? "/" : root : `${root}/${name}`;
  }

  /** Sends one command and gives its answer. */
  async exchange(command: string, timeoutMs?: number): Promise<Reply> {
    this.#sparePort = undefined;
    await this.#line.control.send(command);
    return await this.#line.control.reply(timeoutMs);
  }

  /** Sends commands, together if the server bears that, and gives their answers. */
  async exchangeAll(commands: readonly string[]): Promise<Reply[]> {
    this.#sparePort = undefined;
    const replies: Reply[] = [];
    const isTogether = this.facts.pipelines === true;
    if (isTogether) await this.#line.control.send(...commands);
    for (const command of commands) {
      replies.push(isTogether ? await this.reply() : await this.exchange(command));
    }
    return replies;
  }

  /** As {@linkcode exchangeAll}; asks along with it, at no cost, for the port of a transfer that is likely to follow. */
  async exchangeLast(commands: readonly string[]): Promise<Reply[]> {
    const { passive, pipelines, hasLostPort = false } = this.facts;
    if (passive === undefined || pipelines !== true || hasLostPort) {
      return await this.exchangeAll(commands);
    }
    const replies = await this.exchangeAll([...commands, passive]);
    const reply = replies.pop();
    this.#sparePort = reply && isDone(reply) ? parsePort(passive, reply) : undefined;
    return replies;
  }

  /** Sends two commands at once; says whether both are answered. Else the session is of no use any more. */
  async triesTogether(timeoutMs: number): Promise<boolean> {
    await this.#line.control.send("NOOP", "NOOP");
    await this.reply();
    return await this.reply(timeoutMs).then(() => true, () => false);
  }

  /** The next answer of a transfer under way. */
  async reply(timeoutMs?: number): Promise<Reply> {
    return await this.#line.control.reply(timeoutMs);
  }

  /**
   * Begins a transfer: opens a data connection, sends the commands before it and then `command`. The caller closes the
   * data connection and, unless the first answer was final, awaits another {@linkcode Session.reply}.
   */
  async transfer(command: string, options: TransferOptions = {}): Promise<Transfer | Refusal> {
    const commands = [...options.before ?? [], command];
    const { passive, pipelines = false } = this.facts;
    const spare = this.#sparePort;
    this.#sparePort = undefined;
    const isTogether = passive !== undefined && pipelines;
    if (spare !== undefined) await this.#line.control.send(...commands);
    else if (isTogether) await this.#line.control.send(passive, ...commands);
    const port = spare ??
      (isTogether ? this.#portOf(passive, await this.reply()) : await this.#findPort());
    const connected = await this.#connect(port).catch(connectionError);
    if (spare !== undefined && connected instanceof BackendError) this.facts.hasLostPort = true;
    const sent = connected instanceof BackendError
      ? undefined
      : this.#sendEarly(connected, options);
    try {
      if (!isTogether && pipelines) await this.#line.control.send(...commands);
      const replies: Reply[] = [];
      for (const one of commands) {
        replies.push(isTogether || pipelines ? await this.reply() : await this.exchange(one));
      }
      return await this.#begin(connected, { replies, sent });
    } catch (thrown) {
      if (!(connected instanceof BackendError)) connected.close();
      throw thrown;
    }
  }

  /** Sends content before the server asks for it, where nothing has to be agreed on the connection first. */
  #sendEarly(data: Wire, { content }: TransferOptions): Promise<void> | undefined {
    if (content === undefined || this.#line.serverName !== undefined) return undefined;
    const send = async () => {
      if (content.length > 0) await data.write(content);
      await data.end();
    };
    const sent = send();
    // Of a server that refuses the transfer it is the answer that counts.
    sent.catch(() => {});
    return sent;
  }

  /** Ends the session without a word. */
  close(): void {
    this.#line.control.close();
    this.#line.serverName?.release();
  }

  /** Ends the session as the protocol wants it. */
  async quit(): Promise<void> {
    try {
      if (this.isReady) await this.#line.control.send("QUIT");
    } catch {
      // It is ended all the same.
    } finally {
      this.close();
    }
  }

  async #begin(
    data: Wire | BackendError,
    { replies, sent }: {
      readonly replies: readonly Reply[];
      readonly sent: Promise<void> | undefined;
    },
  ): Promise<Transfer | Refusal> {
    const before = replies.slice(0, -1);
    const first = replies.at(-1);
    if (first === undefined) throw new TypeError("there is a reply");
    if (!isPreliminary(first) && !isDone(first)) {
      // Some servers take no connection then; others wait for it.
      if (!(data instanceof BackendError)) data.close();
      return { kind: "refused", before, reply: first };
    }
    if (data instanceof BackendError) {
      this.close();
      throw data;
    }
    return { kind: "begun", data: await this.#secure(data), before, first, sent };
  }

  async #secure(data: Wire): Promise<Wire> {
    const { wire, serverName } = this.#line;
    if (serverName === undefined || !(data instanceof SocketWire)) return data;
    const session = wire instanceof SocketWire ? wire.session : undefined;
    try {
      return await data.secured(serverName.name, {
        ...this.#target.tls,
        ...(session === undefined ? {} : { session }),
      });
    } catch (thrown) {
      const reply = await this.reply().catch(() => undefined);
      if (reply === undefined) throw thrown;
      throw this.dataError(reply);
    }
  }

  /** What a transfer's negative answer means; some speak of the TLS session that was not resumed. */
  dataError(reply: Reply): BackendError {
    const isSecured = this.#line.serverName !== undefined;
    if (!isSecured || (reply.code !== 522 && reply.code !== 425)) return replyError(reply);
    const { identity, version } = this.#target.tls;
    if (identity === undefined && version !== "TLSv1.3") return replyError(reply);
    const hint = identity === undefined
      ? 'Set "ssl version = TLS": this runtime can resume TLS sessions of TLS 1.2 only'
      : "Log in without a client's certificate: this runtime cannot resume TLS sessions with one";
    return new BackendError(
      "unsupported",
      `the server answers ${shown(reply)}, as it wants the TLS session resumed`,
      { hint },
    );
  }

  async #findPort(): Promise<number> {
    const { passive } = this.facts;
    if (passive !== undefined) return this.#portOf(passive, await this.exchange(passive));
    const extended = await this.exchange("EPSV");
    this.facts.passive = isDone(extended) || !isRefused(extended) ? "EPSV" : "PASV";
    if (this.facts.passive === "EPSV") return this.#portOf("EPSV", extended);
    return this.#portOf("PASV", await this.exchange("PASV"));
  }

  #portOf(command: "EPSV" | "PASV", reply: Reply): number {
    const port = parsePort(command, reply);
    if (isDone(reply) && port !== undefined) return port;
    // What follows it on the connection cannot be told apart any more.
    this.close();
    if (!isDone(reply)) throw replyError(reply);
    throw new BackendError(
      "protocol",
      `there is no port for data in its answer ${shown(reply)}`,
    );
  }

  /** A data connection; it goes to the host of the control connection, whatever the server says. */
  async #connect(port: number): Promise<Wire> {
    const { host } = this.#target;
    const { wire, serverName } = this.#line;
    const signal = AbortSignal.timeout(this.timeoutMs);
    const connect = serverName === undefined ? connectPlain : connectSecurable;
    const data = await connect({ host, port }, signal);
    if (data.peer === wire.peer) return data;
    data.close();
    throw new BackendError(
      "unavailable",
      `"${host}" has several addresses, and a data connection came to another one`,
      { hint: 'Name one address in "host address"' },
    );
  }
}

function parsePort(command: "EPSV" | "PASV", reply: Reply): number | undefined {
  return command === "EPSV" ? parseExtendedPassive(reply) : parsePassive(reply);
}

function isRefused(reply: Reply): boolean {
  return isUnknownCommand(reply) || reply.code === 522 || reply.code >= 500;
}
