import {
  above,
  baseOf,
  columnsOf,
  factsOf,
  FAKE_TIME,
  type ListingStyle,
} from "./fake_ftp_lines.ts";

/** How a {@linkcode FakeFtp} differs from a good server. Each may be changed while it runs. */
export interface FakeFtpQuirks {
  /** Extended passive mode is not known, and `PASV` gives an address that nobody can reach. */
  hasOnlyPrivatePasv?: boolean;
  /** `MLSD` is missing; or listed as a feature, but not known; or it hides names with a dot; or it sends `LIST`. */
  mlsd?: "missing" | "lying" | "hiding" | "foreign";
  /** How `LIST` shows files. */
  listing?: ListingStyle;
  /** `LIST` is missing. */
  hasNoList?: boolean;
  /** `NLST` knows no options, hides names with a dot, gives paths, refuses an empty folder, sends other text, is missing. */
  nlst?: "without options" | "hiding" | "paths" | "refusing" | "foreign" | "missing";
  /** `MDTM` is offered, with the same time for all. */
  hasTimes?: boolean;
  /** Names that are refused. */
  refused?: RegExp;
  /** Renames onto something that stands there are refused. */
  refusesReplace?: boolean;
  /** How often the next transfers are broken off half-way, and with which reply. */
  broken?: { times: number; readonly reply: string };
  /** How often the next downloads end half-way although their success is confirmed. */
  truncated?: number;
  /** The transfer is confirmed before its data end. */
  confirmsEarly?: boolean;
  /** Of commands that come at once, all but the first are lost. */
  losesCommands?: boolean;
  /** Replies come one byte at a time. */
  isSplit?: boolean;
  /** What is sent instead of the reply to a command, for ever. */
  endless?: { readonly command: string; readonly line: string };
  /** The most connections that are let in. */
  maxConnections?: number;
  /** How often commands are answered by the end of the session. */
  goodbyes?: number;
}

const encoder = new TextEncoder();
const PAUSE_LINES = 50;
/** Those of all fake servers of this program, which keeps what it has found out of a server by its address. */
const usedPorts = new Set<number>();

/** A scripted FTP server in this process, on loopback, with one account and its files in memory. */
export class FakeFtp implements AsyncDisposable {
  /** Files by absolute path. */
  readonly files: Map<string, Uint8Array> = new Map();
  readonly folders: Set<string> = new Set(["/"]);
  /** All commands that came, of all connections. */
  readonly commands: string[] = [];
  readonly quirks: FakeFtpQuirks;
  readonly #listener = listenAfresh();
  readonly #open = new Set<Closable>();
  readonly #listeners: (() => void)[] = [];
  readonly #serving = new Set<Promise<void>>();

