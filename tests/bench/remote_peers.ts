import { apache } from "../servers/apache.ts";
import { type FtpProgram, startFtpServer } from "../servers/ftp.ts";
import { nginx } from "../servers/nginx.ts";
import { freePort, startServer } from "../servers/process.ts";
import { startWebDav } from "../servers/webdav.ts";
import { commandOf } from "../support/program.ts";

/** The servers that relays and copies are kept on. */
export const SERVERS = ["pure-ftpd", "vsftpd", "apache", "nginx"] as const;
export type ServerName = typeof SERVERS[number];

/** A running server, seen over a network that may be slow. Disposing ends it. */
export interface Remote extends AsyncDisposable {
  readonly protocol: "ftp" | "http";
  readonly port: number;
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

/** Starts a server behind a network with that round trip. */
export async function startRemote(server: ServerName, roundTripMs: number): Promise<Remote> {
  await using stack = new AsyncDisposableStack();
  const found = await start(server, stack);
  let { port } = found;
  if (roundTripMs > 0) {
    const delayed = freePort();
    const program = decodeURIComponent(new URL("delay.ts", import.meta.url).pathname);
    stack.use(
      await startServer({
        program: Deno.execPath(),
        args: ["run", "--allow-net", program, ...[delayed, port, roundTripMs].map(String)],
        port: delayed,
      }),
    );
    port = delayed;
  }
  const running = stack.move();
  return { ...found, port, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

async function start(
  server: ServerName,
  stack: AsyncDisposableStack,
): Promise<Omit<Remote, typeof Symbol.asyncDispose>> {
  if (server === "pure-ftpd" || server === "vsftpd") return await startFtp(server, stack);
  const { port, path } = stack.use(await startWebDav(server === "apache" ? apache : nginx));
  return { protocol: "http", port, login: undefined, folder: path };
}

async function startFtp(
  program: FtpProgram,
  stack: AsyncDisposableStack,
): Promise<Omit<Remote, typeof Symbol.asyncDispose>> {
  const running = stack.use(await startFtpServer({ program, tls: "plain" }));
  const { port, folder, username, password } = running;
  return { protocol: "ftp", port, login: { username, password }, folder };
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
  const { root, name } = place;
  return ["A", "B"].map((client) => {
    const file = `${root}/${client}.conf`;
    const lines = [
      ...["[bench]", `client = ${client}`, `path = ${root}/${client}`],
      ...[`protocol = ${remote.protocol}`, "host address = 127.0.0.1", `port = ${remote.port}`],
      `relay path = ${remote.folder}/${name}`,
      ...["legacy peers = no", ...options],
    ];
    if (remote.login !== undefined) {
      const { username, password } = remote.login;
      lines.push(`username = ${username}`, `password = ${password.replaceAll("%", "%%")}`);
    }
    Deno.writeTextFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600 });
    return [...commandOf("escale"), "--once", "-q", "-c", file];
  });
}

function rclone({ root, a, b, name }: Place, remote: Remote): string[][] {
  const config = `${root}/rclone.conf`;
  const { protocol, port, folder } = remote;
  const lines = protocol === "ftp"
    ? ["[relay]", "type = ftp", "host = 127.0.0.1", `port = ${port}`, ...rcloneLogin(remote)]
    : ["[relay]", "type = webdav", `url = http://127.0.0.1:${port}/${folder}`, "vendor = other"];
  Deno.writeTextFileSync(config, `${lines.join("\n")}\n`);
  const copy = protocol === "ftp" ? `relay:${folder}/${name}` : `relay:${name}`;
  const command = ["rclone", "sync", "--config", config];
  return [[...command, a, copy], [...command, copy, b]];
}

function rcloneLogin({ login }: Remote): string[] {
  if (login === undefined) return [];
  const { stdout } = new Deno.Command("rclone", { args: ["obscure", login.password] }).outputSync();
  return [`user = ${login.username}`, `pass = ${new TextDecoder().decode(stdout).trim()}`];
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
