import { join } from "node:path";
import type { Certificates } from "./certificates.ts";
import { freePort, type RunningServer, startServer } from "./process.ts";

/** The FTP servers of Debian that tests run. */
export type FtpProgram = "pure-ftpd" | "vsftpd" | "proftpd";

/** How a server speaks TLS: `reuse` and `explicit` demand it after `AUTH TLS`, `reuse` also the session's reuse. */
export type FtpTls = "plain" | "reuse" | "explicit" | "implicit";

/** What to start. */
export interface FtpServerOptions {
  readonly program: FtpProgram;
  readonly tls: FtpTls;
  /** Needed unless `tls` is `plain`. */
  readonly certificates?: Certificates;
  /** The most connections of one address; enough for every test by default. */
  readonly maxConnections?: number;
  /** Where it listens on 127.0.0.1; a free port by default. */
  readonly port?: number;
}

/** A server with one account, on loopback. Disposing it ends it and removes its folder. */
export interface FtpServer extends AsyncDisposable {
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** A folder where the account may write, as the server names it. */
  readonly folder: string;
  /** Where that folder stands on this machine. */
  readonly root: string;
  output(): string;
}

/** The ways in which each program can be started as Debian builds it. */
export const FTP_SERVERS: Readonly<Record<FtpProgram, readonly FtpTls[]>> = {
  "pure-ftpd": ["plain", "explicit"],
  vsftpd: ["plain", "reuse", "explicit", "implicit"],
  proftpd: ["plain", "reuse", "explicit", "implicit"],
};

const PASSWORD = "p@ss: wörd%";
/** Debian's `nobody`: may own files, and is nobody's account. */
const UID = 65_534;
/** Debian's `daemon`, for vsftpd, which wants an account with a folder. */
const DAEMON_UID = 1;

/** The folder that holds the unpacked packages: a folder for each program. */
function packagesFolder(): string {
  const home = Deno.env.get("HOME") ?? "/root";
  return Deno.env.get("ESCALE_SERVERS") ?? join(home, ".cache", "escale-servers");
}

/** Why a server cannot be started here; `undefined` if it can. */
export function whyNoFtpServer(program: FtpProgram): string | undefined {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return "FTP servers are started as root only";
  try {
    Deno.statSync(binaryOf(program));
    return undefined;
  } catch {
    return `no ${program} below "${packagesFolder()}"`;
  }
}

/** Starts a server whose account has one empty folder where it may write. */
export async function startFtpServer(options: FtpServerOptions): Promise<FtpServer> {
  const folder = await Deno.makeTempDir({ prefix: "escale-ftp-" });
  // vsftpd refuses accounts that may write in their top folder.
  const top = join(folder, "top");
  const root = join(top, "files");
  await Deno.chmod(folder, 0o755);
  await Deno.mkdir(root, { recursive: true });
  const uid = options.program === "vsftpd" ? DAEMON_UID : UID;
  await Deno.chown(root, uid, uid);
  const plan = { ...options, folder, top, port: options.port ?? freePort() };
  try {
    const server = await START[options.program](plan);
    return {
      port: server.port,
      username: options.program === "vsftpd" ? "ftp" : "tester",
      password: PASSWORD,
      folder: "/files",
      root,
      output: () => server.output(),
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        await Deno.remove(folder, { recursive: true });
      },
    };
  } catch (thrown) {
    await Deno.remove(folder, { recursive: true });
    throw thrown;
  }
}

interface Plan extends FtpServerOptions {
  readonly folder: string;
  readonly top: string;
  readonly port: number;
}

const START: Readonly<Record<FtpProgram, (plan: Plan) => Promise<RunningServer>>> = {
  "pure-ftpd": startPureFtpd,
  vsftpd: startVsftpd,
  proftpd: startProftpd,
};

function binaryOf(program: FtpProgram): string {
  return join(packagesFolder(), program, "usr/sbin", program);
}

async function startPureFtpd(plan: Plan): Promise<RunningServer> {
  const { folder, top, port, tls, certificates } = plan;
  const accounts = join(folder, "accounts");
  const database = join(folder, "accounts.pdb");
  const account = `tester:${await hashOf(PASSWORD)}:${UID}:${UID}::${top}/./::::::::::::`;
  await Deno.writeTextFile(accounts, `${account}\n`);
  await run(join(packagesFolder(), "pure-ftpd/usr/bin/pure-pw"), [
    ...["mkdb", database, "-f", accounts],
  ]);
  const secure = certificates === undefined || tls === "plain"
    ? []
    : ["-Y", "2", "-2", certificates.serverBundleFile];
  return await startServer({
    program: binaryOf("pure-ftpd"),
    // As Debian configures it, but for the accounts: UTF-8, no anonymous login, no resolving of addresses.
    args: [
      ...["-S", `127.0.0.1,${port}`, "-E", "-H", "-u", "1000", "-l", `puredb:${database}`],
      ...["-g", join(folder, "pid"), "-c", "200", "-C", String(plan.maxConnections ?? 100)],
      ...secure,
    ],
    port,
  });
}