  constructor(quirks: FakeFtpQuirks = {}) {
    this.quirks = quirks;
    this.#track(this.#accept());
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** How many commands of that name came. */
  count(name: string): number {
    return this.commands.filter((command) => command.startsWith(name)).length;
  }

  /** Resolves when `count` commands of that name have come. */
  async until(name: string, count: number): Promise<void> {
    while (this.count(name) < count) {
      await new Promise<void>((resolve) => this.#listeners.push(resolve));
    }
  }

  /** Notes a command. */
  note(command: string): void {
    this.commands.push(command);
    for (const listener of this.#listeners.splice(0)) listener();
  }

  /** Cuts every connection. */
  cut(): void {
    for (const it of [...this.#open]) this.#close(it);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    while (this.#serving.size > 0) await Promise.all(this.#serving);
  }

  async #accept(): Promise<void> {
    let connections = 0;
    try {
      for await (const connection of this.#listener) {
        this.#open.add(connection);
        connection.setNoDelay();
        const isWelcome = ++connections <= (this.quirks.maxConnections ?? Infinity);
        this.#track(
          new Conversation(this, connection, {
            keep: (it) => void this.#open.add(it),
            close: (it) => this.#close(it),
          }).run(isWelcome).finally(() => {
            connections--;
            this.#close(connection);
          }),
        );
      }
    } catch {
      // It was closed.
    }
  }

  #close(it: Closable): void {
    if (!this.#open.delete(it)) return;
    try {
      it.close();
    } catch {
      // A stream that was read to its end has closed it.
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch(() => {}).finally(() => this.#serving.delete(tracked));
    this.#serving.add(tracked);
  }
}

/** A connection or a listener. */
interface Closable {
  close(): void;
}

interface Keeper {
  keep(it: Closable): void;
  close(it: Closable): void;
}

/** One control connection. */
class Conversation {
  readonly #server: FakeFtp;
  readonly #connection: Deno.TcpConn;
  readonly #keeper: Keeper;
  #cwd = "/";
  #from = "";
  #passive: Deno.TcpListener | undefined;

  constructor(server: FakeFtp, connection: Deno.TcpConn, keeper: Keeper) {
    this.#server = server;
    this.#connection = connection;
    this.#keeper = keeper;
  }

  async run(isWelcome: boolean): Promise<void> {
    if (!isWelcome) return await this.#reply("421 Too many connections");
    await this.#reply("220-Fake\r\n230 not yet\r\n220 FTP");
    try {
      for await (const command of this.#lines()) {
        this.#server.note(command);
        const { goodbyes = 0, endless } = this.#server.quirks;
        if (goodbyes > 0) {
          this.#server.quirks.goodbyes = goodbyes - 1;
          return await this.#reply("421 Idle for too long");
        }
        if (endless !== undefined && command.startsWith(endless.command)) {
          return await this.#rave(endless.line);
        }
        const space = command.indexOf(" ");
        const name = space < 0 ? command : command.slice(0, space);
        await this.#answer(name, space < 0 ? "" : command.slice(space + 1));
        if (name === "QUIT") return;
      }
    } finally {
      if (this.#passive !== undefined) this.#keeper.close(this.#passive);
    }
  }

  async #rave(line: string): Promise<void> {
    const bytes = encoder.encode(line.repeat(PAUSE_LINES));
    for (;;) await write(this.#connection, bytes);
  }

  async *#lines(): AsyncGenerator<string> {
    let rest = "";
    for await (const text of this.#connection.readable.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\r\n");
      rest = lines.pop() ?? "";
      yield* this.#server.quirks.losesCommands === true ? lines.slice(0, 1) : lines;
    }
  }

  async #reply(text: string): Promise<void> {
    const bytes = encoder.encode(`${text}\r\n`);
    if (this.#server.quirks.isSplit !== true) return await write(this.#connection, bytes);
    for (const byte of bytes) await write(this.#connection, Uint8Array.of(byte));
  }

  async #answer(name: string, argument: string): Promise<void> {
    const { files, folders, quirks } = this.#server;
    const path = argument.startsWith("/") ? argument.replace(/(?<=.)\/$/, "") : this.#cwd;
    const file = files.get(path);
    if (quirks.refused?.test(path) === true && name !== "CWD") {
      return await this.#reply("553 Name not allowed");
    }
    switch (name) {
      case "USER":
        return await this.#reply("331 Password");
      case "PASS":
        return await this.#reply(argument === "secret" ? "230-Welcome\r\n230 In" : "530 No");
      case "FEAT": {
        const mlst = quirks.mlsd === "missing" ? "" : " MLST type*;size*;modify*;\r\n";
        const mdtm = quirks.hasTimes === true ? " MDTM\r\n" : "";
        return await this.#reply(`211-Features\r\n SIZE\r\n UTF8\r\n${mlst}${mdtm}211 End`);
      }
      case "TYPE":
      case "OPTS":
      case "NOOP":
        return await this.#reply("200 Well");
      case "PWD":
        return await this.#reply(`257 "${this.#cwd.replaceAll('"', '""')}" is here`);
      case "CWD":
        if (!folders.has(path)) return await this.#reply("550 No such folder");
        this.#cwd = path;
        return await this.#reply("250 Here");
      case "MKD":
        if (folders.has(path) || file !== undefined || !folders.has(above(path))) {
          return await this.#reply("550 Cannot");
        }
        folders.add(path);
        return await this.#reply(`257 "${path}"`);
      case "RMD":
        if ([...folders, ...files.keys()].some((it) => it.startsWith(`${path}/`))) {
          return await this.#reply("550 Not empty");
        }
        return await this.#reply(folders.delete(path) ? "250 Gone" : "550 None");
      case "DELE":
        return await this.#reply(files.delete(path) ? "250 Gone" : "550 None");
      case "SIZE":
        return await this.#reply(file === undefined ? "550 None" : `213 ${file.length}`);
      case "MDTM":
        return await this.#reply(file === undefined ? "550 None" : `213 ${FAKE_TIME}`);
      case "MLST": {
        if (quirks.mlsd === "missing") return await this.#reply("500 What?");
        if (file === undefined && !folders.has(path)) return await this.#reply("550 None");
        return await this.#reply(`250-It\r\n ${factsOf(file?.length)}${path}\r\n250 End`);
      }
      case "RNFR":
        this.#from = path;
        return await this.#reply(file === undefined ? "550 None" : "350 To?");
      case "RNTO":
        return await this.#rename(path);
      case "EPSV":
        if (quirks.hasOnlyPrivatePasv === true) return await this.#reply("500 What?");
        return await this.#reply(`229 Passive (|||${this.#listen()}|)`);
      case "PASV": {
        const port = this.#listen();
        return await this.#reply(`227 Passive (10,9,8,7,${port >> 8},${port & 255})`);
      }
      case "STOR":
        if (!folders.has(above(path))) return await this.#reply("550 No such folder");
        return await this.#transfer((data) => this.#take(path, data));
      case "RETR":
        if (file === undefined) return await this.#reply("550 None");
        return await this.#transfer((data) => this.#give(file, data));
      case "MLSD":
        if (quirks.mlsd === "missing" || quirks.mlsd === "lying") {
          return await this.#reply("500 What?");
        }
        return await this.#list(path, quirks.mlsd === "foreign" ? "LIST -a" : "MLSD");
      case "LIST":
        if (quirks.hasNoList === true) return await this.#reply("502 Not here");
        return await this.#list(this.#cwd, `LIST ${argument}`);
      case "NLST":
        return await this.#listNames(argument);
      case "QUIT":
        return await this.#reply("221 Bye");
      default:
        return await this.#reply("500 What?");
    }
  }

  #listen(): number {
    if (this.#passive !== undefined) this.#keeper.close(this.#passive);
    this.#passive = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#keeper.keep(this.#passive);
    return this.#passive.addr.port;
  }

  async #rename(to: string): Promise<void> {
    const { files, folders, quirks } = this.#server;
    const file = files.get(this.#from);
    const stands = folders.has(to) || (quirks.refusesReplace === true && files.has(to));
    if (file === undefined || stands) return await this.#reply("553 Something stands there");
    files.delete(this.#from);
    files.set(to, file);
    await this.#reply("250 Renamed");
  }

  /** Runs a transfer; `move` says whether it went through. */
  async #transfer(move: (data: Deno.TcpConn) => Promise<boolean>): Promise<void> {
    const { quirks } = this.#server;
    if (this.#passive === undefined) return await this.#reply("425 Passive first");
    const data = await this.#passive.accept();
    this.#keeper.keep(data);
    await this.#reply("150 Coming");
    if (quirks.confirmsEarly === true) await this.#reply("226 Done, I think");
    const isWhole = await move(data).finally(() => this.#keeper.close(data));
    if (quirks.confirmsEarly === true) return;
    await this.#reply(isWhole ? "226 Done" : quirks.broken?.reply ?? "426 Broken");
  }

  async #take(path: string, data: Deno.TcpConn): Promise<boolean> {
    const bytes = new Uint8Array(await new Response(data.readable).arrayBuffer());
    const isBroken = this.#isBroken();
    this.#server.files.set(path, isBroken ? bytes.subarray(0, bytes.length / 2) : bytes);
    return !isBroken;
  }

  async #give(file: Uint8Array, data: Deno.TcpConn): Promise<boolean> {
    const isBroken = this.#isBroken();
    const { truncated = 0 } = this.#server.quirks;
    if (truncated > 0) this.#server.quirks.truncated = truncated - 1;
    await write(data, isBroken || truncated > 0 ? file.subarray(0, file.length / 2) : file);
    return !isBroken;
  }

  #isBroken(): boolean {
    const { broken } = this.#server.quirks;
    if (broken === undefined || broken.times === 0) return false;
    broken.times--;
    return true;
  }

  async #list(folder: string, how: string): Promise<void> {
    const { folders, quirks } = this.#server;
    if (!folders.has(folder)) return await this.#reply("550 No such folder");
    const showsHidden = how === "LIST -a" || (how === "MLSD" && quirks.mlsd !== "hiding");
    const lines = this.#pathsIn(folder, showsHidden).map((path) => {
      const size = this.#server.files.get(path)?.length;
      const facts = how === "MLSD" ? factsOf(size) : columnsOf(size, quirks.listing);
      return `${facts}${baseOf(path)}`;
    });
    await this.#giveLines(lines);
  }

  async #listNames(argument: string): Promise<void> {
    const { nlst } = this.#server.quirks;
    if (nlst === "missing") return await this.#reply("502 Not here");
    if (nlst === "without options" && argument !== "") return await this.#reply("550 None");
    const showsHidden = nlst === "without options" || (nlst !== "hiding" && argument === "-a");
    const paths = this.#pathsIn(this.#cwd, showsHidden);
    if (nlst === "refusing" && paths.length === 0) return await this.#reply("550 No files found");
    if (nlst === "foreign") return await this.#giveLines(["There are", `${paths.length} files`]);
    const dots = argument === "-a" && nlst !== "refusing" ? [".", ".."] : [];
    await this.#giveLines([...dots, ...(nlst === "paths" ? paths : paths.map(baseOf))]);
  }

  #pathsIn(folder: string, showsHidden: boolean): string[] {
    const { files, folders } = this.#server;
    return [...folders, ...files.keys()].filter((path) => {
      return path !== "/" && above(path) === folder &&
        (showsHidden || !baseOf(path).startsWith("."));
    });
  }

  async #giveLines(lines: readonly string[]): Promise<void> {
    await this.#transfer(async (data) => {
      await write(data, encoder.encode(lines.map((line) => `${line}\r\n`).join("")));
      return true;
    });
  }
}

async function write(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

/** A listener on a port that no fake server had before. */
function listenAfresh(): Deno.TcpListener {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  if (!usedPorts.has(port)) {
    usedPorts.add(port);
    return listener;
  }
  listener.close();
  return listenAfresh();
}
