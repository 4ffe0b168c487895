import { runTool } from "../support/tools.ts";
import { freePort, startServer } from "./process.ts";

const PROGRAM = "/usr/sbin/sshd";

/** A running OpenSSH server with keys of its own. Disposing ends it and removes its folder. */
export interface SftpServer extends AsyncDisposable {
  /** The lines of a remote of rclone's that reaches it, without the name. */
  readonly remote: readonly string[];
  /** An empty folder that it shows, by the same path as on this machine. */
  readonly folder: string;
}

/** Why the server cannot be started here; `undefined` if it can. */
export function whyNoSftpServer(): string | undefined {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return "sshd is started as root only";
  try {
    Deno.statSync(PROGRAM);
    return undefined;
  } catch {
    return "no openssh-server here";
  }
}

/** Starts a server on a free port of 127.0.0.1 that lets in whoever has its one key. */
export async function startSftp(): Promise<SftpServer> {
  const home = await Deno.makeTempDir({ prefix: "escale-sftp-" });
  const folder = `${home}/files`;
  Deno.mkdirSync(folder);
  // sshd wants it, and packages leave it to the system's start.
  Deno.mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  for (const key of ["host", "client"]) {
    await runTool(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${home}/${key}`]);
  }
  Deno.copyFileSync(`${home}/client.pub`, `${home}/authorized`);
  const port = freePort();
  Deno.writeTextFileSync(`${home}/sshd.conf`, configurationOf(home, port));
  const [type, key] = Deno.readTextFileSync(`${home}/host.pub`).split(" ");
  Deno.writeTextFileSync(`${home}/known`, `[127.0.0.1]:${port} ${type} ${key}\n`);
  const args = ["-D", "-e", "-f", `${home}/sshd.conf`];
  const server = await startServer({ program: PROGRAM, args, port });
  return {
    folder,
    remote: [
      ...["type = sftp", "host = 127.0.0.1", `port = ${port}`, "user = root"],
      ...[`key_file = ${home}/client`, `known_hosts_file = ${home}/known`],
      ...["shell_type = unix", "md5sum_command = none", "sha1sum_command = none"],
    ],
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(home, { recursive: true });
    },
  };
}

function configurationOf(home: string, port: number): string {
  return `
ListenAddress 127.0.0.1
Port ${port}
HostKey ${home}/host
PidFile ${home}/sshd.pid
AuthorizedKeysFile ${home}/authorized
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
UsePAM no
MaxStartups 100
MaxSessions 100
Subsystem sftp internal-sftp
`;
}