async function startVsftpd(plan: Plan): Promise<RunningServer> {
  const { folder, top, port, tls, certificates } = plan;
  const empty = join(folder, "empty");
  await Deno.mkdir(empty);
  await Deno.writeTextFile(join(folder, "passwords"), `${PASSWORD}\n`);
  const lines = [
    ...["listen=YES", "listen_ipv6=NO", "listen_address=127.0.0.1", `listen_port=${port}`],
    ...["background=NO", `secure_chroot_dir=${empty}`, "local_enable=NO", "write_enable=YES"],
    // Without PAM, the one account that needs no entry in the system is the anonymous one with a list of passwords.
    ...["anonymous_enable=YES", "ftp_username=daemon", `anon_root=${top}`],
    ...["secure_email_list_enable=YES", `email_password_file=${join(folder, "passwords")}`],
    ...["anon_upload_enable=YES", "anon_mkdir_write_enable=YES", "anon_other_write_enable=YES"],
    ...["anon_world_readable_only=NO", "allow_writeable_chroot=YES", "anon_umask=077"],
    ...["seccomp_sandbox=NO", `max_per_ip=${plan.maxConnections ?? 100}`, "max_clients=200"],
    ...["xferlog_enable=NO", "delay_failed_login=0"],
  ];
  if (tls !== "plain" && certificates !== undefined) {
    lines.push(
      ...["ssl_enable=YES", "allow_anon_ssl=YES", "force_anon_logins_ssl=YES"],
      ...["force_anon_data_ssl=YES", `rsa_cert_file=${certificates.serverFile}`],
      ...[`rsa_private_key_file=${certificates.serverKeyFile}`, "ssl_ciphers=HIGH"],
      `require_ssl_reuse=${tls === "explicit" ? "NO" : "YES"}`,
      `implicit_ssl=${tls === "implicit" ? "YES" : "NO"}`,
    );
  }
  const file = join(folder, "vsftpd.conf");
  await Deno.writeTextFile(file, lines.map((line) => `${line}\n`).join(""));
  return await startServer({ program: binaryOf("vsftpd"), args: [file], port });
}

async function startProftpd(plan: Plan): Promise<RunningServer> {
  const { folder, top, port, tls, certificates } = plan;
  const accounts = join(folder, "accounts");
  await Deno.writeTextFile(
    accounts,
    `tester:${await hashOf(PASSWORD)}:${UID}:${UID}::${top}:/bin/false\n`,
    { mode: 0o600 },
  );
  const modules = join(packagesFolder(), "proftpd/usr/lib/proftpd");
  const lines = [
    ...["ServerName test", "ServerType standalone", "DefaultServer on", `Port ${port}`],
    ...["DefaultAddress 127.0.0.1", "SocketBindTight on", "UseIPv6 off", "UseReverseDNS off"],
    ...[`ModulePath ${modules}`, `PidFile ${folder}/pid`, `ScoreboardFile ${folder}/scoreboard`],
    ...["SystemLog none", "TransferLog none", "WtmpLog off", `DelayTable ${folder}/delay`],
    ...["DelayEngine off", "MaxInstances 200", "User nobody", "Group nogroup", "Umask 022 022"],
    ...["AllowOverwrite on", "DefaultRoot ~", "RequireValidShell off", "AuthPAM off"],
    ...["AuthOrder mod_auth_file.c", `AuthUserFile ${accounts}`, 'ListOptions "-l"'],
    `MaxClientsPerHost ${plan.maxConnections ?? 100}`,
  ];
  if (tls !== "plain" && certificates !== undefined) {
    lines.push(
      ...["LoadModule mod_tls.c", "TLSEngine on", "TLSRequired on", "TLSLog none"],
      ...[`TLSECCertificateFile ${certificates.serverFile}`],
      ...[`TLSECCertificateKeyFile ${certificates.serverKeyFile}`, "TLSVerifyClient off"],
      ...(tls === "explicit" ? ["TLSOptions NoSessionReuseRequired"] : []),
      ...(tls === "implicit" ? ["TLSOptions UseImplicitSSL"] : []),
    );
  }
  const file = join(folder, "proftpd.conf");
  await Deno.writeTextFile(file, lines.map((line) => `${line}\n`).join(""));
  return await startServer({
    program: binaryOf("proftpd"),
    args: ["-n", "-q", "-c", file],
    port,
  });
}

/** A hash that every server takes and none takes long to check. */
async function hashOf(password: string): Promise<string> {
  return (await run("openssl", ["passwd", "-1", "-salt", "escale", password])).trim();
}

async function run(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
  }).output();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
