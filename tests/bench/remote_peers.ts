import { apache } from "../servers/apache.ts";
import { type FtpProgram, startFtpServer } from "../servers/ftp.ts";
import { nginx } from "../servers/nginx.ts";
import { freePort, startServer } from "../servers/process.ts";
import { startSftp } from "../servers/sftp.ts";
import { startWebDav } from "../servers/webdav.ts";
import { commandOf } from "../support/program.ts";

/** The servers, and the remotes of rclone's, that relays and copies are kept on. */
export const SERVERS = [
  "pure-ftpd",
  "vsftpd",
  "apache",
  "nginx",
  "rclone-local",
  "rclone-sftp",
] as const;
export type ServerName = typeof SERVERS[number];

/** A running server, perhaps seen over a slow network. Disposing ends it. */
export interface Remote extends AsyncDisposable {
  readonly protocol: "ftp" | "http" | "rclone";
  readonly port: number;
  /** How rclone is told of it: the lines of a remote, and what stands before a name on it. */
  readonly rclone: { readonly lines: readonly string[]; readonly prefix: string };
  /** Absent where there is no login. */
  readonly login: { readonly username: string; readonly password: string } | undefined;
  /** A folder where anything may be made, as the server names it. */
  readonly folder: string;
}

/** The folders of one measurement. */
export interface Place {
  readonly root: string;
  readonly a: string;
  readonly b: string;
  /** A name of its own on the server. */
  readonly name: string;
}

/** The commands that carry A's files to the server and on to B. */
export type Way = (place: Place, remote: Remote) => readonly (readonly string[])[];

type Started = Omit<Remote, typeof Symbol.asyncDispose>;

/** Starts a server behind a network with that round trip; a remote of rclone's is reached without delay. */
export async function startRemote(server: ServerName, roundTripMs: number): Promise<Remote> {
  await using stack = new AsyncDisposableStack();
  const connect = (port: number) => roundTripMs > 0 ? delay(port, roundTripMs, stack) : port;
  const started = await STARTS[server](stack, connect);
  const running = stack.move();
  return { ...started, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

type Start = (
  stack: AsyncDisposableStack,
  /** A port at which a server's port is seen over the network. */
  connect: (port: number) => number | Promise<number>,
) => Promise<Started>;

const STARTS: Readonly<Record<ServerName, Start>> = {
  "pure-ftpd": (stack, connect) => startFtp("pure-ftpd", stack, connect),
  "vsftpd": (stack, connect) => startFtp("vsftpd", stack, connect),
  "apache": (stack, connect) => startDav(apache, stack, connect),
  "nginx": (stack, connect) => startDav(nginx, stack, connect),
  "rclone-local": (stack) => {
    const folder = Deno.makeTempDirSync({ prefix: "escale-bench-remote-" });
    stack.defer(() => Deno.removeSync(folder, { recursive: true }));
    return Promise.resolve(throughRclone(["type = local"], folder));
  },
  "rclone-sftp": async (stack) => {
    const { remote, folder } = stack.use(await startSftp());
    return throughRclone(remote, folder);
  },
};

async function delay(
  port: number,
  roundTripMs: number,
  stack: AsyncDisposableStack,
): Promise<number> {
  const delayed = freePort();
  const program = decodeURIComponent(new URL("delay.ts", import.meta.url).pathname);
  stack.use(
    await startServer({
      program: Deno.execPath(),
      args: ["run", "--allow-net", program, ...[delayed, port, roundTripMs].map(String)],
      port: delayed,
    }),
  );
  return delayed;
}

async function startDav(
  program: typeof apache,
  stack: AsyncDisposableStack,
  connect: Parameters<Start>[1],
): Promise<Started> {
  const running = stack.use(await startWebDav(program));
  const port = await connect(running.port);
  const url = `url = http://127.0.0.1:${port}/${running.path}`;
  const rclone = { lines: ["type = webdav", url, "vendor = other"], prefix: "relay:" };
  return { protocol: "http", port, login: undefined, folder: running.path, rclone };
}

async function startFtp(
  program: FtpProgram,
  stack: AsyncDisposableStack,
  connect: Parameters<Start>[1],
): Promise<Started> {
  const running = stack.use(await startFtpServer({ program, tls: "plain" }));
  const { folder, username, password } = running;
  const port = await connect(running.port);
  const lines = ["type = ftp", "host = 127.0.0.1", `port = ${port}`, `user = ${username}`];
  const { stdout } = new Deno.Command("rclone", { args: ["obscure", password] }).outputSync();
  const rclone = {
    lines: [...lines, `pass = ${new TextDecoder().decode(stdout).trim()}`],
    prefix: `relay:${folder}/`,
  };
  return { protocol: "ftp", port, login: { username, password }, folder, rclone };
}

function throughRclone(lines: readonly string[], folder: string): Started {
  const rclone = { lines, prefix: `relay:${folder}/` };
  return { protocol: "rclone", port: 0, login: undefined, folder, rclone };
}

/** The peers by name. */
export const PEERS: Readonly<Record<string, Way>> = {
  "escale --once": (place, remote) => escale(place, remote, []),
  "escale --once, index": (place, remote) => {
    return escale(place, remote, ["index = yes", "compression = zstd"]);
  },
  "rclone sync": rclone,
  "lftp mirror": lftp,
};

function escale(place: Place, remote: Remote, options: readonly string[]): string[][] {
  const { root } = place;
  return ["A", "B"].map((client) => {
    const file = `${root}/${client}.conf`;
    const lines = [
      ...["[bench]", `client = ${client}`, `path = ${root}/${client}`],
      ...["legacy peers = no", ...relayLines(place, remote), ...options],
    ];
    Deno.writeTextFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600 });
    return [...commandOf("escale"), "--once", "-q", "-c", file];
  });
}

function relayLines(place: Place, remote: Remote): string[] {
  const { protocol, port, folder, login, rclone: { prefix } } = remote;
  if (protocol === "rclone") {
    return [
      `address = rclone://${prefix}${place.name}`,
      `rclone config = ${configOf(place, remote)}`,
    ];
  }
  const lines = [`protocol = ${protocol}`, "host address = 127.0.0.1", `port = ${port}`];
  lines.push(`relay path = ${folder}/${place.name}`);
  if (login === undefined) return lines;
  const password = login.password.replaceAll("%", "%%");
  return [...lines, `username = ${login.username}`, `password = ${password}`];
}

function rclone(place: Place, remote: Remote): string[][] {
  const { a, b, name } = place;
  const copy = `${remote.rclone.prefix}${name}`;
  const command = ["rclone", "sync", "--config", configOf(place, remote)];
  return [[...command, a, copy], [...command, copy, b]];
}

/** A configuration file of rclone's with the remote "relay". */
function configOf({ root }: Place, { rclone: { lines } }: Remote): string {
  const config = `${root}/rclone.conf`;
  Deno.writeTextFileSync(config, `${["[relay]", ...lines].join("\n")}\n`);
  return config;
}

/** Four files at a time, as rclone and we have it. */
function lftp({ a, b, name }: Place, remote: Remote): string[][] {
  const { protocol, port, folder, login } = remote;
  if (protocol !== "ftp" || login === undefined) return [];
  const user = `${login.username} ${quoted(login.password)}`;
  const open = `open -p ${port} 127.0.0.1; user ${user}; mirror --parallel=4`;
  const copy = `${folder}/${name}`;
  return [`-R ${quoted(a)} ${quoted(copy)}`, `${quoted(copy)} ${quoted(b)}`].map((what) => {
    return ["lftp", "-c", `set cmd:fail-exit yes; ${open} ${what}`];
  });
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
