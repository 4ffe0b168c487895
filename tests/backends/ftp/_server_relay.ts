import { trustOnly } from "../../servers/trust.ts";
import type { Backend, RelayAddress } from "../../../backends/backend.ts";
import { openFtp } from "../../../backends/ftp/mod.ts";
import { type Certificates, makeCertificates } from "../../servers/certificates.ts";
import {
  type FtpProgram,
  type FtpServer,
  type FtpTls,
  startFtpServer,
  whyNoFtpServer,
} from "../../servers/ftp.ts";
import { skip } from "../../support/skip.ts";
import { conformance, type TestRelay } from "../conformance.ts";

/** The address of a folder of `server`. */
export function addressOf(
  server: FtpServer,
  { tls, folder = "relay", ...changes }: Partial<RelayAddress> & { readonly tls: FtpTls },
): RelayAddress {
  return {
    protocol: tls === "plain" ? "ftp" : "ftps",
    host: "127.0.0.1",
    port: server.port,
    folder: `${server.folder}/${folder}`,
    username: server.username,
    password: server.password,
    verifyTls: true,
    maxTransfers: 4,
    timeoutMs: 20_000,
    ...changes,
  };
}

let certificates: Certificates | undefined;

/** Certificates that this program trusts; made once, and removed when it ends. */
export async function trustedCertificates(): Promise<Certificates> {
  if (certificates === undefined) {
    const made = await makeCertificates();
    certificates = made;
    addEventListener("unload", () => made[Symbol.dispose]());
    trustOnly([await Deno.readTextFile(made.authorityFile)]);
  }
  return certificates;
}

/** Starts a server, with certificates that this program trusts if it speaks TLS. */
export async function startTrusted(
  program: FtpProgram,
  tls: FtpTls,
  options: { readonly port?: number } = {},
): Promise<FtpServer> {
  if (tls === "plain") return await startFtpServer({ program, tls, ...options });
  const certificates = await trustedCertificates();
  return await startFtpServer({ program, tls, certificates, ...options });
}

const PROFTPD_SKIPS: Readonly<Record<string, string>> = {
  "odd names can be folders":
    "it makes no folder with a * in its name; servers_test.ts has the others",
};

/** Binds the suite to a server that is started for each case. */
export function serverConformance(program: FtpProgram, modes: readonly FtpTls[]): void {
  const why = whyNoFtpServer(program);
  if (why !== undefined) {
    Deno.test(`${program} (SKIPPED: ${why})`, () => skip(why));
    return;
  }
  for (const tls of modes) {
    conformance(`${program} ${tls}`, {
      start: () => startRelay(program, tls),
      rounds: 10,
      skip: program === "proftpd" ? PROFTPD_SKIPS : {},
      cannotName: (name) => whyNotName(program, name),
    });
  }
}

function whyNotName(program: FtpProgram, name: string): string | undefined {
  if (/[\r\n]/.test(name)) return "a command is one line";
  if (program !== "pure-ftpd") return undefined;
  return /[\\\t]| $/.test(name) ? "it refuses backslashes, and changes blanks" : undefined;
}

async function startRelay(program: FtpProgram, tls: FtpTls): Promise<TestRelay> {
  const server = await startTrusted(program, tls);
  const address = addressOf(server, { tls });
  return {
    open: (): Promise<Backend> => openFtp(address),
    removeRoot: () => Deno.remove(`${server.root}/relay`, { recursive: true }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
