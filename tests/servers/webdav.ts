import { createHash } from "node:crypto";
import type { Certificates } from "./certificates.ts";
import { freePort, type RunningServer, startServer } from "./process.ts";

/** Who may use a server that asks. */
export const USER = "me";
/** With signs that mean something in a header, a file of users or a URL. */
export const PASSWORD = 'p:ss "w%rd" \u00e4';

/** How a WebDAV server asks who is there. */
export type Login = "none" | "basic" | "digest";

/** How a WebDAV server is to be. */
export interface WebDavOptions {
  readonly login?: Login;
  /** Speaks TLS with these. */
  readonly certificates?: Certificates;
  /** Asks for a certificate by the same authority. */
  readonly wantsClientCertificate?: boolean;
  /** Whether a listing of everything at once is allowed, where the server can refuse it; refused by default. */
  readonly allowsInfinity?: boolean;
  /** The largest body that it takes; without it there is no limit. */
  readonly maxBodyBytes?: number;
}

/** A real WebDAV server on loopback with an empty folder. Disposing stops it and removes the folder. */
export interface WebDavServer extends AsyncDisposable {
  readonly port: number;
  /** The relay's folder, on this machine. */
  readonly folder: string;
  /** Where that folder stands in its URLs, without slashes at either end. */
  readonly path: string;
  /** What it has written so far. */
  output(): string;
}

/** What a server's script gets to make its configuration of. */
export interface WebDavSetup extends WebDavOptions {
  /** For configuration, users and temporary files; everybody may write there. */
  readonly home: string;
  readonly folder: string;
  readonly port: number;
}

/** A real server program as the tests start it. */
export interface WebDavProgram {
  readonly name: string;
  /** What must be installed. */
  readonly tool: string;
  /** Its module that packages bring apart, if there is one. */
  readonly module?: string;
  readonly logins: readonly Login[];
  /** Names may have control characters. */
  readonly holdsControls: boolean;
  /** Where the folder stands in URLs. */
  readonly path: string;
  /** Writes its configuration and gives its arguments. */
  configure(setup: WebDavSetup): readonly string[];
}

/** Whether the program is on this machine, with what it needs. */
export function isInstalled({ tool, module }: WebDavProgram): boolean {
  const folders = ["/usr/sbin", "/usr/bin", "/usr/local/bin"];
  const hasProgram = folders.some((folder) => isFile(`${folder}/${tool}`));
  return hasProgram && (module === undefined || isFile(module));
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Starts a server on a free port. */
export async function startWebDav(
  program: WebDavProgram,
  options: WebDavOptions = {},
): Promise<WebDavServer> {
  const home = await Deno.makeTempDir({ prefix: `escale-${program.name}-` });
  const folder = `${home}/files${program.path === "" ? "" : `/${program.path}`}`;
  await Deno.mkdir(`${home}/tmp`);
  await Deno.mkdir(folder, { recursive: true });
  // Some servers give up the super user's rights before they write.
  for (const it of [home, `${home}/tmp`, ...foldersTo(folder, home)]) await Deno.chmod(it, 0o777);
  const port = freePort();
  let server: RunningServer;
  try {
    const args = program.configure({ ...options, home, folder, port });
    server = await startServer({
      program: program.tool,
      args,
      port,
      env: { TMPDIR: `${home}/tmp` },
    });
  } catch (thrown) {
    await Deno.remove(home, { recursive: true });
    throw thrown;
  }
  return {
    port,
    folder,
    path: program.path,
    output: () => server.output(),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(home, { recursive: true });
    },
  };
}

/** `folder` and the folders above it, below `home`. */
function foldersTo(folder: string, home: string): string[] {
  if (folder === home) return [];
  return [...foldersTo(folder.slice(0, folder.lastIndexOf("/")), home), folder];
}

/** A line of a file of users for Basic, as `htpasswd -s` writes it. */
export function basicUser(): string {
  return `${USER}:{SHA}${createHash("sha1").update(PASSWORD).digest("base64")}\n`;
}

/** A line of a file of users for Digest. */
export function digestUser(realm: string, algorithm: "md5" | "sha256" = "md5"): string {
  const secret = createHash(algorithm).update(`${USER}:${realm}:${PASSWORD}`).digest("hex");
  return `${USER}:${realm}:${secret}\n`;
}
