import { BackendError, type RelayAddress } from "../backend.ts";
import { checkSuccess, Dav } from "./_dav.ts";
import { hostHeader, type Origin } from "./_http.ts";
import type { Credentials } from "./_login.ts";
import { type Resource, ROOT_REQUEST } from "./_multistatus.ts";
import { rootPath } from "./_names.ts";
import { parseProxy } from "./_proxy.ts";
import { identify, type ServerProfile } from "./_server.ts";
import { statusError } from "./_status.ts";
import type { TlsSettings } from "./_tls.ts";

const MAX_REDIRECTS = 5;

/** What opening the relay's folder tells. */
export interface Opened {
  /** The folder's path, encoded, with a slash at both ends; after redirects. */
  readonly root: string;
  readonly resource: Resource;
  readonly profile: ServerProfile;
}

/** Where the server of `address` is and how to speak to it. @throws {BackendError} `not-found`, `denied`, `unsupported` */
export function originOf(address: RelayAddress, proxy: string | undefined): Origin {
  const { protocol, host, port, maxTransfers, timeoutMs } = address;
  if (host === undefined || host === "") {
    throw new BackendError("not-found", "Cannot open a WebDAV relay: no host is given");
  }
  const isTls = protocol !== "http";
  return {
    isTls,
    host,
    port: port ?? (isTls ? 443 : 80),
    timeoutMs,
    tls: isTls ? tlsOf(address) : {},
    proxy: proxy === undefined ? undefined : parseProxy(proxy),
    // A transfer may need a look, and locks are looked at while all transfers are under way.
    maxConnections: 2 * maxTransfers + 2,
  };
}

/** Who logs in; nobody if there is neither a name nor a password. */
export function credentialsOf({ username, password }: RelayAddress): Credentials | undefined {
  if (username === undefined && password === undefined) return undefined;
  return { username: username ?? "", password: password ?? "" };
}

/** The scheme, host and port as they begin a URL. */
export function originText(origin: Origin): string {
  return `${origin.isTls ? "https" : "http"}://${hostHeader(origin)}`;
}

/**
 * Finds the relay's folder, follows redirects on the same server, and makes the folder if it is missing.
 *
 * @throws {BackendError} `unsupported` if the server is none for WebDAV
 */
export async function openFolder(
  dav: Dav,
  { address, origin, signal }: {
    readonly address: RelayAddress;
    readonly origin: Origin;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Opened> {
  let root = rootPath(address.folder ?? "");
  let mayMake = true;
  for (let redirects = 0; redirects <= MAX_REDIRECTS;) {
    const action = `open the relay's folder "${originText(origin)}${root}"`;
    const found = await dav.find({ action, target: root, depth: 0, body: ROOT_REQUEST, signal });
    if (!("status" in found)) return await lookAt(dav, { action, root, found, signal });
    const location = found.header("location");
    if (found.status === 404 && mayMake) {
      mayMake = false;
      await makeFolders(dav, root, { action, signal });
    } else if (found.status >= 300 && found.status < 400 && location !== undefined) {
      root = redirected(location, { action, root, origin });
      redirects++;
    } else if (found.status === 405 || found.status === 501) {
      throw noWebDav(action, `it does not know PROPFIND (status ${found.status})`);
    } else {
      throw statusError(found);
    }
  }
  throw new BackendError(
    "protocol",
    "Cannot open the relay's folder: the server redirects without end",
  );
}

async function lookAt(
  dav: Dav,
  { action, root, found, signal }: {
    readonly action: string;
    readonly root: string;
    readonly found: readonly Resource[];
    readonly signal: AbortSignal | undefined;
  },
): Promise<Opened> {
  const [resource] = found;
  if (resource === undefined || !resource.isFolder) {
    throw new BackendError("not-found", `Cannot ${action}: what stands there is no folder`);
  }
  const options = await dav.call({ action, method: "OPTIONS", target: root, signal });
  return { root, resource, profile: identify(options) };
}

/** Makes the folder at `root` and those above it that are missing. */
async function makeFolders(
  dav: Dav,
  root: string,
  options: { readonly action: string; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const call = { ...options, method: "MKCOL", target: root };
  const answer = await dav.call(call);
  if (answer.status === 405) return;
  const parent = root.replace(/[^/]+\/$/, "");
  const isOrphan = [403, 404, 409, 500].includes(answer.status) && parent !== root &&
    parent !== "/";
  if (!isOrphan) return checkSuccess(answer);
  await makeFolders(dav, parent, options);
  const second = await dav.call(call);
  if (second.status !== 405) checkSuccess(second);
}

function redirected(
  location: string,
  { action, root, origin }: {
    readonly action: string;
    readonly root: string;
    readonly origin: Origin;
  },
): string {
  const here = originText(origin);
  const url = URL.parse(location, here + root);
  if (url === null) throw new BackendError("protocol", `Cannot ${action}: it redirects nowhere`);
  if (url.origin !== new URL(here).origin) {
    throw new BackendError("denied", `Cannot ${action}: the server sends us to another one`, {
      hint: `Set "host address = ${url.origin}${url.pathname}" if that is right`,
    });
  }
  return url.pathname.endsWith("/") ? url.pathname : `${url.pathname}/`;
}

function noWebDav(action: string, why: string): BackendError {
  return new BackendError(
    "unsupported",
    `Cannot ${action}: the server does not speak WebDAV: ${why}`,
    {
      hint: "Check the address and its path, and whether WebDAV with listings is switched on",
    },
  );
}

function tlsOf(address: RelayAddress): TlsSettings {
  const { verifyTls, tlsVersion = "TLS", certificateFile, keyFile } = address;
  return {
    ...(verifyTls ? {} : { rejectUnauthorized: false }),
    // As RelayAddress says: with a number the only one.
    ...(tlsVersion === "TLS" ? {} : { minVersion: tlsVersion, maxVersion: tlsVersion }),
    ...(certificateFile === undefined ? {} : {
      cert: readPem(certificateFile, "certificate"),
      key: readPem(keyFile ?? certificateFile, "key"),
    }),
  };
}

function readPem(file: string, what: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (cause) {
    throw new BackendError("denied", `Cannot read the client's ${what} "${file}"`, {
      hint: 'Check "certificate" and "keyfile"',
      cause,
    });
  }
}
